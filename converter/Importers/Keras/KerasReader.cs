using System.Text;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Reads a whole Keras model from HDF5. Its <c>model_config</c> (Sequential or Functional, of Keras 2 or 3) describes the layers.</summary>
internal sealed class KerasReader
{
    private readonly GraphComposer _graph;
    private readonly KerasEmitter _emitter;
    private readonly Dictionary<(string Layer, int Call), KerasValue[]> _made = [];
    private readonly Dictionary<string, string> _symbols = [];
    private readonly List<(string Layer, int End)> _called = [];

    private KerasReader(GraphComposer graph, KerasEmitter emitter) => (_graph, _emitter) = (graph, emitter);

    /// <exception cref="ConversionException">The file is damaged, has no architecture, or has unsupported layers; the message names all of these.</exception>
    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        var file = HdfFile.Read(content, path);
        if (!file.Attributes.TryGetValue("model_config", out var config))
            throw new ConversionException($"{path}: the file has weights but no architecture (no model_config). Save the whole model (model.save(\"model.h5\")), add an architecture that was saved as JSON to the file ({KerasArchitecture.Command("model.json", Path.GetFileName(path))}), or write a description (.json) that names this file as its weights.");
        try
        {
            using var document = JsonText.Parse(Encoding.UTF8.GetBytes(config), $"{path}: model_config");
            var budget = new Budget();
            budget.Holds(content.Length, nodes: 0);
            var graph = new GraphComposer(name, new WeightSet(path, []), budget, path);
            var weights = new KerasWeights(file, path);
            var emitter = new KerasEmitter(graph, weights, KerasVersion.Parse(file.Attributes.GetValueOrDefault("keras_version"), file.Attributes.GetValueOrDefault("backend")));
            var reader = new KerasReader(graph, emitter);
            reader.Build(document.RootElement);
            Constants.Check(graph.Graph);
            var unused = weights.Unused();
            notes.AddRange(emitter.Notes.Concat(emitter.Unread()));
            notes.AddRange(IdleLayers.Of(graph.Graph, reader._called).Select(layer => $"layer '{layer}' has no effect: no output depends on it"));
            if (UnusedWeights.Note(unused) is { } note) notes.Add(note);
            return new ImportedModel(graph.Graph) { Unused = unused };
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
    }

    private void Build(JsonElement model)
    {
        if (model.ValueKind != JsonValueKind.Object) throw new ConversionException($"model_config is {Json.Shown(model)}; it must be an object");
        var kind = Json.TextOf(Json.Optional(model, "class_name"));
        if (kind is not ("Sequential" or "Functional" or "Model")) throw new ConversionException($"models of class '{kind}' are not supported; the class must be Sequential or Functional. {Advice}");
        var config = Json.Required(model, "config", "model_config");
        var layers = Json.List(config.ValueKind == JsonValueKind.Array ? config : Json.Required(config, "layers", "the model's config"), "'layers'").ConvertAll(l => (Layer: new KerasLayer(l), Json: l));
        var unknown = layers.ConvertAll(l => l.Layer).FindAll(l => !_emitter.Knows(l));
        if (unknown.Count > 0) throw new ConversionException($"these layers are not supported: {string.Join(", ", unknown.Select(l => $"'{l.Name}' ({l.Class})"))}. {string.Concat(unknown.Select(l => Why(l.Class)).Distinct())}{Advice}");
        if (kind == "Sequential") BuildSequence(layers.ConvertAll(l => l.Layer), config);
        else BuildFunctional(layers, config);
    }

    private static string Advice => "Export the model as ONNX (tf2onnx) and convert that.";

    private static string Why(string kind) => kind switch
    {
        "Sequential" or "Functional" or "Model" => "Move the layers of an inner model into the outer model. ",
        "Lambda" or "TFOpLambda" or "SlicingOpLambda" => "A lambda is code, not a layer. ",
        _ => "",
    };

    private void BuildSequence(List<KerasLayer> layers, JsonElement config)
    {
        if (layers.Count == 0) throw new ConversionException("the model has no layers");
        KerasValue value;
        var start = 0;
        if (layers[0].Class == "InputLayer")
        {
            value = Input(layers[0]);
            start = 1;
        }
        else
        {
            var shape = layers[0].Get("batch_input_shape") ?? layers[0].Get("batch_shape") ?? Json.Optional(config, "build_input_shape") ?? throw layers[0].Fault("the shape of the input is unknown (no batch_input_shape)");
            value = Port($"{layers[0].Name}_input", shape, layers[0].Class == "Embedding" ? "int32" : "float32");
        }

        foreach (var layer in layers[start..]) value = Call(layer, new KerasCall([value]))[0];
        Output(layers[^1].Name, value);
    }

    private KerasValue[] Call(KerasLayer layer, KerasCall call)
    {
        var values = _emitter.Call(layer, call);
        _called.Add((layer.Name, _graph.Graph.Nodes.Count));
        return values;
    }

    private void BuildFunctional(List<(KerasLayer Layer, JsonElement Json)> layers, JsonElement config)
    {
        var waiting = new Queue<(KerasLayer Layer, JsonElement Node, int Call)>();
        foreach (var (layer, json) in layers)
        {
            if (layer.Class == "InputLayer") _made[(layer.Name, 0)] = [Input(layer)];
            else foreach (var (i, node) in Json.List(Json.Required(json, "inbound_nodes", $"layer '{layer.Name}'"), $"'inbound_nodes' of layer '{layer.Name}'").Index()) waiting.Enqueue((layer, node, i));
        }

        // Layers may be in any order: a call waits for its first missing value.
        var blocked = new Dictionary<(string Layer, int Call), List<(KerasLayer Layer, JsonElement Node, int Call)>>();
        while (waiting.TryDequeue(out var next))
        {
            if (ReadCall(next.Layer, next.Node, out var missing) is { } call)
            {
                _made[(next.Layer.Name, next.Call)] = Call(next.Layer, call);
                if (blocked.Remove((next.Layer.Name, next.Call), out var freed)) freed.ForEach(waiting.Enqueue);
            }
            else if (blocked.TryGetValue(missing, out var others))
            {
                others.Add(next);
            }
            else
            {
                blocked[missing] = [next];
            }
        }

        if (blocked.Count > 0) throw blocked.First().Value[0].Layer.Fault($"it is called with '{blocked.First().Key.Layer}', which no layer before it computes");
        OrderInputs(References(Json.Required(config, "input_layers", "the model's config")));
        var outputs = References(Json.Required(config, "output_layers", "the model's config")).ToList();
        if (outputs.Count == 0) throw new ConversionException("the model has no outputs");
        foreach (var output in outputs) Output(output.Layer, Value(output) ?? throw new ConversionException($"no layer computes the output '{output.Layer}'"));
    }

    /// <summary>Sorts the inputs in the order of the model's call.</summary>
    private void OrderInputs(IEnumerable<(string Layer, int Call, int Output)> order)
    {
        var names = order.Select(o => o.Layer).ToList();
        var inputs = _graph.Graph.Inputs;
        if (inputs.FirstOrDefault(i => !names.Contains(i.Name)) is { } missing) throw new ConversionException($"the input '{missing.Name}' is not among the model's input_layers");
        var sorted = inputs.OrderBy(i => names.IndexOf(i.Name)).ToList();
        inputs.Clear();
        inputs.AddRange(sorted);
    }

    /// <summary>The values of a node's call. Null if one does not exist yet: <paramref name="missing"/>.</summary>
    private KerasCall? ReadCall(KerasLayer layer, JsonElement node, out (string Layer, int Call) missing)
    {
        var call = new KerasCall([]);
        (string, int)? lacking = null;
        List<KerasValue?> Values(JsonElement value)
        {
            var values = new List<KerasValue?>();
            foreach (var reference in References(value))
            {
                values.Add(Value(reference));
                if (values[^1] is null) lacking ??= (reference.Layer, reference.Call);
            }

            return values;
        }

        void Named(JsonElement arguments)
        {
            foreach (var (name, value) in Json.Members(arguments, $"what layer '{layer.Name}' is called with by name"))
            {
                if (value.ValueKind == JsonValueKind.True) call.Flags.Add(name);
                var values = Values(value);
                if (values.Count > 0) call.Named[name] = values.ConvertAll(v => v ?? default);
                else if (value.ValueKind is JsonValueKind.Number or JsonValueKind.String) throw layer.Fault($"it is called with {name} = {Json.Shown(value)}, which is not supported");
            }
        }

        if (node.ValueKind == JsonValueKind.Object)
        {
            var arguments = Json.List(Json.Required(node, "args", $"a call of layer '{layer.Name}'"), $"'args' of layer '{layer.Name}'");
            call.Inputs.AddRange(arguments.SelectMany(Values).Select(v => v ?? default));
            call.Plain.AddRange(arguments.Where(a => a.ValueKind is JsonValueKind.Number or JsonValueKind.String or JsonValueKind.True));
            if (Json.Optional(node, "kwargs") is { } named) Named(named);
        }
        else
        {
            call.Inputs.AddRange(Values(node).Select(v => v ?? default));
            foreach (var entry in Json.List(node, $"a call of layer '{layer.Name}'"))
            {
                if (entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 4 && entry[3].ValueKind == JsonValueKind.Object) Named(entry[3]);
            }
        }

        missing = lacking ?? default;
        if (lacking is not null) return null;
        foreach (var name in (string[])["inputs", "sequences", "query"])
        {
            if (call.Inputs.Count == 0 && call.Named.Remove(name, out var values)) call.Inputs.AddRange(values);
        }

        if (call.Named.Remove("mask", out var masks)) SetMasks(layer, call, masks);
        return call;
    }

    /// <summary>Masks given by name replace those of the values.</summary>
    private static void SetMasks(KerasLayer layer, KerasCall call, List<KerasValue> masks)
    {
        if (masks.Count != call.Inputs.Count && (masks.Count != 1 || call.Inputs.Count == 0)) throw layer.Fault($"it is called with {call.Inputs.Count} values and {masks.Count} masks; the numbers must be equal");
        for (var i = 0; i < masks.Count; i++)
        {
            if (masks[i].Rank != 2) throw layer.Fault($"it is called with a mask of {masks[i].Rank} dimensions; it must be [batch, steps]");
            call.Inputs[i] = call.Inputs[i] with { Mask = masks[i].Name };
        }
    }

    /// <summary>References to outputs of layers, at any depth of lists: <c>[name, call, output]</c>, or Keras 3's objects.</summary>
    private static IEnumerable<(string Layer, int Call, int Output)> References(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            if (value.GetArrayLength() >= 3 && value[0].ValueKind == JsonValueKind.String && value[1].ValueKind == JsonValueKind.Number && value[2].ValueKind == JsonValueKind.Number)
                return [(Json.TextOf(value[0])!, Json.Int(value[1], "the number of a call"), Json.Int(value[2], "the number of an output"))];
            return value.EnumerateArray().SelectMany(References);
        }

        return Json.TextOf(Json.Optional(value, "class_name")) == "__keras_tensor__" ? References(Json.Required(Json.Required(value, "config", "a tensor"), "keras_history", "a tensor")) : [];
    }

    private KerasValue? Value((string Layer, int Call, int Output) reference)
    {
        if (!_made.TryGetValue((reference.Layer, reference.Call), out var values)) return null;
        return (uint)reference.Output < (uint)values.Length ? values[reference.Output] : throw new ConversionException($"the layer '{reference.Layer}' has {values.Length} outputs; output {reference.Output} does not exist");
    }

    private KerasValue Input(KerasLayer layer)
    {
        if (layer.Flag("sparse") || layer.Flag("ragged")) throw layer.Fault("sparse and ragged inputs are not supported");
        return Port(layer.Name, layer.Get("batch_input_shape") ?? layer.Get("batch_shape") ?? throw layer.Fault("it has no shape"), layer.String("dtype") ?? "float32");
    }

    private KerasValue Port(string name, JsonElement shape, string type)
    {
        _graph.Declare(name);
        var what = $"the shape of input '{name}'";
        IrDim[] sizes = [.. Json.List(shape, what).Select((size, axis) => size.ValueKind == JsonValueKind.Null ? new IrDim(-1, Symbol(name, axis)) : new IrDim(Json.Int(size, $"a size in {what}") is > 0 and var s ? s : throw new ConversionException($"the input '{name}' has a size of {size}; it must be at least 1"), null))];
        if (sizes.Length == 0) throw new ConversionException($"the input '{name}' has no dimensions");
        _graph.Graph.Inputs.Add(new IrPort(name, name, type switch
        {
            "float32" or "float16" or "bfloat16" or "float64" => ElementType.Float32,
            "int32" => ElementType.Int32,
            "int64" => ElementType.Int64,
            "bool" => ElementType.Bool,
            _ => throw new ConversionException($"the input '{name}' has type '{type}'; it must be float32, int32, int64 or bool"),
        }, sizes));
        return new KerasValue(name, sizes.Length);
    }

    /// <summary>The batch is N in all inputs. The time is T; a second input may have another length.</summary>
    private string Symbol(string input, int axis)
    {
        if (axis == 0) return "N";
        if (_symbols.Count == 0 || _symbols.ContainsKey(input)) _symbols.TryAdd(input, "T");
        return (_symbols.TryGetValue(input, out var symbol) ? symbol : _symbols[input] = $"T_{input}") + (axis > 1 ? $"_{axis}" : "");
    }

    private void Output(string name, KerasValue value) => _graph.Graph.Outputs.Add(new IrPort(_graph.Graph.Outputs.Exists(o => o.Name == name) ? _graph.Graph.Fresh(name) : name, value.Name, 0, []));
}
