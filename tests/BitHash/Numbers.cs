using SeqRuntime.Format;

namespace BitHash;

/// <summary>Pseudo-random numbers by SplitMix64 (Steele, Lea, Flood 2014): the same on every machine and in every version of .NET.</summary>
internal sealed class Numbers(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    /// <summary>Uniform in [-scale, scale).</summary>
    public float Float(float scale = 1) => ((int)(Next() >> 40) - (1 << 23)) * (scale / (1 << 23));

    public float[] Floats(int count, float scale = 1)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = Float(scale);
        return values;
    }

    /// <summary>A packed matrix whose products with inputs in [-1, 1] have a variance that does not depend on its size.</summary>
    public byte[] Packed(TensorFormat format, int rows, int columns, float gain = 1.5f)
    {
        var scale = gain / MathF.Sqrt(columns);
        if (format == TensorFormat.PackedFloat32) return WeightLayout.PackFloat32(Floats(rows * columns, scale), rows, columns);
        if (format == TensorFormat.PackedFloat16) return WeightLayout.PackFloat16(Floats(rows * columns, scale), rows, columns);
        var quantized = new sbyte[rows * columns];
        var scales = new float[rows];
        if (format == TensorFormat.PackedInt4)
        {
            var groupScales = new sbyte[rows * new WeightLayout(format, rows, columns).Groups];
            for (var i = 0; i < quantized.Length; i++) quantized[i] = (sbyte)((int)(Next() % 16) - 8);
            for (var i = 0; i < groupScales.Length; i++) groupScales[i] = (sbyte)((int)(Next() % 255) - 127);
            for (var r = 0; r < rows; r++) scales[r] = scale * (1 + Float(0.5f)) / (8 * 127);
            return WeightLayout.PackInt4(quantized, groupScales, scales, rows, columns);
        }

        for (var i = 0; i < quantized.Length; i++) quantized[i] = (sbyte)((int)(Next() % 255) - 127);
        for (var r = 0; r < rows; r++) scales[r] = scale * (1 + Float(0.5f)) / 127;
        return format == TensorFormat.NarrowInt8 ? WeightLayout.PackNarrowInt8(quantized, scales, rows, columns) : WeightLayout.PackInt8(quantized, scales, rows, columns);
    }

    /// <summary>Zeros, ones, halves, the edges of exp, denormals, extremes, infinities, NaN; every 65537th bit pattern of all floats.</summary>
    public static float[] WholeRange()
    {
        float[] special =
        [
            0f, -0f, 1f, -1f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, float.Epsilon, -float.Epsilon, 1.17549435e-38f, -1.17549435e-38f, 1.17549421e-38f,
            float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 88.7228394f, 88.72284f, -87.33654f, -103.97208f,
            9.010913f, -9.010913f, 8388607.5f, 8388608f, 16777216f, 2147483648f, -2147483648f, MathF.PI, MathF.PI / 2, MathF.E, 1e-20f, -1e20f,
        ];
        var values = new float[special.Length + 65536];
        special.CopyTo(values, 0);
        for (var i = 0; i < 65536; i++) values[special.Length + i] = BitConverter.UInt32BitsToSingle((uint)i * 65537);
        return values;
    }
}
