using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Format;

/// <summary>Writes a <see cref="SeqModelBuilder"/> as a <c>.seq</c> file. Its counterpart, field by field, is <see cref="SeqReader"/>.</summary>
internal static class SeqWriter
{
    /// <summary>The file's bytes.</summary>
    public static byte[] ToArray(SeqModelBuilder model)
    {
        using var stream = new MemoryStream();
        Write(model, stream);
        return stream.ToArray();
    }

    public static void Write(SeqModelBuilder model, Stream stream)
    {
        (string Name, bool Required, byte[] Bytes)[] sections =
        [
            (SeqLayout.Metadata, false, Section(w => WriteMetadata(w, model))),
            (SeqLayout.Tables, false, Section(w => WriteTables(w, model))),
            (SeqLayout.Tensors, true, Section(w => WriteTensors(w, model))),
            (SeqLayout.Graphs, true, Section(w => WriteGraphs(w, model))),
            (SeqLayout.Data, true, TensorData(model)),
        ];

        var head = new byte[SeqLayout.HeaderBytes + sections.Length * SeqLayout.SectionEntryBytes];
        var offset = SeqLayout.Align(head.Length);
        for (var i = 0; i < sections.Length; i++)
        {
            var entry = head.AsSpan(SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, SeqLayout.SectionId(sections[i].Name));
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], sections[i].Required ? SeqLayout.Required : 0);
            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], offset);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], sections[i].Bytes.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], SeqLayout.Checksum(sections[i].Bytes));
            offset = SeqLayout.Align(offset + sections[i].Bytes.Length);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(head, SeqLayout.Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(SeqLayout.MajorAt), SeqLayout.Major);
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(SeqLayout.MinorAt), SeqLayout.Minor);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(SeqLayout.SectionCountAt), sections.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(SeqLayout.FileLengthAt), offset);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(SeqLayout.ChecksumAt), SeqLayout.Checksum(head));

        var written = 0L;
        Append(head);
        foreach (var section in sections) Append(section.Bytes);

        void Append(byte[] bytes)
        {
            stream.Write(bytes);
            written += bytes.Length;
            var padding = (int)(SeqLayout.Align(written) - written);
            stream.Write(new byte[padding]);
            written += padding;
        }
    }

    /// <summary>Offset of each tensor inside the data section.</summary>
    private static long[] TensorOffsets(SeqModelBuilder model, out long total)
    {
        var offsets = new long[model.Tensors.Count];
        total = 0;
        for (var i = 0; i < offsets.Length; i++)
        {
            offsets[i] = total;
            total = SeqLayout.Align(total + model.Tensors[i].Data.Length);
        }

        total += Kernels.KernelSet.ReadSlack;
        return offsets;
    }

    private static byte[] TensorData(SeqModelBuilder model)
    {
        var offsets = TensorOffsets(model, out var total);
        var data = new byte[total];
        for (var i = 0; i < offsets.Length; i++) model.Tensors[i].Data.CopyTo(data.AsSpan((int)offsets[i]));
        return data;
    }

    private static byte[] Section(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream)) write(writer);
        return stream.ToArray();
    }

    private static void WriteMetadata(BinaryWriter writer, SeqModelBuilder model)
    {
        writer.Write(model.Metadata.Count);
        foreach (var (key, value) in model.Metadata)
        {
            WriteString(writer, key);
            WriteString(writer, value);
        }
    }

    private static void WriteTables(BinaryWriter writer, SeqModelBuilder model)
    {
        writer.Write(model.Tables.Count);
        foreach (var (key, entries) in model.Tables)
        {
            WriteString(writer, key);
            writer.Write(entries.Length);
            foreach (var entry in entries) WriteString(writer, entry);
        }
    }

    private static void WriteTensors(BinaryWriter writer, SeqModelBuilder model)
    {
        var offsets = TensorOffsets(model, out _);
        writer.Write(model.Tensors.Count);
        for (var i = 0; i < offsets.Length; i++)
        {
            var tensor = model.Tensors[i];
            WriteString(writer, tensor.Name);
            writer.Write((byte)tensor.Format);
            WriteShape(writer, tensor.Type, tensor.Shape);
            writer.Write(tensor.Count);
            writer.Write(offsets[i]);
            writer.Write((long)tensor.Data.Length);
        }
    }

    private static void WriteGraphs(BinaryWriter writer, SeqModelBuilder model)
    {
        writer.Write(model.Graphs.Count);
        foreach (var graph in model.Graphs)
        {
            WriteString(writer, graph.Name);
            WriteList(writer, graph.Symbols, WriteString);
            WriteList(writer, graph.Values, WriteValue);
            WriteList(writer, graph.Inputs, static (w, v) => w.Write(v));
            WriteList(writer, graph.Outputs, static (w, v) => w.Write(v));
            WriteList(writer, graph.States, WriteState);
            WriteList(writer, graph.Nodes, WriteNode);
        }
    }

    private static void WriteValue(BinaryWriter writer, ValueDefinition value)
    {
        WriteString(writer, value.Name);
        var kind = value.Tensor >= 0 ? ValueKind.Constant : value.Shape is null ? ValueKind.Computed : ValueKind.Shaped;
        writer.Write((byte)kind);
        if (kind == ValueKind.Constant) writer.Write(value.Tensor);
        if (kind == ValueKind.Shaped) WriteShape(writer, value.Type, value.Shape!);
    }

    private static void WriteState(BinaryWriter writer, StateDefinition state)
    {
        WriteString(writer, state.Name);
        writer.Write(state.Value);
        writer.Write(state.Update);
        writer.Write(state.InitialTensor);
    }

    private static void WriteNode(BinaryWriter writer, NodeDefinition node)
    {
        WriteString(writer, node.Name);
        writer.Write((ushort)node.Kind);
        WriteList(writer, node.Inputs, static (w, v) => w.Write(v));
        WriteList(writer, node.Outputs, static (w, v) => w.Write(v));
        writer.Write(node.Attributes.Count);
        foreach (var (key, value) in node.Attributes.Pairs)
        {
            writer.Write((byte)key);
            WriteAttribute(writer, value);
        }
    }

    private static void WriteAttribute(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case long number:
                writer.Write((byte)AttributeType.Int);
                writer.Write(number);
                break;
            case float number:
                writer.Write((byte)AttributeType.Float);
                writer.Write(number);
                break;
            case long[] numbers:
                writer.Write((byte)AttributeType.Ints);
                WriteList(writer, numbers, static (w, v) => w.Write(v));
                break;
            case float[] numbers:
                writer.Write((byte)AttributeType.Floats);
                WriteList(writer, numbers, static (w, v) => w.Write(v));
                break;
            default:
                writer.Write((byte)AttributeType.String);
                WriteString(writer, (string)value);
                break;
        }
    }

    private static void WriteShape(BinaryWriter writer, ElementType type, int[] shape)
    {
        writer.Write((byte)type);
        writer.Write((byte)shape.Length);
        foreach (var size in shape) writer.Write(size);
    }

    private static void WriteList<T>(BinaryWriter writer, IReadOnlyCollection<T> items, Action<BinaryWriter, T> write)
    {
        writer.Write(items.Count);
        foreach (var item in items) write(writer, item);
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }
}
