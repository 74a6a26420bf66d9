using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Rounds weights and measures the loss, once for each content and storage. Only what is stored in the end is packed.</summary>
/// <param name="progress">Receives the weights done since the last call, on any thread. Weights that are rounded as they are packed count then.</param>
internal sealed class WeightRounder(Action<long>? progress = null)
{
    private readonly Dictionary<(ContentKey Key, WeightKind Kind), RoundedWeights> _rounded = [];

    public RoundedWeights Round(WeightMatrix weights, WeightKind kind)
    {
        if (_rounded.TryGetValue((weights.Key, kind), out var rounded)) return rounded;
        var layout = weights.LayoutAs(kind);
        RoundedMatrix[] matrices = [.. weights.Matrices.Select(matrix => weights.IsStepped ? kind.Storage().RoundSteps(layout, matrix) : kind.Storage().Round(layout, matrix, progress))];
        double errors = matrices.Sum(matrix => matrix.ErrorSquares), squares = matrices.Sum(matrix => matrix.WeightSquares);
        double? relative = kind == WeightKind.Float32 ? null : squares > 0 ? Math.Sqrt(errors / squares) : 0;
        return _rounded[(weights.Key, kind)] = new RoundedWeights(matrices, relative);
    }

    /// <summary>Tells of weights that are packed without rounding.</summary>
    public void Packed(long weights) => progress?.Invoke(weights);
}

/// <summary>Rounded matrices and their relative root-mean-square error; the error is null for fp32.</summary>
internal sealed record RoundedWeights(RoundedMatrix[] Matrices, double? Error);

/// <summary>A rounded matrix. It holds no weights of the source: those that are rounded only as they are packed are given again.</summary>
/// <param name="ErrorSquares">Sum of the squared errors.</param>
/// <param name="WeightSquares">Sum of the squared weights.</param>
/// <param name="From">Lays the matrix out for the file. It may read the row-major weights.</param>
internal sealed record RoundedMatrix(double ErrorSquares, double WeightSquares, Func<Func<float[]>, byte[]> From)
{
    /// <summary>A matrix whose rounded weights are kept.</summary>
    public RoundedMatrix(double errorSquares, double weightSquares, Func<byte[]> pack)
        : this(errorSquares, weightSquares, _ => pack())
    {
    }

    /// <summary>Lays out a matrix whose rounded weights are kept.</summary>
    public byte[] Pack() => From(() => []);
}
