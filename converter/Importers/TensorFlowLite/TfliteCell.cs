using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>A recurrent cell: written as one of the runtime's layers, or if it is none of these, as a loop over the steps.</summary>
internal abstract class TfliteCell(TfliteCall call)
{
    protected TfliteCall Call => call;

    protected GraphComposer Graph => call.Graph;

    /// <summary>The number of its states, the output first.</summary>
    public abstract int States { get; }

    /// <summary>The layer's nodes.</summary>
    /// <param name="x">The input [steps, batch, features].</param>
    /// <param name="first">The states [batch, units] before the first step.</param>
    /// <param name="isBackward">Whether the last step comes first.</param>
    /// <returns>The outputs [steps, batch, units] in the order of the input, and the states after the last step.</returns>
    public (string Sequence, string[] Last) Write(string x, string[] first, bool isBackward) => Layer is { } layer ? layer(x, first, isBackward) : Loop(x, first, isBackward);

    /// <summary>Writes it as a layer of the runtime. Null if it is none.</summary>
    protected abstract Func<string, string[], bool, (string, string[])>? Layer { get; }

    /// <summary>The states after a step.</summary>
    protected abstract string[] Step(GraphComposer graph, string x, string[] states);

    protected (string, string[]) Written(RecurrentOp op, string?[] inputs, bool isBackward, int hidden, string[] activations)
    {
        string[] outputs = [Graph.Graph.Fresh(Call.Name), .. Enumerable.Range(0, States).Select(_ => Graph.Graph.Fresh(Call.Name + "/state"))];
        List<(string, object)> attributes = [("hidden_size", (long)hidden), ("direction", isBackward ? "reverse" : "forward")];
        if (!activations.SequenceEqual(op.Activations))
        {
            attributes.Add(("activations", activations));
            var affine = activations.Count(a => a == "Affine");
            attributes.Add(("activation_alpha", Enumerable.Repeat(1f, affine).ToArray()));
            attributes.Add(("activation_beta", new float[affine]));
        }

        Graph.Ops(op.Name, inputs, outputs, [.. attributes]);
        return (Graph.Squeeze(outputs[0], 1), [.. outputs.Skip(1).Select(state => Graph.Squeeze(state, 0))]);
    }

    /// <summary>The runtime's name of an activation in a layer. Null if layers do not have it.</summary>
    protected static string? NameOf(int activation) => activation switch
    {
        TfliteActivations.None => "Affine",
        TfliteActivations.Relu => "Relu",
        TfliteActivations.Tanh => "Tanh",
        _ => null,
    };

    /// <summary>A constant made of others, which keep their names in reports.</summary>
    protected string Joined(IReadOnlyList<int> inputs, int[] shape, float[] values)
    {
        string[] names = [.. inputs.Where(Call.Has).Select(i => TfliteNotes.Clean(Call.Tensor(i).Name, $"{Call.Name}/weights_{i}")).Distinct()];
        var constant = Graph.Constant(names.FirstOrDefault(Call.Name), IrTensor.Of<float>(shape, values));
        Graph.Graph.Sources[constant] = names;
        return constant;
    }

    /// <summary>A constant input in float32. Null if it is omitted.</summary>
    protected static IrTensor? Find(TfliteCall call, int input, params int[] shape)
    {
        if (input < 0 || !call.Has(input)) return null;
        var tensor = call.Constant(input);
        if (tensor.Type != ElementType.Float32) throw call.Fault($"its input '{call.Tensor(input).Name}' is {tensor.Type.Name()}; real numbers are needed");
        return tensor.Shape.AsSpan().SequenceEqual(shape) ? tensor : throw call.Fault($"its input '{call.Tensor(input).Name}' has shape [{string.Join(", ", tensor.Shape)}]; it must be [{string.Join(", ", shape)}]");
    }

    /// <summary>A constant matrix.</summary>
    protected static IrTensor Matrix(TfliteCall call, int input) => call.Constant(input) is { Type: ElementType.Float32, Shape: [> 0, > 0] } matrix ? matrix : throw call.Fault($"its input '{call.Tensor(input).Name}' must be a matrix of real numbers");

    protected static string Activated(TfliteCall call, GraphComposer graph, string value, int activation) => activation switch
    {
        TfliteActivations.None => value,
        TfliteActivations.Relu => graph.Op("Relu", [value]),
        TfliteActivations.Relu6 => graph.Op("Clip", [value, graph.Scalar(0), graph.Scalar(6)]),
        TfliteActivations.ReluN1To1 => graph.Op("Clip", [value, graph.Scalar(-1), graph.Scalar(1)]),
        TfliteActivations.Tanh => graph.Op("Tanh", [value]),
        _ => throw call.Fault($"its activation {activation} is not supported"),
    };

    private (string, string[]) Loop(string x, string[] first, bool isBackward)
    {
        var inner = Call.Scope.Context.Composer(Call.Name + "/steps");
        inner.Graph.CountNamesWith(Graph.Graph);
        string Added(string name, ElementType type)
        {
            var value = inner.Graph.Fresh($"{Call.Name}/{name}");
            inner.Graph.Inputs.Add(new IrPort(value, value, type, []));
            return value;
        }

        var (round, go) = (Added("round", ElementType.Int64), Added("go", ElementType.Bool));
        string[] states = [.. first.Select((_, i) => Added($"state_{i}", ElementType.Float32))];
        inner.Scope = Call.Name;
        if (isBackward) x = Graph.Reversed(x, 0);
        var next = Step(inner, inner.Op("Gather", [x, round], ("axis", 0L)), states);
        foreach (var output in (string[])[go, .. next, next[0]])
        {
            var value = inner.Op("Identity", [output]);
            inner.Graph.Outputs.Add(new IrPort(value, value, 0, []));
        }

        string[] results = [.. first.Select(_ => Graph.Graph.Fresh(Call.Name + "/state")), Graph.Graph.Fresh(Call.Name)];
        Graph.Ops("Loop", [Graph.Size(x, 0), Graph.Constant("go", IrTensor.Of([], true)), .. first], results, ("body", inner.Graph));
        return (isBackward ? Graph.Reversed(results[^1], 0) : results[^1], results[..^1]);
    }
}

/// <summary>h' = f(W x + R h + b).</summary>
internal sealed class TfliteRnnCell : TfliteCell
{
    private readonly IrTensor _w;
    private readonly IrTensor _r;
    private readonly IrTensor? _b;
    private readonly int _input;
    private readonly int _activation;

    private TfliteRnnCell(TfliteCall call, int input, int activation)
        : base(call)
    {
        (_input, _activation) = (input, activation);
        _w = Matrix(call, input);
        _r = Find(call, input + 1, _w.Shape[0], _w.Shape[0]) ?? throw call.Fault("it has no recurrent weights");
        _b = Find(call, input + 2, _w.Shape[0]);
    }

    public override int States => 1;

    protected override Func<string, string[], bool, (string, string[])>? Layer => NameOf(_activation) is { } name ? (x, first, isBackward) => AsLayer(x, first, isBackward, name) : null;

    public static TfliteRnnCell Read(TfliteCall call, int input, int activation) => new(call, input, activation);

    protected override string[] Step(GraphComposer graph, string x, string[] states)
    {
        var sum = graph.Op("Add", [graph.Product(x, _w, "input_weights"), graph.Product(states[0], _r, "recurrent_weights")]);
        if (_b is not null) sum = graph.Op("Add", [sum, graph.Constant("bias", _b)]);
        return [Activated(Call, graph, sum, _activation)];
    }

    private (string, string[]) AsLayer(string x, string[] first, bool isBackward, string name)
    {
        var units = _w.Shape[0];
        string?[] inputs =
        [
            x, Joined([_input], [1, units, _w.Shape[1]], _w.ToFloats()), Joined([_input + 1], [1, units, units], _r.ToFloats()),
            _b is null ? null : Joined([_input + 2], [1, 2 * units], [.. _b.ToFloats(), .. new float[units]]), null, Graph.Unsqueeze(first[0], 0),
        ];
        return Written(RecurrentOp.Rnn, inputs, isBackward, units, [name]);
    }
}
