namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Operators over whole axes: sums and their like, searches, normalization, running sums.</summary>
internal static class TfliteReductions
{
    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["MEAN"] = call => Reduce(call, "ReduceMean"),
        ["SUM"] = call => Reduce(call, "ReduceSum"),
        ["REDUCE_MAX"] = call => Reduce(call, "ReduceMax"),
        ["REDUCE_MIN"] = call => Reduce(call, "ReduceMin"),
        ["REDUCE_PROD"] = call => Reduce(call, "ReduceProd"),
        ["REDUCE_ANY"] = call => Logical(call, "ReduceMax"),
        ["REDUCE_ALL"] = call => Logical(call, "ReduceMin"),
        ["ARG_MAX"] = call => Argument(call, "ArgMax"),
        ["ARG_MIN"] = call => Argument(call, "ArgMin"),
        ["SOFTMAX"] = Softmax,
        ["LOG_SOFTMAX"] = call => call.Graph.Op("LogSoftmax", [call.Value(0)], ("axis", -1L)),
        ["L2_NORMALIZATION"] = L2,
        ["CUMSUM"] = call => call.Graph.Op("CumSum", [call.Value(0), call.Long(1)], ("exclusive", call.Options.Flag(0) ? 1L : 0L), ("reverse", call.Options.Flag(1) ? 1L : 0L)),
    };

    private static string Reduce(TfliteCall call, string op)
    {
        // No axes leave the value as it is.
        if (call.IsConstant(1) && call.Integers(1).Length == 0) return call.Value(0);
        return call.Graph.Op(op, [call.Value(0), call.Vector(1)], ("keepdims", call.Options.Flag(0) ? 1L : 0L));
    }

    private static string Logical(TfliteCall call, string op)
    {
        var numbers = call.Cast(call.Value(0), ElementType.Int32);
        return call.Cast(call.Graph.Op(op, [numbers, call.Vector(1)], ("keepdims", call.Options.Flag(0) ? 1L : 0L)), ElementType.Bool);
    }

    private static string Argument(TfliteCall call, string op)
    {
        if (call.Integers(1) is not [var axis]) throw call.Fault("it has more than one axis");
        return call.As(call.Graph.Op(op, [call.Value(0)], ("axis", axis), ("keepdims", 0L)), ElementType.Int64);
    }

    private static string Softmax(TfliteCall call)
    {
        var beta = call.Options.Has(0) ? call.Options.Float(0) : 1;
        var x = beta == 1 ? call.Value(0) : call.Graph.Op("Mul", [call.Value(0), call.Graph.Scalar(beta)]);
        return call.Graph.Op("Softmax", [x], ("axis", -1L));
    }

    /// <summary>x / max(√Σx², 10⁻⁶) over the last axis: TensorFlow Lite limits the length, not its square.</summary>
    private static string L2(TfliteCall call)
    {
        var (graph, x) = (call.Graph, call.Value(0));
        var squares = graph.Op("ReduceSum", [graph.Op("Mul", [x, x]), graph.Axes(-1)], ("keepdims", 1L));
        return graph.Op("Div", [x, graph.Op("Sqrt", [graph.Op("Max", [squares, graph.Scalar(1e-12f)])])]);
    }
}
