using System.Buffers.Binary;

namespace SeqRuntime.Format;

/// <summary>
/// Reads a <c>.seq</c> file in memory. It trusts nothing: every length, count, index and offset is checked before it is used. Tensor bytes
/// are not copied; the tensors point into the file. Its counterpart is <see cref="SeqWriter"/>, field by field.
/// </summary>
internal static unsafe class SeqReader
{
    public static StoredModel Read(SourceName file, byte* start, long length, bool verifyChecksums)
    {
        var sections = ReadSectionTable(file, start, length, verifyChecksums);
        var metadata = new Dictionary<string, string>();
        var tables = new Dictionary<string, IReadOnlyList<string>>();
        if (sections.TryGetValue(SeqLayout.Metadata, out var free)) ReadMetadata(Open(file, start, free), metadata);
        if (sections.TryGetValue(SeqLayout.Tables, out var named)) ReadTables(Open(file, start, named), tables);
        var data = Need(file, sections, SeqLayout.Data);
        var tensors = ReadTensors(OpenCompact(file, start, Need(file, sections, SeqLayout.Tensors)), start + data.Offset, data.Length);
        var mark = MarkOf(sections);
        var graphs = ReadGraphs(OpenCompact(file, start, Need(file, sections, SeqLayout.Graphs)), tensors);
        for (var i = 0; i < graphs.Length; i++) graphs[i] = graphs[i] with { Mark = SplitMix.Add(mark, (ulong)i) };
        if (sections.TryGetValue(SeqLayout.Caches, out var caches)) ReadCaches(OpenCompact(file, start, caches), graphs);
        return new StoredModel(file, [.. sections.Values], metadata, tables, tensors, graphs);
    }

    /// <summary>A mark of everything that a run depends on, from the checksums.</summary>
    private static ulong MarkOf(Dictionary<string, SectionEntry> sections)
    {
        var mark = 0UL;
        foreach (var name in (ReadOnlySpan<string>)[SeqLayout.Tensors, SeqLayout.Graphs, SeqLayout.Data, SeqLayout.Caches])
        {
            if (sections.TryGetValue(name, out var section)) mark = SplitMix.Add(SplitMix.Add(mark, (ulong)section.Length), section.Checksum);
        }

        return mark;
    }

    private static Dictionary<string, SectionEntry> ReadSectionTable(SourceName file, byte* start, long length, bool verifyChecksums)
    {
        if (length < SeqLayout.HeaderBytes) throw Fault(file, $"{length} bytes are too few for a header of {SeqLayout.HeaderBytes}");
        if (length > int.MaxValue) throw Fault(file, $"{length} bytes are over the limit of {int.MaxValue}");
        var bytes = new ReadOnlySpan<byte>(start, (int)length);
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != SeqLayout.Magic)
            throw new SeqFormatException(file, $"{file.Text}: not a .seq file: the signature does not match. Make one with 'seqconvert convert'.");
        var major = BinaryPrimitives.ReadUInt16LittleEndian(bytes[SeqLayout.MajorAt..]);
        if (major != SeqLayout.Major)
            throw new SeqFormatException(file, $"{file.Text}: format version {major} is not supported; this runtime reads version {SeqLayout.Major}. Convert the model again with the converter of this version, or use the runtime that belongs to the file.");
        var declared = BinaryPrimitives.ReadInt64LittleEndian(bytes[SeqLayout.FileLengthAt..]);
        if (declared != length) throw Fault(file, $"the header says {declared} bytes, but the file has {length}: it was truncated or overwritten");
        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes[SeqLayout.SectionCountAt..]);
        if (count is < 0 or > SeqLayout.MaxSections) throw Fault(file, $"{count} sections; the limit is {SeqLayout.MaxSections}");
        var headBytes = SeqLayout.HeaderBytes + count * SeqLayout.SectionEntryBytes;
        if (headBytes > length) throw Fault(file, $"a table of {count} sections does not fit in the file");
        if (verifyChecksums) VerifyHead(file, bytes[..headBytes]);

        var sections = new Dictionary<string, SectionEntry>();
        for (var i = 0; i < count; i++)
        {
            var entry = bytes.Slice(SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes, SeqLayout.SectionEntryBytes);
            var name = SeqLayout.SectionName(BinaryPrimitives.ReadUInt32LittleEndian(entry));
            var flags = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
            var offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]);
            var size = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
            if (offset < headBytes || size < 0 || offset > length || size > length - offset)
                throw Fault(file, $"section {name} claims {size} bytes at offset {offset}, but the file has {length}", name);
            if (offset % SeqLayout.Alignment != 0) throw Fault(file, $"section {name} starts at {offset}, which is not a multiple of {SeqLayout.Alignment}", name);
            if (name is not (SeqLayout.Metadata or SeqLayout.Tables or SeqLayout.Tensors or SeqLayout.Graphs or SeqLayout.Data or SeqLayout.Caches))
            {
                if ((flags & SeqLayout.Required) != 0)
                    throw new SeqFormatException(file, $"{file.Text}: section {name} is required but unknown to this runtime. Use a newer runtime.", name);
                continue;
            }

            var checksum = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
            if (verifyChecksums && SeqLayout.Checksum(bytes.Slice((int)offset, (int)size)) != checksum)
                throw Fault(file, $"the checksum of section {name} (offset {offset}, {size} bytes) does not match its content", name);
            if (!sections.TryAdd(name, new SectionEntry(name, offset, size, checksum))) throw Fault(file, $"section {name} occurs twice", name);
        }

        return sections;
    }

    private static void VerifyHead(SourceName file, ReadOnlySpan<byte> head)
    {
        var copy = head.ToArray();
        copy.AsSpan(SeqLayout.ChecksumAt, sizeof(uint)).Clear();
        if (SeqLayout.Checksum(copy) != BinaryPrimitives.ReadUInt32LittleEndian(head[SeqLayout.ChecksumAt..]))
            throw Fault(file, "the checksum of the header and section table does not match");
    }

    private static void ReadMetadata(SectionReader reader, Dictionary<string, string> metadata)
    {
        var count = reader.Count(2 * sizeof(int));
        for (var i = 0; i < count; i++) metadata[reader.String()] = reader.String();
        reader.End();
    }

    private static void ReadTables(SectionReader reader, Dictionary<string, IReadOnlyList<string>> tables)
    {
        var count = reader.Count(2 * sizeof(int));
        for (var i = 0; i < count; i++)
        {
            var name = reader.String();
            var entries = new string[reader.Count(sizeof(int))];
            for (var e = 0; e < entries.Length; e++) entries[e] = reader.String();
            tables[name] = entries;
        }

        reader.End();
    }

    private static StoredTensor[] ReadTensors(SectionReader reader, byte* data, long dataLength)
    {
        var tensors = new StoredTensor[reader.Count(5)];
        for (var i = 0; i < tensors.Length; i++) tensors[i] = ReadTensor(ref reader, dataLength);
        reader.End();
        Place(reader, tensors, data, dataLength);
        return tensors;
    }

    /// <summary>Assigns each tensor the position that follows from the sizes.</summary>
    private static void Place(SectionReader reader, StoredTensor[] tensors, byte* data, long dataLength)
    {
        try
        {
            var (offsets, end) = SeqLayout.Place(Array.ConvertAll(tensors, t => t.Bytes));
            if (SeqLayout.Align(end) + SeqLayout.ReadSlack != dataLength) throw reader.Fault($"the tensors take {end} bytes, but the data section has {dataLength}");
            for (var i = 0; i < tensors.Length; i++) tensors[i].Data = data + offsets[i];
        }
        catch (OverflowException)
        {
            throw reader.Fault("the tensors are too large");
        }
    }

    private static StoredTensor ReadTensor(ref SectionReader reader, long dataLength)
    {
        var name = reader.String();
        var kind = reader.Byte();
        var format = (TensorFormat)(kind & ~SeqLayout.GruPanels);
        var panelRows = (kind & SeqLayout.GruPanels) != 0 ? WeightLayout.GruPanel : WeightLayout.WidestPanel;
        var type = reader.Type();
        var sizes = reader.Sizes(symbols: 0);
        var packedCount = format == TensorFormat.Dense ? 1 : reader.Int32();
        Shape shape;
        var layout = WeightLayout.None;
        long length;
        try
        {
            shape = new Shape(sizes);
            var elements = (long)shape.Count;
            if (format == TensorFormat.Dense)
            {
                if (panelRows != WeightLayout.WidestPanel) throw reader.Fault($"tensor '{name}' is dense but has panels");
                length = elements * type.Size();
            }
            else if (WeightFormats.Find(format) is { } weights)
            {
                if (sizes is not [>= 1, >= 1] || type != ElementType.Float32 || packedCount < 1) throw reader.Fault($"tensor '{name}' is not a list of packed matrices");
                if (sizes[1] > weights.MaxColumns) throw reader.Fault($"tensor '{name}' has {sizes[1]} columns; {weights.Name} allows at most {weights.MaxColumns}");
                layout = new WeightLayout(weights, sizes[0], sizes[1], panelRows);
                length = checked(packedCount * layout.Stride);
            }
            else
            {
                throw reader.Newer($"tensor '{name}' has the format {(byte)format}");
            }
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException)
        {
            throw reader.Fault($"tensor '{name}': {fault.Message}");
        }

        if (length > dataLength) throw reader.Fault($"tensor '{name}' of shape {shape} takes {length} bytes, but the data section has {dataLength}");
        return new StoredTensor
        {
            Name = name,
            Format = format,
            Type = type,
            Shape = shape,
            Layout = layout,
            Count = format == TensorFormat.Dense ? 1 : packedCount,
            Bytes = length,
        };
    }

    private static StoredGraph[] ReadGraphs(SectionReader reader, StoredTensor[] tensors)
    {
        var graphs = new StoredGraph[reader.Count(8)];
        var objects = 0L;
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < graphs.Length; i++)
        {
            graphs[i] = ReadGraph(ref reader, tensors);
            objects += graphs[i].Values.Length + graphs[i].Nodes.Length;
            CheckObjects(ref reader, objects);
            if (!names.Add(graphs[i].Name)) throw reader.Fault($"graph '{graphs[i].Name}' occurs twice");
        }

        reader.End();
        return graphs;
    }

    private static void ReadCaches(SectionReader reader, StoredGraph[] graphs)
    {
        var count = reader.Count(4);
        for (var i = 0; i < count; i++)
        {
            if (reader.Count(1) != 3) throw reader.Fault("a cache must have three numbers");
            var at = reader.Index(graphs.Length, "graph");
            var symbol = reader.Index(graphs[at].Symbols.Length, "symbolic dimension");
            var most = reader.Int32();
            if (most < 1) throw reader.Fault($"the limit of a cache is {most} steps; it must be at least 1");
            if (graphs[at].Largest.Length == 0) graphs[at] = graphs[at] with { Largest = new int[graphs[at].Symbols.Length] };
            if (graphs[at].Largest[symbol] != 0) throw reader.Fault($"the limit of '{graphs[at].Symbols[symbol]}' occurs twice");
            graphs[at].Largest[symbol] = most;
        }

        reader.End();
    }

    private static StoredGraph ReadGraph(ref SectionReader reader, StoredTensor[] tensors)
    {
        var name = reader.String();
        var symbols = new string[reader.Count(2)];
        for (var i = 0; i < symbols.Length; i++) symbols[i] = reader.String();
        var values = new StoredValue[ObjectCount(ref reader, 1)];
        var expected = 0;
        for (var i = 0; i < values.Length; i++) values[i] = ReadValue(ref reader, symbols.Length, tensors, ref expected);

        var defined = new bool[values.Length];
        for (var i = 0; i < values.Length; i++) defined[i] = values[i].Kind == ValueKind.Constant;
        var inputs = reader.Indices(values.Length, "value");
        foreach (var input in inputs) Define(ref reader, values, defined, input, ValueKind.Shaped);
        var outputs = reader.Indices(values.Length, "value");
        var states = new StoredState[reader.Count(5)];
        for (var i = 0; i < states.Length; i++)
        {
            states[i] = new StoredState(reader.String(), reader.Index(values.Length, "value"), reader.Index(values.Length, "value"), reader.Index(tensors.Length, "tensor", orNone: true));
            Define(ref reader, values, defined, states[i].Value, ValueKind.Shaped);
        }

        var nodes = new StoredNode[ObjectCount(ref reader, 6)];
        var next = 0;
        for (var i = 0; i < nodes.Length; i++)
        {
            nodes[i] = ReadNode(ref reader, values.Length, next);
            next = After(nodes[i].Outputs, next);
            foreach (var input in nodes[i].Inputs)
            {
                if (input >= 0 && !defined[input]) throw reader.Fault($"node '{nodes[i].Name}' uses value '{values[input].Name}' before it is computed");
            }

            foreach (var output in nodes[i].Outputs)
            {
                if (output < 0) continue;
                Define(ref reader, values, defined, output, ValueKind.Computed);
            }

            for (var o = 0; o < nodes[i].Outputs.Length; o++)
            {
                var output = nodes[i].Outputs[o];
                if (output >= 0 && values[output].Name.Length == 0) values[output] = values[output] with { Name = OutputName(nodes[i].Name, nodes[i].Outputs.Length, o) };
            }
        }

        foreach (var output in outputs)
        {
            NeedDefined(ref reader, values, defined, output);
            if (values[output].Tensor is >= 0 and var tensor && tensors[tensor].Format != TensorFormat.Dense) throw reader.Fault($"output '{values[output].Name}' is a packed weight, which no caller can read");
        }

        foreach (var state in states) NeedDefined(ref reader, values, defined, state.Update);
        return new StoredGraph(name, symbols, values, inputs, outputs, states, nodes);
    }

    /// <summary>The name of an output that has no name of its own.</summary>
    public static string OutputName(string node, int outputs, int output) => outputs == 1 ? node : $"{node}:{output}";

    /// <summary>The likely first output of the next node: the value after the last of these outputs.</summary>
    public static int After(int[] outputs, int before) => outputs.Length > 0 && outputs[^1] >= 0 ? outputs[^1] + 1 : before;

    private static int ObjectCount(ref SectionReader reader, int bytes)
    {
        var count = reader.Count(bytes);
        CheckObjects(ref reader, count);
        return count;
    }

    private static void CheckObjects(ref SectionReader reader, long count)
    {
        if (count > SeqLayout.MaxObjects) throw reader.Fault($"{count} values and nodes; the limit is {SeqLayout.MaxObjects}");
    }

    private static void Define(ref SectionReader reader, StoredValue[] values, bool[] defined, int value, ValueKind kind)
    {
        if (values[value].Kind != kind) throw reader.Fault($"value '{values[value].Name}' is {values[value].Kind}, not {kind}");
        if (defined[value]) throw reader.Fault($"value '{values[value].Name}' is defined twice");
        defined[value] = true;
    }

    private static void NeedDefined(ref SectionReader reader, StoredValue[] values, bool[] defined, int value)
    {
        if (!defined[value]) throw reader.Fault($"value '{values[value].Name}' is never computed");
    }

    private static StoredValue ReadValue(ref SectionReader reader, int symbols, StoredTensor[] tensors, ref int expectedTensor)
    {
        var kind = (ValueKind)reader.Byte();
        switch (kind)
        {
            case ValueKind.Computed:
                return new StoredValue("", kind, 0, [], -1);
            case ValueKind.Named:
                return new StoredValue(reader.String(), ValueKind.Computed, 0, [], -1);
            case ValueKind.Shaped:
                return new StoredValue(reader.String(), kind, reader.Type(), reader.Sizes(symbols), -1);
            case ValueKind.Constant:
                var tensor = reader.IndexFrom(expectedTensor, tensors.Length, "tensor", out expectedTensor);
                return new StoredValue(tensors[tensor].Name, kind, 0, [], tensor);
            default:
                throw reader.Fault($"a value has unknown kind {(byte)kind}");
        }
    }

    private static StoredNode ReadNode(ref SectionReader reader, int valueCount, int next)
    {
        var name = reader.String();
        var kind = (OpKind)reader.UInt16();
        var inputs = reader.IndicesNear(next, valueCount, "value");
        var outputs = reader.IndicesNear(next, valueCount, "value");
        var attributes = new Attributes();
        var count = reader.Count(3);
        for (var i = 0; i < count; i++)
        {
            var key = (AttributeKey)reader.Byte();
            if (!Enum.IsDefined(key)) throw reader.Fault($"node '{name}' has the unknown attribute {(byte)key}; a newer runtime may read it");
            attributes.Set(key, ReadAttribute(ref reader));
        }

        return new StoredNode(name, kind, inputs, outputs, attributes);
    }

    private static object ReadAttribute(ref SectionReader reader)
    {
        var type = (AttributeType)reader.Byte();
        switch (type)
        {
            case AttributeType.Int:
                return reader.Int64();
            case AttributeType.Float:
                return reader.Float();
            case AttributeType.Ints:
                var ints = new long[reader.Count(1)];
                for (var i = 0; i < ints.Length; i++) ints[i] = reader.Int64();
                return ints;
            case AttributeType.Floats:
                var floats = new float[reader.Count(sizeof(float))];
                for (var i = 0; i < floats.Length; i++) floats[i] = reader.Float();
                return floats;
            case AttributeType.String:
                return reader.String();
            default:
                throw reader.Fault($"an attribute has unknown type {(byte)type}");
        }
    }

    private static SectionReader Open(SourceName file, byte* start, SectionEntry section) => new(file, section.Name, new ReadOnlySpan<byte>(start + section.Offset, (int)section.Length));

    private static SectionReader OpenCompact(SourceName file, byte* start, SectionEntry section) => new(file, section.Name, new ReadOnlySpan<byte>(start + section.Offset, (int)section.Length), isCompact: true);

    private static SectionEntry Need(SourceName file, Dictionary<string, SectionEntry> sections, string name) =>
        sections.TryGetValue(name, out var section) ? section : throw Fault(file, $"section {name} is missing", name);

    internal static SeqFormatException Fault(SourceName file, string what, string? section = null) =>
        new(file, $"{file.Text}: {what}. The file is damaged; convert the model again or copy the file again.", section);
}
