using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Format;

/// <summary>Writes a <see cref="SeqModelBuilder"/> as a <c>.seq</c> file. Its counterpart is <see cref="SeqReader"/>, field by field.</summary>
internal static class SeqWriter
{
    private sealed record Section(string Name, bool IsRequired, long Length, Func<IEnumerable<ReadOnlyMemory<byte>>> Parts)
    {
        public Section(string name, bool isRequired, byte[] content)
            : this(name, isRequired, content.Length, () => [content])
        {
        }
    }

    /// <summary>The file's bytes.</summary>
    public static byte[] ToArray(SeqModelBuilder model)
    {
        var sections = Sections(model);
        var file = new byte[Offsets(sections)[^1]];
        Write(model, sections, new MemoryStream(file));
        return file;
    }

    /// <summary>Writes the file. Tensors are made one after the other; twice, if the stream cannot seek.</summary>
    /// <returns>The position of each tensor's bytes in the file.</returns>
    public static long[] Write(SeqModelBuilder model, Stream stream)
    {
        var sections = Sections(model);
        Write(model, sections, stream);
        var start = Offsets(sections)[Array.FindIndex(sections, section => section.Name == SeqLayout.Data)];
        return Array.ConvertAll(SeqLayout.Place([.. model.Tensors.Select(t => (long)t.Data.Length)]).Offsets, offset => start + offset);
    }

    private static void Write(SeqModelBuilder model, Section[] sections, Stream stream)
    {
        // The header holds the checksums of what follows it.
        var head = new byte[HeadBytes(sections)];
        if (!stream.CanSeek) Fill(head, model, sections, Contents(sections, Stream.Null));
        var start = stream.CanSeek ? stream.Position : 0;
        stream.Write(head);
        Pad(stream, head.Length);
        var sums = Contents(sections, stream);
        if (!stream.CanSeek) return;
        Fill(head, model, sections, sums);
        var end = stream.Position;
        stream.Position = start;
        stream.Write(head);
        stream.Position = end;
    }

    /// <summary>Writes the sections and returns their checksums.</summary>
    private static uint[] Contents(Section[] sections, Stream stream) => Array.ConvertAll(sections, section =>
    {
        var sum = 0u;
        foreach (var part in section.Parts())
        {
            stream.Write(part.Span);
            sum = SeqLayout.Checksum(part.Span, ~sum);
        }

        Pad(stream, section.Length);
        return sum;
    });

    private static void Pad(Stream stream, long length) => stream.Write(new byte[SeqLayout.Align(length) - length]);

    private static int HeadBytes(Section[] sections) => SeqLayout.HeaderBytes + sections.Length * SeqLayout.SectionEntryBytes;

    /// <summary>Where each section begins, and where the file ends.</summary>
    private static long[] Offsets(Section[] sections)
    {
        var offsets = new long[sections.Length + 1];
        offsets[0] = SeqLayout.Align(HeadBytes(sections));
        for (var i = 0; i < sections.Length; i++) offsets[i + 1] = SeqLayout.Align(offsets[i] + sections[i].Length);
        return offsets;
    }

    private static void Fill(byte[] head, SeqModelBuilder model, Section[] sections, uint[] sums)
    {
        var offsets = Offsets(sections);
        for (var i = 0; i < sections.Length; i++)
        {
            var entry = head.AsSpan(SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, SeqLayout.SectionId(sections[i].Name));
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], sections[i].IsRequired ? SeqLayout.Required : 0);
            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], offsets[i]);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], sections[i].Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], sums[i]);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(head, SeqLayout.Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(SeqLayout.MajorAt), SeqLayout.Major);
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(SeqLayout.MinorAt), model.Tensors.Max(tensor => WeightFormats.Find(tensor.Format)?.Minor) ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(SeqLayout.SectionCountAt), sections.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(SeqLayout.FileLengthAt), offsets[^1]);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(SeqLayout.ChecksumAt), SeqLayout.Checksum(head));
    }

    private static Section[] Sections(SeqModelBuilder model)
    {
        var caches = model.Graphs.Index().SelectMany(g => Caches(g.Item).Select(cache => (Graph: g.Index, cache.Symbol, cache.Most))).ToList();
        List<Section> sections = [new(SeqLayout.Metadata, false, Plain(w => WriteMetadata(w, model)))];
        if (model.Tables.Count > 0) sections.Add(new(SeqLayout.Tables, false, Plain(w => WriteTables(w, model))));
        sections.Add(new(SeqLayout.Tensors, true, Compact(w => WriteTensors(w, model))));
        sections.Add(new(SeqLayout.Graphs, true, Compact(w => WriteGraphs(w, model))));
        sections.Add(TensorData(model));
        if (caches.Count > 0) sections.Add(new(SeqLayout.Caches, true, Compact(w => w.List(caches, static (w, c) => w.Numbers([c.Graph, c.Symbol, c.Most])))));
        if (model.Golden.Count > 0) sections.Add(new(SeqLayout.Golden, false, Compact(w => GoldenSection.Write(w, model.Golden))));
        return [.. sections];
    }

    /// <summary>The growing states' limits, each with the index of its symbolic dimension.</summary>
    private static IEnumerable<(int Symbol, int Most)> Caches(GraphDefinition graph)
    {
        if (graph.Largest.Count == 0) return [];
        var indices = new Dictionary<string, int>();
        foreach (var (index, symbol) in graph.Symbols.Index()) indices.TryAdd(symbol, index);
        return graph.Largest.Select(limit => (indices.GetValueOrDefault(limit.Key, -1), limit.Value));
    }

    private static Section TensorData(SeqModelBuilder model)
    {
        var (offsets, end) = SeqLayout.Place([.. model.Tensors.Select(t => (long)t.Data.Length)]);
        var length = SeqLayout.Align(end) + SeqLayout.ReadSlack;
        return new Section(SeqLayout.Data, true, length, Parts);

        IEnumerable<ReadOnlyMemory<byte>> Parts()
        {
            var at = 0L;
            foreach (var (offset, tensor) in offsets.Zip(model.Tensors).Where(t => t.Second.Data.Length > 0).OrderBy(t => t.First))
            {
                if (offset > at) yield return new byte[offset - at];
                foreach (var part in tensor.Data.Parts()) yield return part;
                at = offset + tensor.Data.Length;
            }

            yield return new byte[length - at];
        }
    }

    private static byte[] Compact(Action<CompactWriter> write)
    {
        var writer = new CompactWriter();
        write(writer);
        return writer.ToArray();
    }

    private static byte[] Plain(Action<BinaryWriter> write)
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

    private static void WriteTensors(CompactWriter writer, SeqModelBuilder model) => writer.List(model.Tensors, static (w, tensor) =>
    {
        w.String(tensor.Name);
        w.Byte((byte)((byte)tensor.Format | (tensor.PanelRows == WeightLayout.GruPanel ? SeqLayout.GruPanels : 0)));
        WriteShape(w, tensor.Type, tensor.Shape);
        if (tensor.Format != TensorFormat.Dense) w.Number(tensor.Count);
    });

    private static void WriteGraphs(CompactWriter writer, SeqModelBuilder model) => writer.List(model.Graphs, static (w, graph) =>
    {
        w.String(graph.Name);
        w.List(graph.Symbols, static (w, symbol) => w.String(symbol));
        // A name is made only to compare it: all of them together may take far more than the file.
        var sources = new Dictionary<int, (NodeDefinition Node, int Output)>();
        foreach (var node in graph.Nodes)
        {
            foreach (var (o, output) in node.Outputs.Index())
            {
                if (output >= 0) sources[output] = (node, o);
            }
        }

        w.Number(graph.Values.Count);
        var expected = 0;
        foreach (var (index, value) in graph.Values.Index())
        {
            WriteValue(w, value, sources.TryGetValue(index, out var source) && HasNameOf(value, source.Node, source.Output), expected);
            if (value.Tensor >= 0) expected = value.Tensor + 1;
        }

        w.Numbers(graph.Inputs);
        w.Numbers(graph.Outputs);
        w.List(graph.States, WriteState);
        w.Number(graph.Nodes.Count);
        var next = 0;
        foreach (var node in graph.Nodes)
        {
            WriteNode(w, node, next);
            next = GraphReader.After(node.Outputs, next);
        }
    });

    private static bool HasNameOf(ValueDefinition value, NodeDefinition node, int output) =>
        value.Name.StartsWith(node.Name, StringComparison.Ordinal) && value.Name == GraphReader.OutputName(node.Name, node.Outputs.Length, output);

    private static void WriteValue(CompactWriter writer, ValueDefinition value, bool hasNodesName, int expectedTensor)
    {
        var kind = value.Tensor >= 0 ? ValueKind.Constant : value.Shape is not null ? ValueKind.Shaped : hasNodesName ? ValueKind.Computed : ValueKind.Named;
        writer.Byte((byte)kind);
        if (kind is ValueKind.Shaped or ValueKind.Named) writer.String(value.Name);
        if (kind == ValueKind.Constant) writer.Number(value.Tensor - expectedTensor);
        if (kind == ValueKind.Shaped) WriteShape(writer, value.Type, value.Shape!);
    }

    private static void WriteState(CompactWriter writer, StateDefinition state)
    {
        writer.String(state.Name);
        writer.Number(state.Value);
        writer.Number(state.Update);
        writer.Number(state.InitialTensor);
    }

    private static void WriteNode(CompactWriter writer, NodeDefinition node, int next)
    {
        writer.String(node.Name);
        writer.Number((ushort)node.Kind);
        writer.Near(node.Inputs, next);
        writer.Near(node.Outputs, next);
        writer.Number(node.Attributes.Count);
        foreach (var (key, value) in node.Attributes.Pairs)
        {
            writer.Byte((byte)key);
            WriteAttribute(writer, value);
        }
    }

    private static void WriteAttribute(CompactWriter writer, object value)
    {
        switch (value)
        {
            case long number:
                writer.Byte((byte)AttributeType.Int);
                writer.Number(number);
                break;
            case float number:
                writer.Byte((byte)AttributeType.Float);
                writer.Float(number);
                break;
            case long[] numbers:
                writer.Byte((byte)AttributeType.Ints);
                writer.List(numbers, static (w, v) => w.Number(v));
                break;
            case float[] numbers:
                writer.Byte((byte)AttributeType.Floats);
                writer.List(numbers, static (w, v) => w.Float(v));
                break;
            default:
                writer.Byte((byte)AttributeType.String);
                writer.String((string)value);
                break;
        }
    }

    private static void WriteShape(CompactWriter writer, ElementType type, int[] shape)
    {
        writer.Byte((byte)type);
        writer.Byte((byte)shape.Length);
        foreach (var size in shape) writer.Number(size);
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }
}
