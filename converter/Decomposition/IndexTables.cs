using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>
/// Constant index tables that name a part of a tensor as a list of places on each axis. Exporters write slices, and assignments to
/// slices, with an index for every element. This turns them into slices; an assignment joins slices again. A list that is not a slice
/// becomes one short Gather on its axis.
/// </summary>
internal static class IndexTables
{
    /// <summary>Smaller tables cost no more than the slices that would replace them.</summary>
    private const int Few = 16;

    /// <summary>The nodes that replace a gather or scatter. Null if it stays.</summary>
    public static List<IrNode>? Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        if (node.Inputs.Count < 2 || evaluator.KnownContent(node.Input(1)) is not { Type: ElementType.Int64 or ElementType.Int32, Count: > 0 } table || evaluator.KnownContent(node.Input(0)) is not null) return null;
        var sizes = evaluator.ShapeOf(node.Input(0)).Sizes;
        CheckPlaces(node, table, sizes);
        if (table.Count <= Few && node.Op != "ScatterND") return null;
        var x = new Expansion(node, graph);
        return node.Op switch
        {
            "ScatterND" when Tuples(table, sizes) is { } part => Scatter(node, part, Inner(sizes, part), x),
            "ScatterElements" when Elements(table, sizes, node.Int("axis", 0)) is { } part && Name(node) is not null => x.Finish(Put(x, node, node.Input(0), node.Input(2), sizes, part.Lists, 0)),
            "GatherND" when node.Int("batch_dims", 0) == 0 && Tuples(table, sizes) is { } part => Take(node, part, Inner(sizes, part), table, x),
            "GatherElements" when Elements(table, sizes, node.Int("axis", 0)) is { } part => x.Finish(TakeAll(x, node.Input(0), sizes, part.Lists)),
            "Gather" => Slice(node, table, sizes, x),
            _ => null,
        };
    }

    /// <summary>Refuses a constant index that lies outside its axis.</summary>
    private static void CheckPlaces(IrNode node, IrTensor table, int[] sizes)
    {
        if (node.Op is "ScatterND" or "GatherND")
        {
            CheckTuples(table, sizes, node.Op == "GatherND" ? (int)node.Int("batch_dims", 0) : 0);
            return;
        }

        var axis = (int)node.Int("axis", 0);
        if (axis < 0) axis += sizes.Length;
        if (axis < 0 || axis >= sizes.Length || sizes[axis] is not (>= 0 and var size)) return;
        foreach (var index in table.Integers())
        {
            if (index < -size || index >= size) throw new ShapeFault($"its index {index} is outside axis {axis} of size {size}.");
        }
    }

    private static void CheckTuples(IrTensor table, int[] sizes, int first)
    {
        var length = table.Shape.Length == 0 ? 0 : table.Shape[^1];
        if (length == 0 || first < 0 || first + length > sizes.Length) return;
        foreach (var (place, index) in table.Integers().Index())
        {
            var axis = first + place % length;
            if (sizes[axis] is >= 0 and var size && (index < -size || index >= size)) throw new ShapeFault($"its index {index} is outside axis {axis} of size {size}.");
        }
    }

    private static List<IrNode>? Scatter(IrNode node, Part part, int[] inner, Expansion x)
    {
        if (Name(node) is null || inner.Count(s => s < 0) > 1) return null;
        // Updates [table's axes, inner] in the order of the tensor's axes.
        var updates = node.Input(2);
        if (!part.Order.SequenceEqual(part.Order.Order())) updates = x.Add("Transpose", [updates], ("perm", (long[])[.. part.Order, .. Enumerable.Range(part.Order.Length, inner.Length)]));
        updates = x.Add("Reshape", [updates, x.Vector([.. part.Lists.Select(l => (long)l.Length), .. inner.Select(s => (long)s)])]);
        return x.Finish(Put(x, node, node.Input(0), updates, part.Sizes, part.Lists, 0));
    }

    private static List<IrNode>? Take(IrNode node, Part part, int[] inner, IrTensor table, Expansion x)
    {
        if (inner.Count(s => s < 0) > 1) return null;
        var taken = TakeAll(x, node.Input(0), part.Sizes, part.Lists);
        var outer = table.Shape[..^1];
        if (part.Order.SequenceEqual(part.Order.Order())) return x.Finish(x.Add("Reshape", [taken, x.Vector([.. outer.Select(s => (long)s), .. inner.Select(s => (long)s)])]));
        // From the order of the tensor's axes to the order of the table's axes.
        taken = x.Add("Reshape", [taken, x.Vector([.. part.Order.Select(d => (long)outer[d]), .. inner.Select(s => (long)s)])]);
        return x.Finish(x.Add("Transpose", [taken], ("perm", (long[])[.. Enumerable.Range(0, outer.Length).Select(d => (long)Array.IndexOf(part.Order, d)), .. Enumerable.Range(outer.Length, inner.Length)])));
    }

    private static List<IrNode>? Slice(IrNode node, IrTensor table, int[] sizes, Expansion x)
    {
        var axis = (int)node.Int("axis", 0);
        if (axis < 0) axis += sizes.Length;
        if (axis < 0 || axis >= sizes.Length || Places(table.Integers(), sizes[axis]) is not { } list || Step(list) is null || (table.Shape.Length != 1 && sizes.Count(s => s < 0) > 1)) return null;
        var taken = TakeFrom(x, node.Input(0), list, axis, sizes[axis]);
        return x.Finish(table.Shape.Length == 1 ? taken : x.Add("Reshape", [taken, x.Vector([.. sizes[..axis].Concat(table.Shape).Concat(sizes[(axis + 1)..]).Select(s => (long)s)])]));
    }

    /// <summary>Puts <paramref name="updates"/> into <paramref name="data"/> at the listed places, from an axis on.</summary>
    private static string Put(Expansion x, IrNode node, string data, string updates, int[] sizes, int[][] lists, int axis)
    {
        while (axis < lists.Length && IsWhole(lists[axis], sizes[axis])) axis++;
        var op = Name(node)!;
        if (axis == lists.Length) return op.Length == 0 ? updates : x.Add(op, [data, updates]);
        var (list, size) = (lists[axis], sizes[axis]);
        var isLast = op.Length == 0 && Enumerable.Range(axis + 1, lists.Length - axis - 1).All(a => IsWhole(lists[a], sizes[a]));
        var part = isLast ? updates : Put(x, node, TakeFrom(x, data, list, axis, size), updates, sizes, lists, axis + 1);
        if (Step(list) is 1 or -1)
        {
            if (Step(list) == -1 && list.Length > 1) part = Cut(x, part, -1, long.MinValue, axis, -1);
            var (first, end) = (list.Min(), list.Max() + 1);
            var parts = new List<string>();
            if (first > 0) parts.Add(Cut(x, data, 0, first, axis, 1));
            parts.Add(part);
            if (end != size) parts.Add(Cut(x, data, end, long.MaxValue, axis, 1));
            return parts.Count == 1 ? part : x.Add("Concat", [.. parts], ("axis", (long)axis));
        }

        var from = Enumerable.Range(0, size).Select(i => (long)i).ToArray();
        for (var i = 0; i < list.Length; i++) from[list[i]] = size + i;
        return x.Add("Gather", [x.Add("Concat", [data, part], ("axis", (long)axis)), x.Vector(from)], ("axis", (long)axis));
    }

    private static string TakeAll(Expansion x, string data, int[] sizes, int[][] lists)
    {
        for (var axis = 0; axis < lists.Length; axis++) data = TakeFrom(x, data, lists[axis], axis, sizes[axis]);
        return data;
    }

    private static string TakeFrom(Expansion x, string data, int[] list, int axis, int size)
    {
        if (IsWhole(list, size)) return data;
        if (Step(list) is not { } step) return x.Add("Gather", [data, x.Vector([.. list.Select(i => (long)i)])], ("axis", (long)axis));
        var end = list[^1] + Math.Sign(step);
        return Cut(x, data, list[0], end < 0 ? long.MinValue : end, axis, step);
    }

    private static string Cut(Expansion x, string data, long start, long end, int axis, long step) =>
        x.Add("Slice", step == 1 ? [data, x.Vector(start), x.Vector(end), x.Vector(axis)] : [data, x.Vector(start), x.Vector(end), x.Vector(axis), x.Vector(step)]);

    /// <summary>The binary operator that a scatter combines values with. Empty if it overwrites; null if it is unsupported.</summary>
    private static string? Name(IrNode node) => node.String("reduction", "none") switch { "none" => "", "add" => "Add", "mul" => "Mul", "max" => "Max", "min" => "Min", _ => null };

    private static int[] Inner(int[] sizes, Part part) => sizes[part.Lists.Length..];

    private static bool IsWhole(int[] list, int size) => list.Length == size && list[0] == 0 && (size == 1 || (Step(list) == 1 && list[^1] == size - 1));

    /// <summary>The constant step between the places of a list. Null if there is none.</summary>
    private static int? Step(int[] list)
    {
        var step = list.Length > 1 ? list[1] - list[0] : 1;
        for (var i = 1; i < list.Length; i++)
        {
            if (list[i] - list[i - 1] != step) return null;
        }

        return step == 0 ? null : step;
    }

    /// <summary>Distinct places on an axis, counted from its start. Null if there is a duplicate. On an axis of unknown size, only a forward run is accepted.</summary>
    private static int[]? Places(IEnumerable<long> indices, int size)
    {
        var list = indices.Select(i => i < 0 && size >= 0 ? i + size : i).ToArray();
        if (Array.Exists(list, i => i < 0 || i > int.MaxValue || (size >= 0 && i >= size)) || list.Distinct().Count() != list.Length) return null;
        var places = Array.ConvertAll(list, i => (int)i);
        return size >= 0 || Step(places) == 1 ? places : null;
    }

    /// <summary>Index tuples that name a list of places on each of the first axes.</summary>
    private static Part? Tuples(IrTensor table, int[] sizes)
    {
        var width = table.Shape[^1];
        if (width < 1 || width > sizes.Length) return null;
        var values = table.Integers();
        var outer = table.Shape[..^1];
        return OnePerAxis(values, width, outer, sizes) ?? InOrder(values, width, outer, sizes);
    }

    /// <summary>Each index of a tuple follows one axis of the table, and each axis is followed by one index.</summary>
    private static Part? OnePerAxis(long[] values, int width, int[] outer, int[] sizes)
    {
        var strides = new int[outer.Length];
        for (int d = outer.Length - 1, stride = 1; d >= 0; stride *= outer[d--]) strides[d] = stride;
        var (lists, order) = (new int[width][], new List<int>());
        for (var j = 0; j < width; j++)
        {
            var follows = Enumerable.Range(0, outer.Length).Where(d => outer[d] > 1 && values[strides[d] * width + j] != values[j]).ToList();
            if (follows.Count > 1 || (follows.Count == 1 && order.Contains(follows[0]))) return null;
            var (axis, length) = follows.Count == 1 ? (follows[0], outer[follows[0]]) : (-1, 1);
            if (Places(Enumerable.Range(0, length).Select(i => values[(axis < 0 ? 0 : i * strides[axis]) * width + j]), sizes[j]) is not { } list) return null;
            for (var tuple = 0; tuple < values.Length / width; tuple++)
            {
                if (values[tuple * width + j] != values[(axis < 0 ? 0 : tuple / strides[axis] % length * strides[axis]) * width + j]) return null;
            }

            lists[j] = list;
            if (axis >= 0) order.Add(axis);
        }

        var unused = Enumerable.Range(0, outer.Length).Except(order).ToList();
        return unused.TrueForAll(d => outer[d] == 1) ? new Part(lists, sizes, [.. Merged(order, unused)]) : null;
    }

    /// <summary>The table's axes in the order of the tensor's axes. Axes of one element stay in place.</summary>
    private static IEnumerable<int> Merged(List<int> order, List<int> single)
    {
        var next = 0;
        for (var d = 0; d < order.Count + single.Count; d++) yield return single.Contains(d) ? d : order[next++];
    }

    /// <summary>The tuples visit all places in order, the last axis fastest, for any shape of the table.</summary>
    private static Part? InOrder(long[] values, int width, int[] outer, int[] sizes)
    {
        var count = values.Length / width;
        var lists = new int[width][];
        var run = count;
        for (var j = 0; j < width; j++)
        {
            // For fixed places on the axes before it, an index repeats each value once for every combination of places on the axes after it.
            var distinct = Enumerable.Range(0, run).Select(t => values[t * width + j]).Distinct().ToArray();
            if (run % distinct.Length != 0 || Places(distinct, sizes[j]) is not { } list) return null;
            lists[j] = list;
            run /= list.Length;
            for (var t = 0; t < count; t++)
            {
                if (values[t * width + j] != distinct[t / run % list.Length]) return null;
            }
        }

        return run == 1 ? new Part(lists, sizes, [.. Enumerable.Range(0, outer.Length)]) : null;
    }

    /// <summary>Element indices that depend on the position on one axis only; on the other axes they count from 0.</summary>
    private static Part? Elements(IrTensor table, int[] sizes, long along)
    {
        var axis = (int)(along < 0 ? along + sizes.Length : along);
        if (axis < 0 || axis >= sizes.Length || table.Shape.Length != sizes.Length) return null;
        var values = table.Integers();
        var stride = table.Shape[(axis + 1)..].Aggregate(1, (a, b) => a * b);
        if (Places(Enumerable.Range(0, table.Shape[axis]).Select(i => values[i * stride]), sizes[axis]) is not { } list) return null;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] != values[i / stride % table.Shape[axis] * stride]) return null;
        }

        return new Part([.. table.Shape.Select((size, d) => d == axis ? list : [.. Enumerable.Range(0, size)])], sizes, []);
    }

    /// <summary>A part of a tensor: places on each of its first axes, the numbers of places, and the table's axes in the order of the tensor's.</summary>
    private sealed record Part(int[][] Lists, int[] Sizes, int[] Order);
}
