using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// A way in which the converter stores weight matrices: its name, how it rounds, what it cannot hold, and what takes its place there. One file a
/// storage; <see cref="WeightKinds"/> lists them.
/// </summary>
/// <param name="kind">What users ask for.</param>
/// <param name="name">As the command line and the metadata have it.</param>
/// <param name="report">How a tensor is stored, as reports have it.</param>
/// <param name="formats">The formats that it makes.</param>
internal abstract class WeightStorage(WeightKind kind, string name, string report, params IReadOnlyList<WeightFormat> formats)
{
    /// <summary>Least magnitude that a matrix must reach for scales, and their products with those of inputs, to keep their bits.</summary>
    private const float SmallestScaled = 1e-36f;

    public WeightKind Kind { get; } = kind;

    public string Name { get; } = name;

    public string Report { get; } = report;

    public IReadOnlyList<WeightFormat> Formats { get; } = formats;

    /// <summary>What <c>--help</c> says of it.</summary>
    public abstract string Help { get; }

    /// <summary>What is stored instead where it cannot hold weights, or is no smaller.</summary>
    public WeightKind? Finer { get; protected init; }

    /// <summary>What matrices that are too small for it may become.</summary>
    public WeightKind OfSmall { get; protected init; } = WeightKind.Float16;

    /// <summary>When single matrices are stored finer; null where none are.</summary>
    public Raising? Raising { get; protected init; }

    /// <summary>The format of a matrix of so many columns.</summary>
    public virtual WeightFormat FormatOf(int columns) => Formats[0];

    /// <summary>Packs a row-major matrix and measures what is lost.</summary>
    /// <returns>The packed bytes, and the sums of squared errors and of squared weights.</returns>
    public abstract (byte[] Packed, double ErrorSquares, double WeightSquares) Pack(WeightLayout layout, ReadOnlySpan<float> weights);

    /// <summary>Why it cannot hold weights; null where it can.</summary>
    public virtual string? Obstacle(WeightMatrix weights)
    {
        if (weights.Matrices.Any(m => m.Any(w => !float.IsFinite(w)))) return "it holds infinities";
        var format = FormatOf(weights.Columns);
        if (weights.Columns > format.MaxColumns) return $"its {weights.Columns} columns are more than {format.MaxColumns}";
        return format.IsInteger && weights.Matrices.Max(m => m.Max(Math.Abs)) is > 0 and < SmallestScaled ? "all weights lie below 1e-36" : null;
    }

    /// <summary>Why weights lose too much in it unless the user names them; null where they do not.</summary>
    public virtual string? Loss(WeightMatrix weights) => null;

    /// <summary>What rounding each weight by itself loses.</summary>
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
/// <param name="LargestError">The relative error above which they are.</param>
/// <param name="LargestShare">The largest share of a file's weights of this storage for which that holds.</param>
/// <param name="EdgeShare">The largest share that is stored finer since it lies at the model's edges (<see cref="EdgeTensors"/>).</param>
internal sealed record Raising(WeightKind To, double LargestError, double LargestShare, double EdgeShare = 0);
