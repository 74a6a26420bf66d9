using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Layers over several values, which merge their masks, and the operators that Keras 3 writes for masks.</summary>
internal sealed class KerasMerging(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers =>
    [
        ("Concatenate", Concatenate), ("Add", Merge("Add")), ("Subtract", Merge("Sub")), ("Multiply", Merge("Mul")), ("Maximum", Merge("Max")), ("Minimum", Merge("Min")), ("Average", Average),
        ("Dot", Dot), ("NotEqual", NotEqual), ("Any", Any),
    ];

    private KerasEmit Merge(string op) => (layer, call) =>
    {
        if (op == "Sub" && call.Inputs.Count != 2) throw layer.Fault($"it is called with {call.Inputs.Count} values; it must be called with two");
        var inputs = OfOneRank(call.Inputs);
        return [new(Chain(op, inputs), inputs[0].Rank, Counting(inputs))];
    };

    private KerasValue[] Average(KerasLayer layer, KerasCall call)
    {
        var inputs = OfOneRank(call.Inputs);
        return [new(Graph.Op("Div", [Chain("Add", inputs), emitter.Scalar(inputs.Count)]), inputs[0].Rank, Counting(inputs))];
    }

    private KerasValue[] Concatenate(KerasLayer layer, KerasCall call)
    {
        var (inputs, axis) = (call.Inputs, layer.Int("axis", -1));
        if (axis < 0) axis += inputs[0].Rank;
        string? mask = null;
        if (inputs.Exists(i => i.Mask is not null))
        {
            // A value without a mask counts everywhere.
            var masks = inputs.ConvertAll(i => i.Mask ?? Everywhere(i));
            mask = axis == 1 ? Graph.Op("Concat", [.. masks], ("axis", 1L)) : All(masks, emitter.Version.TellMergesMasksByAny() ? "Or" : "And");
        }

        return [new(Graph.Op("Concat", [.. inputs.Select(i => i.Name)], ("axis", (long)axis)), inputs[0].Rank, mask)];
    }

    /// <summary>The products of two values, summed along an axis of each: all other axes of the first, then those of the second.</summary>
    private KerasValue[] Dot(KerasLayer layer, KerasCall call)
    {
        if (call.Inputs is not [var a, var b]) throw layer.Fault($"it is called with {call.Inputs.Count} values; it must be called with two");
        long[] given = layer.Longs("axes") switch
        {
            // One number counts from the end of each value.
            [var both] => [both, both],
            [var first, var second] => [first, second],
            _ => throw layer.Fault("its 'axes' must be one number or two"),
        };
        int Axis(long axis, KerasValue x) => axis >= -x.Rank && axis < x.Rank && axis != 0 && axis != -x.Rank ? (int)(axis < 0 ? axis + x.Rank : axis) : throw layer.Fault($"its axis {axis} is not one after the batch of a value of {x.Rank} dimensions");
        int[] axes = [Axis(given[0], a), Axis(given[1], b)];
        if (a.Mask is not null || b.Mask is not null) emitter.Notes.Add(KerasEmitter.DropsMask(layer));
        string[] values = layer.Flag("normalize") ? [new KerasNormalizations(emitter).ByLength(a.Name, [axes[0]]), new KerasNormalizations(emitter).ByLength(b.Name, [axes[1]])] : [a.Name, b.Name];
        // The letters of each value: n is the batch, z the axis of the sum.
        string Letters(KerasValue x, char start, int axis) => string.Concat(Enumerable.Range(0, x.Rank).Select(i => i == 0 ? 'n' : i == axis ? 'z' : (char)(start + i)));
        string left = Letters(a, 'a', axes[0]), right = Letters(b, 'A', axes[1]);
        var rest = string.Concat(left.Concat(right).Where(c => c is not ('n' or 'z')));
        var result = new KerasValue(Graph.Op("Einsum", values, ("equation", $"{left},{right}->n{rest}")), 1 + rest.Length);
        return [result.Rank == 1 ? new KerasValue(Graph.Unsqueeze(result.Name, 1), 2) : result];
    }

    /// <summary>x ≠ a number, which computes the mask of an embedding.</summary>
    private KerasValue[] NotEqual(KerasLayer layer, KerasCall call)
    {
        if (call.Inputs.Count != 1 || call.Plain is not [var number]) throw layer.Fault("it must be called with a value and a number");
        var x = call.Inputs[0];
        return [new(Graph.Op("Not", [Graph.Op("Equal", [emitter.ToFloat(x.Name), emitter.Scalar(Json.Float(number, $"what '{layer.Name}' compares with"))])]), x.Rank)];
    }

    /// <summary>Whether any element along the last axis is true.</summary>
    private KerasValue[] Any(KerasLayer layer, KerasCall call)
    {
        var x = call.Inputs[0];
        if (layer.Longs("axis") is not [var axis] || (axis != -1 && axis != x.Rank - 1)) throw layer.Fault("only the last axis is supported");
        var isKept = layer.Flag("keepdims");
        return [new(emitter.ToBool(Graph.Op("ReduceMax", [emitter.ToFloat(x.Name), Graph.Axes(-1)], ("keepdims", isKept ? 1L : 0L))), isKept ? x.Rank : x.Rank - 1)];
    }

    /// <summary>Keras inserts missing axes after the batch, not before it.</summary>
    private List<KerasValue> OfOneRank(List<KerasValue> inputs)
    {
        var rank = inputs.Max(i => i.Rank);
        return inputs.ConvertAll(i => i.Rank == rank ? i : i with { Name = Graph.Op("Unsqueeze", [i.Name, Graph.Axes([.. Enumerable.Range(1, rank - i.Rank).Select(a => (long)a)])]), Rank = rank });
    }

    private string? Counting(List<KerasValue> inputs)
    {
        var masks = inputs.Select(i => i.Mask).OfType<string>().ToList();
        if (masks.Count == 0) return null;
        var isAny = emitter.Version.TellMergesMasksByAny();
        return isAny && masks.Count < inputs.Count ? null : All(masks, isAny ? "Or" : "And");
    }

    private string All(List<string> masks, string op) => masks.Distinct().Aggregate((all, next) => Graph.Op(op, [all, next]));

    private string Everywhere(KerasValue x) =>
        Graph.Op("ConstantOfShape", [Graph.Op("Shape", [x.Name], ("start", 0L), ("end", 2L))], ("value", IrTensor.Of([1], true)));

    private string Chain(string op, List<KerasValue> inputs) => inputs.Skip(1).Aggregate(inputs[0].Name, (value, next) => Graph.Op(op, [value, next.Name]));
}
