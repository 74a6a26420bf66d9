namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>Layers over steps of channels, in plain loops.</summary>
internal static class PlainLayers
{
    /// <summary>x · kernel + bias with a kernel [inputs, outputs].</summary>
    public static double[][] Dense(double[][] x, double[] kernel, double[] bias) =>
        [.. x.Select(row => bias.Select((b, o) => b + row.Select((v, i) => v * kernel[i * bias.Length + o]).Sum()).ToArray())];

    /// <summary>A causal convolution with weights [outputs, inputs / groups, taps]. <paramref name="before"/> is what the channels were before the first step.</summary>
    public static double[][] Conv(double[][] x, double[] weight, double[]? bias, int outputs, int taps, int dilation = 1, int groups = 1, double[]? before = null)
    {
        var channels = x[0].Length;
        var inputs = channels / groups;
        var y = new double[x.Length][];
        for (var t = 0; t < x.Length; t++)
        {
            y[t] = new double[outputs];
            for (var o = 0; o < outputs; o++)
            {
                var sum = bias?[o] ?? 0;
                for (var i = 0; i < inputs; i++)
                {
                    for (var k = 0; k < taps; k++)
                    {
                        var at = t - (taps - 1 - k) * dilation;
                        var channel = o / (outputs / groups) * inputs + i;
                        sum += weight[(o * inputs + i) * taps + k] * (at >= 0 ? x[at][channel] : before?[channel] ?? 0);
                    }
                }

                y[t][o] = sum;
            }
        }

        return y;
    }

    public static double[][] Map(double[][] x, Func<double, double> of) => [.. x.Select(row => row.Select(of).ToArray())];

    public static double[][] Each(double[][] x, Func<double, int, double> of) => [.. x.Select(row => row.Select(of).ToArray())];

    public static double[][] Add(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (v, w) => v + w).ToArray())];

    public static double[][] Multiply(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (v, w) => v * w).ToArray())];

    /// <summary>A matrix [rows, columns] as [columns, rows].</summary>
    public static double[] Transposed(double[] matrix, int rows) => [.. Enumerable.Range(0, matrix.Length).Select(i => matrix[i % rows * (matrix.Length / rows) + i / rows])];
}
