namespace SeqRuntime.Converter.Graph;

/// <summary>Builds the nodes that replace a node, one after the other.</summary>
internal sealed class Expansion(IrNode node, IrGraph graph)
{
    public List<IrNode> Nodes { get; } = [];

    /// <summary>Adds a node with one output and returns that output's name.</summary>
    public string Add(string op, string[] inputs, params (string Key, object Value)[] attributes) => Into(graph.Fresh(node.Name), op, inputs, attributes);

    /// <summary>A new value name for a node with several outputs.</summary>
    public string Fresh() => graph.Fresh(node.Name);

    /// <summary>Adds a node that computes <paramref name="output"/>.</summary>
    public string Into(string output, string op, string[] inputs, params (string Key, object Value)[] attributes)
    {
        var added = new IrNode(Nodes.Count == 0 ? node.Name : $"{node.Name}.{Nodes.Count}", op, inputs, [output]);
        foreach (var (key, value) in attributes) added.Attributes[key] = value;
        Nodes.Add(added);
        return output;
    }

    /// <summary>Makes <paramref name="result"/> the replaced node's first output.</summary>
    public List<IrNode> Finish(string result)
    {
        Into(node.Output(0), "Identity", [result]);
        return Nodes;
    }

    public string Constant(IrTensor value) => Add("Constant", [], ("value", value));

    public string Scalar(float value) => Constant(IrTensor.Of([], value));

    public string Vector(params ReadOnlySpan<long> values) => Constant(IrTensor.Vector(values));

    public string Cast(string value, ElementType type) => Add("Cast", [value], ("to", (long)Onnx(type)));

    /// <summary>A vector along <paramref name="axis"/>, shaped to broadcast to <paramref name="rank"/> dimensions.</summary>
    public string Along(string vector, int axis, int rank)
    {
        if (axis < 0 || axis >= rank) throw new ShapeFault($"axis {axis} does not exist in a tensor of {rank} dimensions.");
        var shape = new long[rank];
        Array.Fill(shape, 1);
        shape[axis] = -1;
        return Add("Reshape", [vector, Vector(shape)]);
    }

    /// <summary>ONNX's number of an element type.</summary>
    public static int Onnx(ElementType type) => type switch
    {
        ElementType.Float32 => 1,
        ElementType.UInt8 => 2,
        ElementType.Int8 => 3,
        ElementType.Int32 => 6,
        ElementType.Int64 => 7,
        ElementType.Bool => 9,
        _ => 11,
    };
}
