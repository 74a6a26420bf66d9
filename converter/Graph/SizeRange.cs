namespace SeqRuntime.Converter.Graph;

/// <summary>The sizes of a symbolic dimension at which a graph's shapes fit together, as far as sizes were tried.</summary>
/// <param name="Symbol">The dimension.</param>
/// <param name="Least">The smallest.</param>
/// <param name="Most">The largest. Null if there is no limit.</param>
/// <param name="Step">The difference between one size and the next.</param>
internal sealed record SizeRange(string Symbol, int Least = 1, int? Most = null, int Step = 1)
{
    private const int Shown = 6;

    /// <summary>All sizes that fit, if they are not a regular range.</summary>
    public IReadOnlyList<int>? Only { get; init; }

    /// <summary>The sizes of other dimensions at which this range holds. Null if it always holds.</summary>
    public string? At { get; init; }

    /// <summary>The dimensions that must change together with this one. The other members then have no meaning.</summary>
    public IReadOnlyList<string>? With { get; init; }

    /// <summary>How this dimension depends on those, if that is simple. Otherwise some sizes that fit together.</summary>
    public string? Follows { get; init; }

    /// <summary>Whether the dimension has no limits.</summary>
    public bool IsOpen => Least == 1 && Most is null && Step == 1 && Only is null && With is null;

    /// <summary>Whether exactly one size fits.</summary>
    public bool IsOne => Only is { Count: 1 };

    /// <summary>The sizes that fit, in words.</summary>
    public override string ToString() => (With is null ? Sizes() : Follows!) + (At is null ? "" : $" (at {At})");

    private string Sizes()
    {
        if (Only is not null) return Only.Count > Shown ? $"{string.Join(", ", Only.Take(Shown))} and others, but not all" : string.Join(" or ", Only);
        if (Step == 1) return Most is null ? $"{Least} or more" : $"{Least} to {Most}";
        var steps = Least == Step ? $"multiples of {Step}" : Least % Step == 0 ? $"multiples of {Step} from {Least} on" : $"{Least}, {Least + Step}, {Least + 2 * Step} and so on in steps of {Step}";
        return Most is null ? steps : $"{steps}, up to {Most}";
    }
}
