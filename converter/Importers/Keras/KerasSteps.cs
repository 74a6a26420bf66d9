using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>TimeDistributed of any layer or model: all steps of all sequences become one batch.</summary>
internal static class KerasSteps
{
    public static KerasValue[] Call(KerasEmitter emitter, KerasLayer layer, KerasLayer inner, KerasCall call)
    {
        var graph = emitter.Graph;
        var x = call.Inputs[0];
        if (x.Rank < 3) throw layer.Fault($"its input has {x.Rank} dimensions; it must be [batch, steps, …]");
        if (call.Inputs.Count > 1) throw layer.Fault("more than one input is not supported");
        if (x.Mask is not null && UsesMask(inner)) throw layer.Fault($"its input has a mask, which Keras hands to '{inner.Class}' in a form that differs between versions; remove the mask before it");
        if (emitter.Version.Major < 3 && MakesMask(inner)) throw layer.Fault($"'{inner.Name}' ({inner.Class}) makes a mask inside of each step, which is not supported here");
        var batch = Batch(graph, x.Name);
        var folded = new KerasCall([new KerasValue(Folded(graph, x.Name), x.Rank - 1)]);
        folded.Flags.UnionWith(call.Flags);
        return [.. emitter.Call(inner, folded).Select(y => new KerasValue(Unfolded(graph, y.Name, batch), y.Rank + 1, x.Mask))];
    }

    /// <summary>The number of sequences and the number of their steps.</summary>
    public static string Batch(GraphComposer graph, string x) => graph.Op("Shape", [x], ("start", 0L), ("end", 2L));

    /// <summary>All steps of all sequences as one batch.</summary>
    public static string Folded(GraphComposer graph, string x) => Shaped(graph, x, graph.Axes(-1), Rest(graph, x, 2));

    /// <summary>A batch of steps as sequences again.</summary>
    public static string Unfolded(GraphComposer graph, string y, string batch) => Shaped(graph, y, batch, Rest(graph, y, 1));

    private static string Rest(GraphComposer graph, string value, long start) => graph.Op("Shape", [value], ("start", start));

    private static string Shaped(GraphComposer graph, string value, params string[] sizes) => graph.Op("Reshape", [value, graph.Op("Concat", sizes, ("axis", 0L))]);

    /// <summary>Whether a layer's result depends on a mask of its input.</summary>
    private static bool UsesMask(KerasLayer layer) => KerasModel.Is(layer) || layer.Class is "Bidirectional" or "GlobalAveragePooling1D" or "Softmax" or "TimeDistributed" || KerasRecurrent.Classes.Contains(layer.Class);

    private static bool MakesMask(KerasLayer layer) => layer.Class == "Masking" || (layer.Class == "Embedding" && layer.Flag("mask_zero"));
}
