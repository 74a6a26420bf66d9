using SeqRuntime.Format;

namespace SeqRuntime.Tests.Operators;

/// <summary>Random numbers and packed matrices for operator tests.</summary>
internal static class Weights
{
    /// <summary>Uniform in [-scale, scale).</summary>
    public static float[] Random(Random random, int count, float scale = 1)
    {
        var result = new float[count];
        for (var i = 0; i < count; i++) result[i] = (random.NextSingle() * 2 - 1) * scale;
        return result;
    }

    /// <summary>Packs a row-major matrix; <paramref name="effective"/> is what its products should see: int8 weights as they were rounded.</summary>
    public static byte[] Pack(TensorFormat format, float[] weights, int rows, int columns, out float[] effective)
    {
        effective = weights;
        if (format == TensorFormat.PackedFloat32) return WeightLayout.PackFloat32(weights, rows, columns);
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows];
        effective = new float[weights.Length];
        for (var row = 0; row < rows; row++)
        {
            var absmax = 0f;
            for (var k = 0; k < columns; k++) absmax = Math.Max(absmax, Math.Abs(weights[row * columns + k]));
            scales[row] = absmax / 127;
            for (var k = 0; k < columns; k++)
            {
                var q = absmax == 0 ? 0 : (int)Math.Round(weights[row * columns + k] / scales[row]);
                quantized[row * columns + k] = (sbyte)Math.Clamp(q, -127, 127);
                effective[row * columns + k] = quantized[row * columns + k] * scales[row];
            }
        }

        return WeightLayout.PackInt8(quantized, scales, rows, columns);
    }

    /// <summary>Equal within <paramref name="tolerance"/> times (1 + the largest expected magnitude).</summary>
    public static void Close(double[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var bound = 1.0;
        foreach (var value in expected) bound = Math.Max(bound, 1 + Math.Abs(value));
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * bound, $"{what}[{i}]: expected {expected[i]}, got {actual[i]}");
    }
}
