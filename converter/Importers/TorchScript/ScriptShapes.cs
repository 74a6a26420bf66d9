using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's operators that only move elements.</summary>
internal sealed class ScriptShapes(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>The result. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args)
    {
        switch (name)
        {
            case "zeros" or "ones" or "new_zeros" when args[name == "new_zeros" ? 1 : 0, "size"] is IList<object?> list: return new ScriptTensor(Sizes(list)) { Filled = name == "ones" ? 1 : 0 };
            case "zeros_like": return new ScriptTensor(args.Tensor(0, "self").Sizes) { Filled = 0 };
            case "cat" or "concat": return Joined(args);
            case "stack":
                var parts = args.Tensors(0, "tensors");
                var at = args.Axis(1, "dim", parts[0].Rank + 1, 0);
                return Joined([.. parts.Select(part => Unsqueezed(part, at))], at);
        }

        if (args[0, "self"] is not ScriptTensor x) return null;
        switch (name)
        {
            case "t" when x is { Rank: 2, Weight: not null }: return x with { IsTurned = !x.IsTurned, Sizes = [x.Sizes[1], x.Sizes[0]] };
            case "t" when x.Rank == 2: return Turned(x, [1, 0]);
            case "unsqueeze" or "unsqueeze_": return Unsqueezed(x, args.Axis(1, "dim", x.Rank + 1, 0));
            case "squeeze" when args[1, "dim"] is null:
                int[] ones = [.. x.Sizes.Index().Where(size => size.Item.Number == 1).Select(size => size.Index)];
                if (x.Sizes.Any(size => size.Number is null)) throw run.Fault("squeeze without an axis depends on sizes that are not known");
                return operators.Node("Squeeze", [.. x.Sizes.Index().Where(size => !ones.Contains(size.Index)).Select(size => size.Item)], [operators.Use(x), graph.Axes([.. ones.Select(axis => (long)axis)])]);
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
            case "select": return Selected(x, args);
            case "view" or "reshape": return Reshaped(x, args.List(1, "shape"));
            case "flatten":
                var (from, to) = (args.Axis(1, "start_dim", x.Rank, 0), args.Axis(2, "end_dim", x.Rank, -1));
                object?[] sizes = [.. x.Sizes[..from].Select(ScriptScalars.Plain), -1L, .. x.Sizes[(to + 1)..].Select(ScriptScalars.Plain)];
                return Reshaped(x, sizes);
            case "chunk" or "split": return Parts(x, args, name);
            default: return null;
        }
    }

    private static ScriptSize[] Without(ScriptTensor x, int axis) => [.. x.Sizes[..axis], .. x.Sizes[(axis + 1)..]];

    private ScriptSize[] Sizes(IList<object?> list) => [.. list.Select(size => size switch
    {
        ScriptSize known => known,
        long number and >= 0 and <= int.MaxValue => new ScriptSize((int)number),
        _ => throw run.Fault("a size is no known number"),
    })];

    private ScriptTensor Unsqueezed(ScriptTensor x, int axis) => operators.Node("Unsqueeze", [.. x.Sizes[..axis], new ScriptSize(1), .. x.Sizes[axis..]], [operators.Use(x), graph.Axes(axis)]);

    private ScriptTensor Turned(ScriptTensor x, int[] order) => operators.Node("Transpose", Array.ConvertAll(order, axis => x.Sizes[axis]), [operators.Use(x)], ("perm", Array.ConvertAll(order, axis => (long)axis)));

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

    private ScriptTensor Sliced(ScriptTensor x, ScriptArguments args)
    {
        if (x.Rank == 0) throw run.Fault("a number is sliced");
        var axis = args.Axis(1, "dim", x.Rank, 0);
        var (start, end, step) = (args.Int(2, "start", 0), args.Int(3, "end", long.MaxValue), args.Int(4, "step", 1));
        if (step < 1) throw run.Fault("a slice has a step below 1");
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

    private ScriptTensor Selected(ScriptTensor x, ScriptArguments args)
    {
        if (x.Rank == 0) throw run.Fault("an element of a number is taken");
        var axis = args.Axis(1, "dim", x.Rank, 0);
        var index = args.Int(2, "index", 0);
        return operators.Node("Gather", Without(x, axis), [operators.Use(x), graph.Number(index)], ("axis", (long)axis));
    }

    /// <summary>A reshape. An unknown size is one of the input at the same place, or the one that takes the rest.</summary>
    private ScriptTensor Reshaped(ScriptTensor x, IList<object?> shape)
    {
        var (to, sizes) = (new long[shape.Count], new ScriptSize[shape.Count]);
        var rest = -1;
        for (var i = 0; i < to.Length; i++)
        {
            switch (shape[i])
            {
                case long number when number >= 0 && number <= int.MaxValue: (to[i], sizes[i]) = (number, new ScriptSize((int)number)); break;
                case ScriptSize { Number: { } number }: (to[i], sizes[i]) = (number, new ScriptSize(number)); break;
                case ScriptSize size when i < x.Rank && x.Sizes[i].Is(size): (to[i], sizes[i]) = (0, size); break;
                case ScriptSize size when rest < 0 && !shape.Contains(-1L): (to[i], sizes[i], rest) = (-1, size, i); break;
                case -1L when rest < 0: (to[i], sizes[i], rest) = (-1, new ScriptSize(), i); break;
                default: throw run.Fault("a reshape has sizes that are not known");
            }
        }

        if (rest >= 0 && sizes[rest].Number is null && Product(x.Sizes) is { } all && Product([.. sizes.Where((_, i) => i != rest)]) is > 0 and var others && all % others == 0) _ = sizes[rest].Join(new ScriptSize((int)(all / others)));
        return operators.Node("Reshape", sizes, [operators.Use(x), graph.Axes(to)]);
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
        const int most = 64;
        var axis = args.Axis(2, "dim", x.Rank, 0);
        var count = args.Int(1, name == "chunk" ? "chunks" : "split_size", 1);
        if (x.Sizes[axis].Number is not { } all || count < 1) throw run.Fault($"{name} depends on a size that is not known");
        var each = name == "chunk" ? (all + count - 1) / count : count;
        if (each < 1 || (all + each - 1) / each > most) throw run.Fault($"{name} makes more than {most} parts");
        var parts = new List<object?>();
        for (var from = 0L; from < all; from += each)
        {
            ScriptSize[] sizes = [.. x.Sizes];
            sizes[axis] = new ScriptSize((int)Math.Min(each, all - from));
            parts.Add(operators.Node("Slice", sizes, [operators.Use(x), graph.Axes(from), graph.Axes(Math.Min(all, from + each)), graph.Axes(axis)]));
        }

        return parts;
    }
}
