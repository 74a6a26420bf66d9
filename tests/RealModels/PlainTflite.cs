using SeqRuntime.Converter.Importers.TensorFlowLite;

namespace SeqRuntime.Tests.RealModels;

/// <summary>
/// Runs the operators of DTLN's TensorFlow Lite files one after the other in double precision. Quantized weights are the numbers that they stand
/// for; the values that they multiply are not rounded, as TensorFlow Lite's kernels round them.
/// </summary>
internal sealed class PlainTflite(TfliteModel model)
{
    private readonly TfliteSubgraph _graph = model.Subgraphs[0];
    private readonly Dictionary<int, double[]> _constants = [];

    /// <summary>The outputs for these inputs, in the file's order.</summary>
    public double[][] Run(params double[][] inputs)
    {
        var values = new double[_graph.Tensors.Length][];
        for (var i = 0; i < inputs.Length; i++) values[_graph.Inputs[i]] = inputs[i];
        foreach (var op in _graph.Operators)
        {
            double[] Value(int i) => values[op.Inputs[i]] ??= ConstantAt(op.Inputs[i]);
            var shape = _graph.Tensors[op.Outputs[0]].Shape;
            var results = Run(op, Value, _graph.Tensors[op.Inputs[0]].Shape, shape);
            for (var i = 0; i < op.Outputs.Length; i++) values[op.Outputs[i]] = results[i];
        }

        return Array.ConvertAll(_graph.Outputs, output => values[output]);
    }

    private static double[][] Run(TfliteOperator op, Func<int, double[]> value, int[] inputShape, int[] shape)
    {
        double[] Each(Func<double, double> f) => Array.ConvertAll(value(0), v => f(v));
        double[] Pairs(Func<double, double, double> f)
        {
            var (a, b) = (value(0), value(1));
            return [.. Enumerable.Range(0, Math.Max(a.Length, b.Length)).Select(i => f(a[i % a.Length], b[i % b.Length]))];
        }

        switch (op.Name)
        {
            case "ADD": return [Pairs((a, b) => a + b)];
            case "SUB": return [Pairs((a, b) => a - b)];
            case "MUL": return [Pairs((a, b) => a * b)];
            case "SQUARED_DIFFERENCE": return [Pairs((a, b) => (a - b) * (a - b))];
            case "LOGISTIC": return [Each(Numbers.Sigmoid)];
            case "TANH": return [Each(Math.Tanh)];
            case "RSQRT": return [Each(v => 1 / Math.Sqrt(v))];
            case "MEAN": return [[value(0).Average()]];
            case "RESHAPE" or "UNPACK" or "PAD" when value(0).Length == shape.Aggregate(1, (a, b) => a * b): return [value(0)];
            case "FULLY_CONNECTED": return [Product(op, value, op.Inputs.Length > 2 && op.Inputs[2] >= 0)];
            case "CONV_2D": return [Product(op, value, hasBias: true)];
            case "SPLIT":
                var parts = op.Outputs.Length;
                return [.. Enumerable.Range(0, parts).Select(p => value(1)[(p * value(1).Length / parts)..((p + 1) * value(1).Length / parts)])];
            case "PACK":
                var (axis, count) = (op.Options.Int(1), op.Inputs.Length);
                if (axis < 0) axis += inputShape.Length + 1;
                var inner = inputShape[axis..].Aggregate(1, (a, b) => a * b);
                return [[.. Enumerable.Range(0, value(0).Length * count).Select(i => value(i / inner % count)[i / (inner * count) * inner + i % inner])]];
            case "STRIDED_SLICE":
                // One place of the second and the last axis of [1, 2, 128, 2].
                var (row, last) = ((int)value(1)[1], (int)value(1)[3]);
                Assert.Equal([1, 2, 128, 2], inputShape);
                Assert.Equal([1, 128], shape);
                return [[.. Enumerable.Range(0, 128).Select(k => value(0)[(row * 128 + k) * 2 + last])]];
            default: throw new NotSupportedException(op.Name);
        }
    }

    private static double[] Product(TfliteOperator op, Func<int, double[]> value, bool hasBias)
    {
        var (x, w) = (value(0), value(1));
        var result = new double[w.Length / x.Length];
        for (var o = 0; o < result.Length; o++)
        {
            for (var i = 0; i < x.Length; i++) result[o] += x[i] * w[o * x.Length + i];
            if (hasBias) result[o] += value(2)[o];
        }

        return result;
    }

    private double[] ConstantAt(int tensor) => _constants.TryGetValue(tensor, out var known) ? known : _constants[tensor] = Constant(_graph.Tensors[tensor]);

    private static double[] Constant(TfliteTensor tensor)
    {
        var data = tensor.Data.ToArray();
        return tensor.Type switch
        {
            TfliteType.Float32 => [.. Enumerable.Range(0, data.Length / 4).Select(i => (double)BitConverter.ToSingle(data, 4 * i))],
            TfliteType.Int32 => [.. Enumerable.Range(0, data.Length / 4).Select(i => (double)BitConverter.ToInt32(data, 4 * i))],
            _ => Array.ConvertAll(data, q => (double)tensor.Steps!.Scales[0] * (sbyte)q),
        };
    }
}
