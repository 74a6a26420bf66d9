namespace SeqRuntime.Tests;

/// <summary>Random numbers for tests, and comparisons of results.</summary>
internal static class Numbers
{
    /// <summary>Uniform in [-scale, scale).</summary>
    public static float[] Random(Random random, int count, float scale = 1)
    {
        var result = new float[count];
        Fill(random, result, scale);
        return result;
    }

    /// <summary>Writes such numbers.</summary>
    public static void Fill(Random random, Span<float> to, float scale = 1)
    {
        for (var i = 0; i < to.Length; i++) to[i] = (random.NextSingle() * 2 - 1) * scale;
    }

    /// <summary>The same from a seed.</summary>
    public static float[] Random(int seed, int count, float scale = 1) => Random(new Random(seed), count, scale);

    /// <summary>The number of elements of a shape.</summary>
    public static int Count(IEnumerable<int> shape) => shape.Aggregate(1, (a, b) => a * b);

    /// <summary>The same for sizes as ONNX has them.</summary>
    public static int Count(IEnumerable<long> shape) => checked((int)shape.Aggregate(1L, (a, b) => a * b));

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double[] Doubles(IEnumerable<float> values) => [.. values.Select(value => (double)value)];

    /// <summary>Each equal within <paramref name="tolerance"/>, and <paramref name="relative"/> times the expected magnitude.</summary>
    public static void Near(IEnumerable<double> expected, ReadOnlySpan<float> actual, double tolerance, double relative = 0)
    {
        double[] all = [.. expected];
        Assert.Equal(all.Length, actual.Length);
        for (var i = 0; i < all.Length; i++) Assert.Equal(all[i], actual[i], tolerance + relative * Math.Abs(all[i]));
    }

    /// <summary>The same for expected numbers in single precision.</summary>
    public static void Near(float[] expected, ReadOnlySpan<float> actual, double tolerance, double relative = 0) => Near(Doubles(expected), actual, tolerance, relative);

    /// <summary>Equal within <paramref name="tolerance"/> times (1 + the largest expected magnitude).</summary>
    public static void Close(double[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var bound = 1.0;
        foreach (var value in expected) bound = Math.Max(bound, 1 + Math.Abs(value));
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * bound, $"{what}[{i}]: expected {expected[i]}, got {actual[i]}");
    }

    /// <summary>Equal bits. Any NaN equals any NaN.</summary>
    public static bool SameBits(float a, float b) => BitConverter.SingleToUInt32Bits(a) == BitConverter.SingleToUInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));

    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (!SameBits(expected[i], actual[i])) Assert.Fail($"{what}: element {i} of {expected.Length}: expected {expected[i]:G9}, got {actual[i]:G9}");
        }
    }
}
