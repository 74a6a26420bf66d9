using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Chooses the storage of weights: what the user named, what <see cref="SensitiveTensors"/> raised, or the general rule.</summary>
/// <param name="options">What the user asks for.</param>
/// <param name="raised">The matrices stored finer because of their errors, by name.</param>
/// <param name="rounder">Rounds weights.</param>
/// <param name="halvesSmall">Whether matrices of fewer weights than <see cref="SmallestQuantized"/> become fp16: see <see cref="SmallMatrices"/>.</param>
internal sealed class WeightChoice(ConversionOptions options, IReadOnlyDictionary<string, RaisedWeights> raised, WeightRounder rounder, bool halvesSmall = false)
{
    /// <summary>Matrices with fewer weights stay fp32 or become fp16: quantizing them gains nothing.</summary>
    public const int SmallestQuantized = 512;

    private readonly List<WeightOverride> _asked = [.. options.WeightsOf, .. options.Keep.Select(pattern => new WeightOverride(pattern, WeightKind.Float32))];

    public WeightRounder Rounder { get; } = rounder;

    /// <summary>Storage of weights that the user does not name.</summary>
    public WeightKind Wanted => options.Weights;

    /// <summary>The choice as if the user had named no single weights.</summary>
    public static WeightChoice General(ConversionOptions options, WeightRounder rounder) =>
        new(new ConversionOptions { Weights = options.Weights }, new Dictionary<string, RaisedWeights>(), rounder);

    /// <summary>Whether the user named one of these weights.</summary>
    public bool IsNamed(IEnumerable<string> names) => names.Any(name => _asked.Exists(o => WeightNames.Matches(o.Pattern, name)));

    /// <summary>How weights are stored.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="names">All names of the same content, the stored one first. A request for one of them holds for every name without a request of its own.</param>
    /// <exception cref="ConversionException">The storage that the user named cannot hold the weights.</exception>
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

    /// <summary>Bytes of the weights in the file, before errors raise their storage.</summary>
    public long BytesOf(WeightMatrix weights) => weights.BytesAs(Of(weights, weights.Names).Kind);

    /// <param name="tensors">The stored tensors.</param>
    /// <param name="others">Names of weights that would be stored if the user named them.</param>
    /// <exception cref="ConversionException">A pattern matches no weight matrix.</exception>
    public void CheckPatterns(IReadOnlyList<ConvertedTensor> tensors, IEnumerable<string> others)
    {
        const int shown = 30;
        var names = tensors.Where(t => t.Weights is not null).SelectMany(t => t.Names).Union(others).ToList();
        foreach (var asked in _asked)
        {
            if (names.Exists(name => WeightNames.Matches(asked.Pattern, name))) continue;
            var list = names.Count == 0 ? "it has none" : $"the names are {string.Join(", ", names.Take(shown))}{(names.Count > shown ? $" and {names.Count - shown} more ('seqconvert inspect --tensors' lists all)" : "")}";
            throw new ConversionException($"{Option(asked)}: no weight matrix of the model has this name; {list}.");
        }
    }

    /// <summary>The user's options for single weights, and the tensors that each one matches.</summary>
    public IEnumerable<(string Option, List<ConvertedTensor> Tensors)> Requests(IReadOnlyList<ConvertedTensor> tensors) =>
        _asked.Select(asked => (Option(asked), tensors.Where(t => t.Weights is not null && t.Names.Any(name => WeightNames.Matches(asked.Pattern, name))).ToList()));

    private string Option(WeightOverride asked) =>
        options.Keep.Contains(asked.Pattern) && asked.Weights == WeightKind.Float32 ? $"--keep '{asked.Pattern}'" : $"--weights-of '{asked.Pattern}={asked.Weights.Name()}'";

    private WeightOverride? Asked(IEnumerable<string> names) => _asked.FindLast(o => names.Any(name => WeightNames.Matches(o.Pattern, name)));

    /// <summary>The general rule: of the wanted storage and the finer ones, take the one with the fewest bytes, and of equals the finest.</summary>
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
/// <param name="General">The storage if the user had not named the weights.</param>
/// <param name="IsAsked">Whether the user named the weights.</param>
/// <param name="Finer">Why the storage is finer than asked for; null if it is not.</param>
/// <param name="NoSmaller">A finer storage that would take no more bytes than what the user asked for.</param>
internal sealed record StoredAs(WeightKind Kind, WeightKind General, bool IsAsked, string? Finer, WeightKind? NoSmaller = null);
