namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Operators with several outputs.</summary>
internal static class TfliteParts
{
    public static Dictionary<string, Action<TfliteCall>> All { get; } = new()
    {
        ["SPLIT"] = Split,
        ["SPLIT_V"] = SplitSizes,
        ["UNPACK"] = Unpack,
        ["TOPK_V2"] = TopK,
    };

    /// <summary>Inputs: the axis, and the value, which is cut into equal parts.</summary>
    private static void Split(TfliteCall call)
    {
        if (call.Integers(0) is not [var axis]) throw call.Fault("it has more than one axis");
        var parts = Fresh(call);
        call.Graph.Ops("Split", [call.Value(1)], parts, ("axis", axis), ("num_outputs", (long)parts.Length));
        Set(call, parts);
    }

    private static void SplitSizes(TfliteCall call)
    {
        if (call.Integers(2) is not [var axis]) throw call.Fault("it has more than one axis");
        var (sizes, tensor) = (call.Integers(1), call.Tensor(0));
        var at = call.Axis(axis, tensor.Rank);
        if (sizes.Length != call.Outputs || sizes.Count(s => s < 0) > 1 || Array.Exists(sizes, s => s > int.MaxValue)) throw call.Fault($"its sizes do not make {call.Outputs} parts");
        // One size may be left open: the rest of the axis. Where that is open too, the rest is computed, and a negative one refused.
        var open = Array.FindIndex(sizes, s => s < 0);
        var isUnknown = open >= 0 && tensor.Signature.Length > 0 && tensor.Signature[at] < 0;
        if (open >= 0) sizes[open] = (isUnknown ? 0 : tensor.Shape[at]) - sizes.Where(other => other >= 0).Sum();
        if (!isUnknown && Array.Exists(sizes, s => s < 0)) throw call.Fault($"its sizes do not make {call.Outputs} parts of {tensor.Shape[at]} elements");
        var (graph, parts) = (call.Graph, Fresh(call));
        var cut = graph.Axes(sizes);
        if (isUnknown) cut = graph.Op("Add", [cut, graph.Op("Mul", [graph.Op("Shape", [call.Value(0)], ("start", (long)at), ("end", at + 1L)), graph.Axes([.. sizes.Select((_, i) => i == open ? 1L : 0)])])]);
        graph.Ops("Split", [call.Value(0), cut], parts, ("axis", axis));
        Set(call, parts);
    }

    private static void Unpack(TfliteCall call)
    {
        var axis = call.Options.Int(1);
        if (call.Outputs == 1)
        {
            call.Set(0, call.Graph.Squeeze(call.Value(0), axis));
            return;
        }

        var parts = Fresh(call);
        call.Graph.Ops("Split", [call.Value(0)], parts, ("axis", (long)axis), ("num_outputs", (long)parts.Length));
        Set(call, Array.ConvertAll(parts, part => call.Graph.Squeeze(part, axis)));
    }

    private static void TopK(TfliteCall call)
    {
        var parts = new[] { call.Graph.Graph.Fresh(call.Name), call.Graph.Graph.Fresh(call.Name) };
        call.Graph.Ops("TopK", [call.Value(0), call.Vector(1)], parts, ("axis", -1L));
        call.Set(0, parts[0]);
        if (call.Outputs > 1) call.Set(1, call.As(parts[1], ElementType.Int64, 1));
    }

    private static string[] Fresh(TfliteCall call)
    {
        if (call.Outputs == 0) throw call.Fault("it has no outputs; the file is damaged");
        return [.. Enumerable.Range(0, call.Outputs).Select(_ => call.Graph.Graph.Fresh(call.Name))];
    }

    private static void Set(TfliteCall call, string[] parts)
    {
        for (var i = 0; i < parts.Length; i++) call.Set(i, parts[i]);
    }
}
