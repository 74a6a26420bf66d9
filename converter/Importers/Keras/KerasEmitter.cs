using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Writes the nodes of a layer.</summary>
internal delegate KerasValue[] KerasEmit(KerasLayer layer, KerasCall call);

/// <summary>Writes the nodes of a layer's call. The formulas follow Keras' documentation; layers are channels-last.</summary>
internal sealed class KerasEmitter
{
    /// <summary>Layers over the last axis, which TimeDistributed does not change.</summary>
    private static readonly HashSet<string> s_pointwise = ["Dense", "Activation", "Dropout", "LayerNormalization", "BatchNormalization", "ReLU", "LeakyReLU", "ELU", "Softmax"];

    /// <summary>Layers that have no effect when a model runs.</summary>
    private static readonly string[] s_training = ["Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization"];

    /// <summary>Arguments that calls may give by name: the inputs' masks and initial states, and the keys and values of attention layers.</summary>
    private static readonly HashSet<string> s_named = ["initial_state", "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask"];

    private readonly Dictionary<string, KerasEmit> _layers;
    private readonly KerasOperations _operations;
    private readonly List<KerasLayer> _called = [];

    public KerasEmitter(GraphComposer graph, KerasWeights weights, KerasVersion version)
    {
        (Graph, Weights, Version) = (graph, weights, version);
        Functions = new KerasFunctions(this);
        _operations = new KerasOperations(this);
        var recurrent = new KerasRecurrent(this);
        var attention = new KerasAttention(this);
        var merging = new KerasMerging(this);
        (string Class, KerasEmit Emit)[] all =
        [
            .. new KerasDense(this).Layers, .. new KerasConvolutions(this).Layers, .. new KerasPools(this).Layers, .. new KerasShaping(this).Layers, .. new KerasNormalizations(this).Layers,
            .. new KerasActivations(this).Layers, .. new KerasCodes(this).Layers, .. merging.Layers, .. attention.Layers,
            .. KerasRecurrent.Classes.Select(name => (name, (KerasEmit)recurrent.Layer)),
            .. s_training.Select(name => (name, Map((_, x) => x.Name))),
            ("TimeDistributed", TimeDistributed),
            ("Bidirectional", recurrent.Bidirectional),
            .. new[] { "Sequential", "Functional", "Model" }.Select(name => (name, (KerasEmit)((layer, call) => KerasModel.Call(this, layer, call)))),
        ];
        _layers = all.ToDictionary(row => row.Class, row => row.Emit);
    }

    public GraphComposer Graph { get; }

    public KerasWeights Weights { get; }

    public KerasVersion Version { get; }

    public KerasFunctions Functions { get; }

    /// <summary>Keras' classes of layers that are known.</summary>
    public IEnumerable<string> Classes => _layers.Keys;

    /// <summary>The operations that are known, by the names of Python's functions.</summary>
    public IEnumerable<string> Operations => _operations.Names;

    /// <summary>Notes for the user about called layers.</summary>
    public HashSet<string> Notes { get; } = [];

    /// <summary>Layers whose steps are written out one after another.</summary>
    public HashSet<string> WrittenOut { get; } = [];

    /// <summary>The called layers in the order of their nodes, each with the end of its nodes.</summary>
    public List<(string Layer, int End)> Ends { get; } = [];

    /// <summary>The layers that are not supported: the layer, or those inside of it.</summary>
    public IEnumerable<KerasLayer> Unknown(KerasLayer layer)
    {
        if (layer.Class == "InputLayer") return [];
        if (IsOperation(layer)) return _operations.Knows(layer) ? [] : [layer];
        if (!_layers.ContainsKey(layer.Class)) return [layer];
        if (KerasModel.Is(layer)) return layer.Layers().SelectMany(inner => Unknown(new KerasLayer(inner, around: layer.WeightsOf)));
        return layer.Class == "TimeDistributed" ? Unknown(Inner(layer)) : [];
    }

    /// <summary>Whether a layer is an operation, whose call has numbers among its arguments. Some classes of layers and operations have the same names.</summary>
    public bool IsOperation(KerasLayer layer)
    {
        if (KerasOperations.IsOfTensorFlow(layer)) return true;
        if (layer.Class is "NotEqual" or "Any") return false;
        return layer.Module.Contains(".ops.", StringComparison.Ordinal) || (!_layers.ContainsKey(layer.Class) && _operations.Knows(layer));
    }

    public KerasValue[] Call(KerasLayer layer, KerasCall call)
    {
        Check(layer);
        if (call.Arguments is { } arguments) return Within(layer, () => Operate(layer, arguments));
        if (call.Inputs.Count == 0) throw layer.Fault("it is called without inputs");
        if (call.Named.Keys.FirstOrDefault(name => !s_named.Contains(name)) is { } unknown) throw layer.Fault($"it is called with '{unknown}', which is not supported");
        if (call.Plain.Count > 0 && layer.Class != "NotEqual") throw layer.Fault($"it is called with {Json.Shown(call.Plain[0])}, which is not supported");
        if (call.Flags.Contains("training"))
        {
            if (layer.Class == "BatchNormalization") throw layer.Fault("it is called with training=True, so it normalizes each batch by its own statistics; call it without training");
            if (s_training.Contains(layer.Class) || layer.Float("dropout", 0) + layer.Float("recurrent_dropout", 0) > 0) Notes.Add($"layer '{layer.Name}' ({layer.Class}) is called with training=True: Keras drops values at random, and the converted model keeps them");
        }

        return Within(layer, () => _layers.TryGetValue(layer.Class, out var emit) ? emit(layer, call) : throw layer.Fault("it is not supported"));
    }

    /// <summary>Checks the options that all layers share: number type, channel order, and quantization.</summary>
    public void Check(KerasLayer layer)
    {
        _called.Add(layer);
        if (!KerasSpatial.ReadsFormat(layer.Class) && layer.String("data_format") == "channels_first") throw layer.Fault("channels_first is not supported");
        if (layer.Get("lora_rank") is not null) throw layer.Fault("its weights have a separate LoRA part; merge it and save the model again");
        if (layer.Get("quantization_config") is not null) throw layer.Fault("its weights are quantized; save the model before quantization (--weights int8 quantizes it here)");
        if (layer.Get("dtype") is not { } type) return;
        var name = Json.TextOf(type) ?? Json.TextOf(Json.Optional(Json.Optional(type, "config") ?? default, "name")) ?? Json.TextOf(Json.Optional(Json.Optional(type, "config") ?? default, "mode")) ?? "";
        if (name.StartsWith("int8", StringComparison.Ordinal) || name.StartsWith("int4", StringComparison.Ordinal) || name.StartsWith("float8", StringComparison.Ordinal) || Json.TextOf(Json.Optional(type, "class_name"))?.StartsWith("Quantized", StringComparison.Ordinal) == true)
            throw layer.Fault($"its weights are quantized ({name}); save the model before quantization (--weights int8 quantizes it here)");
        if (name.EndsWith("float16", StringComparison.Ordinal) || name == "float64") Notes.Add($"the file computes layers in {name}; the converted model computes them in float32");
    }

    /// <summary>Notes on members of layers that were not read.</summary>
    public IEnumerable<string> Unread() =>
        _called.SelectMany(layer => layer.Unread().Select(member => $"layer '{layer.Name}' ({layer.Class}) has {member}, which is unknown and ignored")).Distinct();

    /// <summary>A required weight of the required rank.</summary>
    public IrTensor Need(KerasLayer layer, string weight, int rank, string? part = null)
    {
        var tensor = Weights.Find(layer, part ?? layer.Part, weight) ?? throw layer.Fault(
            layer.Part is "forward_" or "backward_" && Weights.Has(layer, "", weight)
                ? $"the file has the weights of one direction only, and no '{weight}' of the {layer.Part.TrimEnd('_')} one{(Version.LosesDirections ? ": Keras 3.0 and 3.1 lose them in .h5 files. Save the model as .keras instead (model.save(\"model.keras\"))" : "; save the whole model again, with its weights (model.save)")}"
                : $"the file has no weight '{weight}' for it; save the whole model again, with its weights (model.save)");
        return tensor.Shape.Length == rank ? tensor : throw layer.Fault($"its weight '{weight}' has shape [{string.Join(", ", tensor.Shape)}]; it must have {rank} dimensions");
    }

    /// <summary>A bias of this many elements, if the layer has one. A bias in the file for a layer without one is an error.</summary>
    public IrTensor? Bias(KerasLayer layer, int size)
    {
        if (!layer.Flag("use_bias", true))
        {
            if (Weights.Has(layer, layer.Part, "bias")) throw layer.Fault("it has \"use_bias\": false, but the file has a bias for it");
            return null;
        }

        var bias = Need(layer, "bias", 1);
        return bias.Count == size ? bias : throw layer.Fault($"its bias has {bias.Count} elements; it must have {size}");
    }

    public string Scalar(float value) => Graph.Scalar(value);

    public string ToFloat(string mask) => Graph.Op("Cast", [mask], ("to", 1L));

    public string ToBool(string mask) => Graph.Op("Cast", [mask], ("to", 9L));

    /// <summary>x · kernel + bias with a kernel [inputs, outputs].</summary>
    public string Affine(KerasLayer layer, string x, IrTensor kernel, IrTensor? bias, string? part = null)
    {
        var product = Graph.Op("MatMul", [x, Constant(layer, "kernel", kernel, part)]);
        return bias is null ? product : Graph.Op("Add", [product, Constant(layer, "bias", bias, part)]);
    }

    /// <summary>A constant made from a layer's weight, named as in the file.</summary>
    public string Constant(KerasLayer layer, string weight, IrTensor tensor, string? part = null) => Graph.Constant(Weights.NameOf(layer, part ?? layer.Part, weight), tensor);

    public static KerasLayer Inner(KerasLayer wrapper, string member = "layer", string part = "") =>
        new(wrapper.Get(member) ?? throw wrapper.Fault($"it has no '{member}' to wrap"), wrapper.WeightsOf, part);

    /// <summary>A layer with one input and one output.</summary>
    public static KerasEmit One(Func<KerasLayer, KerasValue, KerasValue> emit) => (layer, call) => [emit(layer, call.Inputs[0])];

    /// <summary>A layer with one input and one output that drops masks.</summary>
    public KerasEmit Unmasked(Func<KerasLayer, KerasValue, KerasValue> emit) => (layer, call) =>
    {
        if (call.Inputs[0].Mask is not null) Notes.Add(DropsMask(layer));
        return [emit(layer, call.Inputs[0])];
    };

    /// <summary>A layer whose output has the input's rank and mask.</summary>
    public static KerasEmit Map(Func<KerasLayer, KerasValue, string> emit) => (layer, call) => [call.Inputs[0] with { Name = emit(layer, call.Inputs[0]) }];

    private KerasValue[] TimeDistributed(KerasLayer layer, KerasCall call)
    {
        var inner = Inner(layer);
        var x = call.Inputs[0];
        if (x.Mask is not null && Version.Major < 3 && Graph.Graph.Inputs[0].Shape[0].Symbol is null)
            throw layer.Fault("with a fixed batch, Keras repeats its output at masked steps, which is not supported; save the model with an open batch");
        if (!IsPointwise(inner, x.Rank - 1)) return KerasSteps.Call(this, layer, inner, call);
        // The wrapped layer gets one step.
        var step = new KerasCall([x with { Rank = x.Rank - 1 }]);
        step.Flags.UnionWith(call.Flags);
        return [Call(inner, step)[0] with { Rank = x.Rank }];
    }

    /// <summary>Whether the nodes of a layer over a step are the same over all steps: no axis but the last is named in them by its place from the front.</summary>
    private static bool IsPointwise(KerasLayer inner, int rank)
    {
        if (!s_pointwise.Contains(inner.Class)) return false;
        var axis = inner.Longs("axis");
        var isLast = axis is [] or [-1] || (axis is [var one] && one == rank - 1);
        return inner.Class switch
        {
            "BatchNormalization" => isLast,
            "LayerNormalization" => isLast && !inner.Flag("rms_scaling") && (inner.Flag("scale", true) || inner.Flag("center", true)),
            "Softmax" => axis.Length < 2,
            _ => true,
        };
    }

    private KerasValue[] Operate(KerasLayer layer, KerasArguments arguments)
    {
        if (arguments.HasMask) Notes.Add(DropsMask(layer));
        return _operations.Emit(layer, arguments);
    }

    private KerasValue[] Within(KerasLayer layer, Func<KerasValue[]> emit)
    {
        var before = Graph.Scope;
        Graph.Scope = layer.Name;
        var result = emit();
        Graph.Scope = before;
        return result;
    }

    public static string DropsMask(KerasLayer layer) => $"layer '{layer.Name}' ({layer.Class}) drops the mask of its input, as Keras does: it and the layers after it treat masked steps like all others";
}
