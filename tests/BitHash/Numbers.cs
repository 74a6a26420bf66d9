using SeqRuntime.Format;

namespace BitHash;

/// <summary>Pseudo-random numbers by SplitMix64 (Steele, Lea, Flood 2014), equal on every machine and .NET version.</summary>
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
    public byte[] Packed(TensorFormat format, int rows, int columns, float gain = 1.5f) => Packed(new WeightLayout(format, rows, columns), rows, gain, [.. Enumerable.Range(0, rows)]);

    /// <summary>The same for a recurrent layer's gates. It draws as many numbers as if units were padded to 16, so that the hash does not depend on the layout.</summary>
    public byte[] Gates(TensorFormat format, int gates, int units, int columns, float gain = 1.5f) => Packed(new WeightLayout(format, GateRows.Count(gates, units), columns, GateRows.Panel(gates)), Drawn(gates, units), gain, Order(gates, units));

    /// <summary>Rows of numbers in the order of a layer's gates, drawn like <see cref="Gates"/>.</summary>
    public float[] GateRow(int gates, int units, float scale = 1) => Select(Floats(Drawn(gates, units), scale), Order(gates, units), 1);

    private static int Drawn(int gates, int units) => gates * ((units + 15) / 16 * 16);

    /// <summary>For each row of the layer's gates, the index of the row drawn for it.</summary>
    private static int[] Order(int gates, int units)
    {
        var order = new int[GateRows.Count(gates, units)];
        for (var unit = 0; unit < GateRows.PadUnits(units); unit++)
        {
            for (var gate = 0; gate < gates; gate++) order[GateRows.Of(gates, gate, unit, units)] = (unit / 16 * gates + gate) * 16 + unit % 16;
        }

        return order;
    }

    private static T[] Select<T>(T[] values, int[] order, int columns) => [.. order.SelectMany(row => values.AsSpan(row * columns, columns).ToArray())];

    private byte[] Packed(WeightLayout layout, int drawn, float gain, int[] order)
    {
        var (format, rows, columns, panel) = (layout.Format.Number, layout.Rows, layout.Columns, layout.PanelRows);
        var scale = gain / MathF.Sqrt(columns);
        if (format == TensorFormat.PackedFloat32) return Float32Format.Pack(Select(Floats(drawn * columns, scale), order, columns), rows, columns, panel);
        if (format == TensorFormat.PackedFloat16) return Float16Format.Pack(Select(Floats(drawn * columns, scale), order, columns), rows, columns, panel);
        if (format == TensorFormat.PackedBFloat16) return BFloat16Format.Pack(Select(Floats(drawn * columns, scale), order, columns), rows, columns, panel);
        var quantized = new sbyte[drawn * columns];
        var scales = new float[drawn];
        if (format == TensorFormat.PackedInt4)
        {
            var groups = layout.Groups;
            var groupScales = new sbyte[drawn * groups];
            for (var i = 0; i < quantized.Length; i++) quantized[i] = (sbyte)((int)(Next() % 16) - 8);
            for (var i = 0; i < groupScales.Length; i++) groupScales[i] = (sbyte)((int)(Next() % 255) - 127);
            for (var r = 0; r < drawn; r++) scales[r] = scale * (1 + Float(0.5f)) / (8 * 127);
            return Int4Format.Pack(Select(quantized, order, columns), Select(groupScales, order, groups), Select(scales, order, 1), rows, columns, panel);
        }

        if (format == TensorFormat.GroupedInt8) scales = new float[drawn * layout.Groups];
        for (var i = 0; i < quantized.Length; i++) quantized[i] = (sbyte)((int)(Next() % 255) - 127);
        for (var r = 0; r < scales.Length; r++) scales[r] = scale * (1 + Float(0.5f)) / 127;
        if (format == TensorFormat.GroupedInt8) return Int8GroupFormat.Pack(Select(quantized, order, columns), Select(scales, order, layout.Groups), rows, columns, panel);
        (quantized, scales) = (Select(quantized, order, columns), Select(scales, order, 1));
        return format == TensorFormat.NarrowInt8 ? Int8Format.Narrow.Pack(quantized, scales, rows, columns, panel) : Int8Format.Wide.Pack(quantized, scales, rows, columns, panel);
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
