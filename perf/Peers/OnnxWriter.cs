using System.Runtime.InteropServices;
using Google.Protobuf;

namespace SeqRuntime.Perf.Peers;

/// <summary>Writes an ONNX model field by field from the specification, so that both runtimes load the same bytes.</summary>
internal sealed class OnnxWriter
{
    public const int Float = 1;
    public const int Int8 = 3;
    public const int Int32 = 6;
    public const int Int64 = 7;

    /// <summary>Domain of ONNX Runtime's own operators.</summary>
    public const string Microsoft = "com.microsoft";

    private readonly List<(int Field, byte[] Content)> _graph = [];

    /// <summary>Adds a node. An empty input name is an omitted input.</summary>
    public void Node(string op, string[] inputs, string[] outputs, string domain = "", params (string Name, long Value)[] attributes) => _graph.Add((1, Message(node =>
    {
        foreach (var name in inputs) Text(node, 1, name);
        foreach (var name in outputs) Text(node, 2, name);
        Text(node, 3, outputs[0]);
        Text(node, 4, op);
        foreach (var (name, value) in attributes)
        {
            Nested(node, 5, attribute =>
            {
                Text(attribute, 1, name);
                Int(attribute, 3, value);
                Int(attribute, 20, 2);
            });
        }

        if (domain.Length > 0) Text(node, 7, domain);
    })));

    /// <summary>Adds a constant of fp32, int8 or int64.</summary>
    public void Tensor<T>(string name, T[] data, params int[] shape)
        where T : unmanaged => _graph.Add((5, Message(tensor =>
        {
            foreach (var size in shape) Int(tensor, 1, size);
            Int(tensor, 2, data switch
            {
                float[] => Float,
                sbyte[] => Int8,
                long[] => Int64,
                _ => throw new ArgumentException($"Tensors of {typeof(T).Name} are not supported."),
            });
            Text(tensor, 8, name);
            tensor.WriteTag(9, WireFormat.WireType.LengthDelimited);
            tensor.WriteBytes(ByteString.CopyFrom(MemoryMarshal.AsBytes(data.AsSpan())));
        })));

    /// <summary>Adds a graph input. A size of -1 is the symbolic dimension <c>T</c>.</summary>
    public void Input(string name, int type, params int[] shape) => Value(11, name, type, shape);

    /// <summary>Adds a graph output. A size of -1 is the symbolic dimension <c>T</c>.</summary>
    public void Output(string name, int type, params int[] shape) => Value(12, name, type, shape);

    /// <summary>The model's bytes.</summary>
    public byte[] ToArray() => Message(model =>
    {
        Int(model, 1, 8);
        Nested(model, 8, opset => Int(opset, 2, 17));
        Nested(model, 8, opset =>
        {
            Text(opset, 1, Microsoft);
            Int(opset, 2, 1);
        });
        Nested(model, 7, graph =>
        {
            Text(graph, 2, "graph");
            foreach (var (field, content) in _graph) Bytes(graph, field, content);
        });
    });

    private void Value(int field, string name, int type, int[] shape) => _graph.Add((field, Message(info =>
    {
        Text(info, 1, name);
        Nested(info, 2, holder => Nested(holder, 1, tensor =>
        {
            Int(tensor, 1, type);
            Nested(tensor, 2, dims =>
            {
                foreach (var size in shape)
                {
                    Nested(dims, 1, dim =>
                    {
                        if (size < 0) Text(dim, 2, "T");
                        else Int(dim, 1, size);
                    });
                }
            });
        }));
    })));

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true)) write(output);
        return stream.ToArray();
    }

    private static void Nested(CodedOutputStream output, int field, Action<CodedOutputStream> write) => Bytes(output, field, Message(write));

    private static void Bytes(CodedOutputStream output, int field, byte[] content)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(content));
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
