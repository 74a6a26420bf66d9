using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Quantization;

/// <summary>How weights are stored: as the user named them, as a closer look at their errors raised them, or by the general rule.</summary>
/// <param name="options">What the user asks.</param>
/// <param name="raised">What is stored finer for its errors, by name.</param>
/// <param name="packer">Packs weights.</param>
/// <param name="halvesSmall">Whether matrices of fewer weights than <see cref="SmallestQuantized"/> become fp16: see <see cref="SmallMatrices"/>.</param>
internal sealed class WeightChoice(ConversionOptions options, IReadOnlyDictionary<string, RaisedWeights> raised, WeightPacker packer, bool halvesSmall = false)
{
    /// <summary>Fewer weights stay fp32, or become fp16: nothing is won by quantizing them.</summary>
    public const int SmallestQuantized = 512;

    private readonly List<WeightOverride> _asked = [.. options.WeightsOf, .. options.Keep.Select(pattern => new WeightOverride(pattern, WeightKind.Float32))];

    public WeightPacker Packer { get; } = packer;

    /// <summary>Storage of what is not named.</summary>
    public WeightKind Wanted => options.Weights;

    /// <summary>Whether single weights are named.</summary>
    public bool HasRequests => _asked.Count > 0;

    /// <summary>The same for what users ask of single weights left out, as if they had not asked.</summary>
    public static WeightChoice General(ConversionOptions options, WeightPacker packer) =>
        new(new ConversionOptions { Weights = options.Weights }, new Dictionary<string, RaisedWeights>(), packer);

    /// <summary>Whether the user names weights.</summary>
    public bool IsNamed(IEnumerable<string> names) => names.Any(name => _asked.Exists(o => WeightNames.Matches(o.Pattern, name)));

    /// <summary>How weights are stored.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="names">All names of their content, the stored one first: what is asked for by one of them holds for those that nothing is asked for.</param>
    /// <exception cref="ConversionException">The storage that the user named cannot hold them.</exception>
    public StoredAs Of(WeightMatrix weights, IReadOnlyList<string> names)
    {
        if (weights.IsExact) return new StoredAs(WeightKind.Float32, WeightKind.Float32, false, null);
        var (general, why) = General(weights, names);
        if ((Asked(weights.Names) ?? Asked(names)) is not { } asked) return new StoredAs(general, general, false, why);
        var smaller = asked.Weights.AndFiner().Skip(1).Where(kind => weights.BytesAs(kind) <= weights.BytesAs(asked.Weights)).Select(kind => (WeightKind?)kind).LastOrDefault();
        return asked.Weights.Storage().Obstacle(weights) is { } obstacle
            ? throw new ConversionException($"'{weights.Names[0]}' cannot be stored as {asked.Weights.Name()}: {obstacle}. Choose another with --weights-of '{weights.Names[0]}={(WeightKind.Int8.Storage().Obstacle(weights) is null ? WeightKind.Int8 : WeightKind.Float32).Name()}'.")
            : new StoredAs(asked.Weights, general, true, null, smaller);
    }

    /// <summary>Bytes that weights take in the file, unless their errors raise them.</summary>
    public long BytesOf(WeightMatrix weights) => weights.BytesAs(Of(weights, weights.Names).Kind);

    /// <param name="tensors">What was stored.</param>
    /// <param name="others">Names of weights that would be stored if they were named.</param>
    /// <exception cref="ConversionException">A pattern matches no weight matrix.</exception>
    public void CheckPatterns(IReadOnlyList<ConvertedTensor> tensors, IEnumerable<string> others)
    {
        const int shown = 30;
        var names = tensors.Where(t => t.Weights is not null).SelectMany(t => t.Names).Union(others).ToList();
        foreach (var asked in _asked)
        {
            if (names.Exists(name => WeightNames.Matches(asked.Pattern, name))) continue;
            var list = names.Count == 0 ? "it has none" : $"they are {string.Join(", ", names.Take(shown))}{(names.Count > shown ? $" and {names.Count - shown} more ('seqconvert inspect --tensors' lists all)" : "")}";
            throw new ConversionException($"{Option(asked)}: no weight matrix of the model has such a name; {list}.");
        }
    }

    /// <summary>The options that ask for single weights, as they are given, and which of them hold for a tensor.</summary>
    public IEnumerable<(string Option, List<ConvertedTensor> Tensors)> Requests(IReadOnlyList<ConvertedTensor> tensors) =>
        _asked.Select(asked => (Option(asked), tensors.Where(t => t.Weights is not null && t.Names.Any(name => WeightNames.Matches(asked.Pattern, name))).ToList()));

    private string Option(WeightOverride asked) =>
        options.Keep.Contains(asked.Pattern) && asked.Weights == WeightKind.Float32 ? $"--keep '{asked.Pattern}'" : $"--weights-of '{asked.Pattern}={asked.Weights.Name()}'";

    private WeightOverride? Asked(IEnumerable<string> names) => _asked.FindLast(o => names.Any(name => WeightNames.Matches(o.Pattern, name)));

    /// <summary>By the general rule: of the storage wanted and the finer ones that which takes the fewest bytes, the finest of those that take as many.</summary>
    private (WeightKind Kind, string? Why) General(WeightMatrix weights, IReadOnlyList<string> names)
    {
        if (options.Weights == WeightKind.Float32) return (WeightKind.Float32, null);
        if (weights.Fixed is { } reason) return (WeightKind.Float32, reason);
        var isSmall = weights.Count < SmallestQuantized;
        if (isSmall && !halvesSmall) return (WeightKind.Float32, null);
        var (wanted, why) = isSmall ? (options.Weights.Storage().OfSmall, null) : raised.TryGetValue(names[0], out var finer) ? (finer.Weights, finer.Why) : (options.Weights, null);
        WeightKind? best = null;
        foreach (var kind in wanted.AndFiner())
        {
            if (best is { } smaller && weights.BytesAs(kind) > weights.BytesAs(smaller)) continue;
            var storage = kind.Storage();
            if ((storage.Obstacle(weights) ?? storage.Loss(weights)) is { } obstacle)
            {
                if (best is null) why ??= obstacle;
                continue;
            }

            if (best is { } coarser) why ??= $"it would be no smaller in {coarser.Name()}";
            best = kind;
        }

        return (best!.Value, best == (isSmall ? wanted : options.Weights) ? null : why);
    }
}

/// <summary>How weights are stored.</summary>
/// <param name="Kind">The storage.</param>
/// <param name="General">What it would be if the user had not named them.</param>
/// <param name="IsAsked">The user named it.</param>
/// <param name="Finer">Why it is finer than asked for.</param>
/// <param name="NoSmaller">A finer storage that would take no more bytes than what the user asked for.</param>
internal sealed record StoredAs(WeightKind Kind, WeightKind General, bool IsAsked, string? Finer, WeightKind? NoSmaller = null);
