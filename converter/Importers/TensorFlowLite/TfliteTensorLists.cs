namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// TensorFlow's own lists of tensors. Its converter keeps them where the size of an item is open, as an LSTM's batch is. Here a list is one tensor
/// with its items along the first axis.
/// </summary>
/// <remarks>An empty list does not say how large its items are. A loop that fills it does: its items have the sizes of a value that it carries.</remarks>
internal static class TfliteTensorLists
{
    private const string Mark = "list ";
    private const string Write = "FlexTensorListSetItem";

    public static Dictionary<string, Action<TfliteCall>> All { get; } = new()
    {
        ["FlexTensorListReserve"] = Reserve,
        ["FlexTensorListFromTensor"] = call => call.Set(0, call.Value(0)),
        ["FlexTensorListGetItem"] = call => call.Set(0, call.Graph.Op("Gather", [Filled(call), call.Long(1)], ("axis", 0L))),
        [Write] = SetItem,
        ["FlexTensorListStack"] = call => call.Set(0, Filled(call)),
    };

    /// <summary>
    /// Gives the empty lists that a loop fills their first values: zeros in the sizes of the items that it writes. Tells of each carried value the
    /// items of the list that it is, or null if it is none.
    /// </summary>
    /// <param name="loop">The loop.</param>
    /// <param name="body">Its body.</param>
    /// <param name="first">The first values of what it carries.</param>
    public static TfliteTensor?[] Begin(TfliteCall loop, TfliteSubgraph body, string[] first)
    {
        var items = new TfliteTensor?[first.Length];
        for (var i = 0; i < first.Length; i++)
        {
            if (body.Tensors[body.Inputs[i]].Type != TfliteType.Variant) continue;
            var write = Array.Find(body.Operators, op => op.Name == Write && op.Inputs is [var list, >= 0, >= 0] && list == body.Inputs[i]);
            if (write is not null) items[i] = body.Tensors[write.Inputs[2]];
            else if (body.Inputs[i] != body.Outputs[i]) throw loop.Fault("it carries a list that it changes in another way than item by item, which is not supported");
            if (!loop.Scope.Context.Lists.TryGetValue(first[i], out var reserved)) continue;
            if (items[i] is not { } item) throw loop.Fault("it carries an empty list that it does not fill, which is not supported");
            if (item.Element == 0) throw loop.Fault($"it fills a list of values that are {TfliteConstants.NameOf(item.Type)}, which is not supported");
            var sizes = loop.Graph.Op("Concat", [reserved.Vector(1), Sizes(loop, body, first, item)], ("axis", 0L));
            first[i] = loop.Graph.Op("Expand", [loop.Cast(loop.Graph.Number(0), item.Element), sizes]);
        }

        return items;
    }

    private static void Reserve(TfliteCall call)
    {
        if (call.Inputs != 2) throw call.Fault($"it has {call.Inputs} inputs instead of 2; the file is damaged");
        if (call.IsConstant(1) && call.Integers(1) is not [>= 0]) throw call.Fault("the length of its list is not a number of 0 or more");
        var list = Mark + call.Scope.Context.Lists.Count;
        call.Scope.Context.Lists[list] = call;
        call.Set(0, list);
    }

    private static void SetItem(TfliteCall call)
    {
        var place = call.Graph.Op("Reshape", [call.Long(1), call.Graph.Axes(1, 1)]);
        call.Set(0, TfliteLists.Put(call, Filled(call), place, call.Graph.Unsqueeze(call.Value(2), 0)));
    }

    private static string Filled(TfliteCall call) => call.Value(0) is var list && !call.Scope.Context.Lists.ContainsKey(list) ? list : throw call.Fault("its list is empty; only a list that a loop fills is supported");

    private static string Sizes(TfliteCall loop, TfliteSubgraph body, string[] first, TfliteTensor item)
    {
        if (!item.Signature.Contains(-1)) return loop.Graph.Axes(Array.ConvertAll(item.Shape, size => (long)size));
        var like = Array.FindIndex(body.Inputs, index => body.Tensors[index] is var carried && carried.Shape.AsSpan().SequenceEqual(item.Shape) && carried.Signature.AsSpan().SequenceEqual(item.Signature));
        return like >= 0 ? loop.Graph.Op("Shape", [first[like]]) : throw loop.Fault("it fills a list with items of an open size that no value it carries has. Convert the original model instead, or save it for TensorFlow Lite with a fixed batch");
    }
}
