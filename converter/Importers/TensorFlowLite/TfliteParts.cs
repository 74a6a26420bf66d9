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
        if (sizes.Length != call.Outputs || sizes.Count(s => s < 0) > 1) throw call.Fault($"its sizes do not make {call.Outputs} parts");
        var open = Array.FindIndex(sizes, s => s < 0);
        if (open >= 0 && tensor.Signature.Length > 0 && tensor.Signature[at] < 0)
        {
            Set(call, Around(call, at, sizes, open));
            return;
        }

        // One size may be left open.
        if (open >= 0) sizes[open] = tensor.Shape[at] - sizes.Where(other => other >= 0).Sum();
        if (Array.Exists(sizes, s => s < 0)) throw call.Fault($"its sizes do not make {call.Outputs} parts of {tensor.Shape[at]} elements");
        var parts = Fresh(call);
        call.Graph.Ops("Split", [call.Value(0), call.Graph.Axes(sizes)], parts, ("axis", axis));
        Set(call, parts);
    }

    /// <summary>Parts of an axis of any size: those behind the one without a size are counted from the end.</summary>
    private static string[] Around(TfliteCall call, int axis, long[] sizes, int open)
    {
        long FromEnd(int part) => sizes[part..].Sum() is > 0 and var count ? -count : long.MaxValue;
        string Part(int i)
        {
            var begin = i <= open ? sizes[..i].Sum() : FromEnd(i);
            var end = i < open ? begin + sizes[i] : FromEnd(i + 1);
            return call.Graph.Op("Slice", [call.Value(0), call.Graph.Axes(begin), call.Graph.Axes(end), call.Graph.Axes(axis)]);
        }

        return [.. Enumerable.Range(0, sizes.Length).Select(Part)];
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
