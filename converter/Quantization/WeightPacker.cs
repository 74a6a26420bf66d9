using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Packs weights and measures the loss, once for each content and storage.</summary>
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
            (blocks[i], var error, var square) = kind.Storage().Pack(weights.LayoutAs(kind), weights.Matrices[i]);
            errors += error;
            squares += square;
        }

        double? relative = kind == WeightKind.Float32 ? null : squares > 0 ? Math.Sqrt(errors / squares) : 0;
        return _packed[(weights.Key, kind)] = new PackedWeights(blocks, relative);
    }
}

/// <summary>Packed matrices and their relative root-mean-square error; the error is null for fp32.</summary>
internal sealed record PackedWeights(byte[][] Blocks, double? Error);
