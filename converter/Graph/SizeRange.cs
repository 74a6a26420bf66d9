namespace SeqRuntime.Converter.Graph;

/// <summary>The sizes of a symbolic dimension at which a graph's shapes fit together, as far as they were tried; at others they do not.</summary>
/// <param name="Symbol">The dimension.</param>
/// <param name="Least">The smallest.</param>
/// <param name="Most">The largest; null where there is no end.</param>
/// <param name="Step">What lies between one and the next.</param>
internal sealed record SizeRange(string Symbol, int Least = 1, int? Most = null, int Step = 1)
{
    private const int Shown = 6;

    /// <summary>All of them, where they are in no such order.</summary>
    public IReadOnlyList<int>? Only { get; init; }

    /// <summary>The sizes of other dimensions with which the rest holds; null where it always does.</summary>
    public string? At { get; init; }

    /// <summary>The dimensions that have to change with this one; the rest then says nothing.</summary>
    public IReadOnlyList<string>? With { get; init; }

    /// <summary>What it is in terms of those, where that is simple; else some sizes that go together.</summary>
    public string? Follows { get; init; }

    /// <summary>Whether nothing limits the dimension.</summary>
    public bool IsOpen => Least == 1 && Most is null && Step == 1 && Only is null && With is null;

    /// <summary>Whether exactly one size fits.</summary>
    public bool IsOne => Only is { Count: 1 };

    /// <summary>Which sizes fit, in words.</summary>
    public override string ToString() => (With is null ? Sizes() : Follows!) + (At is null ? "" : $" (at {At})");

    private string Sizes()
    {
        if (Only is not null) return Only.Count > Shown ? $"{string.Join(", ", Only.Take(Shown))} and others, but not all" : string.Join(" or ", Only);
        if (Step == 1) return Most is null ? $"{Least} or more" : $"{Least} to {Most}";
        var steps = Least == Step ? $"multiples of {Step}" : Least % Step == 0 ? $"multiples of {Step} from {Least} on" : $"{Least}, {Least + Step}, {Least + 2 * Step} and so on by {Step}";
        return Most is null ? steps : $"{steps}, up to {Most}";
    }
}
