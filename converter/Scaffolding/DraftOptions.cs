namespace SeqRuntime.Converter.Scaffolding;

/// <summary>How a draft is written.</summary>
internal sealed record DraftOptions
{
    /// <summary>Whether questions that have a default of the framework are answered by it.</summary>
    public bool IsAnswered { get; init; }

    /// <summary>Whether the states of forward recurrent layers are kept between runs.</summary>
    public bool IsStateful { get; init; }

    /// <summary>What else to know about the file. Null if there is nothing.</summary>
    public string? Hint { get; init; }

    /// <summary>Whether the weights are from a Keras file.</summary>
    public bool IsKeras { get; init; }
}
