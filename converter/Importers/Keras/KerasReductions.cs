using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Operations over axes: sums, means, extrema and running sums.</summary>
internal sealed class KerasReductions(KerasEmitter emitter)
{
    private static readonly string[] s_x = ["input_tensor", "x", "input", "a"];

    private GraphComposer Graph => emitter.Graph;

    /// <summary>The operations by their names.</summary>
    public IEnumerable<(string Names, KerasOperate Emit)> Operations =>
    [
        ("reduce_mean|mean", Reduced((x, axes, keep) => Graph.Op("ReduceMean", [x, axes], keep))),
        ("reduce_sum|sum", Reduced((x, axes, keep) => Graph.Op("ReduceSum", [x, axes], keep))),
        ("reduce_max|max|amax", Reduced((x, axes, keep) => Graph.Op("ReduceMax", [x, axes], keep))),
        ("reduce_min|min|amin", Reduced((x, axes, keep) => Graph.Op("ReduceMin", [x, axes], keep))),
        ("reduce_prod|prod", Reduced((x, axes, keep) => Graph.Op("ReduceProd", [x, axes], keep))),
        ("reduce_logsumexp|logsumexp", Reduced((x, axes, keep) => Graph.Op("ReduceLogSumExp", [x, axes], keep))),
        ("reduce_any|any", Reduced((x, axes, keep) => emitter.ToBool(Graph.Op("ReduceMax", [emitter.ToFloat(emitter.ToBool(x)), axes], keep)))),
        ("reduce_all|all", Reduced((x, axes, keep) => emitter.ToBool(Graph.Op("ReduceMin", [emitter.ToFloat(emitter.ToBool(x)), axes], keep)))),
        ("reduce_variance|var", Reduced(Variance)),
        ("reduce_std|std", Reduced((x, axes, keep) => Graph.Op("Sqrt", [Variance(x, axes, keep)]))),
        ("argmax", call => [Place(call, "ArgMax")]),
        ("argmin", call => [Place(call, "ArgMin")]),
        ("cumsum", call => [Running(call)]),
        ("l2_normalize|normalize", call => [ByLength(call)]),
    ];

    private KerasOperate Reduced(Func<string, string, (string, object), string> emit) => call =>
    {
        var x = call.Value(0, s_x);
        long[] axes = call.Longs(1, "axis") is { } given ? [.. given.Select(a => (long)call.Axis(a, x.Rank)).Distinct()] : KerasSpatial.Axes(0, x.Rank);
        if (call.Find(-1, "initial") is not null) throw call.Layer.Fault("an initial value is not supported");
        if (axes.Length == 0) return [x with { Mask = null }];
        var isKept = call.Flag(2, false, "keepdims", "keep_dims");
        return [new KerasValue(emit(x.Name, Graph.Axes(axes), ("keepdims", isKept ? 1L : 0L)), isKept ? x.Rank : x.Rank - axes.Length)];
    };

    private string Variance(string x, string axes, (string, object) keep)
    {
        var centred = Graph.Op("Sub", [x, Graph.Op("ReduceMean", [x, axes], ("keepdims", 1L))]);
        return Graph.Op("ReduceMean", [Graph.Op("Mul", [centred, centred]), axes], keep);
    }

    private KerasValue Place(KerasArguments call, string op)
    {
        var x = call.Value(0, s_x);
        var axis = call.Axis(call.Long(call.Layer.Class == "TFOpLambda" ? 1 : -1, long.MinValue, "axis", "dimension") is > long.MinValue and var given ? given : throw call.Layer.Fault("it is called without an axis, which is not supported"), x.Rank);
        _ = call.Find(-1, "output_type");
        var isKept = call.Flag(-1, false, "keepdims");
        return new KerasValue(Graph.Op(op, [x.Name], ("axis", (long)axis), ("keepdims", isKept ? 1L : 0L)), isKept ? x.Rank : x.Rank - 1);
    }

    private KerasValue Running(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var isOfTensorFlow = KerasOperations.IsOfTensorFlow(call.Layer);
        var axis = call.Long(1, isOfTensorFlow ? 0 : long.MinValue, "axis");
        if (axis == long.MinValue) throw call.Layer.Fault("a running sum over all axes is not supported");
        long Switch(string name) => call.Flag(-1, false, name) ? 1 : 0;
        return new KerasValue(Graph.Op("CumSum", [x.Name, Graph.Number(call.Axis(axis, x.Rank))], ("exclusive", Switch("exclusive")), ("reverse", Switch("reverse"))), x.Rank);
    }

    private KerasValue ByLength(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var isOfTensorFlow = KerasOperations.IsOfTensorFlow(call.Layer);
        if (call.Long(2, 2, isOfTensorFlow ? "" : "order") != 2 || (!isOfTensorFlow && call.Find(3, "epsilon") is not null)) throw call.Layer.Fault("only the length of order 2 with Keras' own epsilon is supported");
        long[] axes = call.Longs(1, "axis", "dim") is { } given ? [.. given.Select(a => (long)call.Axis(a, x.Rank))] : isOfTensorFlow ? KerasSpatial.Axes(0, x.Rank) : [x.Rank - 1];
        // TensorFlow limits the square of the length, Keras 3 the length.
        var least = isOfTensorFlow ? call.Float(-1, 1e-12f, "epsilon") : 1e-14f;
        return new KerasValue(Graph.Op("Div", [x.Name, Graph.Op("Sqrt", [Graph.Op("Max", [Graph.Op("ReduceSumSquare", [x.Name, Graph.Axes(axes)], ("keepdims", 1L)), Graph.Scalar(least)])])]), x.Rank);
    }
}
