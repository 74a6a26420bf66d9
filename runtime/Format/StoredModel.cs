namespace SeqRuntime.Format;

/// <summary>A model as stored in its file, read and checked. Tensors point into the file's memory.</summary>
/// <param name="File">The name of the source, for messages.</param>
/// <param name="Sections">The sections that were read.</param>
/// <param name="Metadata">Free metadata.</param>
/// <param name="Tables">Token and label tables by name.</param>
/// <param name="Tensors">Constants, shared by all graphs.</param>
/// <param name="Graphs">Graphs in the file's order.</param>
internal sealed record StoredModel(
    SourceName File,
    IReadOnlyList<SectionEntry> Sections,
    Dictionary<string, string> Metadata,
    Dictionary<string, IReadOnlyList<string>> Tables,
    StoredTensor[] Tensors,
    StoredGraph[] Graphs);

/// <summary>The position of a section in the file and its CRC-32C.</summary>
internal sealed record SectionEntry(string Name, long Offset, long Length, uint Checksum);

/// <summary>A constant in the file's memory.</summary>
internal sealed unsafe class StoredTensor
{
    public required string Name { get; init; }

    /// <summary>Dense, or the packing of its matrices.</summary>
    public required TensorFormat Format { get; init; }

    /// <summary>Element type. float32 if packed.</summary>
    public required ElementType Type { get; init; }

    /// <summary>Shape. If packed, [rows, columns] of each matrix.</summary>
    public required Shape Shape { get; init; }

    /// <summary>Layout of each matrix, if packed.</summary>
    public WeightLayout Layout { get; init; } = WeightLayout.None;

    /// <summary>The number of consecutive matrices. 1 if dense.</summary>
    public int Count { get; init; } = 1;

    public required long Bytes { get; init; }

    /// <summary>First byte. <see cref="SeqLayout.ReadSlack"/> bytes past the end may be read.</summary>
    public byte* Data { get; set; }
}

/// <summary>A graph: nodes in execution order over values. Its indices were checked.</summary>
internal sealed record StoredGraph(string Name, string[] Symbols, StoredValue[] Values, int[] Inputs, int[] Outputs, StoredState[] States, StoredNode[] Nodes)
{
    /// <summary>Identifies the graph and its model: other weights or graphs have other checksums.</summary>
    public ulong Mark { get; init; }

    /// <summary>For each symbolic dimension, the most steps of states that grow along it, or 0. Empty if no state grows.</summary>
    public int[] Largest { get; init; } = [];
}

/// <summary>A value. <paramref name="Sizes"/> holds -1-i for symbol i. <paramref name="Tensor"/> is the constant's index, or -1.</summary>
internal sealed record StoredValue(string Name, ValueKind Kind, ElementType Type, int[] Sizes, int Tensor);

/// <summary>A node. An omitted input or output is -1.</summary>
internal sealed record StoredNode(string Name, OpKind Kind, int[] Inputs, int[] Outputs, Attributes Attributes);

/// <summary>A state: the value at the start of a run, the value that replaces it at the end, and the tensor of its initial content (-1: zeros).</summary>
internal sealed record StoredState(string Name, int Value, int Update, int Initial);
