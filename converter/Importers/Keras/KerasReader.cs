using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Reads a whole Keras model from HDF5: its <c>model_config</c> (Sequential or Functional, as Keras 2 and 3 write it) gives the layers.</summary>
internal sealed class KerasReader
{
    private readonly GraphComposer _graph;
    private readonly KerasEmitter _emitter;
    private readonly Dictionary<(string Layer, int Call), KerasValue[]> _made = [];
    private readonly Dictionary<string, string> _symbols = [];

    private KerasReader(GraphComposer graph, KerasEmitter emitter) => (_graph, _emitter) = (graph, emitter);

    /// <exception cref="ConversionException">The file is damaged, has no architecture, or has layers that are not known; all of these are named.</exception>
    public static ImportedModel Read(string path, string name)
    {
        var file = HdfFile.Read(path);
        if (!file.Attributes.TryGetValue("model_config", out var config))
            throw new ConversionException($"{path}: the file has weights and no architecture (no model_config). Save the whole model (model.save), or write a description (.json) that names this file as its weights.");
        try
        {
            using var document = JsonDocument.Parse(config);
            var graph = new GraphComposer(name, new Dictionary<string, IrTensor>(), path);
            var emitter = new KerasEmitter(graph, new KerasWeights(file), isKeras3: file.Attributes.GetValueOrDefault("keras_version", "2").StartsWith('3'));
            new KerasReader(graph, emitter).Build(document.RootElement);
            return new ImportedModel(graph.Graph);
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or IndexOutOfRangeException or ArgumentException or ArithmeticException)
        {
            throw new ConversionException($"{path}: model_config is not as Keras writes it: {fault.Message}", fault);
        }
    }

    private void Build(JsonElement model)
    {
        var config = model.GetProperty("config");
        var kind = KerasLayer.Text(model, "class_name");
        var layers = (config.ValueKind == JsonValueKind.Array ? config : config.GetProperty("layers")).EnumerateArray().Select(l => (Layer: new KerasLayer(l), Json: l)).ToList();
        var unknown = layers.Where(l => !_emitter.Knows(l.Layer)).Select(l => $"'{l.Layer.Name}' ({l.Layer.Class})").ToList();
        if (unknown.Count > 0) throw new ConversionException($"these layers are not known: {string.Join(", ", unknown)}. Export the model as ONNX (tf2onnx), or describe it (.json).");
        switch (kind)
        {
            case "Sequential": BuildSequence(layers.ConvertAll(l => l.Layer), config); break;
            case "Functional" or "Model": BuildFunctional(layers, config); break;
            default: throw new ConversionException($"models of the class '{kind}' are not read; there are Sequential and Functional.");
        }
    }

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
            var shape = layers[0].Get("batch_input_shape") ?? layers[0].Get("batch_shape")
                ?? (config.ValueKind == JsonValueKind.Object && config.TryGetProperty("build_input_shape", out var built) ? built : throw layers[0].Fault("the shape of the input is not known (no batch_input_shape)"));
            value = Port($"{layers[0].Name}_input", shape, layers[0].Class == "Embedding" ? "int32" : layers[0].String("dtype") ?? "float32");
        }

        foreach (var layer in layers[start..]) value = _emitter.Call(layer, new KerasCall([value], [], []))[0];
        Output(layers[^1].Name, value);
    }

    private void BuildFunctional(List<(KerasLayer Layer, JsonElement Json)> layers, JsonElement config)
    {
        var waiting = new List<(KerasLayer Layer, JsonElement Node, int Call)>();
        foreach (var (layer, json) in layers)
        {
            if (layer.Class == "InputLayer") _made[(layer.Name, 0)] = [Input(layer)];
            else waiting.AddRange(json.GetProperty("inbound_nodes").EnumerateArray().Select((node, i) => (layer, node, i)));
        }

        while (waiting.Count > 0)
        {
            var before = waiting.Count;
            waiting.RemoveAll(w =>
            {
                if (ReadCall(w.Node) is not { } call) return false;
                _made[(w.Layer.Name, w.Call)] = _emitter.Call(w.Layer, call);
                return true;
            });
            if (waiting.Count == before) throw waiting[0].Layer.Fault("its inputs are made by no layer before it");
        }

        foreach (var (name, value) in References(config.GetProperty("output_layers")).Select(r => (r.Layer, Value(r) ?? throw new ConversionException($"the output '{r.Layer}' is made by no layer")))) Output(name, value);
    }

    /// <summary>The values a node is called with, or null where one is not made yet.</summary>
    private KerasCall? ReadCall(JsonElement node)
    {
        var call = new KerasCall([], [], []);
        var isMade = true;
        void Add(JsonElement value, List<KerasValue> to)
        {
            foreach (var reference in References(value))
            {
                if (Value(reference) is { } made) to.Add(made);
                else isMade = false;
            }
        }

        void Named(JsonElement arguments)
        {
            foreach (var argument in arguments.EnumerateObject())
            {
                if (argument.Value.ValueKind == JsonValueKind.True) call.Flags.Add(argument.Name);
                var values = new List<KerasValue>();
                Add(argument.Value, values);
                if (values.Count > 0) call.Named[argument.Name] = values;
            }
        }

        if (node.ValueKind == JsonValueKind.Object)
        {
            Add(node.GetProperty("args"), call.Inputs);
            Named(node.GetProperty("kwargs"));
        }
        else
        {
            Add(node, call.Inputs);
            foreach (var entry in node.EnumerateArray())
            {
                if (entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 4 && entry[3].ValueKind == JsonValueKind.Object) Named(entry[3]);
            }
        }

        return isMade ? call : null;
    }

    /// <summary>References to outputs of layers, however deep in lists: <c>[name, call, output]</c>, or Keras 3's objects.</summary>
    private static IEnumerable<(string Layer, int Call, int Output)> References(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            if (value.GetArrayLength() >= 3 && value[0].ValueKind == JsonValueKind.String && value[1].ValueKind == JsonValueKind.Number && value[2].ValueKind == JsonValueKind.Number)
                return [(value[0].GetString()!, value[1].GetInt32(), value[2].GetInt32())];
            return value.EnumerateArray().SelectMany(References);
        }

        return KerasLayer.Text(value, "class_name") == "__keras_tensor__" ? References(value.GetProperty("config").GetProperty("keras_history")) : [];
    }

    private KerasValue? Value((string Layer, int Call, int Output) reference)
    {
        if (!_made.TryGetValue((reference.Layer, reference.Call), out var values)) return null;
        return (uint)reference.Output < (uint)values.Length ? values[reference.Output] : throw new ConversionException($"the layer '{reference.Layer}' has {values.Length} outputs; number {reference.Output} is asked for");
    }

    private KerasValue Input(KerasLayer layer) =>
        Port(layer.Name, layer.Get("batch_input_shape") ?? layer.Get("batch_shape") ?? throw layer.Fault("it has no shape"), layer.String("dtype") ?? "float32");

    private KerasValue Port(string name, JsonElement shape, string type)
    {
        _graph.Declare(name);
        IrDim[] sizes = [.. shape.EnumerateArray().Select((size, axis) => size.ValueKind == JsonValueKind.Number ? new IrDim(size.GetInt32() is > 0 and var s ? s : throw new ConversionException($"the input '{name}' has a size of {size}"), null) : new IrDim(-1, Symbol(name, axis)))];
        _graph.Graph.Inputs.Add(new IrPort(name, name, type switch
        {
            "float32" => ElementType.Float32,
            "int32" => ElementType.Int32,
            "int64" => ElementType.Int64,
            _ => throw new ConversionException($"the input '{name}' has the type '{type}'; there are float32, int32 and int64"),
        }, sizes));
        return new KerasValue(name);
    }

    /// <summary>The batch is N everywhere, the time T; a second input may be of another length.</summary>
    private string Symbol(string input, int axis)
    {
        if (axis == 0) return "N";
        if (_symbols.Count == 0 || _symbols.ContainsKey(input)) _symbols.TryAdd(input, "T");
        return (_symbols.TryGetValue(input, out var symbol) ? symbol : _symbols[input] = $"T_{input}") + (axis > 1 ? $"_{axis}" : "");
    }

    private void Output(string name, KerasValue value) => _graph.Graph.Outputs.Add(new IrPort(_graph.Graph.Outputs.Exists(o => o.Name == name) ? _graph.Graph.Fresh(name) : name, value.Name, 0, []));
}
