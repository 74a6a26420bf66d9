using System.Runtime.InteropServices;
using System.Text;
using Google.FlatBuffers;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Importers;

/// <summary>Builds small TensorFlow Lite models for tests, field by field as the schema numbers them.</summary>
internal sealed class TfliteBuilder
{
    private static readonly Dictionary<string, int> s_codes = Enumerable.Range(0, 208).ToDictionary(TfliteNames.Of, i => i);
    private static readonly Dictionary<Type, TfliteType> s_types = new() { [typeof(float)] = TfliteType.Float32, [typeof(int)] = TfliteType.Int32, [typeof(long)] = TfliteType.Int64, [typeof(sbyte)] = TfliteType.Int8, [typeof(byte)] = TfliteType.UInt8, [typeof(short)] = TfliteType.Int16, [typeof(bool)] = TfliteType.Bool, [typeof(Half)] = TfliteType.Float16 };

    private readonly List<Graph> _graphs = [];
    private readonly List<(string Key, int Graph, (string Name, int Tensor)[] Inputs, (string Name, int Tensor)[] Outputs)> _signatures = [];
    private readonly List<byte[]> _buffers = [[]];
    private readonly List<(string Name, byte[] Content)> _metadata = [];

    public TfliteBuilder() => Main = Add("main");

    public Graph Main { get; }

    /// <summary>The schema's version in the file.</summary>
    public int Version { get; init; } = 3;

    /// <summary>Adds a subgraph.</summary>
    public Graph Add(string name)
    {
        _graphs.Add(new Graph(this, name, _graphs.Count));
        return _graphs[^1];
    }

    public TfliteBuilder Signature(string key, Graph graph, (string Name, int Tensor)[] inputs, (string Name, int Tensor)[] outputs)
    {
        _signatures.Add((key, graph.Index, inputs, outputs));
        return this;
    }

    /// <summary>Adds a named buffer.</summary>
    public TfliteBuilder Metadata(string name, byte[] content)
    {
        _metadata.Add((name, content));
        return this;
    }

    public ConversionResult Convert(ConversionOptions? options = null)
    {
        using var folder = new TemporaryFolder();
        return Conversion.Convert([("main", folder.Write("model.tflite", ToArray()))], options ?? new ConversionOptions());
    }

    public SeqModel Load(ConversionOptions? options = null) => SeqModel.Load(Convert(options).File);

    /// <summary>The outputs of one run.</summary>
    public float[][] Run(params float[][] inputs)
    {
        using var model = Load();
        using var session = model.CreateSession();
        return Step(session, inputs);
    }

    /// <summary>The outputs of a session's next run.</summary>
    public static float[][] Step(SeqSession session, params float[][] inputs)
    {
        for (var i = 0; i < inputs.Length; i++) inputs[i].CopyTo(session.Input<float>(i));
        session.Run();
        return [.. Enumerable.Range(0, session.Outputs.Count).Select(i => session.Output<float>(i).ToArray())];
    }

    public byte[] ToArray()
    {
        var b = new FlatBufferBuilder(1024) { ForceDefaults = true };
        string[] codes = [.. _graphs.SelectMany(g => g.Operators).Select(o => o.Name).Distinct()];
        var codeTables = Array.ConvertAll(codes, code =>
        {
            var isKnown = s_codes.TryGetValue(code, out var number);
            var custom = isKnown ? default : b.CreateString(code);
            if (!isKnown) number = TfliteNames.Custom;
            return Table(b, (0, (byte)Math.Min(number, 127)), (1, isKnown ? null : custom), (2, 1), (3, number));
        });
        var graphs = _graphs.ConvertAll(g => g.Write(b, codes)).ToArray();
        var signatures = _signatures.ConvertAll(s =>
        {
            int Map((string Name, int Tensor)[] names) => Offsets(b, Array.ConvertAll(names, n => b.CreateString(n.Name) is var text ? Table(b, (0, text), (1, n.Tensor)) : 0));
            var (inputs, outputs, key) = (Map(s.Inputs), Map(s.Outputs), b.CreateString(s.Key));
            return Table(b, (0, new Reference(inputs)), (1, new Reference(outputs)), (2, key), (4, s.Graph));
        }).ToArray();
        var metadata = _metadata.Select((entry, i) => (Text: b.CreateString(entry.Name), Index: _buffers.Count + i)).ToList().ConvertAll(entry => Table(b, (0, entry.Text), (1, entry.Index))).ToArray();
        var buffers = new List<byte[]>([.. _buffers, .. _metadata.Select(entry => entry.Content)]).ConvertAll(data => Table(b, (0, data.Length == 0 ? null : Bytes(b, data)))).ToArray();
        var (codeList, graphList, bufferList, signatureList) = (Offsets(b, codeTables), Offsets(b, graphs), Offsets(b, buffers), Offsets(b, signatures));
        var metadataList = metadata.Length == 0 ? null : new Reference(Offsets(b, metadata));
        b.Finish(Table(b, (0, Version), (1, new Reference(codeList)), (2, new Reference(graphList)), (4, new Reference(bufferList)), (6, metadataList), (7, new Reference(signatureList))), "TFL3");
        return b.SizedByteArray();
    }

    /// <summary>A map of FlexBuffers whose numbers and offsets have four bytes.</summary>
    public static byte[] Flex(params (string Name, double Value)[] options)
    {
        var bytes = new List<byte>();
        int[] names = [.. options.Select(option =>
        {
            var at = bytes.Count;
            bytes.AddRange([.. Encoding.ASCII.GetBytes(option.Name), 0]);
            return at;
        })];
        void Add(int number) => bytes.AddRange(BitConverter.GetBytes(number));
        Add(options.Length);
        var keys = bytes.Count;
        foreach (var name in names) Add(bytes.Count - name);
        Add(bytes.Count - keys);
        Add(sizeof(int));
        Add(options.Length);
        var map = bytes.Count;
        // Whole numbers are of the kind 1, others of the kind 3; both have four bytes (2).
        foreach (var (_, value) in options) Add(value == Math.Floor(value) ? (int)value : BitConverter.SingleToInt32Bits((float)value));
        bytes.AddRange(options.Select(option => (byte)((option.Value == Math.Floor(option.Value) ? 1 : 3) << 2 | 2)));
        Add(bytes.Count - map);
        bytes.AddRange([9 << 2 | 2, sizeof(int)]);
        return [.. bytes];
    }

    /// <summary>A table of fields: numbers, flags, or what was written before.</summary>
    private static int Table(FlatBufferBuilder b, params (int Field, object? Value)[] fields)
    {
        b.StartTable(fields.Length == 0 ? 0 : fields.Max(f => f.Field) + 1);
        foreach (var (field, value) in fields)
        {
            switch (value)
            {
                case null: break;
                case bool flag: b.AddBool(field, flag, false); break;
                case byte number: b.AddByte(field, number, 0); break;
                case int number: b.AddInt(field, number, 0); break;
                case float number: b.AddFloat(field, number, 0); break;
                case StringOffset text: b.AddOffset(field, text.Value, 0); break;
                case VectorOffset vector: b.AddOffset(field, vector.Value, 0); break;
                case Reference reference: b.AddOffset(field, reference.Offset, 0); break;
                default: throw new ArgumentException($"{value}");
            }
        }

        return b.EndTable();
    }

    private static Reference Numbers(FlatBufferBuilder b, int[] values)
    {
        b.StartVector(sizeof(int), values.Length, sizeof(int));
        for (var i = values.Length - 1; i >= 0; i--) b.AddInt(values[i]);
        return new Reference(b.EndVector().Value);
    }

    private static Reference Bytes(FlatBufferBuilder b, byte[] data)
    {
        b.StartVector(1, data.Length, 16);
        for (var i = data.Length - 1; i >= 0; i--) b.AddByte(data[i]);
        return new Reference(b.EndVector().Value);
    }

    private static int Offsets(FlatBufferBuilder b, int[] tables)
    {
        b.StartVector(sizeof(int), tables.Length, sizeof(int));
        for (var i = tables.Length - 1; i >= 0; i--) b.AddOffset(tables[i]);
        return b.EndVector().Value;
    }

    private sealed record Reference(int Offset);

    private sealed record Tensor(string Name, int[] Shape, TfliteType Type, int Buffer, float[]? Scales, long[] Zeros, int Axis, bool IsVariable, int[]? Signature, TfliteSparsity? Sparsity = null);

    private sealed record Operator(string Name, int[] Inputs, int[] Outputs, (int Field, object Value)[] Options, byte[]? Custom = null);

    /// <summary>A subgraph.</summary>
    public sealed class Graph(TfliteBuilder model, string name, int index)
    {
        private readonly List<Tensor> _tensors = [];
        private readonly List<int> _inputs = [];
        private readonly List<int> _outputs = [];
        private readonly List<Operator> _operators = [];

        public int Index => index;

        public IEnumerable<(string Name, int Outputs)> Operators => _operators.Select(o => (o.Name, o.Outputs.Length));

        /// <summary>A tensor without a value of its own.</summary>
        public int Value(string tensor, int[] shape, TfliteType type = TfliteType.Float32, float scale = 0, long zero = 0, bool isVariable = false, int[]? signature = null)
        {
            _tensors.Add(new Tensor(tensor, shape, type, 0, scale == 0 ? null : [scale], [zero], 0, isVariable, signature));
            return _tensors.Count - 1;
        }

        public int Input(string tensor, int[] shape, TfliteType type = TfliteType.Float32, float scale = 0, long zero = 0, int[]? signature = null)
        {
            _inputs.Add(Value(tensor, shape, type, scale, zero, signature: signature));
            return _inputs[^1];
        }

        public int Variable(string tensor, params int[] shape) => Value(tensor, shape, isVariable: true);

        public int Constant<T>(string tensor, int[] shape, params T[] values)
            where T : unmanaged => Quantized(tensor, shape, values, null, []);

        /// <summary>A constant of integers that stand for scale · (q - zero).</summary>
        public int Quantized<T>(string tensor, int[] shape, T[] values, float[]? scales, long[] zeros, int axis = 0, TfliteType? type = null)
            where T : unmanaged
        {
            model._buffers.Add(MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
            _tensors.Add(new Tensor(tensor, shape, type ?? s_types[typeof(T)], model._buffers.Count - 1, scales, zeros, axis, false, null));
            return _tensors.Count - 1;
        }

        /// <summary>A constant that stores only some of its elements.</summary>
        public int Sparse<T>(string tensor, int[] shape, T[] values, TfliteSparsity sparsity, float scale = 0)
            where T : unmanaged
        {
            var index = Quantized(tensor, shape, values, scale == 0 ? null : [scale], [0]);
            _tensors[index] = _tensors[index] with { Sparsity = sparsity };
            return index;
        }

        public int Ints(params int[] values) => Constant($"ints_{_tensors.Count}", [values.Length], values);

        /// <summary>Adds an operator and returns its outputs, which are float32 unless they exist already.</summary>
        public void Op(string op, int[] inputs, int[] outputs, params (int Field, object Value)[] options) => _operators.Add(new Operator(op, inputs, outputs, options));

        /// <summary>Adds an operator with one output of float32.</summary>
        public int Op(string op, int[] inputs, int[] shape, TfliteType type, params (int Field, object Value)[] options)
        {
            var output = Value($"{op.ToLowerInvariant()}_{_tensors.Count}", shape, type);
            Op(op, inputs, [output], options);
            return output;
        }

        /// <summary>Adds a custom operator with one output of float32.</summary>
        public int Custom(string op, int[] inputs, int[] shape, byte[] options)
        {
            var output = Value($"{op.ToLowerInvariant()}_{_tensors.Count}", shape);
            _operators.Add(new Operator(op, inputs, [output], [], options));
            return output;
        }

        public Graph Output(params int[] tensors)
        {
            _outputs.AddRange(tensors);
            return this;
        }

        public int Write(FlatBufferBuilder b, string[] codes)
        {
            int[] tensors = [.. _tensors.Select(t =>
            {
                var (text, shape) = (b.CreateString(t.Name), Numbers(b, t.Shape));
                var signature = t.Signature is null ? null : Numbers(b, t.Signature);
                Reference? steps = null;
                if (t.Scales is { } scales)
                {
                    var (scale, zero) = (Floats(b, scales), Longs(b, t.Zeros));
                    steps = new Reference(Table(b, (2, scale), (3, zero), (6, t.Axis)));
                }

                var sparsity = t.Sparsity is null ? null : Sparsity(b, t.Sparsity);
                return Table(b, (0, shape), (1, (byte)t.Type), (2, t.Buffer), (3, text), (4, steps), (5, t.IsVariable), (6, sparsity), (7, signature));
            })];
            int[] operators = [.. _operators.Select(o =>
            {
                (int, object?)[] fields = [.. o.Options.Select(f => (f.Field, f.Value switch { int[] list => Numbers(b, list), string text => b.CreateString(text), _ => (object?)f.Value }))];
                var (options, inputs, outputs) = (Table(b, fields), Numbers(b, o.Inputs), Numbers(b, o.Outputs));
                var custom = o.Custom is null ? null : Bytes(b, o.Custom);
                return Table(b, (0, Array.IndexOf(codes, o.Name)), (1, inputs), (2, outputs), (3, (byte)1), (4, new Reference(options)), (5, custom));
            })];
            var (tensorList, operatorList, title) = (Offsets(b, tensors), Offsets(b, operators), b.CreateString(name));
            var (ins, outs) = (Numbers(b, [.. _inputs]), Numbers(b, [.. _outputs]));
            return Table(b, (0, new Reference(tensorList)), (1, ins), (2, outs), (3, new Reference(operatorList)), (4, title));
        }

        private static Reference Sparsity(FlatBufferBuilder b, TfliteSparsity sparsity)
        {
            // Numbers of the kind 3 have 8 bits, those of the kind 1 have 32.
            Reference Short(int[] values) => new(Table(b, (0, Bytes(b, Array.ConvertAll(values, v => (byte)v)))));
            Reference Long(int[] values) => new(Table(b, (0, Numbers(b, values))));
            int Level(TfliteLevel level)
            {
                if (!level.IsSparse) return Table(b, (1, level.Size));
                var (starts, indices) = (Long(level.Starts), Short(level.Indices));
                return Table(b, (0, (byte)1), (2, (byte)1), (3, starts), (4, (byte)3), (5, indices));
            }

            // A level that is there several times is written once.
            var written = sparsity.Levels.Distinct().ToDictionary(level => level, Level);
            var levels = Array.ConvertAll(sparsity.Levels, level => written[level]);
            var (order, blocks, list) = (Numbers(b, sparsity.Order), Numbers(b, sparsity.Blocks), Offsets(b, levels));
            return new Reference(Table(b, (0, order), (1, blocks), (2, new Reference(list))));
        }

        private static Reference Floats(FlatBufferBuilder b, float[] values)
        {
            b.StartVector(sizeof(float), values.Length, sizeof(float));
            for (var i = values.Length - 1; i >= 0; i--) b.AddFloat(values[i]);
            return new Reference(b.EndVector().Value);
        }

        private static Reference Longs(FlatBufferBuilder b, long[] values)
        {
            b.StartVector(sizeof(long), values.Length, sizeof(long));
            for (var i = values.Length - 1; i >= 0; i--) b.AddLong(values[i]);
            return new Reference(b.EndVector().Value);
        }
    }
}
