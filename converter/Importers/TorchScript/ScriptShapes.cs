using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's operators that only move elements.</summary>
internal sealed class ScriptShapes(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>Operators that put all elements of a tensor, or some of them, in another shape.</summary>
    public static readonly HashSet<string> Moves = new(["select", "slice", "narrow", "unsqueeze", "squeeze", "transpose", "swapaxes", "permute", "t", "view", "reshape", "flatten", "expand", "numpy_T"], StringComparer.Ordinal);

    private readonly ScriptMakers _makers = new(operators, run, graph);

    /// <summary>The result. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args)
    {
        if (_makers.Call(name, args) is { } made) return made;
        switch (name)
        {
            case "stack" or "cat" or "concat" or "concatenate" when args[0, "tensors"] is ScriptSeries series: return Joined(series, args, name == "stack");
            case "cat" or "concat" or "concatenate": return Joined(args);
            case "stack":
                var parts = args.Tensors(0, "tensors");
                if (parts.Length == 0) throw run.Fault("an empty list is stacked");
                var at = args.Axis(1, "dim", parts[0].Rank + 1, 0);
                return Joined([.. parts.Select(part => Unsqueezed(part, at))], at);
        }

        if (args[0, "self"] is not ScriptTensor x) return null;
        switch (name)
        {
            case "t" when x is { Rank: 2, Weight: not null }: return x with { IsTurned = !x.IsTurned, Sizes = [x.Sizes[1], x.Sizes[0]] };
            case "t" or "numpy_T" when x.Rank < 2: return x;
            case "t" or "numpy_T" when x.Rank == 2: return Turned(x, [1, 0]);
            case "unsqueeze" or "unsqueeze_": return Unsqueezed(x, args.Axis(1, "dim", x.Rank + 1, 0));
            case "squeeze" when args[1, "dim"] is null:
                int[] ones = [.. x.Sizes.Index().Where(size => size.Item.Number == 1).Select(size => size.Index)];
                if (x.Sizes.Any(size => size.Number is null)) run.Note($"{run.Where}: squeeze() takes away the axes of size 1; those of a size that is not known are kept, also where it is 1");
                return ones.Length == 0 ? x : operators.Node("Squeeze", [.. x.Sizes.Index().Where(size => !ones.Contains(size.Index)).Select(size => size.Item)], [operators.Use(x), graph.Axes([.. ones.Select(axis => (long)axis)])]);
            case "squeeze":
                var dropped = args.Axis(1, "dim", x.Rank, 0);
                if (x.Sizes[dropped].Number is > 1) return x;
                if (!x.Sizes[dropped].Join(new ScriptSize(1))) throw run.Fault("squeeze takes an axis of another size than 1");
                return operators.Node("Squeeze", Without(x, dropped), [operators.Use(x), graph.Axes(dropped)]);
            case "transpose" or "swapaxes":
                int[] order = [.. Enumerable.Range(0, x.Rank)];
                var (a, b) = (args.Axis(1, "dim0", x.Rank, 0), args.Axis(2, "dim1", x.Rank, 1));
                (order[a], order[b]) = (order[b], order[a]);
                return Turned(x, order);
            case "permute":
                int[] axes = [.. args.Ints(1, "dims").Select(axis => (int)(axis < 0 ? axis + x.Rank : axis))];
                if (!axes.Order().SequenceEqual(Enumerable.Range(0, x.Rank))) throw run.Fault("permute does not take every axis once");
                return Turned(x, axes);
            case "slice": return Sliced(x, args);
            case "narrow": return Narrowed(x, args.Axis(1, "dim", x.Rank, 0), args[2, "start"], args.Int(3, "length", 1));
            case "select": return Element(x, args.Axis(1, "dim", x.Rank, 0), args[2, "index"]);
            case "view" or "reshape" when args[1, "shape"] is IList<object?> shape: return Reshaped(x, shape);
            case "view_as" or "reshape_as": return Reshaped(x, [.. args.Tensor(1, "other").Sizes.Select(ScriptScalars.Plain)]);
            case "unflatten":
                var folded = args.Axis(1, "dim", x.Rank, 0);
                return Reshaped(x, [.. x.Sizes[..folded].Select(ScriptScalars.Plain), .. args.List(2, "sizes"), .. x.Sizes[(folded + 1)..].Select(ScriptScalars.Plain)]);
            case "expand" or "expand_as": return Expanded(x, name == "expand" ? args.List(1, "size") : [.. args.Tensor(1, "other").Sizes.Select(ScriptScalars.Plain)]);
            case "repeat" or "tile": return Repeated(x, args.Ints(1, name == "tile" ? "dims" : "repeats"));
            case "flip":
                long[] turned = [.. args.Ints(1, "dims").Select(axis => axis < 0 ? axis + x.Rank : axis)];
                if (turned.Length == 0 || Array.Exists(turned, axis => axis < 0 || axis >= x.Rank)) throw run.Fault("an axis is out of range");
                return operators.Told(new ScriptTensor(x.Sizes) { Value = graph.Reversed(operators.Use(x), turned) });
            case "index_select" or "index" when Indices(args, name) is var (along, places): return Gathered(x, along, places);
            case "gather":
                var gathered = args.Axis(1, "dim", x.Rank, 0);
                return operators.Node("GatherElements", args.Tensor(2, "index").Sizes, [operators.Use(x), operators.Use(operators.Index(args.Tensor(2, "index")))], ("axis", (long)gathered));
            case "unbind":
                var unbound = args.Axis(1, "dim", x.Rank, 0);
                return x.Sizes[unbound].Number is not { } count ? new ScriptSeries(x, unbound) : count > MostParts ? throw run.Fault($"{name} makes more than {MostParts} parts") : Enumerable.Range(0, count).Select(object? (i) => Element(x, unbound, (long)i)).ToList();
            case "split_with_sizes" or "split" when args[1, "split_sizes"] is IList<object?>: return Parts(x, args.Axis(2, "dim", x.Rank, 0), args.Ints(1, "split_sizes"));
            case "flatten":
                var (from, to) = (args.Axis(1, "start_dim", x.Rank, 0), args.Axis(2, "end_dim", x.Rank, -1));
                object?[] sizes = [.. x.Sizes[..from].Select(ScriptScalars.Plain), -1L, .. x.Sizes[(to + 1)..].Select(ScriptScalars.Plain)];
                return Reshaped(x, sizes);
            case "chunk" or "split": return Parts(x, args, name);
            default: return null;
        }
    }

    private const int MostParts = 1024;

    private static ScriptSize[] Without(ScriptTensor x, int axis) => [.. x.Sizes[..axis], .. x.Sizes[(axis + 1)..]];

    private ScriptTensor Unsqueezed(ScriptTensor x, int axis) => operators.Node("Unsqueeze", [.. x.Sizes[..axis], new ScriptSize(1), .. x.Sizes[axis..]], [operators.Use(x), graph.Axes(axis)]);

    public ScriptTensor Turned(ScriptTensor x, int[] order) => operators.Node("Transpose", Array.ConvertAll(order, axis => x.Sizes[axis]), [operators.Use(x)], ("perm", Array.ConvertAll(order, axis => (long)axis)));

    private ScriptTensor Joined(ScriptArguments args)
    {
        var parts = args.Tensors(0, "tensors");
        return Joined(parts, args.Axis(1, "dim", parts.Length == 0 ? 0 : parts[0].Rank, 0));
    }

    private ScriptTensor Joined(ScriptTensor[] parts, int axis)
    {
        if (parts.Length == 0 || Array.Exists(parts, part => part.Rank != parts[0].Rank)) throw run.Fault("tensors of different ranks are joined");
        ScriptSize[] sizes = [.. parts[0].Sizes];
        for (var i = 0; i < sizes.Length; i++)
        {
            if (i != axis && !Array.TrueForAll(parts, part => part.Sizes[i].Join(sizes[i]))) throw run.Fault($"tensors of shapes {string.Join(" and ", parts.Select(part => part.ToString()))} are joined along axis {axis}");
        }

        sizes[axis] = Array.TrueForAll(parts, part => part.Sizes[axis].Number is not null) ? new ScriptSize(parts.Sum(part => part.Sizes[axis].Number!.Value)) : new ScriptSize();
        return operators.Node("Concat", sizes, [.. parts.Select(operators.Use)], ("axis", (long)axis));
    }

    /// <summary>A list along an axis as one tensor.</summary>
    private ScriptTensor Joined(ScriptSeries series, ScriptArguments args, bool isStacked)
    {
        var x = series.Of;
        var at = args.Axis(1, "dim", isStacked ? x.Rank : x.Rank - 1, 0);
        int[] order = [.. Enumerable.Range(0, x.Rank).Where(axis => axis != series.Axis)];
        order = [.. order[..at], series.Axis, .. order[at..]];
        var turned = order.SequenceEqual(Enumerable.Range(0, x.Rank)) ? x : Turned(x, order);
        if (isStacked) return turned;
        // Joined along an axis, the parts lie one after another.
        return Reshaped(turned, [.. turned.Sizes[..at].Select(ScriptScalars.Plain), -1L, .. turned.Sizes[(at + 2)..].Select(ScriptScalars.Plain)]);
    }

    private ScriptTensor Sliced(ScriptTensor x, ScriptArguments args)
    {
        if (x.Rank == 0) throw run.Fault("a number is sliced");
        var axis = args.Axis(1, "dim", x.Rank, 0);
        var step = args.Int(4, "step", 1);
        if (step < 1) throw run.Fault("a slice has a step below 1");
        if (args[2, "start"] is ScriptIndex or ScriptSize { Number: null } || args[3, "end"] is ScriptIndex or ScriptSize { Number: null })
        {
            if (args[2, "start"] is null or 0L && args[3, "end"] is ScriptSize whole && whole.Is(x.Sizes[axis]) && step == 1) return x;
            return SlicedAt(x, axis, args[2, "start"] ?? 0L, args[3, "end"] ?? (long)int.MaxValue, step);
        }

        var (start, end) = (args.Int(2, "start", 0), args.Int(3, "end", long.MaxValue));
        if (start == 0 && end >= int.MaxValue && step == 1) return x;
        var size = new ScriptSize();
        if (x.Sizes[axis].Number is { } all)
        {
            long From(long at) => Math.Clamp(at < 0 ? at + all : at, 0, all);
            size = new ScriptSize((int)Math.Max(0, (From(end) - From(start) + step - 1) / step));
        }

        ScriptSize[] sizes = [.. x.Sizes];
        sizes[axis] = size;
        return operators.Node("Slice", sizes, [operators.Use(x), graph.Axes(start), graph.Axes(Math.Min(end, int.MaxValue)), graph.Axes(axis), graph.Axes(step)]);
    }

    /// <summary>A slice from or to a place that the graph computes.</summary>
    private ScriptTensor SlicedAt(ScriptTensor x, int axis, object start, object end, long step)
    {
        ScriptSize[] sizes = [.. x.Sizes];
        sizes[axis] = start is ScriptIndex from && end is ScriptIndex to && from.Value == to.Value && step == 1 && to.Offset - from.Offset is > 0 and < int.MaxValue and var length ? new ScriptSize((int)length) : new ScriptSize();
        return operators.Node("Slice", sizes, [operators.Use(x), operators.Shape([start]), operators.Shape([end]), graph.Axes(axis), graph.Axes(step)]);
    }

    private ScriptTensor Narrowed(ScriptTensor x, int axis, object? start, long length)
    {
        if (length is < 0 or > int.MaxValue) throw run.Fault("narrow takes a length that is no size");
        ScriptSize[] sizes = [.. x.Sizes];
        sizes[axis] = new ScriptSize((int)length);
        var (from, to) = start switch
        {
            long known and >= 0 and <= int.MaxValue => (graph.Axes(known), graph.Axes(known + length)),
            ScriptIndex index => (operators.Shape([index]), operators.Shape([index with { Offset = index.Offset + length }])),
            _ => throw run.Fault("narrow begins at a place that is not known"),
        };
        return operators.Node("Slice", sizes, [operators.Use(x), from, to, graph.Axes(axis)]);
    }

    /// <summary>The part at a place along an axis.</summary>
    public ScriptTensor Element(ScriptTensor x, int axis, object? place)
    {
        if (x.Rank == 0) throw run.Fault("an element of a number is taken");
        return operators.Node("Gather", Without(x, axis), [operators.Use(x), operators.Integer(place ?? 0L)], ("axis", (long)axis)) with { Type = x.Type };
    }

    /// <summary>The axis and the only index tensor of an indexing. Null for others.</summary>
    private static (int Axis, ScriptTensor Places)? Indices(ScriptArguments args, string name)
    {
        if (name == "index_select") return args[2, "index"] is ScriptTensor given ? (args.Axis(1, "dim", args.Tensor(0, "self").Rank, 0), given) : null;
        var list = args.List(1, "indices");
        var used = list.Index().Where(index => index.Item is not null).ToList();
        return used is [(var axis, ScriptTensor { Type: not ElementType.Bool } only)] && axis < args.Tensor(0, "self").Rank ? (axis, only) : null;
    }

    private ScriptTensor Gathered(ScriptTensor x, int axis, ScriptTensor places) =>
        operators.Node("Gather", [.. x.Sizes[..axis], .. places.Sizes, .. x.Sizes[(axis + 1)..]], [operators.Use(x), operators.Use(operators.Index(places))], ("axis", (long)axis));

    /// <summary>A tensor whose axes of size 1 are repeated. -1 keeps an axis.</summary>
    private ScriptTensor Expanded(ScriptTensor x, IList<object?> to)
    {
        if (to.Count < x.Rank) throw run.Fault($"{x} is expanded to {to.Count} axes");
        var before = to.Count - x.Rank;
        var sizes = new ScriptSize[to.Count];
        var shape = new object?[to.Count];
        var isSame = before == 0;
        for (var i = 0; i < sizes.Length; i++)
        {
            var old = i < before ? new ScriptSize(1) : x.Sizes[i - before];
            (sizes[i], shape[i]) = to[i] switch
            {
                -1L => (old, 1L),
                long number and >= 0 and <= int.MaxValue => (new ScriptSize((int)number), number),
                ScriptSize size => (size, ScriptScalars.Plain(size)),
                _ => throw run.Fault("a tensor is expanded to a size that is not known"),
            };
            if (old.Number is 1) isSame &= sizes[i].Number == 1;
            // An axis that is not of size 1 keeps its size.
            else if (!old.Join(sizes[i])) throw run.Fault($"{x} is expanded to another size than 1 or its own");
            else shape[i] = 1L;
        }

        return isSame ? x : operators.Node("Expand", sizes, [operators.Use(x), operators.Shape(shape)]);
    }

    private ScriptTensor Repeated(ScriptTensor x, long[] times)
    {
        if (times.Length < x.Rank || Array.Exists(times, count => count is < 0 or > 1 << 20)) throw run.Fault($"{x} is repeated {times.Length} times");
        var before = times.Length - x.Rank;
        var wide = before == 0 ? x : operators.Node("Unsqueeze", [.. Enumerable.Range(0, before).Select(_ => new ScriptSize(1)), .. x.Sizes], [operators.Use(x), graph.Axes([.. Enumerable.Range(0, before).Select(axis => (long)axis)])]);
        ScriptSize[] sizes = [.. wide.Sizes.Zip(times, (size, count) => count == 1 ? size : size.Number is { } number ? new ScriptSize((int)Math.Min(int.MaxValue, number * count)) : new ScriptSize())];
        return operators.Node("Tile", sizes, [operators.Use(wide), graph.Axes(times)]);
    }

    private const long OfGraph = long.MinValue;

    /// <summary>A reshape. An unknown size is one of the input at the same place, or the one that takes the rest.</summary>
    private ScriptTensor Reshaped(ScriptTensor x, IList<object?> shape)
    {
        var (to, sizes) = (new long[shape.Count], new ScriptSize[shape.Count]);
        // Nothing else is kept of the axes.
        var isFlat = shape.All(size => size is 1L or -1L);
        if (isFlat && x.Input is { } input) run.Flat.Add(input);
        var rest = -1;
        for (var i = 0; i < to.Length; i++)
        {
            switch (shape[i])
            {
                case long number when number >= 0 && number <= int.MaxValue: (to[i], sizes[i]) = (number, new ScriptSize((int)number)); break;
                case ScriptSize { Number: { } number }: (to[i], sizes[i]) = (number, new ScriptSize(number)); break;
                case ScriptSize size when i < x.Rank && x.Sizes[i].Is(size): (to[i], sizes[i]) = (0, size); break;
                case ScriptSize size when rest < 0 && !shape.Contains(-1L): (to[i], sizes[i], rest) = (-1, size, i); break;
                case ScriptSize { Emit: not null } size when shape.Count(item => item is -1L) <= 1: (to[i], sizes[i]) = (OfGraph, size); break;
                case -1L when rest < 0: (to[i], sizes[i], rest) = (-1, isFlat && x.Rank == 1 ? x.Sizes[0] : new ScriptSize(), i); break;
                default: throw run.Fault("a reshape has sizes that are not known");
            }
        }

        if (rest >= 0 && sizes[rest].Number is null && Product(x.Sizes) is { } all && Product([.. sizes.Where((_, i) => i != rest)]) is > 0 and var others && all % others == 0) _ = sizes[rest].Join(new ScriptSize((int)(all / others)));
        // The only size that is not known follows from a shape that is.
        if (Product(sizes) is > 0 and var whole && x.Sizes.Where(size => size.Number is null).ToList() is [var open] && Product([.. x.Sizes.Where(size => size.Number is not null)]) is > 0 and var known && whole % known == 0) _ = open.Join(new ScriptSize((int)(whole / known)));
        // A size that the graph computes may be left for the rest, if no other is.
        if (Array.IndexOf(to, OfGraph) is >= 0 and var first && rest < 0) to[first] = -1;
        var vector = Array.IndexOf(to, OfGraph) < 0 ? graph.Axes(to) : operators.Shape([.. to.Select((size, i) => size == OfGraph ? (object)sizes[i] : size)]);
        return operators.Node("Reshape", sizes, [operators.Use(x), vector]);
    }

    private static long? Product(ScriptSize[] sizes)
    {
        var product = 1L;
        foreach (var size in sizes)
        {
            if (size.Number is not { } number) return null;
            product *= number;
            if (product is < 0 or > int.MaxValue) return null;
        }

        return product;
    }

    private List<object?> Parts(ScriptTensor x, ScriptArguments args, string name)
    {
        var axis = args.Axis(2, "dim", x.Rank, 0);
        var count = args.Int(1, name == "chunk" ? "chunks" : "split_size", 1);
        if (x.Sizes[axis].Number is not { } all || count < 1) throw run.Fault($"{name} depends on a size that is not known");
        var each = name == "chunk" ? (all + count - 1) / count : count;
        if (each < 1 || (all + each - 1) / each > MostParts) throw run.Fault($"{name} makes more than {MostParts} parts");
        return Parts(x, axis, [.. Enumerable.Range(0, (int)((all + each - 1) / each)).Select(i => Math.Min(each, all - i * each))]);
    }

    private List<object?> Parts(ScriptTensor x, int axis, long[] counts)
    {
        if (counts.Length > MostParts || Array.Exists(counts, count => count is < 0 or > int.MaxValue) || !x.Sizes[axis].Join(new ScriptSize((int)Math.Min(int.MaxValue, counts.Sum())))) throw run.Fault($"{x} is split into parts of [{string.Join(", ", counts)}]");
        var (parts, from) = (new List<object?>(), 0L);
        foreach (var count in counts)
        {
            ScriptSize[] sizes = [.. x.Sizes];
            sizes[axis] = new ScriptSize((int)count);
            parts.Add(operators.Node("Slice", sizes, [operators.Use(x), graph.Axes(from), graph.Axes(from + count), graph.Axes(axis)]));
            from += count;
        }

        return parts;
    }
}
