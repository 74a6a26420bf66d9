using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// A storage of weight matrices: its name, how it rounds, which weights it cannot hold, and which storage replaces it for those. One file a
/// storage; <see cref="WeightKinds"/> lists them.
/// </summary>
/// <param name="kind">What users ask for.</param>
/// <param name="name">Name on the command line and in the metadata.</param>
/// <param name="report">Name in reports.</param>
/// <param name="formats">The file formats it writes.</param>
internal abstract class WeightStorage(WeightKind kind, string name, string report, params IReadOnlyList<WeightFormat> formats)
{
    /// <summary>The largest magnitude of an integer matrix must reach this, or the scales and their products with input scales lose bits.</summary>
    private const float SmallestScaled = 1e-36f;

    public WeightKind Kind { get; } = kind;

    public string Name { get; } = name;

    public string Report { get; } = report;

    public IReadOnlyList<WeightFormat> Formats { get; } = formats;

    /// <summary>The words about it in <c>--help</c>.</summary>
    public abstract string Help { get; }

    /// <summary>The storage used instead where this one cannot hold the weights or is not smaller.</summary>
    public WeightKind? Finer { get; protected init; }

    /// <summary>The storage that <see cref="SmallMatrices"/> may get.</summary>
    public WeightKind OfSmall { get; protected init; } = WeightKind.Float16;

    /// <summary>When single matrices are stored finer; null for never.</summary>
    public Raising? Raising { get; protected init; }

    /// <summary>The format of a matrix with this many columns.</summary>
    public virtual WeightFormat FormatOf(int columns) => Formats[0];

    /// <summary>The format of a matrix with this many columns whose rows are whole steps of their scales.</summary>
    public virtual WeightFormat FormatOfSteps(int columns) => FormatOf(columns);

    /// <summary>Rounds a row-major matrix and measures the loss.</summary>
    public abstract RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null);

    /// <summary>The same for rows that are whole steps of their scales.</summary>
    public virtual RoundedMatrix RoundSteps(WeightLayout layout, float[] weights) => Round(layout, weights);

    /// <summary>Why this storage cannot hold the weights; null if it can.</summary>
    public virtual string? Obstacle(WeightMatrix weights)
    {
        if (!float.IsFinite(weights.Largest)) return "it holds infinity or NaN";
        var format = FormatOf(weights.Columns);
        if (weights.Columns > format.MaxColumns) return $"it has {weights.Columns} columns; at most {format.MaxColumns} are possible";
        return format.IsInteger && weights.Largest is > 0 and < SmallestScaled ? "all weights are below 1e-36" : null;
    }

    /// <summary>Why the weights lose too much in this storage, unless the user names them; null if they do not.</summary>
    public virtual string? Loss(WeightMatrix weights) => null;

    /// <summary>The loss of rounding each weight by itself.</summary>
    protected static (double ErrorSquares, double WeightSquares) Lost(ReadOnlySpan<float> weights, Func<float, float> round)
    {
        double errors = 0, squares = 0;
        foreach (var weight in weights)
        {
            var error = weight - (double)round(weight);
            errors += error * error;
            squares += (double)weight * weight;
        }

        return (errors, squares);
    }
}

/// <summary>When single matrices are stored finer than asked for.</summary>
/// <param name="To">Their storage.</param>
/// <param name="LargestError">Matrices with a larger relative error are stored finer.</param>
/// <param name="LargestShare">The largest share of a file's weights that is stored finer for its errors.</param>
/// <param name="EdgeShare">The largest share that is stored finer because it lies at the model's edges (<see cref="EdgeTensors"/>).</param>
internal sealed record Raising(WeightKind To, double LargestError, double LargestShare, double EdgeShare = 0);
