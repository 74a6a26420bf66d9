using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Lowering;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>A graph whose weights are not stored yet, its source, its states, and notes for the user.</summary>
internal sealed record PreparedGraph(IrGraph Graph, string Path, int SourceNodes, IReadOnlyList<StatePair> States, List<string> Notes);

/// <summary>A model whose weights are not stored yet. It can be stored in several formats.</summary>
/// <param name="Sources">The files that the user named, each with the name of its graph.</param>
/// <param name="Graphs">Resolved graphs with fused nodes.</param>
/// <param name="Tables">Token tables.</param>
/// <param name="Metadata">What decoders read.</param>
/// <param name="Files">The files that were read.</param>
/// <param name="Unused">Weights that no node uses.</param>
internal sealed record PreparedModel(IReadOnlyList<(string Graph, string Path)> Sources, IReadOnlyList<PreparedGraph> Graphs, IReadOnlyDictionary<string, string[]> Tables, IReadOnlyDictionary<string, string> Metadata, SourceFiles Files, IReadOnlyList<UnusedWeight> Unused)
{
    /// <summary>The same model with graphs of its own, which storing may change, and with nothing spent of their budgets.</summary>
    public PreparedModel Copy() => this with { Graphs = [.. Graphs.Select(g => g with { Graph = Whole(g.Graph) })] };

    /// <summary>Stores the weights as the options say, with what decoders read. The graphs are changed.</summary>
    /// <param name="options">The user's options.</param>
    /// <param name="progress">Receives the share of weights that are rounded, on any thread.</param>
    /// <returns>The model, the stored tensors, and notes for the user.</returns>
    /// <exception cref="ConversionException">The options name no tensor or cannot be met.</exception>
    public (SeqModelBuilder Model, List<ConvertedTensor> Tensors, List<string> Notes) Lower(ConversionOptions options, Action<double>? progress)
    {
        var lowered = StoredWeights.Lower([.. Graphs.Select(g => g.Graph)], options, progress);
        foreach (var (table, entries) in Tables) lowered.Model.Tables[table] = entries;
        foreach (var (key, value) in Metadata) lowered.Model.Metadata[key] = value;
        return lowered;
    }

    /// <summary>The file of the same model in fp32. The prepared graphs are of no use afterwards.</summary>
    public ConvertedFile Exact(ConversionOptions options, IProgress<ConversionProgress>? progress)
    {
        progress?.Report(new ConversionProgress("packing weights in fp32", Phase.PackingExact.At(0)));
        var (model, _, _) = Lower(options with { Weights = WeightKind.Float32, WeightsOf = [], Keep = [] }, share => progress?.Report(new ConversionProgress("packing weights in fp32", Phase.PackingExact.At(share))));
        var file = ConvertedFile.Of(model);
        Forget();
        return file;
    }

    /// <summary>Drops the weights, so that a large model is in memory no longer than it is of use.</summary>
    public void Forget()
    {
        foreach (var (graph, _, _, _, _) in Graphs)
        {
            graph.Constants.Clear();
            graph.Nodes.Clear();
            graph.States.Clear();
        }
    }

    private static IrGraph Whole(IrGraph graph)
    {
        var copy = graph.Copy();
        copy.Budget = graph.Budget.Anew();
        foreach (var (value, shape) in graph.Shapes) copy.Shapes[value] = shape;
        return copy;
    }
}
