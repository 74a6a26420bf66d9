namespace SeqRuntime.Converter.Graph;

/// <summary>What one room of the converter tells another about a node. No file has it, and nodes that differ only in this are equal.</summary>
internal readonly record struct IrMarks
{
    /// <summary>The node's weights are a transform's, not a model's: they are never quantized.</summary>
    public bool HasExactWeights { get; init; }

    /// <summary>The node looks up a table that takes the place of the embedding of this name; the table stays fp32.</summary>
    public string? TableOf { get; init; }

    /// <summary>
    /// The node's output has the shape of the input of this number: weights that are stretched along a value's axes must not stretch the
    /// value along theirs.
    /// </summary>
    public int? KeepsShapeOf { get; init; }

    /// <summary>How many nodes were resolved before the branches between whose results the node chooses.</summary>
    public int ResolvedBefore { get; init; }

    /// <summary>How far a loop has been written out; null for a loop as the model has it.</summary>
    public LoopProgress? Progress { get; init; }
}

/// <summary>The rounds of a loop that have been written out.</summary>
/// <param name="Rounds">How many.</param>
/// <param name="Prefix">What the names of the body's constants begin with, in all rounds.</param>
/// <param name="Collected">What the rounds have collected, round after round.</param>
internal sealed record LoopProgress(long Rounds, string Prefix, string[] Collected);
