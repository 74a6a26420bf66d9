using System.Buffers.Binary;

namespace SeqRuntime.Format;

/// <summary>
/// Reads a <c>.seq</c> file in memory. It trusts nothing: every length, count, index and offset is checked before it is used. Tensor bytes
/// are not copied; the tensors point into the file. Its counterpart is <see cref="SeqWriter"/>, field by field.
/// </summary>
internal static unsafe class SeqReader
{
    private static readonly string[] s_known = [SeqLayout.Metadata, SeqLayout.Tables, SeqLayout.Tensors, SeqLayout.Graphs, SeqLayout.Data, SeqLayout.Caches, SeqLayout.Golden];

    public static StoredModel Read(SourceName file, byte* start, long length, bool verifyChecksums)
    {
        if (length > int.MaxValue) throw Fault(file, $"{length} bytes are over the limit of {int.MaxValue}");
        var sections = ReadSectionTable(file, new ReadOnlySpan<byte>(start, (int)length), verifyChecksums, SeqLayout.Major, s_known);
        var metadata = new Dictionary<string, string>();
        var tables = new Dictionary<string, IReadOnlyList<string>>();
        if (sections.TryGetValue(SeqLayout.Metadata, out var free)) ReadMetadata(Open(file, start, free), metadata);
        if (sections.TryGetValue(SeqLayout.Tables, out var named)) ReadTables(Open(file, start, named), tables);
        var data = Need(file, sections, SeqLayout.Data);
        var tensors = ReadTensors(OpenCompact(file, start, Need(file, sections, SeqLayout.Tensors)), start + data.Offset, data.Length);
        var mark = MarkOf(sections);
        var graphs = GraphReader.Read(OpenCompact(file, start, Need(file, sections, SeqLayout.Graphs)), tensors);
        for (var i = 0; i < graphs.Length; i++) graphs[i] = graphs[i] with { Mark = SplitMix.Add(mark, (ulong)i) };
        if (sections.TryGetValue(SeqLayout.Caches, out var caches)) GraphReader.ReadCaches(OpenCompact(file, start, caches), graphs);
        return new StoredModel(file, [.. sections.Values], metadata, tables, tensors, graphs);
    }

    /// <summary>The recorded runs of a model that was read, after a check that the checksums of all its sections still match.</summary>
    /// <returns>The runs, or null if the file has none.</returns>
    /// <exception cref="SeqFormatException">The file is damaged.</exception>
    public static GoldenGraph[]? ReadGolden(StoredModel model, byte* start, long length)
    {
        var sections = ReadSectionTable(model.File, new ReadOnlySpan<byte>(start, (int)length), verifyChecksums: true, SeqLayout.Major, s_known);
        return sections.TryGetValue(SeqLayout.Golden, out var golden) ? GoldenSection.Read(OpenCompact(model.File, start, golden), model.Graphs) : null;
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

    /// <summary>The major version of a file, after a check of its length and signature.</summary>
    public static int MajorOf(SourceName file, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < SeqLayout.HeaderBytes) throw Fault(file, $"{bytes.Length} bytes are too few for a header of {SeqLayout.HeaderBytes}");
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != SeqLayout.Magic)
            throw new SeqFormatException(file, $"{file.Text}: not a .seq file: the signature does not match. Make one with 'seqconvert convert'.");
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes[SeqLayout.MajorAt..]);
    }

    /// <summary>The fault of a version that there never was.</summary>
    public static SeqFormatException Unknown(SourceName file, int major) => Fault(file, $"there is no format version {major}");

    /// <summary>The sections that a reader knows. Others are left out, unless they are required.</summary>
    /// <param name="file">The file's name.</param>
    /// <param name="bytes">The whole file.</param>
    /// <param name="verifyChecksums">Whether checksums must match.</param>
    /// <param name="version">The major version that is read.</param>
    /// <param name="known">Names of the sections that the reader knows.</param>
    public static Dictionary<string, SectionEntry> ReadSectionTable(SourceName file, ReadOnlySpan<byte> bytes, bool verifyChecksums, int version, string[] known)
    {
        var major = MajorOf(file, bytes);
        if (major == 0) throw Unknown(file, major);
        if (major < version)
            throw new SeqFormatException(file, $"{file.Text}: format version {major} is not supported; this runtime reads version {version}. Run 'seqconvert upgrade {(file.IsFile ? file.Text : "FILE")}', or convert the model again.");
        if (major > version)
            throw new SeqFormatException(file, $"{file.Text}: format version {major} is not supported; this runtime reads version {version}. Use a newer runtime.");
        var length = bytes.Length;
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
            if (!known.Contains(name))
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

    public static void ReadMetadata(SectionReader reader, Dictionary<string, string> metadata)
    {
        var count = reader.Count(2 * sizeof(int));
        for (var i = 0; i < count; i++) metadata[reader.String()] = reader.String();
        reader.End();
    }

    public static void ReadTables(SectionReader reader, Dictionary<string, IReadOnlyList<string>> tables)
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

    private static SectionReader Open(SourceName file, byte* start, SectionEntry section) => new(file, section.Name, new ReadOnlySpan<byte>(start + section.Offset, (int)section.Length));

    private static SectionReader OpenCompact(SourceName file, byte* start, SectionEntry section) => new(file, section.Name, new ReadOnlySpan<byte>(start + section.Offset, (int)section.Length), isCompact: true);

    public static SectionEntry Need(SourceName file, Dictionary<string, SectionEntry> sections, string name) =>
        sections.TryGetValue(name, out var section) ? section : throw Fault(file, $"section {name} is missing", name);

    public static SeqFormatException Fault(SourceName file, string what, string? section = null) =>
        new(file, $"{file.Text}: {what}. The file is damaged; convert the model again or copy the file again.", section);
}
