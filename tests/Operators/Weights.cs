using SeqRuntime.Format;

namespace SeqRuntime.Tests.Operators;

/// <summary>Packed matrices for operator tests.</summary>
internal static class Weights
{
    /// <summary>Every packed format, for theories.</summary>
    public static TheoryData<int> Formats => [.. WeightFormats.All.Select(f => (int)f.Number)];

    /// <summary>Whether the products of a format quantize their inputs.</summary>
    public static bool IsInteger(TensorFormat format) => new WeightLayout(format, 1, 1).IsInteger;

    /// <summary>Packs a row-major matrix. <paramref name="effective"/> receives the rounded weights that its products use.</summary>
    public static byte[] Pack(TensorFormat format, float[] weights, int rows, int columns, out float[] effective, int panel = WeightLayout.WidestPanel)
    {
        effective = weights;
        if (format == TensorFormat.PackedFloat32) return Float32Format.Pack(weights, rows, columns, panel);
        if (format == TensorFormat.PackedFloat16)
        {
            effective = Array.ConvertAll(weights, w => (float)(Half)w);
            return Float16Format.Pack(weights, rows, columns, panel);
        }

        if (format == TensorFormat.PackedBFloat16)
        {
            effective = Array.ConvertAll(weights, BFloat16Format.Rounded);
            return BFloat16Format.Pack(weights, rows, columns, panel);
        }

        if (format == TensorFormat.GroupedInt8) return PackInt8Groups(weights, rows, columns, out effective);
        return format == TensorFormat.PackedInt4 ? PackInt4(weights, rows, columns, out effective) : PackInt8(format == TensorFormat.NarrowInt8, weights, rows, columns, out effective);
    }

    /// <summary>A group's step is its largest magnitude over 7. Signs of group scales alternate.</summary>
    private static byte[] PackInt4(float[] weights, int rows, int columns, out float[] effective)
    {
        const int Group = Int4Format.Group;
        var groups = (columns + Group - 1) / Group;
        var quantized = new sbyte[weights.Length];
        var groupScales = new sbyte[rows * groups];
        var scales = new float[rows];
        effective = new float[weights.Length];
        for (var row = 0; row < rows; row++)
        {
            var values = weights.AsSpan(row * columns, columns).ToArray();
            scales[row] = values.Max(Math.Abs) / 7 / 127;
            for (var k = 0; k < columns; k++)
            {
                var group = k / Group;
                var multiple = scales[row] == 0 ? 1 : Math.Clamp((int)Math.Ceiling(values.Skip(group * Group).Take(Group).Max(Math.Abs) / 7 / scales[row]), 1, 127);
                groupScales[row * groups + group] = (sbyte)(group % 2 == 0 ? multiple : -multiple);
                var step = groupScales[row * groups + group];
                var q = scales[row] == 0 ? 0 : (int)Math.Round(values[k] / (scales[row] * step));
                quantized[row * columns + k] = (sbyte)Math.Clamp(q, -8, 7);
                effective[row * columns + k] = scales[row] * (quantized[row * columns + k] * step);
            }
        }

        return Int4Format.Pack(quantized, groupScales, scales, rows, columns);
    }

    private static byte[] PackInt8Groups(float[] weights, int rows, int columns, out float[] effective)
    {
        const int Group = Int8GroupFormat.Group;
        var groups = (columns + Group - 1) / Group;
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows * groups];
        effective = new float[weights.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            var (row, first) = (i / columns, i % columns / Group * Group);
            var scale = NarrowRows.Nearest(weights.AsSpan(row * columns + first, Math.Min(Group, columns - first)).ToArray().Max(Math.Abs) / 127);
            scales[row * groups + first / Group] = scale;
            quantized[i] = (sbyte)(scale == 0 ? 0 : Math.Clamp((int)Math.Round(weights[i] / scale), -127, 127));
            effective[i] = quantized[i] * scale;
        }

        return Int8GroupFormat.Pack(quantized, scales, rows, columns);
    }

    private static byte[] PackInt8(bool isNarrow, float[] weights, int rows, int columns, out float[] effective)
    {
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows];
        effective = new float[weights.Length];
        for (var row = 0; row < rows; row++)
        {
            var absmax = 0f;
            for (var k = 0; k < columns; k++) absmax = Math.Max(absmax, Math.Abs(weights[row * columns + k]));
            scales[row] = isNarrow ? NarrowRows.Nearest(absmax / 127) : absmax / 127;
            for (var k = 0; k < columns; k++)
            {
                var q = absmax == 0 ? 0 : (int)Math.Round(weights[row * columns + k] / scales[row]);
                quantized[row * columns + k] = (sbyte)Math.Clamp(q, -127, 127);
                effective[row * columns + k] = quantized[row * columns + k] * scales[row];
            }
        }

        return isNarrow ? Int8Format.Narrow.Pack(quantized, scales, rows, columns) : Int8Format.Wide.Pack(quantized, scales, rows, columns);
    }
}
