using System.Text.Json;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Calls the layers of a Sequential or Functional model: the whole file's, or one that is a layer of another.</summary>
/// <param name="emitter">Writes the layers' nodes.</param>
/// <param name="model">The model.</param>
/// <param name="around">Names of the models and wrappers around its layers.</param>
/// <param name="isTraining">Whether it is called with training=True.</param>
internal sealed class KerasModel(KerasEmitter emitter, KerasLayer model, string around, bool isTraining = false)
{
    private static readonly HashSet<string> s_classes = ["Sequential", "Functional", "Model"];

    private readonly List<(KerasLayer Layer, JsonElement Json)> _layers = [.. model.Layers().Select(l => (new KerasLayer(l, around: around), l))];
    private readonly Dictionary<(string Layer, int Call), KerasValue[]> _made = [];
    private readonly Dictionary<string, int> _calls = [];

    /// <summary>Whether a layer is a model.</summary>
    public static bool Is(KerasLayer layer) => s_classes.Contains(layer.Class);

    /// <summary>Its layers.</summary>
    public IEnumerable<KerasLayer> Layers => _layers.Select(l => l.Layer);

    /// <summary>Names of its inputs in the order of its call.</summary>
    public List<string> Inputs => model.Class == "Sequential" ? [] : [.. KerasNodes.References(model.Get("input_layers") ?? throw new ConversionException($"the model '{model.Name}' has no 'input_layers'")).Select(r => r.Layer)];

    /// <summary>Calls a model that is a layer.</summary>
    public static KerasValue[] Call(KerasEmitter emitter, KerasLayer layer, KerasCall call)
    {
        if (call.Named.Count > 0) throw layer.Fault($"it is called with '{call.Named.Keys.First()}', which is not supported for a model");
        foreach (var member in (string[])["build_input_shape", "input_layers", "output_layers", "layers"]) _ = layer.Get(member);
        var inner = new KerasModel(emitter, layer, layer.WeightsOf, call.Flags.Contains("training"));
        var inputs = inner.Inputs;
        if (layer.Class == "Sequential" ? call.Inputs.Count != 1 : call.Inputs.Count != inputs.Count) throw layer.Fault($"it is called with {call.Inputs.Count} values, but has {Math.Max(1, inputs.Count)} inputs");
        if (layer.Class != "Sequential" && call.Inputs.Count > 1 && layer.Get("input_layers") is { ValueKind: JsonValueKind.Object }) throw layer.Fault("its inputs have names in place of an order, which is not supported in an inner model");
        return [.. inner.Run(input => layer.Class == "Sequential" ? call.Inputs[0] : inputs.IndexOf(input.Name) is var at and >= 0 ? call.Inputs[at] : throw input.Fault("it is not among the model's input_layers"), (_, _) => call.Inputs[0]).Select(o => o.Value)];
    }

    /// <summary>Calls the layers.</summary>
    /// <param name="input">The value of an input layer.</param>
    /// <param name="first">The value for a Sequential without input layer: its first layer, and the shape if there is one.</param>
    /// <returns>The outputs with the names of their layers.</returns>
    public List<(string Name, KerasValue Value)> Run(Func<KerasLayer, KerasValue> input, Func<KerasLayer, JsonElement?, KerasValue> first)
    {
        if (_layers.Count == 0) throw new ConversionException($"the model '{model.Name}' has no layers");
        return model.Class == "Sequential" ? [Sequence(input, first)] : Functional(input);
    }

    private (string Name, KerasValue Value) Sequence(Func<KerasLayer, KerasValue> input, Func<KerasLayer, JsonElement?, KerasValue> first)
    {
        var layers = _layers.ConvertAll(l => l.Layer);
        var hasInput = layers[0].Class == "InputLayer";
        var value = hasInput ? input(layers[0]) : first(layers[0], model.Get("build_input_shape"));
        foreach (var layer in layers[(hasInput ? 1 : 0)..]) value = Call(layer, new KerasCall([value]))[0];
        return (layers[^1].Name, value);
    }

    /// <summary>The calls of its layers besides the inputs.</summary>
    public IEnumerable<(KerasLayer Layer, JsonElement Node, int Call)> Nodes()
    {
        foreach (var (layer, json) in _layers.Where(l => l.Layer.Class != "InputLayer"))
        {
            var nodes = Json.List(Json.Required(json, "inbound_nodes", $"layer '{layer.Name}'"), $"'inbound_nodes' of layer '{layer.Name}'");
            _calls[layer.Name] = nodes.Count;
            foreach (var (i, node) in nodes.Index()) yield return (layer, node, i);
        }
    }

    /// <summary>Counts the calls of each layer, which references need.</summary>
    public void Count() => _ = Nodes().Count();

    /// <summary>Whether a layer is an operation, whose arguments are not only values.</summary>
    public bool IsOperation(KerasLayer layer) => emitter.IsOperation(layer);

    /// <summary>Gives the values of a call.</summary>
    public void Give(string layer, int call, params KerasValue[] values) => _made[(layer, call)] = values;

    /// <summary>Makes calls, each after those that it reads.</summary>
    /// <param name="nodes">The calls. What they read besides each other was given.</param>
    /// <param name="call">Makes one call.</param>
    public void Make(IEnumerable<(KerasLayer Layer, JsonElement Node, int Call)> nodes, Func<KerasLayer, KerasCall, KerasValue[]> call)
    {
        // Layers may be in any order: a call waits for its first missing value.
        var waiting = new Queue<(KerasLayer Layer, JsonElement Node, int Call)>(nodes);
        var blocked = new Dictionary<(string Layer, int Call), List<(KerasLayer Layer, JsonElement Node, int Call)>>();
        while (waiting.TryDequeue(out var next))
        {
            if (KerasNodes.Call(next.Layer, next.Node, Value, IsOperation(next.Layer), out var missing) is { } read)
            {
                _made[(next.Layer.Name, next.Call)] = call(next.Layer, read);
                if (blocked.Remove((next.Layer.Name, next.Call), out var freed)) freed.ForEach(waiting.Enqueue);
            }
            else if (blocked.TryGetValue(Place(missing), out var others))
            {
                others.Add(next);
            }
            else
            {
                blocked[Place(missing)] = [next];
            }
        }

        if (blocked.Count > 0) throw blocked.First().Value[0].Layer.Fault($"it is called with '{blocked.First().Key.Layer}', which no layer before it computes");
    }

    /// <summary>Calls a layer.</summary>
    public KerasValue[] Call(KerasLayer layer, KerasCall call)
    {
        emitter.Graph.Graph.Budget.Spend(Budget.Body, $"'{layer.Name}'");
        if (isTraining) call.Flags.Add("training");
        var values = emitter.Call(layer, call);
        if (!Is(layer)) emitter.Ends.Add((layer.WeightsOf, emitter.Graph.Graph.Nodes.Count));
        return values;
    }

    /// <summary>The model's outputs with the names of their layers.</summary>
    public List<(string Name, KerasValue Value)> Outputs()
    {
        var outputs = KerasNodes.References(model.Get("output_layers") ?? throw new ConversionException($"the model '{model.Name}' has no 'output_layers'")).ToList();
        if (outputs.Count == 0) throw new ConversionException(around.Length == 0 ? "the model has no outputs" : $"the model '{model.Name}' has no outputs");
        return outputs.ConvertAll(output => (output.Layer, Value(output) ?? throw new ConversionException($"no layer computes the output '{output.Layer}'")));
    }

    /// <summary>The value of an output of a call. Null if the call was not made.</summary>
    public KerasValue? Value((string Layer, int Call, int Output) reference)
    {
        if (!_made.TryGetValue(Place((reference.Layer, reference.Call)), out var values)) return null;
        return (uint)reference.Output < (uint)values.Length ? values[reference.Output] : throw new ConversionException($"the layer '{reference.Layer}' has {values.Length} outputs; output {reference.Output} does not exist");
    }

    /// <summary>The number of the call that a reference means. A layer with one call may have been called elsewhere before.</summary>
    public (string Layer, int Call) Place((string Layer, int Call) reference) =>
        (reference.Layer, _calls.GetValueOrDefault(reference.Layer) == 1 ? 0 : reference.Call);

    private List<(string Name, KerasValue Value)> Functional(Func<KerasLayer, KerasValue> input)
    {
        foreach (var layer in Layers.Where(l => l.Class == "InputLayer"))
        {
            _calls[layer.Name] = 1;
            Give(layer.Name, 0, input(layer));
        }

        Make([.. Nodes()], Call);
        return Outputs();
    }
}
