using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Writes the nodes of a layer's call. What Keras computes is taken from its documentation of each layer; layers lie channels last.</summary>
internal sealed class KerasEmitter
{
    private readonly Dictionary<string, Func<KerasLayer, KerasCall, KerasValue[]>> _layers;

    public KerasEmitter(GraphComposer graph, KerasWeights weights, bool isKeras3)
    {
        (Graph, Weights, IsKeras3) = (graph, weights, isKeras3);
        var recurrent = new KerasRecurrent(this);
        var attention = new KerasAttention(this);
        _layers = new Dictionary<string, Func<KerasLayer, KerasCall, KerasValue[]>>
        {
            ["Dense"] = Map(Dense),
            ["Embedding"] = (layer, call) => [Embedding(layer, call.Inputs[0])],
            ["Masking"] = (layer, call) => [Masking(layer, call.Inputs[0])],
            ["Conv1D"] = (layer, call) => [new(Conv(layer, call.Inputs[0].Name))],
            ["BatchNormalization"] = Map(BatchNormalization),
            ["LayerNormalization"] = Map(LayerNormalization),
            ["Activation"] = Map((layer, x) => Activate(layer, layer.Activation(), x)),
            ["ReLU"] = Map((layer, x) => layer.Get("max_value") is null && layer.Float("negative_slope", 0) == 0 && layer.Float("threshold", 0) == 0 ? Activate(layer, "relu", x) : throw layer.Fault("a slope, threshold or largest value is not known")),
            ["Softmax"] = Map((layer, x) => Activate(layer, "softmax", x)),
            ["LeakyReLU"] = Map((layer, x) => graph.Op("LeakyRelu", [x], ("alpha", layer.Float("negative_slope", layer.Float("alpha", 0.3f))))),
            ["ELU"] = Map((layer, x) => graph.Op("Elu", [x], ("alpha", layer.Float("alpha", 1)))),
            ["RepeatVector"] = (layer, call) => [new(graph.Op("Tile", [graph.Unsqueeze(call.Inputs[0].Name, 1), graph.Axes(1, layer.Int("n", 1), 1)]))],
            ["Flatten"] = (_, call) => [new(graph.Op("Flatten", [call.Inputs[0].Name], ("axis", 1L)))],
            ["Reshape"] = (layer, call) => [new(graph.Op("Reshape", [call.Inputs[0].Name, graph.Axes([0, .. layer.Longs("target_shape")])]))],
            ["Permute"] = (layer, call) => [new(graph.Transpose(call.Inputs[0].Name, [0, .. layer.Longs("dims")]))],
            ["GlobalAveragePooling1D"] = (layer, call) => [new(Average(layer, call.Inputs[0]))],
            ["GlobalMaxPooling1D"] = (layer, call) => [new(graph.Op("ReduceMax", [call.Inputs[0].Name, graph.Axes(1)], ("keepdims", layer.Flag("keepdims") ? 1L : 0L)))],
            ["MaxPooling1D"] = (layer, call) => [new(Pool(layer, "MaxPool", call.Inputs[0].Name))],
            ["AveragePooling1D"] = (layer, call) => [new(Pool(layer, "AveragePool", call.Inputs[0].Name))],
            ["ZeroPadding1D"] = (layer, call) => [new(graph.Op("Pad", [call.Inputs[0].Name, graph.Axes(0, Ends(layer, "padding").Before, 0, 0, Ends(layer, "padding").After, 0)]))],
            ["Cropping1D"] = (layer, call) => [new(Crop(layer, call.Inputs[0].Name))],
            ["Concatenate"] = (layer, call) => [new(graph.Op("Concat", [.. call.Inputs.Select(i => i.Name)], ("axis", (long)layer.Int("axis", -1))), Both([.. call.Inputs.Select(i => i.Mask)]))],
            ["Add"] = Merge("Add"),
            ["Subtract"] = Merge("Sub"),
            ["Multiply"] = Merge("Mul"),
            ["Maximum"] = Merge("Max"),
            ["Minimum"] = Merge("Min"),
            ["Average"] = (layer, call) => [new(graph.Op("Div", [Chain("Add", call.Inputs), Scalar(call.Inputs.Count)]), Both([.. call.Inputs.Select(i => i.Mask)]))],
            ["TimeDistributed"] = TimeDistributed,
            ["SimpleRNN"] = recurrent.Layer,
            ["GRU"] = recurrent.Layer,
            ["LSTM"] = recurrent.Layer,
            ["CuDNNGRU"] = recurrent.Layer,
            ["CuDNNLSTM"] = recurrent.Layer,
            ["Bidirectional"] = recurrent.Bidirectional,
            ["Attention"] = attention.Dot,
            ["AdditiveAttention"] = attention.Additive,
            ["MultiHeadAttention"] = attention.MultiHead,
        };
        foreach (var training in (string[])["Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization"]) _layers[training] = Map((_, x) => x);
    }

    public GraphComposer Graph { get; }

    public KerasWeights Weights { get; }

    /// <summary>Keras 3 has another hard sigmoid.</summary>
    public bool IsKeras3 { get; }

    public bool Knows(KerasLayer layer) => layer.Class == "InputLayer" || (_layers.ContainsKey(layer.Class) && (layer.Class != "TimeDistributed" || Knows(Inner(layer))));

    public KerasValue[] Call(KerasLayer layer, KerasCall call)
    {
        if (call.Inputs.Count == 0) throw layer.Fault("it is called with nothing");
        return _layers.TryGetValue(layer.Class, out var emit) ? emit(layer, call) : throw layer.Fault("it is not known");
    }

    /// <summary>A weight that must be there, with the rank it must have.</summary>
    public IrTensor Need(KerasLayer layer, string weight, int rank, string? part = null)
    {
        var tensor = Weights.Find(layer.WeightsOf, part ?? layer.Part, weight) ?? throw layer.Fault($"the file has no weight '{weight}' of it");
        return tensor.Shape.Length == rank ? tensor : throw layer.Fault($"its weight '{weight}' has shape [{string.Join(", ", tensor.Shape)}]; {rank} dimensions are needed");
    }

    public string Scalar(float value) => Graph.Constant("scalar", IrTensor.Of<float>([], value));

    public string ToFloat(string mask) => Graph.Op("Cast", [mask], ("to", 1L));

    /// <summary>Where all masks that there are say so.</summary>
    public string? Both(params ReadOnlySpan<string?> masks)
    {
        string? both = null;
        foreach (var mask in masks)
        {
            if (mask is not null && mask != both) both = both is null ? mask : Graph.Op("And", [both, mask]);
        }

        return both;
    }

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
        "hard_sigmoid" => Graph.Op("HardSigmoid", [x], ("alpha", HardSlope), ("beta", 0.5f)),
        _ => throw layer.Fault($"the activation '{function}' is not known"),
    };

    public float HardSlope => IsKeras3 ? 1f / 6 : 0.2f;

    /// <summary>x · kernel + bias, the kernel as [inputs, outputs].</summary>
    public string Affine(string x, IrTensor kernel, IrTensor? bias, string name)
    {
        var product = Graph.Op("MatMul", [x, Graph.Constant(name, kernel)]);
        return bias is null ? product : Graph.Op("Add", [product, Graph.Constant(name + "/bias", bias)]);
    }

    public static KerasLayer Inner(KerasLayer wrapper, string member = "layer", string part = "") =>
        new(wrapper.Get(member) ?? throw wrapper.Fault($"it wraps no '{member}'"), wrapper.WeightsOf, part);

    /// <summary>A layer that gives one value for one, and hands its mask on.</summary>
    private static Func<KerasLayer, KerasCall, KerasValue[]> Map(Func<KerasLayer, string, string> emit) => (layer, call) => [new(emit(layer, call.Inputs[0].Name), call.Inputs[0].Mask)];

    private Func<KerasLayer, KerasCall, KerasValue[]> Merge(string op) => (_, call) => [new(Chain(op, call.Inputs), Both([.. call.Inputs.Select(i => i.Mask)]))];

    private string Chain(string op, List<KerasValue> inputs) => inputs.Skip(1).Aggregate(inputs[0].Name, (value, next) => Graph.Op(op, [value, next.Name]));

    private KerasValue[] TimeDistributed(KerasLayer layer, KerasCall call)
    {
        var inner = Inner(layer);
        if (inner.Class is not ("Dense" or "Activation" or "Dropout" or "LayerNormalization" or "BatchNormalization" or "ReLU" or "LeakyReLU" or "ELU" or "Softmax"))
            throw layer.Fault($"'{inner.Class}' over every step is not known; layers over the last axis are");
        return Call(inner, call);
    }

    private string Dense(KerasLayer layer, string x) => Activate(layer, layer.Activation(), Affine(x, Need(layer, "kernel", 2), layer.Flag("use_bias", true) ? Need(layer, "bias", 1) : null, layer.Name));

    private KerasValue Embedding(KerasLayer layer, KerasValue x)
    {
        var value = Graph.Op("Gather", [Graph.Constant(layer.Name, Need(layer, "embeddings", 2)), Graph.Op("Cast", [x.Name], ("to", 7L))], ("axis", 0L));
        if (!layer.Flag("mask_zero")) return new KerasValue(value);
        return new KerasValue(value, Graph.Op("Cast", [x.Name], ("to", 9L)));
    }

    /// <summary>A step counts where any of its features is other than the mask value; where it does not, it becomes zero.</summary>
    private KerasValue Masking(KerasLayer layer, KerasValue x)
    {
        var differs = ToFloat(Graph.Op("Not", [Graph.Op("Equal", [x.Name, Scalar(layer.Float("mask_value", 0))])]));
        var any = Graph.Op("ReduceMax", [differs, Graph.Axes(-1)], ("keepdims", 1L));
        return new KerasValue(Graph.Op("Mul", [x.Name, any]), Both(x.Mask, Graph.Op("Cast", [Graph.Squeeze(any, -1)], ("to", 9L))));
    }

    private string Conv(KerasLayer layer, string x)
    {
        if (layer.String("data_format") == "channels_first") throw layer.Fault("channels first is not known");
        var kernel = KerasWeights.ConvKernel(Need(layer, "kernel", 3));
        long taps = kernel.Shape[2], dilation = layer.Int("dilation_rate", 1);
        var bias = layer.Flag("use_bias", true) ? Graph.Constant(layer.Name + "/bias", Need(layer, "bias", 1)) : null;
        List<(string, object)> attributes = [("kernel_shape", new[] { taps }), ("strides", new long[] { layer.Int("strides", 1) }), ("dilations", new[] { dilation }), ("group", (long)layer.Int("groups", 1))];
        attributes.Add(layer.String("padding") switch
        {
            "same" => ("auto_pad", "SAME_UPPER"),
            "causal" => ("pads", new[] { (taps - 1) * dilation, 0 }),
            null or "valid" => ("pads", new long[] { 0, 0 }),
            var other => throw layer.Fault($"the padding '{other}' is not known"),
        });
        var y = Graph.Op("Conv", [Graph.Transpose(x, 0, 2, 1), Graph.Constant(layer.Name, kernel), bias], [.. attributes]);
        return Activate(layer, layer.Activation(), Graph.Transpose(y, 0, 2, 1));
    }

    private string Pool(KerasLayer layer, string op, string x)
    {
        long size = layer.Int("pool_size", 2);
        var pads = layer.String("padding") == "same" ? "SAME_UPPER" : "VALID";
        return Graph.Transpose(Graph.Op(op, [Graph.Transpose(x, 0, 2, 1)], ("kernel_shape", new[] { size }), ("strides", new long[] { layer.Int("strides", (int)size) }), ("auto_pad", pads)), 0, 2, 1);
    }

    private string BatchNormalization(KerasLayer layer, string x)
    {
        RequireLastAxis(layer);
        var gamma = layer.Flag("scale", true) ? Need(layer, "gamma", 1) : null;
        var beta = layer.Flag("center", true) ? Need(layer, "beta", 1) : null;
        var (scale, shift) = BatchNormLayer.Fold(Need(layer, "moving_mean", 1), Need(layer, "moving_variance", 1), gamma, beta, layer.Float("epsilon", 1e-3f))
            ?? throw layer.Fault("its weights differ in length");
        string Row(float[] values) => Graph.Constant(layer.Name, IrTensor.Of<float>([values.Length], values));
        return Graph.Op("Add", [Graph.Op("Mul", [x, Row(scale)]), Row(shift)]);
    }

    private string LayerNormalization(KerasLayer layer, string x)
    {
        RequireLastAxis(layer);
        var bias = layer.Flag("center", true) ? Need(layer, "beta", 1) : null;
        var gamma = layer.Flag("scale", true) ? Need(layer, "gamma", 1) : bias is null ? throw layer.Fault("it has neither scale nor center") : IrTensor.Of<float>(bias.Shape, [.. Enumerable.Repeat(1f, bias.Count)]);
        return Graph.Op("LayerNormalization", [x, Graph.Constant(layer.Name, gamma), bias is null ? null : Graph.Constant(layer.Name, bias)], ("axis", -1L), ("epsilon", layer.Float("epsilon", 1e-3f)));
    }

    /// <summary>Channels lie last; Keras writes the axis as -1 or counted from the front.</summary>
    private static void RequireLastAxis(KerasLayer layer)
    {
        if (layer.Longs("axis") is not ([] or [-1] or [2])) throw layer.Fault("only the last axis is known");
    }

    private string Average(KerasLayer layer, KerasValue x)
    {
        var keep = ("keepdims", layer.Flag("keepdims") ? 1L : 0L);
        if (x.Mask is null) return Graph.Op("ReduceMean", [x.Name, Graph.Axes(1)], keep);
        var weights = Graph.Unsqueeze(ToFloat(x.Mask), 2);
        return Graph.Op("Div", [Graph.Op("ReduceSum", [Graph.Op("Mul", [x.Name, weights]), Graph.Axes(1)], keep), Graph.Op("ReduceSum", [weights, Graph.Axes(1)], keep)]);
    }

    private string Crop(KerasLayer layer, string x)
    {
        var (before, after) = Ends(layer, "cropping");
        return Graph.Op("Slice", [x, Graph.Axes(before), Graph.Axes(after == 0 ? int.MaxValue : -after), Graph.Axes(1)]);
    }

    private static (long Before, long After) Ends(KerasLayer layer, string member) => layer.Longs(member) switch
    {
        [var both] => (both, both),
        [var before, var after] => (before, after),
        _ => (1, 1),
    };
}
