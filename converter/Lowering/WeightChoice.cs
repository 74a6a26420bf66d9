using System.IO.Enumeration;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>How each weight matrix is stored: as the user named it, as a closer look at its errors raised it, or by the general rule.</summary>
internal sealed class WeightChoice(ConversionOptions options, IReadOnlyDictionary<string, RaisedWeights> raised)
{
    /// <summary>Matrices with fewer weights stay fp32: nothing is won by quantizing them.</summary>
    public const int SmallestQuantized = 512;

    /// <summary>Largest magnitude that fp16 rounds to a finite number.</summary>
    private const float LargestHalf = 65_504;

    private readonly List<WeightOverride> _asked = [.. options.WeightsOf, .. options.Keep.Select(pattern => new WeightOverride(pattern, WeightKind.Float32))];

    public bool IsFloat32Only => options.Weights == WeightKind.Float32 && _asked.All(o => o.Weights == WeightKind.Float32);

    /// <summary>Whether the user asks for fewer bits for a matrix of this name.</summary>
    public static bool AsksForFewerBits(ConversionOptions options, string name) =>
        options.WeightsOf.LastOrDefault(o => Matches(o.Pattern, WeightStore.SourceName(name))) is { Weights: not WeightKind.Float32 };

    /// <summary>Storage of a matrix, whether the user named it, and why it is finer than asked for.</summary>
    /// <param name="name">The name by which it is used.</param>
    /// <param name="names">All names of its content, the stored one first: what is asked for by one of them holds for those that nothing is asked for.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="matrices">The weights.</param>
    /// <exception cref="ConversionException">The storage that the user named cannot hold this matrix.</exception>
    public (WeightKind Kind, bool IsAsked, string? Finer) Of(string name, IReadOnlyList<string> names, int rows, int columns, float[][] matrices)
    {
        if ((_asked.FindLast(o => Matches(o.Pattern, name)) ?? _asked.FindLast(o => names.Any(n => Matches(o.Pattern, n)))) is { } asked)
        {
            return Obstacle(asked.Weights, columns, matrices) is { } obstacle
                ? throw new ConversionException($"'{name}' cannot be stored as {asked.Weights.Name()}: {obstacle}. Choose another with --weights-of '{name}=int8'.")
                : (asked.Weights, true, null);
        }

        if ((long)rows * columns < SmallestQuantized) return (WeightKind.Float32, false, null);
        var (kind, why) = raised.TryGetValue(names[0], out var finer) ? (finer.Weights, finer.Why) : (options.Weights, null);
        return Obstacle(kind, columns, matrices) is { } cannot ? (kind == WeightKind.Int4 ? WeightKind.Int8 : WeightKind.Float32, false, cannot) : (kind, false, why);
    }

    /// <exception cref="ConversionException">A pattern matches no weight matrix.</exception>
    public void CheckPatterns(IReadOnlyList<ConvertedTensor> tensors)
    {
        const int shown = 30;
        var names = tensors.Where(t => t.Weights is not null).SelectMany(t => t.Names).ToList();
        foreach (var (pattern, kind) in _asked)
        {
            if (names.Exists(name => Matches(pattern, name))) continue;
            var option = options.Keep.Contains(pattern) && kind == WeightKind.Float32 ? $"--keep '{pattern}'" : $"--weights-of '{pattern}={kind.Name()}'";
            var list = names.Count == 0 ? "it has none" : $"they are {string.Join(", ", names.Take(shown))}{(names.Count > shown ? $" and {names.Count - shown} more ('seqconvert inspect --tensors' lists all)" : "")}";
            throw new ConversionException($"{option}: no weight matrix of the model has such a name; {list}.");
        }
    }

    private static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name);

    private static string? Obstacle(WeightKind kind, int columns, float[][] matrices) => kind switch
    {
        WeightKind.Int4 when columns > WeightLayout.MaxColumnsInt4 => $"its {columns} columns are more than {WeightLayout.MaxColumnsInt4}",
        WeightKind.Float16 when matrices.Any(m => m.Any(w => !(Math.Abs(w) <= LargestHalf))) => $"a weight lies beyond {LargestHalf}",
        _ => null,
    };
}
