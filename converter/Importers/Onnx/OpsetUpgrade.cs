using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Converts a node of any opset from 7 on to the operator's newest form. Only this class knows old forms: attributes that became inputs, defaults that changed.</summary>
internal static class OpsetUpgrade
{
    /// <summary>Operators whose meaning never changed.</summary>
    private static readonly HashSet<string> s_unchanged =
    [
        "Elu", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "InstanceNormalization", "LeakyRelu", "Not", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh",
    ];

    /// <summary>Whether an operator of an opset before 7 can be read unchanged.</summary>
    public static bool IsAsOld(string op) => s_unchanged.Contains(op);

    public static IrNode Apply(IrNode node, IrGraph graph, int opset)
    {
        switch (node.Op)
        {
            case "Squeeze" or "Unsqueeze" or "ReduceSum" or "ReduceMean" or "ReduceMax" or "ReduceMin" or "ReduceProd" or "ReduceL1" or "ReduceL2" or "ReduceLogSum" or "ReduceLogSumExp" or "ReduceSumSquare":
                ToInput(node, graph, "axes", 1);
                break;
            case "Slice" when node.Has("starts"):
                ToInput(node, graph, "starts", 1);
                ToInput(node, graph, "ends", 2);
                ToInput(node, graph, "axes", 3);
                break;
            case "Split":
                ToInput(node, graph, "split", 1);
                break;
            case "Pad" when node.Has("pads"):
                ToInput(node, graph, "pads", 1);
                node.SetInput(2, graph.Constant(node.Name + ".value", IrTensor.Of([], node.Float("value", 0))));
                node.Take("value");
                break;
            case "Clip":
                if (node.Take("min") is float min) node.SetInput(1, graph.Constant(node.Name + ".min", IrTensor.Of([], min)));
                if (node.Take("max") is float max) node.SetInput(2, graph.Constant(node.Name + ".max", IrTensor.Of([], max)));
                break;
            case "TopK" when node.Has("k"):
                node.SetInput(1, graph.Constant(node.Name + ".k", IrTensor.Vector(node.Int("k", 0))));
                node.Take("k");
                break;
            case "GroupNormalization" when opset < 21:
                node.Attributes["scale_by_group"] = 1L;
                break;
            case "DFT" when opset >= 20 && node.Input(2).Length == 0:
                node.Attributes["axis"] = -2L;
                break;
            case "Softmax" or "LogSoftmax" or "Hardmax":
                if (opset >= 13) break;
                // Before opset 13 the operator normalizes over all dimensions from the axis on.
                node.Attributes["coerce_to_2d"] = 1L;
                if (!node.Has("axis")) node.Attributes["axis"] = 1L;
                break;
            case "BatchNormalization":
                node.Take("momentum");
                node.Take("spatial");
                break;
            case "Upsample":
                Resize(node, graph);
                break;
            case "Resize" when opset < 11:
                Resize(node, graph);
                break;
            case "Scatter":
                node.Op = "ScatterElements";
                break;
            case "Constant":
                Constant(node);
                break;
        }

        return node;
    }

    /// <summary>Upsample and the first Resize: scales only, and coordinates without an offset.</summary>
    private static void Resize(IrNode node, IrGraph graph)
    {
        node.Op = "Resize";
        var scales = node.Take("scales") is float[] values ? graph.Constant(node.Name + ".scales", IrTensor.Of([values.Length], values.AsSpan())) : node.Input(1);
        node.SetInput(1, "");
        node.SetInput(2, scales);
        node.Attributes["coordinate_transformation_mode"] = "asymmetric";
        node.Attributes["nearest_mode"] = "floor";
        if (node.String("mode", "nearest") == "bilinear") node.Attributes["mode"] = "linear";
    }

    private static void ToInput(IrNode node, IrGraph graph, string key, int index)
    {
        if (!node.Has(key)) return;
        node.SetInput(index, graph.Constant($"{node.Name}.{key}", IrTensor.Vector(node.Ints(key))));
        node.Take(key);
    }

    private static void Constant(IrNode node)
    {
        IrTensor? value = null;
        if (node.Take("value_float") is float single) value = IrTensor.Of([], single);
        if (node.Take("value_int") is long integer) value = IrTensor.Of([], integer);
        if (node.Take("value_floats") is float[] floats) value = IrTensor.Of([floats.Length], floats.AsSpan());
        if (node.Take("value_ints") is long[] integers) value = IrTensor.Vector(integers);
        if (value is not null) node.Attributes["value"] = value;
    }
}
