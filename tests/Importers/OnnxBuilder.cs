using System.Runtime.InteropServices;
using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Builds small ONNX models for tests, converts and runs them.</summary>
internal sealed partial class OnnxBuilder
{
    public const int Float = 1, UInt8 = 2, Int8 = 3, Int32 = 6, Int64 = 7, Bool = 9, Double = 11;

    private const string ContribDomain = "com.microsoft";

    private static readonly Dictionary<Type, int> s_types = new() { [typeof(float)] = Float, [typeof(byte)] = UInt8, [typeof(sbyte)] = Int8, [typeof(int)] = Int32, [typeof(long)] = Int64, [typeof(bool)] = Bool, [typeof(double)] = Double };

    public OnnxBuilder(int opset = 17)
    {
        Model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "test" } };
        Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
    }

    public ModelProto Model { get; }

    public GraphProto Graph => Model.Graph;

    public OnnxBuilder Input(string name, int type, params object[] shape)
    {
        Graph.Input.Add(Port(name, type, shape));
        return this;
    }

    public OnnxBuilder Output(string name, int type = Float, params object[] shape)
    {
        Graph.Output.Add(Port(name, type, shape));
        return this;
    }

    public OnnxBuilder Constant<T>(string name, long[] shape, params T[] data)
        where T : unmanaged
    {
        Graph.Initializer.Add(Tensor(name, shape, data));
        return this;
    }

    /// <summary>A constant of random weights in [-range, range].</summary>
    public OnnxBuilder Random(string name, int seed, float range, params long[] shape)
    {
        var random = new Random(seed);
        return Constant(name, shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (random.NextSingle() * 2 - 1) * range)]);
    }

    public OnnxBuilder Node(string op, string inputs, string outputs, params (string Name, object Value)[] attributes)
    {
        Graph.Node.Add(MakeNode(op, inputs, outputs, attributes));
        if (Graph.Node[^1].Domain.Length > 0 && Model.OpsetImport.All(o => o.Domain != ContribDomain)) Model.OpsetImport.Add(new OperatorSetIdProto { Domain = ContribDomain, Version = 1 });
        return this;
    }

    /// <summary>Changes that a chain of calls cannot make.</summary>
    public OnnxBuilder Also(Action<OnnxBuilder> change)
    {
        change(this);
        return this;
    }

    public static NodeProto MakeNode(string op, string inputs, string outputs, params (string Name, object Value)[] attributes)
    {
        var isOwn = op.StartsWith(ContribDomain, StringComparison.Ordinal);
        if (isOwn) op = op[(ContribDomain.Length + 1)..];
        var node = new NodeProto { OpType = op, Name = op + "_" + outputs, Domain = isOwn ? ContribDomain : "" };
        node.Input.AddRange(inputs.Length == 0 ? [] : inputs.Split(' ').Select(i => i == "-" ? "" : i));
        node.Output.AddRange(outputs.Split(' ').Select(o => o == "-" ? "" : o));
        foreach (var (name, value) in attributes)
        {
            var attribute = new AttributeProto { Name = name };
            switch (value)
            {
                case int v: (attribute.I, attribute.Type) = (v, 2); break;
                case float v: (attribute.F, attribute.Type) = (v, 1); break;
                case string v: (attribute.S, attribute.Type) = (ByteString.CopyFromUtf8(v), 3); break;
                case long[] v: attribute.Ints.AddRange(v); attribute.Type = 7; break;
                case float[] v: attribute.Floats.AddRange(v); attribute.Type = 6; break;
                case string[] v: attribute.Strings.AddRange(v.Select(ByteString.CopyFromUtf8)); attribute.Type = 8; break;
                case TensorProto v: (attribute.T, attribute.Type) = (v, 4); break;
                case GraphProto v: (attribute.G, attribute.Type) = (v, 5); break;
                default: throw new ArgumentException(name);
            }

            node.Attribute.Add(attribute);
        }

        return node;
    }

    public static TensorProto Tensor<T>(string name, long[] shape, params T[] data)
        where T : unmanaged
    {
        var tensor = new TensorProto { Name = name, DataType = s_types[typeof(T)], RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(data.AsSpan())) };
        tensor.Dims.AddRange(shape);
        return tensor;
    }

    public static ValueInfoProto Port(string name, int type, params object[] shape)
    {
        var info = new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = type, Shape = new TensorShapeProto() } } };
        foreach (var size in shape) info.Type.TensorType.Shape.Dim.Add(size is int n ? new TensorShapeProto.Types.Dimension { DimValue = n } : new TensorShapeProto.Types.Dimension { DimParam = (string)size });
        return info;
    }

    public ConversionResult Convert(ConversionOptions? options = null)
    {
        using var file = new TemporaryModel(Model.ToByteArray());
        return Conversion.Convert([("main", file.Path)], options ?? new ConversionOptions());
    }

    public SeqModel Load(ConversionOptions? options = null) => SeqModel.Load(SeqWriter.ToArray(Convert(options).Model));

    /// <summary>Runs the model once with the given sizes of symbolic dimensions, which may be at most 64.</summary>
    public float[] Run(ConversionOptions? options, params float[][] inputs)
    {
        using var model = Load(options);
        using var session = model.CreateSession();
        for (var i = 0; i < inputs.Length; i++) inputs[i].CopyTo(session.Input<float>(i));
        session.Run();
        return session.Output<float>(0).ToArray();
    }
}

/// <summary>A model file that is deleted when the test ends.</summary>
internal sealed class TemporaryModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TemporaryModel(byte[] bytes) => Write(bytes);

    public string Path => _folder["model.onnx"];

    public void Write(byte[] bytes) => _folder.Write("model.onnx", bytes);

    public void Dispose() => _folder.Dispose();
}
