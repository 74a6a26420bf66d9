using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Operators that move elements: shapes, slices, joins, lookups and padding.</summary>
internal static class TfliteShaping
{
    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["RESHAPE"] = Reshape,
        ["SQUEEZE"] = Squeeze,
        ["EXPAND_DIMS"] = Expand,
        ["TRANSPOSE"] = Transpose,
        ["CONCATENATION"] = Concatenate,
        ["PACK"] = Pack,
        ["SLICE"] = Slice,
        ["STRIDED_SLICE"] = TfliteStridedSlice.Write,
        ["PAD"] = call => Pad(call, "constant", null),
        ["PADV2"] = call => Pad(call, "constant", call.Value(2)),
        ["MIRROR_PAD"] = MirrorPad,
        ["TILE"] = call => call.Graph.Op("Tile", [call.Value(0), call.Vector(1)]),
        ["GATHER"] = Gather,
        ["GATHER_ND"] = call => call.Graph.Op("GatherND", [call.Value(0), call.Long(1)]),
        ["DENSIFY"] = call => call.Value(0),
        ["BROADCAST_ARGS"] = BroadcastSizes,
        ["EMBEDDING_LOOKUP"] = call => call.Graph.Op("Gather", [call.Value(1), call.Long(0)], ("axis", 0L)),
        ["BROADCAST_TO"] = call => call.Graph.Op("Expand", [call.Value(0), call.Vector(1)]),
        ["FILL"] = call => call.Graph.Op("Expand", [call.Value(1), call.Vector(0)]),
        ["RANGE"] = call => call.Graph.Op("Range", [call.Value(0), call.Value(1), call.Value(2)]),
        ["SHAPE"] = call => call.As(call.Graph.Op("Shape", [call.Value(0)]), ElementType.Int64),
        ["RANK"] = call => call.As(call.Graph.Op("Size", [call.Graph.Op("Shape", [call.Value(0)])]), ElementType.Int64),
        ["WHERE"] = Where,
        ["REVERSE_V2"] = Reverse,
        ["REVERSE_SEQUENCE"] = call => call.Graph.Op("ReverseSequence", [call.Value(0), call.Long(1)], ("time_axis", (long)call.Options.Int(0)), ("batch_axis", (long)call.Options.Int(1))),
        ["ONE_HOT"] = OneHot,
        ["DYNAMIC_UPDATE_SLICE"] = DynamicUpdateSlice,
        ["SCATTER_ND"] = ScatterNd,
        ["SPACE_TO_BATCH_ND"] = SpaceToBatch,
        ["BATCH_TO_SPACE_ND"] = BatchToSpace,
    };

    /// <summary>Sizes of 0 are sizes here, not copies of the input's.</summary>
    private static string Reshape(TfliteCall call)
    {
        var shape = call.Has(1) ? call.Vector(1) : call.Graph.Axes(Array.ConvertAll(call.Options.Ints(0), size => (long)size));
        if (IsComplex(call)) shape = call.Graph.Op("Concat", [shape, call.Graph.Axes(2)], ("axis", 0L));
        return call.Graph.Op("Reshape", [call.Value(0), shape], ("allowzero", 1L));
    }

    private static string Squeeze(TfliteCall call)
    {
        var axes = call.Options.Ints(0);
        if (IsComplex(call)) axes = Array.ConvertAll(axes, axis => call.Axis(axis, call.Tensor(0).Rank));
        return call.Graph.Op("Squeeze", axes.Length == 0 ? [call.Value(0)] : [call.Value(0), call.Graph.Axes(Array.ConvertAll(axes, axis => (long)axis))]);
    }

    private static string Expand(TfliteCall call) =>
        call.Graph.Op("Unsqueeze", [call.Value(0), IsComplex(call) ? call.Graph.Axes([.. call.Integers(1).Select(axis => (long)call.Axis(axis, call.Tensor(0).Rank + 1))]) : call.Vector(1)]);

    private static bool IsComplex(TfliteCall call) => call.Tensor(0).Type == TfliteType.Complex64;

    private static string Transpose(TfliteCall call) => call.Graph.Transpose(call.Value(0), call.Integers(1));

    private static string Concatenate(TfliteCall call)
    {
        if (TfliteLists.SetItem(call) is { } list) return list;
        _ = call.Value(0);
        string[] parts = [.. Enumerable.Range(0, call.Inputs).Select(call.Value)];
        var joined = parts.Length == 1 ? parts[0] : call.Graph.Op("Concat", parts, ("axis", (long)call.Options.Int(0)));
        return TfliteActivations.Of(call, joined, call.Options.Byte(1));
    }

    private static string Pack(TfliteCall call)
    {
        var axis = call.Options.Int(1);
        _ = call.Value(0);
        string[] parts = [.. Enumerable.Range(0, call.Inputs).Select(i => call.Graph.Unsqueeze(call.Value(i), axis))];
        return parts.Length == 1 ? parts[0] : call.Graph.Op("Concat", parts, ("axis", (long)axis));
    }

    /// <summary>A size of -1 goes to the end.</summary>
    private static string Slice(TfliteCall call)
    {
        var graph = call.Graph;
        var count = call.Tensor(1).Shape is [<= Format.Shape.MaxRank and var size] ? size : throw call.Fault($"its beginnings have shape [{string.Join(", ", call.Tensor(1).Shape)}]; they must be a vector with a number for each axis");
        var axes = graph.Axes([.. Enumerable.Range(0, count).Select(a => (long)a)]);
        var begin = call.Vector(1);
        string ends;
        if (call.IsConstant(2))
        {
            var sizes = call.Integers(2);
            if (sizes.Length != count) throw call.Fault($"it has {count} beginnings and {sizes.Length} sizes");
            if (call.IsConstant(1)) ends = graph.Axes([.. call.Integers(1).Zip(sizes, (b, s) => s < 0 ? long.MaxValue : b + s)]);
            else ends = graph.Op("Where", [graph.Constant("whole", IrTensor.Of<bool>([count], Array.ConvertAll(sizes, s => s < 0))), graph.Axes([.. sizes.Select(_ => long.MaxValue)]), graph.Op("Add", [begin, graph.Axes(sizes)])]);
        }
        else
        {
            var sizes = call.Vector(2);
            ends = graph.Op("Where", [graph.Op("Less", [sizes, graph.Axes(0)]), graph.Axes([.. Enumerable.Repeat(long.MaxValue, count)]), graph.Op("Add", [begin, sizes])]);
        }

        return graph.Op("Slice", [call.Value(0), begin, ends, axes]);
    }

    private static string Pad(TfliteCall call, string mode, string? fill)
    {
        string pads;
        if (call.IsConstant(1))
        {
            var pairs = call.Integers(1);
            if (call.Tensor(1).Shape is not [_, 2]) throw call.Fault("its paddings are not pairs");
            pads = call.Graph.Axes([.. pairs.Where((_, i) => i % 2 == 0), .. pairs.Where((_, i) => i % 2 == 1)]);
        }
        else
        {
            pads = call.Graph.Op("Reshape", [call.Graph.Transpose(call.Long(1), 1, 0), call.Graph.Axes(-1)]);
        }

        return call.Graph.Op("Pad", fill is null ? [call.Value(0), pads] : [call.Value(0), pads, fill], ("mode", mode));
    }

    private static string MirrorPad(TfliteCall call)
    {
        const int symmetric = 1;
        if (call.Options.Byte(0) != symmetric) return Pad(call, "reflect", null);
        // Repeating the border once is the same as continuing it by one element.
        return Array.TrueForAll(call.Integers(1), pad => pad <= 1) ? Pad(call, "edge", null) : throw call.Fault("symmetric padding by more than one element is not supported");
    }

    private static string Gather(TfliteCall call)
    {
        var (rank, batches) = (call.Tensor(0).Rank, call.Options.Int(1));
        var axis = call.Options.Int(0);
        if (batches < 0) batches += call.Tensor(1).Rank;
        if (batches == 0) return call.Graph.Op("Gather", [call.Value(0), call.Long(1)], ("axis", (long)axis));
        if (call.Axis(axis, rank) != batches) throw call.Fault($"a lookup along axis {axis} with {batches} batch dimensions is not supported");
        return call.Graph.Op("GatherND", [call.Value(0), call.Graph.Unsqueeze(call.Long(1), -1)], ("batch_dims", (long)batches));
    }

    private static string Where(TfliteCall call)
    {
        if (call.Inputs != 1) throw call.Fault("it has more than one input");
        return call.As(call.Graph.Transpose(call.Graph.Op("NonZero", [call.Value(0)]), 1, 0), ElementType.Int64);
    }

    private static string Reverse(TfliteCall call)
    {
        var axes = call.Integers(1);
        return axes.Length == 0 ? call.Value(0) : call.Graph.Reversed(call.Value(0), axes);
    }

    private static string OneHot(TfliteCall call)
    {
        string One(int input) => call.Graph.Op("Reshape", [call.Value(input), call.Graph.Axes(1)]);
        var depth = call.Long(1);
        return call.Graph.Op("OneHot", [call.Graph.BeyondIfNegative(call.Long(0), depth), depth, call.Graph.Op("Concat", [One(3), One(2)], ("axis", 0L))], ("axis", (long)call.Options.Int(0)));
    }

    /// <summary>The shape that two shapes have together: sizes of 1 follow the other's.</summary>
    private static string BroadcastSizes(TfliteCall call)
    {
        if (call.Tensor(0).Shape is not [var first] || call.Tensor(1).Shape is not [var second] || Math.Max(first, second) > Format.Shape.MaxRank) throw call.Fault("its inputs are not shapes");
        string Wide(int input, int missing) => missing <= 0 ? call.Vector(input) : call.Graph.Op("Concat", [call.Graph.Axes([.. Enumerable.Repeat(1L, missing)]), call.Vector(input)], ("axis", 0L));
        var (a, b) = (Wide(0, second - first), Wide(1, first - second));
        return call.As(call.Graph.Op("Where", [call.Graph.Op("Equal", [a, call.Graph.Axes(1)]), b, a]), ElementType.Int64);
    }

    /// <summary>Writes whole rows along the first axis where they differ in size; writing at the beginning of the other axes is the same.</summary>
    private static string DynamicUpdateSlice(TfliteCall call)
    {
        var (whole, part) = (call.Tensor(0).Shape, call.Tensor(1).Shape);
        if (part.Length != whole.Length || part.Length == 0 || part[0] != 1 || !part.AsSpan(1).SequenceEqual(whole.AsSpan(1))) throw call.Fault($"writing [{string.Join(", ", part)}] into [{string.Join(", ", whole)}] is not supported; only one whole step along the first axis is");
        var row = call.Graph.Op("Slice", [call.Vector(2), call.Graph.Axes(0), call.Graph.Axes(1), call.Graph.Axes(0)]);
        return TfliteLists.Put(call, call.Value(0), call.Graph.Op("Reshape", [row, call.Graph.Axes(1, 1)]), call.Value(1));
    }

    private static string ScatterNd(TfliteCall call)
    {
        var zeros = call.Graph.Op("Expand", [call.Cast(call.Graph.Number(0), call.Result().Element), call.Vector(2)]);
        return call.Graph.Op("ScatterND", [zeros, call.Long(0), call.Value(1)], ("reduction", "add"));
    }

    /// <summary>Moves blocks of the spatial axes into the batch, as dilated convolutions are written.</summary>
    private static string SpaceToBatch(TfliteCall call)
    {
        var (graph, shape, blocks, pads) = (call.Graph, call.Tensor(0).Shape, call.Integers(1), call.Integers(2));
        var count = blocks.Length;
        Check(call, shape, blocks, pads);
        long[] before = [0, .. pads.Where((_, i) => i % 2 == 0), .. new long[shape.Length - count - 1]];
        long[] after = [0, .. pads.Where((_, i) => i % 2 == 1), .. new long[shape.Length - count - 1]];
        var padded = graph.Op("Pad", [call.Value(0), graph.Axes([.. before, .. after])], ("mode", "constant"));
        long[] rest = [.. shape[(count + 1)..].Select(s => (long)s)];
        long Size(int i) => shape[i + 1] + before[i + 1] + after[i + 1];
        if (Enumerable.Range(0, count).Any(i => Size(i) % blocks[i] != 0)) throw call.Fault("its blocks do not divide its input");
        long[] split = [.. Enumerable.Range(0, count).SelectMany(i => new[] { Size(i) / blocks[i], blocks[i] })];
        long[] order = [.. Enumerable.Range(0, count).Select(i => 2L + 2 * i), 0, .. Enumerable.Range(0, count).Select(i => 1L + 2 * i), .. Enumerable.Range(0, rest.Length).Select(i => 1L + 2 * count + i)];
        var moved = graph.Transpose(graph.Op("Reshape", [padded, graph.Axes([-1, .. split, .. rest])]), order);
        return graph.Op("Reshape", [moved, graph.Axes([-1, .. Enumerable.Range(0, count).Select(i => Size(i) / blocks[i]), .. rest])]);
    }

    private static string BatchToSpace(TfliteCall call)
    {
        var (graph, shape, blocks, crops) = (call.Graph, call.Tensor(0).Shape, call.Integers(1), call.Integers(2));
        var count = blocks.Length;
        Check(call, shape, blocks, crops);
        long[] rest = [.. shape[(count + 1)..].Select(s => (long)s)];
        long[] sizes = [.. Enumerable.Range(0, count).Select(i => (long)shape[i + 1])];
        // [blocks…, batch, sizes…, rest…] to [batch, size, block, …, rest…]
        long[] order = [count, .. Enumerable.Range(0, count).SelectMany(i => new long[] { count + 1 + i, i }), .. Enumerable.Range(0, rest.Length).Select(i => 2L * count + 1 + i)];
        var moved = graph.Transpose(graph.Op("Reshape", [call.Value(0), graph.Axes([.. blocks, -1, .. sizes, .. rest])]), order);
        var whole = graph.Op("Reshape", [moved, graph.Axes([-1, .. sizes.Zip(blocks, (s, b) => s * b), .. rest])]);
        long[] begins = [.. crops.Where((_, i) => i % 2 == 0)];
        long[] ends = [.. Enumerable.Range(0, count).Select(i => sizes[i] * blocks[i] - crops[2 * i + 1])];
        return graph.Op("Slice", [whole, graph.Axes(begins), graph.Axes(ends), graph.Axes([.. Enumerable.Range(1, count).Select(a => (long)a)])]);
    }

    private static void Check(TfliteCall call, int[] shape, long[] blocks, long[] pairs)
    {
        if (blocks.Length == 0 || shape.Length < blocks.Length + 1 || pairs.Length != 2 * blocks.Length || Array.Exists(blocks, b => b is < 1 or > 1 << 20) || Array.Exists(pairs, p => p is < 0 or > 1 << 24)) throw call.Fault("its blocks or its paddings do not fit its input");
        if (call.Tensor(0).Signature.Skip(1).Any(size => size < 0)) throw call.Fault("blocks of open sizes are not supported");
    }
}
