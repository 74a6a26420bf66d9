using SeqRuntime.Converter.Measuring;

namespace SeqRuntime.Converter.Commands;

/// <summary>The errors of the outputs against fp32, and a warning if one is large.</summary>
internal sealed record MeasurementReport(string? Warning, IReadOnlyList<MeasuredGraph> Graphs)
{
    public static MeasurementReport? From(Measurement? measured) => measured is null ? null : new MeasurementReport(WarningOf(measured), [.. measured.Graphs.Select(MeasuredGraph.From)]);

    public void Print(TextWriter output)
    {
        if (Graphs.Any(g => g.NotMeasured is null)) output.WriteLine("outputs against fp32: relative RMS error, and the largest error of one element relative to the RMS of the output:");
        Text.Table(output, "  ", [.. Graphs.SelectMany(g => g.Outputs, (g, o) => o.Cells(g.Graph))]);
        foreach (var graph in Graphs) output.WriteLine(graph.NotMeasured is { } why ? $"  graph {graph.Graph} was not measured: {why}" : $"  graph {graph.Graph}: {Text.Count(graph.Steps, "step")} in {Text.Count(graph.Sequences, "sequence")}: {graph.Inputs}");
        if (Graphs.Any(g => g is { NotMeasured: null, Given: false })) output.WriteLine("  These inputs are generated, so they show how rounding spreads, not how it acts on your data: give --samples FILE to measure that.");
    }

    private static string? WarningOf(Measurement measured)
    {
        var several = measured.Graphs.Count > 1;
        string Place((GraphError Graph, OutputError Output) at) => $"output '{at.Output.Name}'{(several ? $" of graph '{at.Graph.Graph}'" : "")}";
        if (measured.Broken is { } broken) return $"{Place(broken)} has {Text.Count(broken.Output.NotFinite, "element")} that are infinite or NaN, but not in fp32";
        return measured.Largest is { } largest && largest.Output.RelativeRms > Measurement.Tolerated
            ? $"{Place(largest)} differs from fp32 by {Text.Percent(largest.Output.RelativeRms.Value)} (relative RMS on {(largest.Graph.IsGiven ? "your samples" : "generated inputs")}); more bits make it less: --weights, or --weights-of for single matrices"
            : null;
    }
}

/// <summary>The outputs of a graph, and the inputs that it was measured on.</summary>
internal sealed record MeasuredGraph(string Graph, string? NotMeasured, int Sequences, long Steps, string Inputs, bool Given, IReadOnlyList<MeasuredOutput> Outputs)
{
    public static MeasuredGraph From(GraphError graph) => new(graph.Graph, graph.NotMeasured, graph.Sequences, graph.Steps, graph.Inputs, graph.IsGiven, [.. graph.Outputs.Select(MeasuredOutput.From)]);
}

/// <summary>
/// The error of an output: its root mean square in fp32, the error's relative to that, and the largest error of an element in parts of the output's root mean square; the share of equal
/// choices; elements that are not finite; and the error over eight parts of each sequence.
/// </summary>
internal sealed record MeasuredOutput(string Name, double? Rms, double? RelativeRms, double? Worst, double? Agreement, string? Choice, long NotFinite, long NotFiniteInFp32, IReadOnlyList<double>? Drift)
{
    public static MeasuredOutput From(OutputError output) =>
        new(output.Name, output.Rms, output.RelativeRms, output.Worst, output.Agreement, output.Choice, output.NotFinite, output.NotFiniteExact, output.Drift.Count == 0 ? null : output.Drift);

    public string[] Cells(string graph) =>
    [
        graph,
        Name,
        RelativeRms is { } relative ? $"{Text.Percent(relative)} of {Text.Short(Rms!.Value)}" : "",
        Worst is { } worst ? $"worst {Text.Percent(worst)}" : "",
        Agreement is { } agreement ? $"{Choice}: {Text.Percent(agreement)}" : "",
        NotFiniteInFp32 > 0 ? $"{Text.Count(NotFiniteInFp32, "element")} not finite in fp32 and not compared" : "",
    ];
}
