using SeqRuntime.Converter.Lowering;

namespace SeqRuntime.Converter.Graph;

/// <summary>Operators that are written with simpler ones, and attributes that are settled by shapes (auto_pad).</summary>
internal static class Decompose
{
    /// <summary>Whether an operator can be converted, as far as its name tells.</summary>
    public static bool Knows(string op) =>
        OperatorMap.Knows(op) || op is "LSTM" or "GRU" or "RNN" or "Conv" or "ConvTranspose" or "Gemm" or "Sum" or "Mean" or "BatchNormalization" or "If" or "Constant" or "Identity"
            or "DequantizeLinear" or "MeanVarianceNormalization";

    /// <summary>The nodes that replace this one, or null where it stays as it is.</summary>
    public static List<IrNode>? Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        switch (node.Op)
        {
            case "Sum" or "Mean" or "Max" or "Min" when node.Inputs.Count != 2 || node.Op is "Sum" or "Mean":
                return Chain(node, graph);
            case "Softmax" or "LogSoftmax" or "Hardmax" when node.Take("coerce_to_2d") is not null:
                return Matrix(node, graph, evaluator);
            case "BatchNormalization":
                return BatchNormalization(node, graph, evaluator);
            case "Gemm" when graph.ConstantOf(node.Input(1)) is null || node.Int("transA", 0) != 0 || evaluator.ShapeOf(node.Input(0)).Type != ElementType.Float32:
                return Gemm(node, graph);
            case "DequantizeLinear":
                return Dequantize(node, graph, evaluator);
            case "MeanVarianceNormalization":
                return MeanVariance(node, graph);
            case "Conv" or "MaxPool" or "AveragePool" when node.String("auto_pad", "NOTSET") != "NOTSET":
                FixPads(node, evaluator);
                return null;
            case "ConvTranspose" when node.Has("auto_pad") || node.Has("output_shape"):
                FixTransposedPads(node, evaluator);
                return null;
            case "Clip" when node.Inputs.Count == 1:
                return [new IrNode(node.Name, "Identity", node.Inputs, node.Outputs)];
            default:
                return null;
        }
    }

    private static List<IrNode> Chain(IrNode node, IrGraph graph)
    {
        var op = node.Op is "Sum" or "Mean" ? "Add" : node.Op;
        var nodes = new List<IrNode>();
        var result = node.Input(0);
        for (var i = 1; i < node.Inputs.Count; i++)
        {
            var next = graph.Fresh(node.Name);
            nodes.Add(new IrNode($"{node.Name}.{i}", op, [result, node.Inputs[i]], [next]));
            result = next;
        }

        nodes.Add(node.Op == "Mean"
            ? new IrNode(node.Name, "Div", [result, graph.Constant(node.Name, IrTensor.Of([], (float)node.Inputs.Count))], node.Outputs)
            : new IrNode(node.Name, "Identity", [result], node.Outputs));
        if (node.Op == "Mean") nodes.Insert(0, new IrNode("", "Constant", [], [nodes[^1].Inputs[1]]) { Attributes = { ["value"] = graph.Constants[nodes[^1].Inputs[1]] } });
        return nodes;
    }

    private static List<IrNode> Matrix(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var rank = evaluator.ShapeOf(node.Input(0)).Rank;
        var axis = node.Int("axis", 1);
        if (axis < 0) axis += rank;
        node.Attributes["axis"] = axis;
        if (axis == rank - 1) return [node];
        var (shape, flat, result) = (graph.Fresh("shape"), graph.Fresh("flat"), graph.Fresh("soft"));
        return
        [
            new IrNode(node.Name + ".shape", "Shape", [node.Input(0)], [shape]),
            new IrNode(node.Name + ".flat", "Flatten", [node.Input(0)], [flat]) { Attributes = { ["axis"] = axis } },
            new IrNode(node.Name, node.Op, [flat], [result]) { Attributes = { ["axis"] = -1L } },
            new IrNode(node.Name + ".reshape", "Reshape", [result, shape], [node.Output(0)]),
        ];
    }

    private static List<IrNode> BatchNormalization(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var rank = evaluator.ShapeOf(node.Input(0)).Rank;
        var parts = Enumerable.Range(1, 4).Select(i => graph.ConstantOf(node.Input(i))?.ToFloats()).ToArray();
        if (node.Int("training_mode", 0) != 0) throw new ConversionException($"Node {node}: training mode is not supported; export the model for inference.");
        if (Array.Exists(parts, p => p is null)) throw new ConversionException($"Node {node}: scale, bias, mean and variance must be constants.");
        var (scale, bias, mean, variance) = (parts[0]!, parts[1]!, parts[2]!, parts[3]!);
        var epsilon = node.Float("epsilon", 1e-5f);
        var factor = new float[scale.Length];
        var shift = new float[scale.Length];
        for (var i = 0; i < factor.Length; i++)
        {
            var f = scale[i] / Math.Sqrt((double)variance[i] + epsilon);
            factor[i] = (float)f;
            shift[i] = (float)(bias[i] - mean[i] * f);
        }

        int[] shape = [1, factor.Length, .. Enumerable.Repeat(1, Math.Max(0, rank - 2))];
        if (rank == 1) shape = [factor.Length];
        var scaled = graph.Fresh(node.Name);
        return
        [
            ConstantNode(node.Name + ".factor", IrTensor.Of(shape, factor.AsSpan()), graph, out var factors),
            ConstantNode(node.Name + ".shift", IrTensor.Of(shape, shift.AsSpan()), graph, out var shifts),
            new IrNode(node.Name + ".scale", "Mul", [node.Input(0), factors], [scaled]),
            new IrNode(node.Name, "Add", [scaled, shifts], [node.Output(0)]),
        ];
    }

    private static List<IrNode> Gemm(IrNode node, IrGraph graph)
    {
        var nodes = new List<IrNode>();
        var result = Product(Transposed(node.Input(0), "transA"), Transposed(node.Input(1), "transB"));
        result = Scaled(result, node.Float("alpha", 1));
        if (node.Input(2).Length > 0)
        {
            var bias = Scaled(node.Input(2), node.Float("beta", 1));
            nodes.Add(new IrNode(node.Name, "Add", [result, bias], [node.Output(0)]));
        }
        else
        {
            nodes.Add(new IrNode(node.Name, "Identity", [result], [node.Output(0)]));
        }

        return nodes;

        string Transposed(string value, string attribute)
        {
            if (node.Int(attribute, 0) == 0) return value;
            nodes.Add(new IrNode($"{node.Name}.{attribute}", "Transpose", [value], [graph.Fresh(node.Name)]) { Attributes = { ["perm"] = new long[] { 1, 0 } } });
            return nodes[^1].Output(0);
        }

        string Product(string a, string b)
        {
            nodes.Add(new IrNode(node.Name + ".product", "MatMul", [a, b], [graph.Fresh(node.Name)]));
            return nodes[^1].Output(0);
        }

        string Scaled(string value, float factor)
        {
            if (factor == 1) return value;
            nodes.Add(ConstantNode(node.Name + ".factor", IrTensor.Of([], factor), graph, out var constant));
            nodes.Add(new IrNode(node.Name + ".scale", "Mul", [value, constant], [graph.Fresh(node.Name)]));
            return nodes[^1].Output(0);
        }
    }

    private static List<IrNode> Dequantize(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        if (node.Int("block_size", 0) != 0) throw new ConversionException($"Node {node}: blocks are not supported.");
        var x = evaluator.ShapeOf(node.Input(0));
        var axis = (int)node.Int("axis", 1);
        if (axis < 0) axis += x.Rank;
        var scaleShape = evaluator.ShapeOf(node.Input(1));
        var nodes = new List<IrNode>();
        var value = Cast(node.Input(0));
        var scale = PerAxis(node.Input(1));
        if (node.Input(2).Length > 0)
        {
            nodes.Add(new IrNode(node.Name + ".zero", "Sub", [value, PerAxis(Cast(node.Input(2)))], [graph.Fresh(node.Name)]));
            value = nodes[^1].Output(0);
        }

        nodes.Add(new IrNode(node.Name, "Mul", [value, scale], [node.Output(0)]));
        return nodes;

        string Cast(string input)
        {
            nodes.Add(new IrNode(node.Name + ".cast", "Cast", [input], [graph.Fresh(node.Name)]) { Attributes = { ["to"] = 1L } });
            return nodes[^1].Output(0);
        }

        string PerAxis(string input)
        {
            if (scaleShape.Rank == 0 || scaleShape.Sizes[0] == 1) return input;
            nodes.Add(ConstantNode(node.Name + ".shape", IrTensor.Vector([.. Enumerable.Range(0, x.Rank).Select(i => i == axis ? -1L : 1L)]), graph, out var shape));
            nodes.Add(new IrNode(node.Name + ".axis", "Reshape", [input, shape], [graph.Fresh(node.Name)]));
            return nodes[^1].Output(0);
        }
    }

    private static List<IrNode> MeanVariance(IrNode node, IrGraph graph)
    {
        var axes = node.Ints("axes") is { Length: > 0 } given ? given : [0, 2, 3];
        string Fresh() => graph.Fresh(node.Name);
        var (mean, centred, square, variance, deviation, safe) = (Fresh(), Fresh(), Fresh(), Fresh(), Fresh(), Fresh());
        return
        [
            ConstantNode(node.Name + ".axes", IrTensor.Vector(axes), graph, out var axesName),
            ConstantNode(node.Name + ".epsilon", IrTensor.Of([], 1e-9f), graph, out var epsilon),
            new IrNode(node.Name + ".mean", "ReduceMean", [node.Input(0), axesName], [mean]),
            new IrNode(node.Name + ".centre", "Sub", [node.Input(0), mean], [centred]),
            new IrNode(node.Name + ".square", "Mul", [centred, centred], [square]),
            new IrNode(node.Name + ".variance", "ReduceMean", [square, axesName], [variance]),
            new IrNode(node.Name + ".deviation", "Sqrt", [variance], [deviation]),
            new IrNode(node.Name + ".safe", "Add", [deviation, epsilon], [safe]),
            new IrNode(node.Name, "Div", [centred, safe], [node.Output(0)]),
        ];
    }

    private static void FixPads(IrNode node, Evaluator evaluator)
    {
        var x = evaluator.ShapeOf(node.Input(0));
        var kernel = node.Op == "Conv" ? evaluator.ShapeOf(node.Input(1)).Sizes[2..] : [.. node.Ints("kernel_shape").Select(k => (int)k)];
        if (node.String("auto_pad", "").StartsWith("SAME", StringComparison.Ordinal) && Array.Exists(x.Sizes[2..], s => s < 0) && Array.Exists(node.Ints("strides"), s => s != 1))
            throw new ConversionException($"Node {node}: auto_pad with a stride needs fixed sizes; fix them with --dim.");
        // With stride 1 the padding does not depend on the size.
        var (pads, _, _) = ShapeRules.Window(node, [.. x.Sizes[2..].Select(s => s < 0 ? 1 << 20 : s)], kernel);
        node.Attributes.Remove("auto_pad");
        node.Attributes["pads"] = pads;
    }

    private static void FixTransposedPads(IrNode node, Evaluator evaluator)
    {
        var x = evaluator.ShapeOf(node.Input(0));
        if (node.Has("output_shape") && !x.IsStatic) throw new ConversionException($"Node {node}: output_shape needs fixed sizes; fix them with --dim.");
        var sizes = x.Sizes.Select(s => s < 0 ? 1 << 10 : s).ToArray();
        var (pads, _, _) = ShapeRules.TransposedWindow(node, new Format.Shape(sizes), new Format.Shape(evaluator.ShapeOf(node.Input(1)).Sizes), out _);
        node.Attributes.Remove("auto_pad");
        node.Attributes.Remove("output_shape");
        node.Attributes["pads"] = pads;
    }

    private static IrNode ConstantNode(string name, IrTensor value, IrGraph graph, out string output)
    {
        output = graph.Fresh(name);
        return new IrNode(name, "Constant", [], [output]) { Attributes = { ["value"] = value } };
    }
}
