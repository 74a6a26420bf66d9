using Google.Protobuf;

namespace SeqRuntime.Perf;

/// <summary>
/// ONNX models of one recurrent layer, written field by field from the specification, so that both runtimes load the same bytes:
/// X [T, 1, input] and the initial states in; Y and the last states out.
/// </summary>
internal static class OnnxLayers
{
    private const int Float = 1;

    public static byte[] Recurrent(string op, int input, int hidden, int steps, int seed)
    {
        var gates = op == "LSTM" ? 4 : op == "GRU" ? 3 : 1;
        var random = new Random(seed);
        var scale = 1 / MathF.Sqrt(hidden);
        float[] Weights(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2 - 1) * scale)];
        var states = op == "LSTM" ? new[] { "h", "c" } : ["h"];
        string[] inputs = ["X", "W", "R", "B", "", .. states];
        string[] outputs = ["Y", .. states.Select(s => s + "_out")];
        return Message(model =>
        {
            Int(model, 1, 8);
            Nested(model, 8, opset => Int(opset, 2, 17));
            Nested(model, 7, graph =>
            {
                Nested(graph, 1, node =>
                {
                    foreach (var name in inputs) Text(node, 1, name);
                    foreach (var name in outputs) Text(node, 2, name);
                    Text(node, 3, op);
                    Text(node, 4, op);
                    Attribute(node, "hidden_size", hidden);
                    if (op == "GRU") Attribute(node, "linear_before_reset", 1);
                });
                Text(graph, 2, op);
                Tensor(graph, "W", [1, gates * hidden, input], Weights(gates * hidden * input));
                Tensor(graph, "R", [1, gates * hidden, hidden], Weights(gates * hidden * hidden));
                Tensor(graph, "B", [1, 2 * gates * hidden], Weights(2 * gates * hidden));
                Value(graph, 11, "X", steps, 1, input);
                foreach (var state in states) Value(graph, 11, state, 1, 1, hidden);
                Value(graph, 12, "Y", steps, 1, 1, hidden);
                foreach (var state in states) Value(graph, 12, state + "_out", 1, 1, hidden);
            });
        });
    }

    private static void Attribute(CodedOutputStream node, string name, int value) => Nested(node, 5, attribute =>
    {
        Text(attribute, 1, name);
        Int(attribute, 3, value);
        Int(attribute, 20, 2);
    });

    private static void Tensor(CodedOutputStream graph, string name, int[] shape, float[] data) => Nested(graph, 5, tensor =>
    {
        foreach (var size in shape) Int(tensor, 1, size);
        Int(tensor, 2, Float);
        Text(tensor, 8, name);
        tensor.WriteTag(9, WireFormat.WireType.LengthDelimited);
        tensor.WriteBytes(ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes(data.AsSpan())));
    });

    private static void Value(CodedOutputStream graph, int field, string name, params int[] shape) => Nested(graph, field, info =>
    {
        Text(info, 1, name);
        Nested(info, 2, type => Nested(type, 1, tensor =>
        {
            Int(tensor, 1, Float);
            Nested(tensor, 2, dims =>
            {
                foreach (var size in shape) Nested(dims, 1, dim => Int(dim, 1, size));
            });
        }));
    });

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true)) write(output);
        return stream.ToArray();
    }

    private static void Nested(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Message(write)));
    }

    private static void Text(CodedOutputStream output, int field, string text)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(text);
    }

    private static void Int(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }
}
