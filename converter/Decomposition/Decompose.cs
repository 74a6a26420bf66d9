using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>Replaces composite operators by simpler ones and resolves attributes that depend on shapes (auto_pad).</summary>
internal static class Decompose
{
    /// <summary>Attribute of a Transpose that moves the first axis to another place, for any rank.</summary>
    public const string FirstAxisTo = "first_axis_to";

    private static readonly HashSet<string> s_known =
    [
        .. RecurrentOp.All.Select(op => op.Name), "Conv", "ConvTranspose", "Gemm", "Linear", "Sum", "Mean", "BatchNormalization", "If", "Loop", "Constant", "Identity", "Dropout", "CastLike", "Greater",
        "DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "MeanVarianceNormalization", "Einsum",
        "HannWindow", "HammingWindow", "BlackmanWindow", "DFT", "STFT", "MelWeightMatrix", "Attention",
        "Resize", "DepthToSpace", "SpaceToDepth", "Shrink", "EyeLike", "NonZero", "Compress",
    ];

    /// <summary>ONNX's operators that cannot be converted, except those with an explanation of their own.</summary>
    private static readonly HashSet<string> s_unsupported =
    [
        "AffineGrid", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "CenterCropPad", "Col2Im", "DeformConv", "Det", "GlobalLpPool", "GridSample", "ImageDecoder", "LRN", "LpPool",
        "MaxRoiPool", "MaxUnpool", "NegativeLogLikelihoodLoss", "RoiAlign", "RotaryEmbedding", "Scan", "SoftmaxCrossEntropyLoss",
    ];

    /// <summary>All operators that can be converted, by ONNX's names.</summary>
    public static HashSet<string> Names { get; } = [.. OperatorMap.Names, .. s_known, .. SequenceValues.Names, .. DecomposeContrib.Names];

    /// <summary>Whether an operator of this name can be converted.</summary>
    public static bool Knows(string op) => Names.Contains(op);

    /// <summary>Why an operator cannot be converted.</summary>
    public static string Refusal(string op) => op switch
    {
        "RandomNormal" or "RandomNormalLike" or "RandomUniform" or "RandomUniformLike" or "Bernoulli" or "Multinomial" => "its output is random; sessions must give the same output for the same input",
        "Unique" or "NonMaxSuppression" => "the size of its output depends on the data; remove the operator from the model and do its work in your program",
        "StringNormalizer" or "StringConcat" or "StringSplit" or "RegexFullMatch" or "TfIdfVectorizer" => "strings are not supported; remove the operator from the model and do its work in your program",
        "Scan" => "its body does not fit its inputs; a Scan of an opset before 9 has this form: export the model with opset 9 or newer",
        "SequenceMap" => "a map over a sequence of tensors is not supported",
        _ when op.StartsWith("com.microsoft.nchwc.", StringComparison.Ordinal) => "the file was optimized for one kind of processor; convert the original model",
        _ when op.StartsWith("ai.onnx.ml.", StringComparison.Ordinal) => "operators of classical models are not supported",
        _ when op.Contains('.', StringComparison.Ordinal) => $"operators of '{op[..op.LastIndexOf('.')]}' other than those listed in docs/onnx.md are not supported",
        _ when !s_unsupported.Contains(op) => $"ONNX has no such operator up to opset {IrNode.NewestOpset}; the file is invalid or newer",
        _ => "the operator is not supported; docs/onnx.md lists the supported operators",
    };

    /// <summary>Attribute of a Split whose parts must have equal sizes.</summary>
    public const string EqualParts = "equal_parts";

    /// <summary>The nodes that replace this one. Null if it stays.</summary>
    public static List<IrNode>? Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        if (node.Recurrent is not null || node.Op == "ReverseSequence") CheckLengths(node, evaluator);
        switch (node.Op)
        {
            case "Sum" or "Mean" or "Max" or "Min" when node.Inputs.Count != 2 || node.Op is "Sum" or "Mean":
                return Chain(node, graph);
            case "Softmax" or "LogSoftmax" or "Hardmax" when node.Take("coerce_to_2d") is not null:
                return Matrix(node, graph, evaluator);
            case "BatchNormalization":
                return BatchNormalization(node, graph, evaluator);
            case "LayerNormalization" when node.Output(1).Length > 0 || node.Output(2).Length > 0:
                return LayerNormalization(node, graph, evaluator);
            case "GroupNormalization" when node.Take("scale_by_group") is not null:
                return GroupNormalization(node, graph, evaluator);
            case "Split" when node.Take(EqualParts) is not null:
                CheckParts(node, evaluator.ShapeOf(node.Input(0)));
                return null;
            case "Gemm":
                return Gemm(node, graph, evaluator);
            case "Dropout":
                return Dropout(node, graph);
            case "CastLike":
                return new Expansion(node, graph) is var cast ? cast.Finish(cast.Cast(node.Input(0), evaluator.ShapeOf(node.Input(1)).Type)) : null;
            case "Pow" when evaluator.ShapeOf(node.Input(0)).Type != evaluator.ShapeOf(node.Input(1)).Type:
                return Power(node, graph, evaluator);
            case "Transpose" when node.Take(FirstAxisTo) is long to:
                return MoveFirst(node, graph, evaluator.ShapeOf(node.Input(0)).Rank, to);
            case "MeanVarianceNormalization":
                return MeanVariance(node, graph);
            case var _ when node.Recurrent is not null && node.Int("layout", 0) != 0:
                return BatchFirst(node, graph);
            case "DequantizeLinear" or "QuantizeLinear" or "DynamicQuantizeLinear" or "MatMulInteger" or "ConvInteger":
                return DecomposeQuantized.Apply(node, graph, evaluator);
            case "HannWindow" or "HammingWindow" or "BlackmanWindow" or "DFT" or "STFT" or "MelWeightMatrix":
                return DecomposeSpectral.Apply(node, graph, evaluator);
            case "Resize" or "DepthToSpace" or "SpaceToDepth":
                return DecomposeSpatial.Apply(node, graph, evaluator);
            case "Shrink":
                return Shrink(node, graph);
            case "Gather" or "GatherElements" or "GatherND" or "ScatterElements" or "ScatterND":
                return IndexTables.Apply(node, graph, evaluator);
            case "EyeLike" or "NonZero" or "Compress":
                return DecomposeIndices.Apply(node, graph, evaluator);
            case "Einsum":
                return DecomposeEinsum.Apply(node, graph, evaluator);
            case "Attention":
                return DecomposeAttention.Apply(node, graph, evaluator);
            case "Conv" or "MaxPool" or "AveragePool":
                if (node.Op == "MaxPool" && node.Output(1).Length > 0) throw new UnsupportedException("the indices of the maxima are not supported");
                return FixPads(node, graph, evaluator);
            case "ConvTranspose":
                FixTransposedPads(node, evaluator);
                return null;
            case "Clip" when node.Input(1).Length == 0 && node.Input(2).Length == 0:
                return [new IrNode(node.Name, "Identity", [node.Input(0)], node.Outputs)];
            default:
                return DecomposeContrib.Names.Contains(node.Op) ? DecomposeContrib.Apply(node, graph, evaluator) : null;
        }
    }

    private static List<IrNode> MoveFirst(IrNode node, IrGraph graph, int rank, long to)
    {
        if (to < -rank || to >= rank) throw new ShapeFault($"axis {to} does not exist in a tensor of {rank} dimensions.");
        var perm = Enumerable.Range(1, rank - 1).Select(a => (long)a).ToList();
        perm.Insert((int)(to < 0 ? to + rank : to), 0);
        var x = new Expansion(node, graph);
        return x.Finish(x.Add("Transpose", [node.Input(0)], ("perm", perm.ToArray())));
    }

    /// <summary>x + bias below -lambd, x - bias above lambd, and 0 between.</summary>
    private static List<IrNode> Shrink(IrNode node, IrGraph graph)
    {
        var x = new Expansion(node, graph);
        var (input, limit, bias) = (node.Input(0), node.Float("lambd", 0.5f), x.Scalar(node.Float("bias", 0)));
        var above = x.Add("Where", [x.Add("Greater", [input, x.Scalar(limit)]), x.Add("Sub", [input, bias]), x.Scalar(0)]);
        return x.Finish(x.Add("Where", [x.Add("Less", [input, x.Scalar(-limit)]), x.Add("Add", [input, bias]), above]));
    }

    private static List<IrNode> Chain(IrNode node, IrGraph graph)
    {
        var op = node.Op is "Sum" or "Mean" ? "Add" : node.Op;
        var x = new Expansion(node, graph);
        var result = node.Input(0);
        foreach (var input in node.Inputs.Skip(1)) result = x.Add(op, [result, input]);
        return x.Finish(node.Op == "Mean" ? x.Add("Div", [result, x.Scalar(node.Inputs.Count)]) : result);
    }

    /// <summary>Softmax of opsets before 13: it normalizes over all dimensions from the axis on.</summary>
    private static List<IrNode> Matrix(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var rank = evaluator.ShapeOf(node.Input(0)).Rank;
        var axis = node.Int("axis", 1);
        if (axis < 0) axis += rank;
        node.Attributes["axis"] = axis;
        if (axis == rank - 1) return [node];
        var x = new Expansion(node, graph);
        var soft = x.Add(node.Op, [x.Add("Flatten", [node.Input(0)], ("axis", axis))], ("axis", -1L));
        return x.Finish(x.Add("Reshape", [soft, x.Add("Shape", [node.Input(0)])]));
    }

    /// <summary>Y = X·f + (bias - mean·f) with f = scale/√(variance + ε). Both factors are constants if the parameters are.</summary>
    private static List<IrNode> BatchNormalization(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        if (node.Int("training_mode", 0) != 0) throw new UnsupportedException("training mode is not supported; export the model for inference");
        var rank = evaluator.ShapeOf(node.Input(0)).Rank;
        if (rank == 0) throw new ShapeFault("its input is a scalar, which has no channels.");
        var (channels, scales) = (evaluator.ShapeOf(node.Input(0)).Sizes[Math.Min(1, rank - 1)], evaluator.ShapeOf(node.Input(1)));
        if (scales.Rank != 1 || channels != scales.Sizes[0]) throw new ShapeFault($"the value has {(channels < 0 ? "a varying number of" : $"{channels}")} channels along axis {Math.Min(1, rank - 1)}, but the normalization has {scales.Sizes[^1]}.");
        var x = new Expansion(node, graph);
        var deviation = x.Add("Sqrt", [x.Add("Add", [node.Input(4), x.Scalar(node.Float("epsilon", 1e-5f))])]);
        var factor = x.Add("Div", [node.Input(1), deviation]);
        var shift = x.Add("Sub", [node.Input(2), x.Add("Mul", [node.Input(3), factor])]);
        var axis = Math.Min(1, rank - 1);
        return x.Finish(x.Add("Add", [x.Add("Mul", [node.Input(0), x.Along(factor, axis, rank)]), x.Along(shift, axis, rank)]));
    }

    private static List<IrNode> LayerNormalization(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var rank = evaluator.ShapeOf(node.Input(0)).Rank;
        var axis = node.Int32("axis", -1);
        if (axis < 0) axis += rank;
        if (axis < 0 || axis >= rank) throw new ShapeFault($"axis {node.Int("axis", -1)} does not exist in {evaluator.ShapeOf(node.Input(0))}.");
        var x = new Expansion(node, graph);
        var axes = x.Vector([.. Enumerable.Range(axis, rank - axis).Select(i => (long)i)]);
        var mean = x.Add("ReduceMean", [node.Input(0), axes]);
        var centred = x.Add("Sub", [node.Input(0), mean]);
        var variance = x.Add("ReduceMean", [x.Add("Mul", [centred, centred]), axes]);
        var inverse = x.Add("Reciprocal", [x.Add("Sqrt", [x.Add("Add", [variance, x.Scalar(node.Float("epsilon", 1e-5f))])])]);
        if (node.Output(1).Length > 0) x.Into(node.Output(1), "Identity", [mean]);
        if (node.Output(2).Length > 0) x.Into(node.Output(2), "Identity", [inverse]);
        x.Nodes.Add(node.With(node.Inputs, [node.Output(0)]));
        return x.Nodes;
    }

    /// <summary>Before opset 21, scale and bias have one value for each group instead of each channel.</summary>
    private static List<IrNode> GroupNormalization(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var shape = evaluator.ShapeOf(node.Input(0));
        if (shape.Rank < 2) throw new ShapeFault($"X has shape {shape}; it must be [batch, channels, spatial…].");
        var channels = shape.Sizes[1];
        var groups = node.Int("num_groups", 1);
        if (channels < 0) throw new UnsupportedException("the number of channels must be fixed");
        if (groups < 1 || channels % groups != 0) throw new ShapeFault($"{channels} channels cannot be divided into {groups} groups of equal size.");
        var x = new Expansion(node, graph);
        string PerChannel(string value) => x.Add("Reshape", [x.Add("Expand", [x.Add("Reshape", [value, x.Vector(groups, 1)]), x.Vector(groups, channels / groups)]), x.Vector(channels)]);
        node.SetInput(1, PerChannel(node.Input(1)));
        node.SetInput(2, PerChannel(node.Input(2)));
        return [.. x.Nodes, node];
    }

    /// <summary>Refuses constant sequence lengths that are negative or longer than the input.</summary>
    private static void CheckLengths(IrNode node, Evaluator evaluator)
    {
        var isRecurrent = node.Op != "ReverseSequence";
        if (node.Input(isRecurrent ? 4 : 1).Length == 0 || evaluator.KnownContent(node.Input(isRecurrent ? 4 : 1)) is not { Type: ElementType.Int32 or ElementType.Int64, Count: > 0 } lengths) return;
        var shape = evaluator.ShapeOf(node.Input(0));
        var axis = isRecurrent ? (node.Int("layout", 0) != 0 ? 1 : 0) : (int)node.Int("time_axis", 0);
        if (axis < 0 || axis >= shape.Rank || shape.Sizes[axis] is not (>= 0 and var steps)) return;
        foreach (var length in lengths.Integers())
        {
            if (length < 0 || length > steps) throw new ShapeFault($"its sequence lengths '{node.Input(isRecurrent ? 4 : 1)}' contain {length}, but its input of shape {shape} has {steps} steps.");
        }
    }

    /// <summary>Before opset 18, a Split without sizes has parts of equal size.</summary>
    private static void CheckParts(IrNode node, IrShape shape)
    {
        var axis = (int)node.Int("axis", 0);
        if (axis < 0) axis += shape.Rank;
        if (axis >= 0 && axis < shape.Rank && shape.Sizes[axis] > 0 && shape.Sizes[axis] % node.Outputs.Count != 0) throw new ShapeFault($"X of shape {shape} cannot be divided into {node.Outputs.Count} equal parts along axis {axis}.");
    }

    /// <summary>Refuses operands that are not matrices, and a C that would enlarge the product.</summary>
    private static void CheckGemm(IrNode node, Evaluator evaluator)
    {
        IrShape a = evaluator.ShapeOf(node.Input(0)), b = evaluator.ShapeOf(node.Input(1));
        if (a.Rank != 2 || b.Rank != 2) throw new ShapeFault($"A has shape {a} and B has shape {b}; both must be matrices.");
        if (node.Input(2).Length == 0) return;
        var c = evaluator.ShapeOf(node.Input(2));
        int[] product = [a.Sizes[node.Int("transA", 0) != 0 ? 1 : 0], b.Sizes[node.Int("transB", 0) != 0 ? 0 : 1]];
        for (var i = 1; i <= c.Rank; i++)
        {
            var size = c.Sizes[^i];
            if (i > 2 || (size > 1 && product[^i] >= 0 && size != product[^i])) throw new ShapeFault($"C has shape {c}, which does not broadcast to the product's shape [{string.Join(", ", product.Select(s => s < 0 ? "?" : $"{s}"))}].");
        }
    }

    private static List<IrNode> Gemm(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        CheckGemm(node, evaluator);
        var x = new Expansion(node, graph);
        var a = node.Input(0);
        if (node.Int("transA", 0) != 0) a = x.Add("Transpose", [a], ("perm", new long[] { 1, 0 }));
        var c = node.Input(2);
        var (alpha, beta) = (node.Float("alpha", 1), node.Float("beta", 1));
        if (graph.ConstantOf(node.Input(1)) is { Type: ElementType.Float32, Shape.Length: 2 } b && evaluator.ShapeOf(a is "" ? c : node.Input(0)).Type == ElementType.Float32)
        {
            var w = node.Int("transB", 0) != 0 ? b : b.Transposed();
            // The weight keeps its name in the source before the '~', so that reports and --keep can use it.
            var weight = graph.Fresh(node.Input(1));
            x.Into(weight, "Constant", [], ("value", w));
            if (alpha == 1 && c.Length > 0 && graph.ConstantOf(c) is { Type: ElementType.Float32 } bias && Row(bias, w.Shape[0]) is { } row)
            {
                if (beta != 1) row = Array.ConvertAll(row, v => v * beta);
                return x.Finish(x.Add("Linear", [a, weight, x.Constant(IrTensor.Of([row.Length], row.AsSpan()))]));
            }

            return x.Finish(WithC(Scaled(x.Add("Linear", [a, weight]), alpha)));
        }

        var right = node.Int("transB", 0) != 0 ? x.Add("Transpose", [node.Input(1)], ("perm", new long[] { 1, 0 })) : node.Input(1);
        return x.Finish(WithC(Scaled(x.Add("MatMul", [a, right]), alpha)));

        string Scaled(string value, float factor) => factor == 1 ? value : x.Add("Mul", [value, x.Scalar(factor)]);
        string WithC(string product) => c.Length == 0 ? product : x.Add("Add", [product, Scaled(c, beta)]);
    }

    /// <summary>The constant as a row of <paramref name="size"/> elements, if it broadcasts to one.</summary>
    private static float[]? Row(IrTensor constant, int size)
    {
        if (constant.Shape.SkipLast(1).Any(d => d != 1)) return null;
        if (constant.Count == size) return constant.Floats.ToArray();
        return constant.Count == 1 ? [.. Enumerable.Repeat(constant.Floats[0], size)] : null;
    }

    private static List<IrNode> Dropout(IrNode node, IrGraph graph)
    {
        var training = graph.ConstantOf(node.Input(2));
        if (node.Input(2).Length > 0 && training is not { IsZero: true }) throw new UnsupportedException("training mode is not supported; export the model for inference");
        var x = new Expansion(node, graph);
        if (node.Output(1).Length > 0) x.Into(node.Output(1), "ConstantOfShape", [x.Add("Shape", [node.Input(0)])], ("value", IrTensor.Of([1], true)));
        return x.Finish(node.Input(0));
    }

    /// <summary>For an exponent of another type than the base, the wider type computes and the result has the base's type.</summary>
    private static List<IrNode> Power(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var (type, exponentType) = (evaluator.ShapeOf(node.Input(0)).Type, evaluator.ShapeOf(node.Input(1)).Type);
        var isReal = type is ElementType.Float32 or ElementType.Float64;
        var common = isReal || exponentType is not (ElementType.Float32 or ElementType.Float64) ? type : ElementType.Float32;
        var x = new Expansion(node, graph);
        var power = x.Add("Pow", [type == common ? node.Input(0) : x.Cast(node.Input(0), common), exponentType == common ? node.Input(1) : x.Cast(node.Input(1), common)]);
        return x.Finish(type == common ? power : x.Cast(power, type));
    }

    private static List<IrNode> MeanVariance(IrNode node, IrGraph graph)
    {
        var x = new Expansion(node, graph);
        var axes = x.Vector(node.Ints("axes") is { Length: > 0 } given ? given : [0, 2, 3]);
        var centred = x.Add("Sub", [node.Input(0), x.Add("ReduceMean", [node.Input(0), axes])]);
        var variance = x.Add("ReduceMean", [x.Add("Mul", [centred, centred]), axes]);
        return x.Finish(x.Add("Div", [centred, x.Add("Add", [x.Add("Sqrt", [variance]), x.Scalar(1e-9f)])]));
    }

    /// <summary>Recurrent layers with layout 1 ([batch, steps, …]) between transposes.</summary>
    private static List<IrNode> BatchFirst(IrNode node, IrGraph graph)
    {
        if (node.Int("layout", 0) is not 1 and var layout) throw new ShapeFault($"its attribute 'layout' is {layout}; it must be 0 or 1.");
        var before = new Expansion(node, graph);
        string Swapped(string value) => value.Length == 0 ? "" : before.Add("Transpose", [value], ("perm", new long[] { 1, 0, 2 }));
        var inner = node.With(node.Inputs, node.Outputs.Select(o => o.Length == 0 ? "" : graph.Fresh(node.Name)));
        inner.Take("layout");
        foreach (var i in new[] { 0, 5, 6 })
        {
            if (node.Input(i).Length > 0 && (i != 6 || node.Recurrent is { HasCell: true })) inner.Inputs[i] = Swapped(node.Input(i));
        }

        var after = new Expansion(node, graph);
        for (var i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length > 0) after.Into(node.Outputs[i], "Transpose", [inner.Outputs[i]], ("perm", i == 0 ? new long[] { 2, 0, 1, 3 } : [1, 0, 2]));
        }

        return [.. before.Nodes, inner, .. after.Nodes];
    }

    /// <summary>Resolves kernel_shape and auto_pad of a convolution or pool, or returns the nodes that pad before it.</summary>
    private static List<IrNode>? FixPads(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var x = evaluator.ShapeOf(node.Input(0));
        if (x.Rank < 3) throw new ShapeFault($"X has shape {x}; it must be [batch, channels, spatial…].");
        if (node.Op == "Conv") SetKernel(node, evaluator.ShapeOf(node.Input(1)), x.Rank);
        var auto = node.Take("auto_pad") as string ?? "NOTSET";
        if (auto is "NOTSET" or "") return null;
        if (auto.StartsWith("SAME", StringComparison.Ordinal) && Array.Exists(x.Sizes[2..], s => s < 0) && Array.Exists(node.Ints("strides"), s => s != 1))
            return DecomposeSamePads.Apply(node, graph, x.Rank, auto != "SAME_LOWER");
        node.Attributes["auto_pad"] = auto;
        // With stride 1 the padding does not depend on the size.
        var (pads, _, _) = ShapeRules.Window(node, [.. x.Sizes[2..].Select(s => s < 0 ? 1 << 20 : s)], [.. node.Ints("kernel_shape").Select(k => k is >= 1 and <= int.MaxValue ? (int)k : throw new ShapeFault($"its attribute 'kernel_shape' is {string.Join(", ", node.Ints("kernel_shape"))}; the numbers must be at least 1."))]);
        node.Attributes.Remove("auto_pad");
        node.Attributes["pads"] = pads;
        return null;
    }

    /// <summary>Sets kernel_shape from the weights. If the node has the attribute, both must agree.</summary>
    private static void SetKernel(IrNode node, IrShape weights, int rank)
    {
        if (weights.Rank != rank || rank < 3) throw new ShapeFault($"its weights have shape {weights}; they need {rank} dimensions like its input, and at least three.");
        if (!weights.IsStatic) throw new UnsupportedException("the shape of its weights is not fixed");
        long[] kernel = [.. weights.Sizes[2..].Select(k => (long)k)];
        if (node.Ints("kernel_shape") is { Length: > 0 } told && !told.SequenceEqual(kernel)) throw new ShapeFault($"its attribute 'kernel_shape' is {string.Join(", ", told)}, but its weights of shape {weights} give {string.Join(", ", kernel)}.");
        node.Attributes["kernel_shape"] = kernel;
    }

    /// <summary>Resolves kernel_shape, output_shape and auto_pad of a transposed convolution.</summary>
    private static void FixTransposedPads(IrNode node, Evaluator evaluator)
    {
        var x = evaluator.ShapeOf(node.Input(0));
        var w = evaluator.ShapeOf(node.Input(1));
        SetKernel(node, w, x.Rank);
        if (!node.Has("auto_pad") && !node.Has("output_shape")) return;
        if (node.Has("output_shape") && !x.IsStatic) throw new UnsupportedException("output_shape needs fixed sizes");
        var (pads, _, _) = ShapeRules.TransposedWindow(node, new Format.Shape([.. x.Sizes.Select(s => s < 0 ? 1 << 10 : s)]), new Format.Shape(w.Sizes), out var padding);
        node.Attributes.Remove("auto_pad");
        node.Attributes.Remove("output_shape");
        node.Attributes["pads"] = pads;
        node.Attributes["output_padding"] = padding;
    }
}
