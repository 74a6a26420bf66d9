namespace SeqRuntime.Converter.Graph;

/// <summary>Notes of one room of the converter for another about a node. They are not stored in files, and nodes that differ only in marks are equal.</summary>
internal readonly record struct IrMarks
{
    /// <summary>The node's weights belong to a transform and not to training, so they are never quantized.</summary>
    public bool HasExactWeights { get; init; }

    /// <summary>The node looks up a table that replaces the embedding of this name. The table stays in fp32.</summary>
    public string? TableOf { get; init; }

    /// <summary>
    /// The number of the input whose shape the output must keep. Weights that are broadcast along a value's axes must not
    /// broadcast the value along theirs.
    /// </summary>
    public int? KeepsShapeOf { get; init; }

    /// <summary>For a node that selects between two branches: how many nodes were resolved before the branches.</summary>
    public int ResolvedBefore { get; init; }

    /// <summary>How many rounds of a loop are unrolled. Null for a loop of the source.</summary>
    public LoopProgress? Progress { get; init; }
}

/// <summary>The unrolled rounds of a loop.</summary>
/// <param name="Rounds">The number of rounds.</param>
/// <param name="Prefix">The prefix of the body's constants in all rounds.</param>
/// <param name="Collected">The values that the rounds collected, round by round.</param>
internal sealed record LoopProgress(long Rounds, string Prefix, string[] Collected);
