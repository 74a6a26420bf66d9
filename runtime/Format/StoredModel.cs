namespace SeqRuntime.Format;

/// <summary>A model as its file has it, read and checked. Tensors point into the file's memory.</summary>
/// <param name="File">The file's name, for messages.</param>
/// <param name="Sections">The sections that were read.</param>
/// <param name="Metadata">Free metadata.</param>
/// <param name="Tables">Token and label tables by name.</param>
/// <param name="Tensors">Constants, shared by all graphs.</param>
/// <param name="Graphs">Graphs in the file's order.</param>
internal sealed record StoredModel(
    string File,
    IReadOnlyList<SectionEntry> Sections,
    Dictionary<string, string> Metadata,
    Dictionary<string, IReadOnlyList<string>> Tables,
    StoredTensor[] Tensors,
    StoredGraph[] Graphs);

/// <summary>Where a section lies in the file, and its CRC-32C.</summary>
internal sealed record SectionEntry(string Name, long Offset, long Length, uint Checksum);

/// <summary>A constant in the file's memory.</summary>
internal sealed unsafe class StoredTensor
{
    public required string Name { get; init; }

    /// <summary>Dense, or how its matrices are packed.</summary>
    public required TensorFormat Format { get; init; }

    /// <summary>Type of the elements; float32 where packed.</summary>
    public required ElementType Type { get; init; }

    /// <summary>Shape; [rows, columns] of each matrix where packed.</summary>
    public required Shape Shape { get; init; }

    /// <summary>Layout of each matrix, where packed.</summary>
    public WeightLayout Layout { get; init; } = WeightLayout.None;

    /// <summary>Matrices one after the other; 1 where dense.</summary>
    public int Count { get; init; } = 1;

    public required long Bytes { get; init; }

    /// <summary>First byte. <see cref="SeqLayout.ReadSlack"/> bytes past the end may be read.</summary>
    public byte* Data { get; set; }
}

/// <summary>A graph: nodes in execution order over values; indices were checked.</summary>
internal sealed record StoredGraph(string Name, string[] Symbols, StoredValue[] Values, int[] Inputs, int[] Outputs, StoredState[] States, StoredNode[] Nodes)
{
    /// <summary>Tells the graph from others, of this and of other models: their weights and graphs have other checksums.</summary>
    public ulong Mark { get; init; }

    /// <summary>For each symbolic dimension the most steps that states which grow along it may have, 0 where none does; empty where no state grows.</summary>
    public int[] Largest { get; init; } = [];
}

/// <summary>A value; <paramref name="Sizes"/> hold -1-i for symbol i. <paramref name="Tensor"/> is the constant's index, -1 for other values.</summary>
internal sealed record StoredValue(string Name, ValueKind Kind, ElementType Type, int[] Sizes, int Tensor);

/// <summary>A node; an input or output of -1 is left out.</summary>
internal sealed record StoredNode(string Name, OpKind Kind, int[] Inputs, int[] Outputs, Attributes Attributes);

/// <summary>A state: the value it is read as, the value it becomes, and a tensor with its first content (-1: zeros).</summary>
internal sealed record StoredState(string Name, int Value, int Update, int Initial);
