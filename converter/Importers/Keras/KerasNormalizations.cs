using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Normalizations over any axes, and scaling with numbers from the config.</summary>
internal sealed class KerasNormalizations(KerasEmitter emitter)
{
    /// <summary>The least sum of squares that Keras divides by.</summary>
    private const float LeastSquares = 1e-12f;

    /// <summary>The least deviation that Keras divides by.</summary>
    private const float LeastDeviation = 1e-7f;

    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers =>
    [
        ("BatchNormalization", KerasEmitter.Map(Batch)),
        ("LayerNormalization", KerasEmitter.Map(Layer)),
        ("GroupNormalization", KerasEmitter.Map(Group)),
        ("RMSNormalization", KerasEmitter.Map(RootMeanSquare)),
        ("UnitNormalization", KerasEmitter.Map(Unit)),
        ("SpectralNormalization", emitter.Unmasked(Spectral)),
        ("Normalization", Scaling(Fixed)),
        ("Rescaling", Scaling(Rescale)),
    ];

    private string Batch(KerasLayer layer, KerasValue x)
    {
        var axis = Axes(layer, x, -1) is [var one] ? one : throw layer.Fault("it has more than one axis, which is not supported");
        if (axis == 0) throw layer.Fault("its axis is the batch");
        var mean = emitter.Need(layer, "moving_mean", 1);
        var gamma = layer.Flag("scale", true) ? emitter.Need(layer, "gamma", 1) : null;
        var beta = layer.Flag("center", true) ? emitter.Need(layer, "beta", 1) : null;
        var (variance, epsilon) = (emitter.Need(layer, "moving_variance", 1), layer.Float("epsilon", 1e-3f));
        if (NonFinite.NoVariance("moving_variance", variance, epsilon) is { } fault) throw layer.Fault(fault);
        var isLast = axis == x.Rank - 1;
        var inside = isLast || axis == 1 ? x.Name : Swapped(x, axis, 1);
        var y = BatchNormLayer.Emit(Graph, inside, layer.Name, mean, variance, gamma, beta, epsilon, isLast) ?? throw layer.Fault("its weights differ in length");
        return inside == x.Name ? y : Swapped(x with { Name = y }, axis, 1);
    }

    private string Layer(KerasLayer layer, KerasValue x)
    {
        var axes = Axes(layer, x, -1);
        var isRootMeanSquare = layer.Flag("rms_scaling");
        var epsilon = layer.Float("epsilon", 1e-3f);
        var gamma = layer.Flag("scale", true) || isRootMeanSquare ? emitter.Need(layer, "gamma", axes.Length) : null;
        var beta = layer.Flag("center", true) && !isRootMeanSquare ? emitter.Need(layer, "beta", axes.Length) : null;
        if (!isRootMeanSquare && axes.Length == 1 && axes[0] == x.Rank - 1 && (gamma ?? beta) is { } known)
        {
            gamma ??= IrTensor.Of<float>(known.Shape, [.. Enumerable.Repeat(1f, known.Count)]);
            return Graph.Op("LayerNormalization", [x.Name, emitter.Constant(layer, "gamma", gamma), beta is null ? null : emitter.Constant(layer, "beta", beta)], ("axis", -1L), ("epsilon", epsilon));
        }

        var centred = Graph.Op("Sub", [x.Name, Mean(x.Name, axes)]);
        // With rms_scaling Keras divides by the deviation from the mean, but subtracts no mean.
        var y = Graph.Op("Div", [isRootMeanSquare ? x.Name : centred, Root(Graph.Op("Mul", [centred, centred]), axes, epsilon)]);
        return Shifted(layer, Scaled(layer, y, x, axes, "gamma", gamma), x, axes, beta);
    }

    private string RootMeanSquare(KerasLayer layer, KerasValue x)
    {
        var axes = Axes(layer, x, -1);
        var scale = emitter.Need(layer, "scale", axes.Length);
        var epsilon = layer.Float("epsilon", 1e-6f);
        if (axes.Length == 1 && axes[0] == x.Rank - 1) return Graph.Op("RMSNormalization", [x.Name, emitter.Constant(layer, "scale", scale)], ("axis", -1L), ("epsilon", epsilon));
        return Scaled(layer, Graph.Op("Div", [x.Name, Root(Graph.Op("Mul", [x.Name, x.Name]), axes, epsilon)]), x, axes, "scale", scale);
    }

    /// <summary>Mean and variance over everything but the batch, of each group of channels.</summary>
    private string Group(KerasLayer layer, KerasValue x)
    {
        var axis = Axes(layer, x, -1) is [var one and > 0] ? one : throw layer.Fault("its axis must be one axis after the batch");
        var gamma = layer.Flag("scale", true) ? emitter.Need(layer, "gamma", 1) : null;
        var beta = layer.Flag("center", true) ? emitter.Need(layer, "beta", 1) : null;
        var channels = (gamma ?? beta)?.Count ?? throw layer.Fault("it has neither scale nor center, so that its number of channels is unknown; this is not supported");
        var groups = layer.Int("groups", 32) is -1 ? channels : layer.Int("groups", 32);
        if (groups < 1 || channels % groups != 0) throw layer.Fault($"its {channels} channels cannot be divided into {groups} groups");
        IrTensor All(float value) => IrTensor.Of<float>([channels], [.. Enumerable.Repeat(value, channels)]);
        // ONNX has the channels after the batch and at least one axis behind them.
        var inside = axis == 1 ? x.Name : Swapped(x, axis, 1);
        if (x.Rank == 2) inside = Graph.Unsqueeze(inside, 2);
        var y = Graph.Op("GroupNormalization", [inside, emitter.Constant(layer, "gamma", gamma ?? All(1)), emitter.Constant(layer, "beta", beta ?? All(0))], ("num_groups", (long)groups), ("epsilon", layer.Float("epsilon", 1e-3f)));
        if (x.Rank == 2) y = Graph.Squeeze(y, 2);
        return axis == 1 ? y : Swapped(x with { Name = y }, axis, 1);
    }

    private string Unit(KerasLayer layer, KerasValue x) => ByLength(x.Name, Axes(layer, x, -1));

    /// <summary>x divided by its length along axes.</summary>
    public string ByLength(string x, long[] axes) =>
        Graph.Op("Div", [x, Graph.Op("Sqrt", [Graph.Op("Max", [Graph.Op("ReduceSumSquare", [x, Graph.Axes(axes)], ("keepdims", 1L)), Graph.Scalar(LeastSquares)])])]);

    /// <summary>A layer whose kernel was kept small in training. The kernel in the file is the one that Keras computes with.</summary>
    private KerasValue Spectral(KerasLayer layer, KerasValue x)
    {
        foreach (var ofTraining in (string[])["sn_u", "vector_u"]) _ = emitter.Weights.Find(layer, layer.Part, ofTraining);
        _ = layer.Get("power_iterations");
        return emitter.Call(KerasEmitter.Inner(layer), new KerasCall([x with { Mask = null }]))[0];
    }

    /// <summary>(x - mean) / deviation, with numbers that were computed from data before training.</summary>
    private string Fixed(KerasLayer layer, KerasValue x)
    {
        var axes = layer.Get("axis") is null && layer.Has("axis") ? [] : Axes(layer, x, -1);
        IrTensor Numbers(string member)
        {
            var tensor = layer.Get(member) is { } given ? KerasConstants.Floats(layer, member, given) : emitter.Weights.Find(layer, layer.Part, member) ?? throw layer.Fault($"the file has no '{member}' for it; call adapt before the model is saved");
            var kept = tensor.Shape.Where(s => s != 1).ToArray();
            // One number stands for all places. Otherwise the sizes are those of the kept axes, with or without ones between.
            if (kept.Length == 0) return tensor.Reshaped(1);
            if (tensor.Shape.Length == axes.Length) return tensor.Reshaped(Spread(tensor.Shape, axes, x.Rank));
            return tensor.Shape.Length == x.Rank ? tensor : throw layer.Fault($"its '{member}' has shape [{string.Join(", ", tensor.Shape)}]; it must have one size for each of its axes {string.Join(", ", axes)}");
        }

        var (mean, variance) = (Numbers("mean"), Numbers("variance"));
        var deviation = IrTensor.Of<float>(variance.Shape, Array.ConvertAll(variance.ToFloats(), v => Math.Max(MathF.Sqrt(v), LeastDeviation)));
        if (NonFinite.NoVariance("variance", variance, LeastDeviation) is { } fault) throw layer.Fault(fault);
        string Constant(string name, IrTensor tensor) => Graph.Constant($"{layer.Name}/{name}", tensor);
        var value = emitter.ToFloat(x.Name);
        return layer.Flag("invert")
            ? Graph.Op("Add", [Graph.Op("Mul", [value, Constant("deviation", deviation)]), Constant("mean", mean)])
            : Graph.Op("Div", [Graph.Op("Sub", [value, Constant("mean", mean)]), Constant("deviation", deviation)]);
    }

    private string Rescale(KerasLayer layer, KerasValue x)
    {
        string Numbers(string member, float otherwise) => layer.Get(member) is not { } given ? Graph.Scalar(otherwise) : KerasConstants.Floats(layer, member, given) is var tensor && tensor.Shape.Length > x.Rank ? throw layer.Fault($"its '{member}' has {tensor.Shape.Length} dimensions, more than its input") : Graph.Constant($"{layer.Name}/{member}", tensor);
        return Graph.Op("Add", [Graph.Op("Mul", [emitter.ToFloat(x.Name), Numbers("scale", 1)]), Numbers("offset", 0)]);
    }

    /// <summary>Keras 2 drops the mask of a layer that only scales; Keras 3 keeps it.</summary>
    private KerasEmit Scaling(Func<KerasLayer, KerasValue, string> emit) =>
        emitter.Version.Major >= 3 ? KerasEmitter.Map(emit) : emitter.Unmasked((layer, x) => new KerasValue(emit(layer, x), x.Rank));

    /// <summary>The axes of a layer, counted from the front and sorted.</summary>
    private static long[] Axes(KerasLayer layer, KerasValue x, long otherwise)
    {
        long[] given = layer.Longs("axis") is { Length: > 0 } some ? some : [otherwise];
        long[] axes = [.. given.Select(a => a < 0 ? a + x.Rank : a).Order()];
        if (axes[0] < 0 || axes[^1] >= x.Rank || axes.Distinct().Count() != axes.Length) throw layer.Fault($"its axis is {string.Join(", ", given)}, but its input has {x.Rank} dimensions");
        return axes;
    }

    private string Mean(string x, long[] axes) => Graph.Op("ReduceMean", [x, Graph.Axes(axes)], ("keepdims", 1L));

    /// <summary>√(mean + ε).</summary>
    private string Root(string squares, long[] axes, float epsilon) => Graph.Op("Sqrt", [Graph.Op("Add", [Mean(squares, axes), Graph.Scalar(epsilon)])]);

    private string Scaled(KerasLayer layer, string y, KerasValue x, long[] axes, string name, IrTensor? scale) =>
        scale is null ? y : Graph.OpInShape(0, "Mul", y, emitter.Constant(layer, name, scale.Reshaped(Spread(scale.Shape, axes, x.Rank))));

    private string Shifted(KerasLayer layer, string y, KerasValue x, long[] axes, IrTensor? shift) =>
        shift is null ? y : Graph.OpInShape(0, "Add", y, emitter.Constant(layer, "beta", shift.Reshaped(Spread(shift.Shape, axes, x.Rank))));

    /// <summary>Sizes at their axes, and 1 at all others.</summary>
    private static int[] Spread(int[] sizes, long[] axes, int rank)
    {
        var shape = new int[rank];
        Array.Fill(shape, 1);
        foreach (var (i, axis) in axes.Index()) shape[axis] = sizes[i];
        return shape;
    }

    private string Swapped(KerasValue x, int axis, int other)
    {
        var order = KerasSpatial.Axes(0, x.Rank);
        (order[axis], order[other]) = (order[other], order[axis]);
        return Graph.Transpose(x.Name, order);
    }

    private string Swapped(KerasValue x, long axis, int other) => Swapped(x, (int)axis, other);
}
