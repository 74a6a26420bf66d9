using System.Globalization;

namespace SeqRuntime.Converter.Measuring;

/// <summary>The errors of outputs in a file's metadata, in words: one entry for each graph, and one for each of its outputs.</summary>
internal static class MeasuredMetadata
{
    private const string GraphPrefix = "measured:";
    private const string OutputPrefix = "output-error:";

    public static void Note(IDictionary<string, string> metadata, Measurement measured)
    {
        foreach (var graph in measured.Graphs)
        {
            metadata[GraphPrefix + graph.Graph] = graph.NotMeasured is null ? $"{Counted(graph)} of {(graph.IsGiven ? "given" : "generated")} inputs" : "no";
            foreach (var output in graph.Outputs) metadata[$"{OutputPrefix}{graph.Graph}:{output.Name}"] = InWords(output);
        }
    }

    /// <summary>The number of steps and sequences.</summary>
    public static string Counted(GraphError graph) => $"{Number(graph.Steps, "step")} in {Number(graph.Sequences, "sequence")}";

    private static string Number(long count, string noun) => count == 1 ? $"1 {noun}" : $"{count.ToString(CultureInfo.InvariantCulture)} {noun}s";

    private static string InWords(OutputError output)
    {
        var words = new List<string>();
        if (output.RelativeRms is { } rms) words.Add($"{Percent(rms)} (worst {Percent(output.Worst!.Value)})");
        if (output.Agreement is { } agreement) words.Add($"{output.Choice} {Percent(agreement)}");
        if (output.NotFinite > 0) words.Add($"{Number(output.NotFinite, "element")} not finite");
        return words.Count == 0 ? "nothing to compare" : string.Join(", ", words);
    }

    private static string Percent(double ratio) => ratio.ToString("0.###%", CultureInfo.InvariantCulture);
}
