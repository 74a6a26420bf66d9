using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Packs weights in a storage and measures what is lost, once for each content and storage.</summary>
internal sealed class WeightPacker
{
    private readonly Dictionary<(ContentKey Key, WeightKind Kind), PackedWeights> _packed = [];

    public PackedWeights Pack(WeightMatrix weights, WeightKind kind)
    {
        if (_packed.TryGetValue((weights.Key, kind), out var packed)) return packed;
        var blocks = new byte[weights.Matrices.Length][];
        double errors = 0, squares = 0;
        for (var i = 0; i < blocks.Length; i++)
        {
            (blocks[i], var error, var square) = Pack(weights.LayoutAs(kind), kind, weights.Matrices[i]);
            errors += error;
            squares += square;
        }

        double? relative = kind == WeightKind.Float32 ? null : squares > 0 ? Math.Sqrt(errors / squares) : 0;
        return _packed[(weights.Key, kind)] = new PackedWeights(blocks, relative);
    }

    private static (byte[] Packed, double ErrorSquares, double WeightSquares) Pack(WeightLayout layout, WeightKind kind, float[] weights)
    {
        var (rows, columns, panel) = (layout.Rows, layout.Columns, layout.PanelRows);
        switch (kind)
        {
            case WeightKind.Int8: return Quantizer.PackInt8(weights, rows, columns, panel);
            case WeightKind.Int4: return Int4Quantizer.Pack(weights, rows, columns, panel);
            case WeightKind.Float32: return (WeightLayout.PackFloat32(weights, rows, columns, panel), 0, 0);
        }

        double errors = 0, squares = 0;
        foreach (var weight in weights)
        {
            var error = weight - (double)(Half)weight;
            errors += error * error;
            squares += (double)weight * weight;
        }

        return (WeightLayout.PackFloat16(weights, rows, columns, panel), errors, squares);
    }
}

/// <summary>Packed matrices, and their relative root-mean-square error; null in fp32.</summary>
internal sealed record PackedWeights(byte[][] Blocks, double? Error);
