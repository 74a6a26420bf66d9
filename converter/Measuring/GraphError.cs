namespace SeqRuntime.Converter.Measuring;

/// <summary>The errors of a graph's outputs against fp32.</summary>
/// <param name="Graph">Name of the graph.</param>
/// <param name="Outputs">Its outputs. Empty if it was not measured.</param>
/// <param name="Sequences">Number of sequences, each of which begins with the first states.</param>
/// <param name="Steps">Steps of all sequences together.</param>
/// <param name="Inputs">What the inputs were, in words.</param>
/// <param name="IsGiven">Whether the user gave the inputs.</param>
internal sealed record GraphError(string Graph, IReadOnlyList<OutputError> Outputs, int Sequences, long Steps, string Inputs, bool IsGiven)
{
    /// <summary>Why the graph was not measured. Null if it was.</summary>
    public string? NotMeasured { get; init; }

    /// <summary>A graph that was not measured.</summary>
    public static GraphError None(string graph, string why) => new(graph, [], 0, 0, "", IsGiven: false) { NotMeasured = why };
}

/// <summary>The errors of all outputs of a model.</summary>
/// <param name="Graphs">The graphs.</param>
internal sealed record Measurement(IReadOnlyList<GraphError> Graphs)
{
    /// <summary>The largest error that needs no warning, if the user names no other.</summary>
    public const double Tolerated = 0.03;

    /// <summary>The output with the largest relative RMS error. Null if nothing was measured.</summary>
    public (GraphError Graph, OutputError Output)? Largest => Most(output => output.RelativeRms);

    /// <summary>The output that is farthest from fp32, integers too. Null if nothing was measured.</summary>
    public (GraphError Graph, OutputError Output)? Farthest => Most(output => output.Difference);

    /// <summary>The output with the most elements that only fp32 computes as finite numbers. Null if there is none.</summary>
    public (GraphError Graph, OutputError Output)? Broken => Most(output => output.NotFinite > 0 ? output.NotFinite : null);

    /// <summary>The output with the largest figure. Null if no output has one.</summary>
    private (GraphError Graph, OutputError Output)? Most(Func<OutputError, double?> figure) => Graphs
        .SelectMany(g => g.Outputs, (g, o) => ((GraphError Graph, OutputError Output)?)(g, o))
        .Where(o => figure(o!.Value.Output) is not null)
        .MaxBy(o => figure(o!.Value.Output));
}
