using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's operators along axes: sums, means, extremes, softmax.</summary>
internal sealed class ScriptReductions(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>The result. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args)
    {
        if (args[0, args[0, "input"] is ScriptTensor ? "input" : "self"] is not ScriptTensor x) return null;
        var hasAxis = args[1, "dim"] is long or IList<object?>;
        switch (name)
        {
            case "softmax" or "_softmax": return operators.Node("Softmax", x.Sizes, [operators.Use(x)], ("axis", (long)args.Axis(1, "dim", x.Rank, -1)));
            case "log_softmax" or "_log_softmax": return operators.Node("LogSoftmax", x.Sizes, [operators.Use(x)], ("axis", (long)args.Axis(1, "dim", x.Rank, -1)));
            case "mean" or "sum" or "amax" or "amin" or "prod" or "logsumexp": return Reduced(name switch { "mean" => "ReduceMean", "sum" => "ReduceSum", "amax" => "ReduceMax", "amin" => "ReduceMin", "prod" => "ReduceProd", _ => "ReduceLogSumExp" }, x, hasAxis ? args.Ints(1, "dim") : [], hasAxis && args.Flag(2, "keepdim"));
            case "max" or "min" when args.Count == 1: return Reduced(name == "max" ? "ReduceMax" : "ReduceMin", x, [], false);
            case "max" or "min" when args[1, "dim"] is long:
                return new object?[] { Reduced(name == "max" ? "ReduceMax" : "ReduceMin", x, args.Ints(1, "dim"), args.Flag(2, "keepdim")), Place(name == "max" ? "ArgMax" : "ArgMin", x, args) };
            case "argmax" or "argmin" when args[1, "dim"] is long: return Place(name == "argmax" ? "ArgMax" : "ArgMin", x, args);
            case "norm" or "linalg_vector_norm" when args.Number(1, name == "norm" ? "p" : "ord", 2) == 2 && args[2, "dim"] is long or IList<object?>: return Reduced("ReduceL2", x, args.Ints(2, "dim"), args.Flag(3, "keepdim"));
            case "var" or "std" when hasAxis: return Spread(name, x, args);
            case "cumsum": return operators.Node("CumSum", x.Sizes, [operators.Use(x), graph.Number(args.Axis(1, "dim", x.Rank, 0))]);
            case "topk" when args[1, "k"] is long and > 0 and < int.MaxValue and var count:
                var (axis, values, places) = (args.Axis(2, "dim", x.Rank, -1), graph.Graph.Fresh("topk"), graph.Graph.Fresh("topk"));
                ScriptSize[] sizes = [.. x.Sizes];
                sizes[axis] = new ScriptSize((int)count);
                graph.Ops("TopK", [operators.Use(x), graph.Axes(count)], [values, places], ("axis", (long)axis), ("largest", args[3, "largest"] is false ? 0L : 1L));
                return new object?[] { operators.Told(new ScriptTensor(sizes) { Value = values }), operators.Told(new ScriptTensor(sizes) { Value = places, Type = ElementType.Int64 }) };
            default: return null;
        }
    }

    private ScriptTensor Reduced(string op, ScriptTensor x, long[] axes, bool isKept)
    {
        // No axes stand for all.
        var at = (axes.Length == 0 ? Enumerable.Range(0, x.Rank).Select(axis => (long)axis) : axes.Select(axis => axis < 0 ? axis + x.Rank : axis)).ToHashSet();
        if (at.Any(axis => axis < 0 || axis >= x.Rank)) throw run.Fault("an axis is out of range");
        ScriptSize[] sizes = [.. x.Sizes.Index().Where(size => isKept || !at.Contains(size.Index)).Select(size => at.Contains(size.Index) ? new ScriptSize(1) : size.Item)];
        return operators.Node(op, sizes, [operators.Use(operators.Cast(x, ElementType.Float32)), graph.Axes([.. at])], ("keepdims", isKept ? 1L : 0L));
    }

    private ScriptTensor Place(string op, ScriptTensor x, ScriptArguments args)
    {
        var (axis, isKept) = (args.Axis(1, "dim", x.Rank, 0), args.Flag(2, "keepdim"));
        ScriptSize[] sizes = [.. x.Sizes.Index().Where(size => isKept || size.Index != axis).Select(size => size.Index == axis ? new ScriptSize(1) : size.Item)];
        return operators.Node(op, sizes, [operators.Use(x)], ("axis", (long)axis), ("keepdims", isKept ? 1L : 0L)) with { Type = ElementType.Int64 };
    }

    /// <summary>The variance, or its root. Without a correction, the sum of squares is divided by the count; by default by the count less 1.</summary>
    private ScriptTensor Spread(string name, ScriptTensor x, ScriptArguments args)
    {
        var axes = args.Ints(1, "dim");
        var correction = args[2, "unbiased"] is bool unbiased ? unbiased ? 1 : 0 : args.Number(2, "correction", 1);
        var mean = Reduced("ReduceMean", x, axes, true);
        var apart = operators.Node("Sub", x.Sizes, [operators.Use(x), operators.Use(mean)]);
        var variance = Reduced("ReduceMean", operators.Node("Mul", x.Sizes, [operators.Use(apart), operators.Use(apart)]), axes, args.Flag(3, "keepdim"));
        if (correction != 0)
        {
            var count = 1.0;
            foreach (var axis in axes) count *= (axis >= -x.Rank && axis < x.Rank ? x.Sizes[axis < 0 ? axis + x.Rank : axis].Number : null) ?? throw run.Fault($"{args.Function} over an axis of a size that is not known is only known with unbiased=False");
            variance = operators.Node("Mul", variance.Sizes, [operators.Use(variance), graph.Scalar((float)(count / (count - correction)))]);
        }

        return name == "var" ? variance : operators.Node("Sqrt", variance.Sizes, [operators.Use(variance)]);
    }
}
