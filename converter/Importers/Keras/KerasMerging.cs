using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Layers over several values, which merge their masks, and the operators that Keras 3 writes for masks.</summary>
internal sealed class KerasMerging(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    public Func<KerasLayer, KerasCall, KerasValue[]> Merge(string op) => (_, call) =>
    {
        var inputs = OfOneRank(call.Inputs);
        return [new(Chain(op, inputs), inputs[0].Rank, Counting(inputs))];
    };

    public KerasValue[] Average(KerasLayer layer, KerasCall call)
    {
        var inputs = OfOneRank(call.Inputs);
        return [new(Graph.Op("Div", [Chain("Add", inputs), emitter.Scalar(inputs.Count)]), inputs[0].Rank, Counting(inputs))];
    }

    public KerasValue[] Concatenate(KerasLayer layer, KerasCall call)
    {
        var (inputs, axis) = (call.Inputs, layer.Int("axis", -1));
        if (axis < 0) axis += inputs[0].Rank;
        string? mask = null;
        if (inputs.Exists(i => i.Mask is not null))
        {
            // A value without a mask counts everywhere.
            var masks = inputs.ConvertAll(i => i.Mask ?? Everywhere(i));
            mask = axis == 1 ? Graph.Op("Concat", [.. masks], ("axis", 1L)) : All(masks, emitter.Version.MergesMasksByAny ? "Or" : "And");
        }

        return [new(Graph.Op("Concat", [.. inputs.Select(i => i.Name)], ("axis", (long)axis)), inputs[0].Rank, mask)];
    }

    /// <summary>x ≠ a number, which computes the mask of an embedding.</summary>
    public KerasValue[] NotEqual(KerasLayer layer, KerasCall call)
    {
        if (call.Inputs.Count != 1 || call.Plain is not [var number]) throw layer.Fault("it must be called with a value and a number");
        var x = call.Inputs[0];
        return [new(Graph.Op("Not", [Graph.Op("Equal", [emitter.ToFloat(x.Name), emitter.Scalar(Json.Float(number, $"what '{layer.Name}' compares with"))])]), x.Rank)];
    }

    /// <summary>Whether any element along the last axis is true.</summary>
    public KerasValue[] Any(KerasLayer layer, KerasCall call)
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
        if (masks.Count == 0 || (emitter.Version.MergesMasksByAny && masks.Count < inputs.Count)) return null;
        return All(masks, emitter.Version.MergesMasksByAny ? "Or" : "And");
    }

    private string All(List<string> masks, string op) => masks.Distinct().Aggregate((all, next) => Graph.Op(op, [all, next]));

    private string Everywhere(KerasValue x) =>
        Graph.Op("ConstantOfShape", [Graph.Op("Shape", [x.Name], ("start", 0L), ("end", 2L))], ("value", IrTensor.Of([1], true)));

    private string Chain(string op, List<KerasValue> inputs) => inputs.Skip(1).Aggregate(inputs[0].Name, (value, next) => Graph.Op(op, [value, next.Name]));
}
