namespace SeqRuntime.Converter.Importers;

/// <summary>What a source file says about itself, for a reader. It is told without converting the file, so also for files that are refused.</summary>
/// <param name="Facts">Version, producer, and what else is worth a line.</param>
/// <param name="Parts">The name of each operator or layer, once for each time that it occurs.</param>
/// <param name="Weights">The file's weights. Null if they are not counted.</param>
/// <param name="IsComplete">Whether the file has an architecture, and not only weights.</param>
internal sealed record SourceFacts(IReadOnlyList<SourceFact> Facts, IReadOnlyList<string> Parts, SourceWeights? Weights, bool IsComplete = true)
{
    /// <summary>What the parts are called.</summary>
    public string PartsName { get; init; } = "operators";
}

/// <summary>One line: what it is about, and the value.</summary>
internal sealed record SourceFact(string Name, string Value);

/// <summary>The weights of a file.</summary>
/// <param name="Tensors">The number of tensors.</param>
/// <param name="Numbers">The number of their elements.</param>
/// <param name="Bytes">Their bytes in the file. Null if they are not told apart from the rest.</param>
internal sealed record SourceWeights(int Tensors, long Numbers, long? Bytes);
