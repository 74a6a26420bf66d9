using SeqRuntime.Converter;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>One of ONNX's operator vectors: a model, its inputs and its expected outputs. Runs through importer, <c>.seq</c> bytes and session.</summary>
internal sealed class OnnxVector
{
    /// <summary>Inputs that are graph inputs in the vectors and constants in real models: weights, shapes, axes, conditions.</summary>
    private static readonly Dictionary<string, int[]> s_constants = new()
    {
        ["LSTM"] = [1, 2, 3, 7],
        ["GRU"] = [1, 2, 3],
        ["RNN"] = [1, 2, 3],
        ["Conv"] = [1, 2],
        ["Gemm"] = [1, 2],
        ["If"] = [0],
        ["Reshape"] = [1],
        ["Slice"] = [1, 2, 3, 4],
        ["Expand"] = [1],
        ["Tile"] = [1],
        ["Pad"] = [1, 2, 3],
        ["Squeeze"] = [1],
        ["Unsqueeze"] = [1],
        ["Split"] = [1],
        ["TopK"] = [1],
        ["OneHot"] = [1],
        ["CumSum"] = [1],
        ["Trilu"] = [1],
        ["ConstantOfShape"] = [0],
        ["Range"] = [0, 1, 2],
        ["Dropout"] = [1, 2],
        ["HannWindow"] = [0],
        ["HammingWindow"] = [0],
        ["BlackmanWindow"] = [0],
        ["DFT"] = [1, 2],
        ["STFT"] = [1, 2, 3],
        ["MelWeightMatrix"] = [0, 1, 2, 3, 4],
        ["ReduceSum"] = [1],
        ["Resize"] = [1, 2, 3],
        ["Compress"] = [1],
        ["NonZero"] = [0],
    };

    private readonly string _model;
    private readonly ModelProto _proto;

    public OnnxVector(string folder)
    {
        Name = Path.GetFileName(folder);
        _model = Path.Combine(folder, "model.onnx");
        _proto = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_model));
        var data = Path.Combine(folder, "test_data_set_0");
        Inputs = Read(data, "input", _proto.Graph.Input);
        Outputs = Read(data, "output", _proto.Graph.Output);
    }

    public string Name { get; }

    public IReadOnlyDictionary<string, IrTensor> Inputs { get; }

    public IReadOnlyDictionary<string, IrTensor> Outputs { get; }

    /// <summary>Converts and runs. Null if every output is right, otherwise what is wrong.</summary>
    public string? Run()
    {
        try
        {
            var options = new ConversionOptions { AutoStates = false, Constants = Constants() };
            var bytes = SeqWriter.ToArray(Conversion.Convert([("main", _model)], options).Model);
            using var model = SeqModel.Load(bytes);
            using var session = model.CreateSession();
            for (var i = 0; i < session.Inputs.Count; i++) Fill(session, i, Inputs[session.Inputs[i].Name]);
            session.Run();
            return Outputs.Select(o => Compare(session, o.Key, o.Value)).FirstOrDefault(fault => fault is not null);
        }
        catch (Exception fault) when (fault is ConversionException or SeqFormatException or ArgumentException)
        {
            return fault.Message.ReplaceLineEndings(" ");
        }
    }

    /// <summary>The constants of a vector: the inputs of this table, and all inputs of a graph that has only such inputs.</summary>
    private Dictionary<string, IrTensor> Constants()
    {
        var constants = new Dictionary<string, IrTensor>();
        // A written-out window or range, whose size decides the shape.
        if (Name.Contains("window", StringComparison.Ordinal) || Name.StartsWith("test_range_", StringComparison.Ordinal)) return new Dictionary<string, IrTensor>(Inputs);
        foreach (var node in _proto.Graph.Node)
        {
            foreach (var index in s_constants.GetValueOrDefault(node.OpType, []))
            {
                if (index < node.Input.Count && Inputs.TryGetValue(node.Input[index], out var tensor)) constants[node.Input[index]] = tensor;
            }
        }

        return constants;
    }

    private static Dictionary<string, IrTensor> Read(string folder, string kind, IList<ValueInfoProto> ports)
    {
        var result = new Dictionary<string, IrTensor>();
        for (var i = 0; i < ports.Count; i++)
        {
            var path = Path.Combine(folder, $"{kind}_{i}.pb");
            result[ports[i].Name] = new OnnxTensors(path, new SourceFiles([])).Read(TensorProto.Parser.ParseFrom(File.ReadAllBytes(path)));
        }

        return result;
    }

    private static void Fill(SeqSession session, int index, IrTensor tensor)
    {
        switch (tensor.Type)
        {
            case ElementType.Float32: Copy<float>(); break;
            case ElementType.Float64: Copy<double>(); break;
            case ElementType.Int64: Copy<long>(); break;
            case ElementType.Int32: Copy<int>(); break;
            case ElementType.Int8: Copy<sbyte>(); break;
            case ElementType.UInt8: Copy<byte>(); break;
            default: Copy<bool>(); break;
        }

        void Copy<T>()
            where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(tensor.Data).CopyTo(session.Input<T>(index));
    }

    private string? Compare(SeqSession session, string name, IrTensor expected)
    {
        var index = session.Outputs[name].Index;
        if (session.Outputs[index].Type != expected.Type) return $"'{name}' is {session.Outputs[index].Type}; expected {expected.Type}";
        if (!session.Outputs[index].Shape.SequenceEqual(expected.Shape)) return $"'{name}' has shape [{string.Join(", ", session.Outputs[index].Shape.ToArray())}]; expected [{string.Join(", ", expected.Shape)}]";
        return expected.Type switch
        {
            ElementType.Float32 => Near(name, Array.ConvertAll(session.Output<float>(index).ToArray(), v => (double)v), Array.ConvertAll(expected.ToFloats(), v => (double)v)),
            ElementType.Float64 => Near(name, session.Output<double>(index).ToArray(), System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(expected.Data).ToArray()),
            ElementType.Int64 => Same(session.Output<long>(index).ToArray()),
            ElementType.Int32 => Same(session.Output<int>(index).ToArray()),
            ElementType.Int8 => Same(session.Output<sbyte>(index).ToArray()),
            ElementType.UInt8 => Same(session.Output<byte>(index).ToArray()),
            _ => Same(session.Output<bool>(index).ToArray()),
        };

        string? Same<T>(T[] ours)
            where T : unmanaged
        {
            var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(ours.AsSpan());
            return bytes.SequenceEqual(expected.Data) ? null : $"'{name}' differs at byte {bytes.CommonPrefixLength(expected.Data)}";
        }
    }

    /// <summary>|ours - expected| ≤ 1e-5 + 1e-4·|expected|. The vectors of windows were computed with π = 3.1415, so their tolerance is 1e-3.</summary>
    private string? Near(string name, double[] ours, double[] expected)
    {
        var relative = Name.Contains("window", StringComparison.Ordinal) ? 1e-3 : 1e-4;
        for (var i = 0; i < expected.Length; i++)
        {
            if (ours[i] == expected[i] || (double.IsNaN(ours[i]) && double.IsNaN(expected[i]))) continue;
            if (!(Math.Abs(ours[i] - expected[i]) <= 1e-5 + relative * Math.Abs(expected[i]))) return $"'{name}'[{i}] = {ours[i]:R}; expected {expected[i]:R}";
        }

        return null;
    }
}
