using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Measuring;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>A converted model measured against its source in fp32.</summary>
/// <param name="Measured">The errors of its outputs.</param>
/// <param name="OtherFiles">Files that are not those that it was converted from, each with the recorded hash and its own.</param>
internal sealed record SourceComparison(Measurement Measured, IReadOnlyList<(string Path, string Recorded, string Found)> OtherFiles)
{
    /// <summary>Imports the sources in fp32, as a conversion does, and runs the model beside them.</summary>
    /// <param name="model">The converted model.</param>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="sources">Graph name and file of each source.</param>
    /// <param name="options">The options of the conversion, and sample inputs.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <exception cref="ConversionException">A source cannot be imported, or it gives other graphs than the model has.</exception>
    public static SourceComparison Of(SeqModel model, string path, IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress)
    {
        var prepared = Conversion.Prepare(sources, options, progress);
        using var file = prepared.Exact(options, progress);
        Garbage.Collect(prepared.Files.Read.Sum(f => f.Bytes));
        using var exact = file.Load();
        if (Differences(exact, model).ToList() is { Count: > 0 } differences)
            throw new ConversionException($"{path}: this model is not that of {string.Join(" and ", sources.Select(s => s.Path))} with {(ConversionRecord.Words(options).Any() ? string.Join(' ', ConversionRecord.Words(options)) : "no options")}: {string.Join("; ", differences)}. Give the files and the options that it was converted with.");
        return new SourceComparison(MeasuredConversion.Compare(exact, model, options, progress), SourceHashes.Different(prepared, model.Metadata));
    }

    /// <summary>What keeps two models from running side by side.</summary>
    private static IEnumerable<string> Differences(SeqModel exact, SeqModel model)
    {
        var (source, file) = (Names(exact.Graphs), Names(model.Graphs));
        if (!source.Order(StringComparer.Ordinal).SequenceEqual(file.Order(StringComparer.Ordinal)))
        {
            yield return $"the source gives graphs {string.Join(", ", source)}, the file has {string.Join(", ", file)}";
            yield break;
        }

        foreach (var graph in model.Graphs)
        {
            var other = exact.InfoOf(graph.Name);
            foreach (var (kind, ours, theirs) in new[] { ("inputs", graph.Inputs, other.Inputs), ("outputs", graph.Outputs, other.Outputs), ("states", graph.States, other.States) })
            {
                if (!ours.Select(p => p.ToString()).SequenceEqual(theirs.Select(p => p.ToString()))) yield return $"graph '{graph.Name}': the source gives the {kind} {List(theirs)}, the file has {List(ours)}";
            }
        }
    }

    private static List<string> Names(IReadOnlyList<SeqGraphInfo> graphs) => [.. graphs.Select(g => g.Name)];

    private static string List(IReadOnlyList<SeqPortInfo> ports) => ports.Count == 0 ? "none" : string.Join(", ", ports);
}
