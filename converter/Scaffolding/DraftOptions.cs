namespace SeqRuntime.Converter.Scaffolding;

/// <summary>How a draft is written.</summary>
internal sealed record DraftOptions
{
    /// <summary>Whether questions that have a default of the framework are answered by it.</summary>
    public bool IsAnswered { get; init; }

    /// <summary>Whether the states of forward recurrent layers are kept between runs.</summary>
    public bool IsStateful { get; init; }

    /// <summary>The user's answers as JSON, by the members of layers.</summary>
    public IReadOnlyDictionary<string, string> Answers { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Receives the members whose answers were used.</summary>
    public HashSet<string> UsedAnswers { get; } = new(StringComparer.Ordinal);

    /// <summary>Receives the members that are asked.</summary>
    public SortedSet<string> Asked { get; } = new(StringComparer.Ordinal);

    /// <summary>What stands beside the weights.</summary>
    public Settings Settings { get; init; } = new();

    /// <summary>What else to know about the file. Null if there is nothing.</summary>
    public string? Hint { get; init; }

    /// <summary>Whether the weights are from a Keras file.</summary>
    public bool IsKeras { get; init; }
}
