namespace SeqRuntime.Tests.Importers;

/// <summary>The results of Keras' layers, plainly computed from their documentation in double.</summary>
internal static class KerasFormulas
{
    /// <summary>One direction of a recurrent layer over x [T, I]: outputs in reading order, and the states.</summary>
    public static (double[][] Outputs, double[] Hidden, double[] Cell) Recurrent(string kind, double[][] x, double[] kernel, double[] recurrent, double[] bias, bool resetAfter, bool isBackward, bool[]? mask = null, double[]? hidden = null, double[]? cell = null, bool isZeroElsewhere = false)
    {
        var gates = kind switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        var units = (int)Math.Sqrt(recurrent.Length / gates);
        var h = hidden ?? new double[units];
        var c = cell ?? new double[units];
        var output = new double[units];
        var outputs = new List<double[]>();
        double[] Product(double[] v, double[] matrix) => [.. Enumerable.Range(0, gates * units).Select(j => v.Select((value, i) => value * matrix[i * gates * units + j]).Sum())];
        for (var at = 0; at < x.Length; at++)
        {
            var t = isBackward ? x.Length - 1 - at : at;
            if (mask is null || mask[t])
            {
                var input = Product(x[t], kernel);
                var before = Product(h, recurrent);
                double In(int gate, int u) => input[gate * units + u] + bias[gate * units + u];
                double Before(int gate, int u) => before[gate * units + u] + (resetAfter && kind == "GRU" ? bias[(gates + gate) * units + u] : 0);
                switch (kind)
                {
                    case "SimpleRNN": h = [.. Enumerable.Range(0, units).Select(u => Math.Tanh(In(0, u) + Before(0, u)))]; break;
                    case "LSTM":
                        c = [.. Enumerable.Range(0, units).Select(u => Numbers.Sigmoid(In(1, u) + Before(1, u)) * c[u] + Numbers.Sigmoid(In(0, u) + Before(0, u)) * Math.Tanh(In(2, u) + Before(2, u)))];
                        h = [.. Enumerable.Range(0, units).Select(u => Numbers.Sigmoid(In(3, u) + Before(3, u)) * Math.Tanh(c[u]))];
                        break;
                    default:
                        double[] z = [.. Enumerable.Range(0, units).Select(u => Numbers.Sigmoid(In(0, u) + Before(0, u)))];
                        double[] r = [.. Enumerable.Range(0, units).Select(u => Numbers.Sigmoid(In(1, u) + Before(1, u)))];
                        var reset = Product([.. h.Select((value, u) => r[u] * value)], recurrent);
                        double[] candidate = [.. Enumerable.Range(0, units).Select(u => Math.Tanh(In(2, u) + (resetAfter ? r[u] * Before(2, u) : reset[2 * units + u])))];
                        h = [.. Enumerable.Range(0, units).Select(u => z[u] * h[u] + (1 - z[u]) * candidate[u])];
                        break;
                }

                output = h;
            }

            outputs.Add(isZeroElsewhere && mask is not null && !mask[t] ? new double[units] : output);
        }

        return ([.. outputs], h, c);
    }

    /// <summary>Σ softmax(scores)·values for each query. A masked position has weight 0, and a masked query gives 0.</summary>
    public static double[][] Attend(double[][] query, double[][] value, Func<double[], double[], double> score, bool[]? valueMask = null, bool[]? queryMask = null, bool isCausal = false) =>
    [
        .. query.Select((q, i) =>
        {
            var weights = value.Select((v, j) => (valueMask is null || valueMask[j]) && (!isCausal || j <= i) ? Math.Exp(score(q, v)) : 0).ToArray();
            var sum = weights.Sum();
            return value[0].Select((_, d) => queryMask is not null && !queryMask[i] ? 0 : value.Select((v, j) => weights[j] / sum * v[d]).Sum()).ToArray();
        }),
    ];

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
