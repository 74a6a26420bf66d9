namespace SeqRuntime.Tests.Importers;

/// <summary>The formulas of TensorFlow Lite's recurrent kernels, step by step in double precision.</summary>
internal sealed class TfliteCells(int units, int features, int? outputs = null)
{
    private const int I = 0, F = 1, G = 2, O = 3;

    /// <summary>Weights of the gates i f g o: [units, features]. Null for an input gate that is 1 - f.</summary>
    public float[]?[] W { get; } = new float[]?[4];

    /// <summary>[units, outputs].</summary>
    public float[]?[] R { get; } = new float[]?[4];

    public float[]?[] B { get; } = new float[]?[4];

    /// <summary>For i f o.</summary>
    public float[]?[] P { get; } = new float[]?[3];

    public float[]?[] Normalization { get; } = new float[]?[4];

    public float[]? Projection { get; set; }

    public float[]? ProjectionBias { get; set; }

    public int Outputs => outputs ?? units;

    public double CellLimit { get; set; }

    public double ProjectionLimit { get; set; }

    public Func<double, double> Activation { get; set; } = Math.Tanh;

    /// <summary>The output and the cell state after a step.</summary>
    public (double[] H, double[] C) Step(double[] x, double[] h, double[] c)
    {
        double[] Gate(int gate, double[] over, int peephole)
        {
            var sums = new double[units];
            for (var u = 0; u < units; u++)
            {
                for (var i = 0; i < features; i++) sums[u] += W[gate]![u * features + i] * x[i];
                for (var i = 0; i < Outputs; i++) sums[u] += R[gate]![u * Outputs + i] * h[i];
                if (peephole >= 0 && P[peephole] is { } p) sums[u] += p[u] * over[u];
            }

            if (Normalization[gate] is { } factors)
            {
                var mean = sums.Average();
                var deviation = Math.Sqrt(sums.Average(s => (s - mean) * (s - mean)) + 1e-8);
                for (var u = 0; u < units; u++) sums[u] = (sums[u] - mean) / deviation * factors[u];
            }

            for (var u = 0; u < units; u++) sums[u] += B[gate]?[u] ?? 0;
            return sums;
        }

        var f = Array.ConvertAll(Gate(F, c, 1), Numbers.Sigmoid);
        var i = W[I] is null ? Array.ConvertAll(f, v => 1 - v) : Array.ConvertAll(Gate(I, c, 0), Numbers.Sigmoid);
        var g = Array.ConvertAll(Gate(G, c, -1), v => Activation(v));
        var next = new double[units];
        for (var u = 0; u < units; u++) next[u] = Limited(f[u] * c[u] + i[u] * g[u], CellLimit);
        var o = Array.ConvertAll(Gate(O, next, 2), Numbers.Sigmoid);
        double[] y = [.. o.Select((v, u) => v * Activation(next[u]))];
        if (Projection is null) return (y, next);
        var projected = new double[Outputs];
        for (var k = 0; k < Outputs; k++) projected[k] = Limited(y.Select((v, u) => v * Projection[k * units + u]).Sum() + (ProjectionBias?[k] ?? 0), ProjectionLimit);
        return (projected, next);
    }

    /// <summary>A plain recurrent step with the weights of gate 0.</summary>
    public double[] Plain(double[] x, double[] h) =>
        [.. Enumerable.Range(0, units).Select(u => Activation(Enumerable.Range(0, features).Sum(i => W[0]![u * features + i] * x[i]) + Enumerable.Range(0, units).Sum(i => R[0]![u * units + i] * h[i]) + (B[0]?[u] ?? 0)))];

    private static double Limited(double value, double limit) => limit > 0 ? Math.Clamp(value, -limit, limit) : value;
}
