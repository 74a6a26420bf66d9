using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Builds the graph of a whole Keras model (Sequential or Functional, of Keras 2 or 3) from its architecture and its weights.</summary>
internal sealed class KerasReader
{
    private readonly GraphComposer _graph;
    private readonly KerasEmitter _emitter;
    private readonly OpenSizes _open = new();

    private KerasReader(GraphComposer graph, KerasEmitter emitter) => (_graph, _emitter) = (graph, emitter);

    /// <param name="source">The architecture and the weights.</param>
    /// <param name="name">Name of the graph.</param>
    /// <param name="isWhole">Whether an encoder-decoder that was saved for training stays one graph.</param>
    /// <param name="notes">Receives notes for the user.</param>
    /// <exception cref="ConversionException">The architecture does not fit the weights or has unsupported layers; the message names all of these.</exception>
    public static ImportedModel Read(KerasSource source, string name, bool isWhole, List<string> notes)
    {
        var path = source.Path;
        try
        {
            CheckClass(source.Model);
            var weights = new KerasWeights(source.Weights, source.WeightsPath, KerasFolders.Of(source.Model, source.Weights));
            KerasEmitter Start(string graph)
            {
                var budget = new Budget();
                budget.Holds(source.Bytes, nodes: 0);
                return new KerasEmitter(new GraphComposer(graph, new WeightSet(path, []), budget, path), weights, source.Version);
            }

            var emitter = Start(name);
            var reader = new KerasReader(emitter.Graph, emitter);
            var (model, emitters) = reader.Build(source.Model, isWhole, Start, notes);
            foreach (var graph in model.Graphs) Constants.Check(graph);
            notes.AddRange(emitters.SelectMany(e => e.Notes.Concat(e.Unread())).Distinct());
            notes.AddRange(emitters.SelectMany(e => IdleLayers.Of(e.Graph.Graph, e.Ends)).Distinct().Select(layer => $"layer '{layer}' has no effect: no output depends on it"));
            var steps = emitters.SelectMany(e => e.WrittenOut).Distinct().Select(layer => $"'{layer}'").ToList();
            if (steps.Count > 0) notes.Add($"layer{(steps.Count == 1 ? $" {steps[0]} is" : $"s {string.Join(", ", steps)} are")} written out step by step, with a convolution of the state in each; the number of steps is fixed at conversion");
            if (source.Version.Note is { } said) notes.Add(said);
            model.Unused = weights.Unused();
            if (UnusedWeights.Note(model.Unused) is { } note) notes.Add(note);
            return model;
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
    }

    private static string Advice => "Export the model as ONNX (tf2onnx) and convert that.";

    private static void CheckClass(JsonElement model)
    {
        if (model.ValueKind != JsonValueKind.Object) throw new ConversionException($"model_config is {Json.Shown(model)}; it must be an object");
        var kind = Json.TextOf(Json.Optional(model, "class_name"));
        if (kind is not ("Sequential" or "Functional" or "Model")) throw new ConversionException($"models of class '{kind}' are not supported; the class must be Sequential or Functional. {Advice}");
        _ = Json.Required(model, "config", "model_config");
    }

    private (ImportedModel Model, List<KerasEmitter> Emitters) Build(JsonElement config, bool isWhole, Func<string, KerasEmitter> start, List<string> notes)
    {
        var whole = new KerasLayer(config);
        var model = new KerasModel(_emitter, whole, "");
        var unknown = model.Layers.SelectMany(_emitter.Unknown).ToList();
        if (unknown.Count > 0) throw new ConversionException($"these layers are not supported: {string.Join(", ", unknown.Select(l => $"'{l.Name}' ({l.Class})"))}. {string.Concat(unknown.Select(l => Why(l.Class)).Distinct())}{Advice}");
        if (!isWhole && Split(whole, model, start, notes) is { } split) return (split.Make(notes), split.Emitters);

        var order = model.Inputs;
        var outputs = model.Run(Input, First);
        if (whole.Class != "Sequential") OrderInputs(order);
        foreach (var (name, value) in outputs) Output(name, value);
        return (new ImportedModel(_graph.Graph), [_emitter]);
    }

    /// <summary>The parts of an encoder-decoder, whose layers may be in inner models.</summary>
    private KerasSplit? Split(KerasLayer whole, KerasModel model, Func<string, KerasEmitter> start, List<string> notes)
    {
        List<string> reasons = [], inner = [];
        if (KerasTranslator.Find(whole, model, reasons) is { } parts) return new KerasSplit(whole, parts, start);
        if (KerasInline.Of(whole) is { } flat && KerasTranslator.Find(flat, new KerasModel(_emitter, flat, ""), inner) is { } flatParts) return new KerasSplit(flat, flatParts, start);
        // The reason of the model with one level is the nearer one.
        notes.AddRange(inner.Count > 0 ? inner : reasons);
        return null;
    }

    private static string Why(string kind) => kind switch
    {
        "Lambda" => "A lambda is code, not a layer. ",
        "StringLookup" or "TextVectorization" or "Hashing" or "IntegerLookup" or "HashedCrossing" => "Look up words and numbers in your program: save the part of the model behind that layer, whose input is the indices. ",
        _ => "",
    };

    /// <summary>The input of a Sequential that has no input layer: its first layer knows the shape, or the first layer of an inner model does.</summary>
    private KerasValue First(KerasLayer layer, JsonElement? built)
    {
        var first = layer;
        while (KerasModel.Is(first) && first.Layers() is [var inner, ..]) first = new KerasLayer(inner);
        var shape = layer.Get("batch_input_shape") ?? layer.Get("batch_shape") ?? built ?? layer.Get("build_input_shape") ?? first.Get("batch_input_shape") ?? first.Get("batch_shape") ?? throw layer.Fault("the shape of the input is unknown (no batch_input_shape)");
        return Port($"{layer.Name}_input", shape, first.Class == "Embedding" ? "int32" : first.Class == "InputLayer" ? first.String("dtype") ?? "float32" : "float32");
    }

    /// <summary>Sorts the inputs in the order of the model's call.</summary>
    private void OrderInputs(List<string> names)
    {
        var inputs = _graph.Graph.Inputs;
        if (inputs.FirstOrDefault(i => !names.Contains(i.Name)) is { } missing) throw new ConversionException($"the input '{missing.Name}' is not among the model's input_layers");
        var sorted = inputs.OrderBy(i => names.IndexOf(i.Name)).ToList();
        inputs.Clear();
        inputs.AddRange(sorted);
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
        IrDim[] sizes = [.. Json.List(shape, what).Select((size, axis) => size.ValueKind == JsonValueKind.Null ? new IrDim(-1, _open.Symbol(name, axis)) : new IrDim(Json.Int(size, $"a size in {what}") is > 0 and var s ? s : throw new ConversionException($"the input '{name}' has a size of {size}; it must be at least 1"), null))];
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

    private void Output(string name, KerasValue value) => _graph.Graph.Outputs.Add(new IrPort(_graph.Graph.Outputs.Exists(o => o.Name == name) ? _graph.Graph.Fresh(name) : name, value.Name, 0, []));
}
