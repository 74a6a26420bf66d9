using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Rounds weights and measures the loss, once for each content and storage. Only what is stored in the end is packed.</summary>
internal sealed class WeightRounder
{
    private readonly Dictionary<(ContentKey Key, WeightKind Kind), RoundedWeights> _rounded = [];

    public RoundedWeights Round(WeightMatrix weights, WeightKind kind)
    {
        if (_rounded.TryGetValue((weights.Key, kind), out var rounded)) return rounded;
        var layout = weights.LayoutAs(kind);
        RoundedMatrix[] matrices = [.. weights.Matrices.Select(matrix => weights.IsStepped ? kind.Storage().RoundSteps(layout, matrix) : kind.Storage().Round(layout, matrix))];
        double errors = matrices.Sum(matrix => matrix.ErrorSquares), squares = matrices.Sum(matrix => matrix.WeightSquares);
        double? relative = kind == WeightKind.Float32 ? null : squares > 0 ? Math.Sqrt(errors / squares) : 0;
        var made = new RoundedWeights(matrices, relative);
        // Weights in fp32 are not computed, and keeping them would double the memory.
        if (kind != WeightKind.Float32) _rounded[(weights.Key, kind)] = made;
        return made;
    }
}

/// <summary>Rounded matrices and their relative root-mean-square error; the error is null for fp32.</summary>
internal sealed record RoundedWeights(RoundedMatrix[] Matrices, double? Error);

/// <summary>A rounded matrix.</summary>
/// <param name="ErrorSquares">Sum of the squared errors.</param>
/// <param name="WeightSquares">Sum of the squared weights.</param>
/// <param name="Pack">Lays the matrix out for the file.</param>
internal sealed record RoundedMatrix(double ErrorSquares, double WeightSquares, Func<byte[]> Pack);
