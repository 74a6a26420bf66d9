using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Writes the nodes of a layer's call. The formulas follow Keras' documentation; layers are channels-last.</summary>
internal sealed class KerasEmitter
{
    /// <summary>Layers over the last axis, which TimeDistributed does not change.</summary>
    private static readonly HashSet<string> s_pointwise = ["Dense", "Activation", "Dropout", "LayerNormalization", "BatchNormalization", "ReLU", "LeakyReLU", "ELU", "Softmax"];

    /// <summary>Layers that have no effect when a model runs.</summary>
    private static readonly string[] s_training = ["Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization"];

    /// <summary>Arguments that calls may give by name: the inputs' masks and initial states, and the keys and values of attention layers.</summary>
    private static readonly HashSet<string> s_named = ["initial_state", "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask"];

    private readonly Dictionary<string, Func<KerasLayer, KerasCall, KerasValue[]>> _layers;
    private readonly List<KerasLayer> _called = [];

    public KerasEmitter(GraphComposer graph, KerasWeights weights, KerasVersion version)
    {
        (Graph, Weights, Version) = (graph, weights, version);
        var recurrent = new KerasRecurrent(this);
        var attention = new KerasAttention(this);
        var shaping = new KerasShaping(this);
        var merging = new KerasMerging(this);
        _layers = new Dictionary<string, Func<KerasLayer, KerasCall, KerasValue[]>>
        {
            ["Dense"] = Map(Dense),
            ["Embedding"] = One(Embedding),
            ["Masking"] = One(Masking),
            ["Conv1D"] = Unmasked(Conv),
            ["BatchNormalization"] = Map(BatchNormalization),
            ["LayerNormalization"] = Map(LayerNormalization),
            ["Activation"] = Map((layer, x) => Activate(layer, layer.Activation(), x.Name)),
            ["ReLU"] = Map(Relu),
            ["Softmax"] = Map(Softmax),
            ["LeakyReLU"] = Map((layer, x) => graph.Op("LeakyRelu", [x.Name], ("alpha", layer.Float("negative_slope", layer.Float("alpha", 0.3f))))),
            ["ELU"] = Map((layer, x) => graph.Op("Elu", [x.Name], ("alpha", layer.Float("alpha", 1)))),
            ["RepeatVector"] = Unmasked(shaping.Repeat),
            ["Flatten"] = Unmasked(shaping.Flatten),
            ["Reshape"] = Unmasked(shaping.Reshape),
            ["Permute"] = Unmasked(shaping.Permute),
            ["GlobalAveragePooling1D"] = One(shaping.Average),
            ["GlobalMaxPooling1D"] = Unmasked(shaping.Maximum),
            ["MaxPooling1D"] = Unmasked((layer, x) => shaping.Pool(layer, "MaxPool", x)),
            ["AveragePooling1D"] = Unmasked((layer, x) => shaping.Pool(layer, "AveragePool", x)),
            ["ZeroPadding1D"] = Unmasked(shaping.Pad),
            ["Cropping1D"] = Unmasked(shaping.Crop),
            ["Concatenate"] = merging.Concatenate,
            ["Add"] = merging.Merge("Add"),
            ["Subtract"] = merging.Merge("Sub"),
            ["Multiply"] = merging.Merge("Mul"),
            ["Maximum"] = merging.Merge("Max"),
            ["Minimum"] = merging.Merge("Min"),
            ["Average"] = merging.Average,
            ["NotEqual"] = merging.NotEqual,
            ["Any"] = merging.Any,
            ["TimeDistributed"] = TimeDistributed,
            ["Sequential"] = (layer, call) => KerasModel.Call(this, layer, call),
            ["Functional"] = (layer, call) => KerasModel.Call(this, layer, call),
            ["Model"] = (layer, call) => KerasModel.Call(this, layer, call),
            ["Bidirectional"] = recurrent.Bidirectional,
            ["Attention"] = attention.Dot,
            ["AdditiveAttention"] = attention.Additive,
            ["MultiHeadAttention"] = attention.MultiHead,
        };
        foreach (var name in KerasRecurrent.Classes) _layers[name] = recurrent.Layer;
        foreach (var training in s_training) _layers[training] = Map((_, x) => x.Name);
    }

    public GraphComposer Graph { get; }

    public KerasWeights Weights { get; }

    public KerasVersion Version { get; }

    /// <summary>Notes for the user about called layers.</summary>
    public HashSet<string> Notes { get; } = [];

    /// <summary>The called layers in the order of their nodes, each with the end of its nodes.</summary>
    public List<(string Layer, int End)> Ends { get; } = [];

    /// <summary>The layers that are not supported: the layer, or those inside of it.</summary>
    public IEnumerable<KerasLayer> Unknown(KerasLayer layer)
    {
        if (layer.Class == "InputLayer") return [];
        if (!_layers.ContainsKey(layer.Class)) return [layer];
        if (KerasModel.Is(layer)) return layer.Layers().SelectMany(inner => Unknown(new KerasLayer(inner, around: layer.WeightsOf)));
        return layer.Class == "TimeDistributed" ? Unknown(Inner(layer)) : [];
    }

    public KerasValue[] Call(KerasLayer layer, KerasCall call)
    {
        Check(layer);
        if (call.Inputs.Count == 0) throw layer.Fault("it is called without inputs");
        if (call.Named.Keys.FirstOrDefault(name => !s_named.Contains(name)) is { } unknown) throw layer.Fault($"it is called with '{unknown}', which is not supported");
        if (call.Plain.Count > 0 && layer.Class != "NotEqual") throw layer.Fault($"it is called with {Json.Shown(call.Plain[0])}, which is not supported");
        if (call.Flags.Contains("training"))
        {
            if (layer.Class == "BatchNormalization") throw layer.Fault("it is called with training=True, so it normalizes each batch by its own statistics; call it without training");
            if (s_training.Contains(layer.Class) || layer.Float("dropout", 0) + layer.Float("recurrent_dropout", 0) > 0) Notes.Add($"layer '{layer.Name}' ({layer.Class}) is called with training=True: Keras drops values at random, and the converted model keeps them");
        }

        var before = Graph.Scope;
        Graph.Scope = layer.Name;
        var result = _layers.TryGetValue(layer.Class, out var emit) ? emit(layer, call) : throw layer.Fault("it is not supported");
        Graph.Scope = before;
        return result;
    }

    /// <summary>Checks the options that all layers share: number type, channel order, and quantization.</summary>
    public void Check(KerasLayer layer)
    {
        _called.Add(layer);
        if (layer.String("data_format") == "channels_first") throw layer.Fault("channels_first is not supported");
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
        var tensor = Weights.Find(layer, part ?? layer.Part, weight) ?? throw layer.Fault($"the file has no weight '{weight}' for it");
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

    public string Activate(KerasLayer layer, string function, string x) => function switch
    {
        "linear" => x,
        "tanh" => Graph.Op("Tanh", [x]),
        "relu" => Graph.Op("Relu", [x]),
        "sigmoid" => Graph.Op("Sigmoid", [x]),
        "softmax" => Graph.Op("Softmax", [x], ("axis", -1L)),
        "log_softmax" => Graph.Op("LogSoftmax", [x], ("axis", -1L)),
        "elu" => Graph.Op("Elu", [x]),
        "selu" => Graph.Op("Selu", [x]),
        "gelu" => Graph.Op("Gelu", [x]),
        "softplus" => Graph.Op("Softplus", [x]),
        "softsign" => Graph.Op("Softsign", [x]),
        "mish" => Graph.Op("Mish", [x]),
        "exponential" => Graph.Op("Exp", [x]),
        "swish" or "silu" => Graph.Op("Mul", [x, Graph.Op("Sigmoid", [x])]),
        "relu6" => Graph.Op("Clip", [x, Scalar(0), Scalar(6)]),
        "leaky_relu" => Graph.Op("LeakyRelu", [x], ("alpha", 0.2f)),
        "hard_sigmoid" => Graph.Op("HardSigmoid", [x], ("alpha", Version.HardSigmoidSlope), ("beta", 0.5f)),
        _ => throw layer.Fault($"the activation '{function}' is not supported"),
    };

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
    private static Func<KerasLayer, KerasCall, KerasValue[]> One(Func<KerasLayer, KerasValue, KerasValue> emit) => (layer, call) => [emit(layer, call.Inputs[0])];

    /// <summary>A layer with one input and one output that drops masks.</summary>
    private Func<KerasLayer, KerasCall, KerasValue[]> Unmasked(Func<KerasLayer, KerasValue, KerasValue> emit) => (layer, call) =>
    {
        if (call.Inputs[0].Mask is not null) Notes.Add($"layer '{layer.Name}' ({layer.Class}) drops the mask of its input, as Keras does: it and the layers after it treat masked steps like all others");
        return [emit(layer, call.Inputs[0])];
    };

    /// <summary>A layer whose output has the input's rank and mask.</summary>
    private static Func<KerasLayer, KerasCall, KerasValue[]> Map(Func<KerasLayer, KerasValue, string> emit) => (layer, call) => [call.Inputs[0] with { Name = emit(layer, call.Inputs[0]) }];

    private KerasValue[] TimeDistributed(KerasLayer layer, KerasCall call)
    {
        var inner = Inner(layer);
        var x = call.Inputs[0];
        if (x.Mask is not null && Version.Major < 3 && Graph.Graph.Inputs[0].Shape[0].Symbol is null)
            throw layer.Fault("with a fixed batch, Keras repeats its output at masked steps, which is not supported; save the model with an open batch");
        if (!s_pointwise.Contains(inner.Class)) return KerasSteps.Call(this, layer, inner, call);
        // The wrapped layer gets one step.
        var step = new KerasCall([x with { Rank = x.Rank - 1 }]);
        step.Flags.UnionWith(call.Flags);
        return [Call(inner, step)[0] with { Rank = x.Rank }];
    }

    private string Dense(KerasLayer layer, KerasValue x)
    {
        var kernel = Need(layer, "kernel", 2);
        layer.Expect("units", kernel.Shape[1]);
        return Activate(layer, layer.Activation(), Affine(layer, x.Name, kernel, Bias(layer, kernel.Shape[1])));
    }

    private KerasValue Embedding(KerasLayer layer, KerasValue x)
    {
        var table = Need(layer, "embeddings", 2);
        layer.Expect("input_dim", table.Shape[0]);
        layer.Expect("output_dim", table.Shape[1]);
        var value = Graph.Op("Gather", [Constant(layer, "embeddings", table), Graph.Op("Cast", [x.Name], ("to", 7L))], ("axis", 0L));
        return new KerasValue(value, x.Rank + 1, layer.Flag("mask_zero") ? ToBool(x.Name) : null);
    }

    /// <summary>A step counts if any of its features differs from the mask value. Masked steps become zero.</summary>
    private KerasValue Masking(KerasLayer layer, KerasValue x)
    {
        var differs = ToFloat(Graph.Op("Not", [Graph.Op("Equal", [x.Name, Scalar(layer.Float("mask_value", 0))])]));
        var any = Graph.Op("ReduceMax", [differs, Graph.Axes(-1)], ("keepdims", 1L));
        return x with { Name = Graph.Op("Mul", [x.Name, any]), Mask = ToBool(Graph.Squeeze(any, -1)) };
    }

    private KerasValue Conv(KerasLayer layer, KerasValue x)
    {
        var kernel = Need(layer, "kernel", 3);
        layer.Expect("kernel_size", kernel.Shape[0]);
        layer.Expect("filters", kernel.Shape[2]);
        kernel = KerasKernels.ConvKernel(kernel, isTurned: Version.IsTheano);
        long taps = kernel.Shape[2], dilation = layer.Int("dilation_rate", 1);
        var bias = Bias(layer, kernel.Shape[0]) is { } given ? Constant(layer, "bias", given) : null;
        List<(string, object)> attributes = [("kernel_shape", new[] { taps }), ("strides", new long[] { layer.Int("strides", 1) }), ("dilations", new[] { dilation }), ("group", (long)layer.Int("groups", 1))];
        attributes.Add(layer.String("padding") switch
        {
            "same" => ("auto_pad", "SAME_UPPER"),
            "causal" => ("pads", new[] { (taps - 1) * dilation, 0 }),
            null or "valid" => ("pads", new long[] { 0, 0 }),
            var other => throw layer.Fault($"the padding '{other}' is not supported"),
        });
        var y = Graph.Op("Conv", [Graph.Transpose(x.Name, 0, 2, 1), Constant(layer, "kernel", kernel), bias], [.. attributes]);
        return new KerasValue(Activate(layer, layer.Activation(), Graph.Transpose(y, 0, 2, 1)), x.Rank);
    }

    private string BatchNormalization(KerasLayer layer, KerasValue x)
    {
        RequireLastAxis(layer, x);
        var mean = Need(layer, "moving_mean", 1);
        var gamma = layer.Flag("scale", true) ? Need(layer, "gamma", 1) : null;
        var beta = layer.Flag("center", true) ? Need(layer, "beta", 1) : null;
        var (variance, epsilon) = (Need(layer, "moving_variance", 1), layer.Float("epsilon", 1e-3f));
        if (NonFinite.NoVariance("moving_variance", variance, epsilon) is { } fault) throw layer.Fault(fault);
        return BatchNormLayer.Emit(Graph, x.Name, layer.Name, mean, variance, gamma, beta, epsilon, isLastAxis: true) ?? throw layer.Fault("its weights differ in length");
    }

    private string LayerNormalization(KerasLayer layer, KerasValue x)
    {
        RequireLastAxis(layer, x);
        if (layer.Flag("rms_scaling")) throw layer.Fault("rms_scaling is not supported");
        var bias = layer.Flag("center", true) ? Need(layer, "beta", 1) : null;
        var gamma = layer.Flag("scale", true) ? Need(layer, "gamma", 1) : bias is null ? throw layer.Fault("it has neither scale nor center") : IrTensor.Of<float>(bias.Shape, [.. Enumerable.Repeat(1f, bias.Count)]);
        return Graph.Op("LayerNormalization", [x.Name, Constant(layer, "gamma", gamma), bias is null ? null : Constant(layer, "beta", bias)], ("axis", -1L), ("epsilon", layer.Float("epsilon", 1e-3f)));
    }

    /// <summary>Channels are last. Keras writes this axis as -1 or counts it from the front.</summary>
    private static void RequireLastAxis(KerasLayer layer, KerasValue x)
    {
        var axes = layer.Longs("axis");
        if (axes is not ([] or [-1]) && (axes is not [var axis] || axis != x.Rank - 1)) throw layer.Fault($"its axis is {string.Join(", ", axes)}; only the last axis, {x.Rank - 1}, is supported");
    }

    /// <summary>Relu with an optional upper limit.</summary>
    private string Relu(KerasLayer layer, KerasValue x)
    {
        if (layer.Float("negative_slope", 0) != 0 || layer.Float("threshold", 0) != 0) throw layer.Fault("a slope or a threshold is not supported");
        return layer.Get("max_value") is null ? Graph.Op("Relu", [x.Name]) : Graph.Op("Clip", [x.Name, Scalar(0), Scalar(layer.Float("max_value", 0))]);
    }

    private string Softmax(KerasLayer layer, KerasValue x)
    {
        if (x.Mask is not null) throw layer.Fault("its input has a mask, which it would treat as a mask of the scores' shape; use Activation('softmax')");
        if (layer.Longs("axis").Length > 1) throw layer.Fault("more than one axis is not supported");
        var axis = layer.Int("axis", -1);
        return Graph.Op("Softmax", [x.Name], ("axis", (long)(axis < 0 ? axis : axis - x.Rank)));
    }
}
