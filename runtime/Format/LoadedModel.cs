using SeqRuntime.Operators;

namespace SeqRuntime.Format;

/// <summary>A model as it was read and checked. Tensors point into the file's memory.</summary>
internal sealed class LoadedModel
{
    public Dictionary<string, string> Metadata { get; } = [];

    public Dictionary<string, IReadOnlyList<string>> Tables { get; } = [];

    public Tensor[] Tensors { get; set; } = [];

    public LoadedGraph[] Graphs { get; set; } = [];

    public IReadOnlyList<SectionEntry> Sections { get; init; } = [];
}

/// <summary>Where a section lies in the file, and its CRC-32C.</summary>
internal sealed record SectionEntry(string Name, long Offset, long Length, uint Checksum);

/// <summary>A graph: nodes in execution order over values; indices were checked.</summary>
internal sealed record LoadedGraph(string Name, string[] Symbols, LoadedValue[] Values, int[] Inputs, int[] Outputs, LoadedState[] States, LoadedNode[] Nodes)
{
    /// <summary>Tells the graph from others, of this and of other models: their weights and graphs have other checksums.</summary>
    public ulong Mark { get; init; }

    /// <summary>For each symbolic dimension the most steps that states which grow along it may have, 0 where none does; empty where no state grows.</summary>
    public int[] Largest { get; init; } = [];

    /// <summary>The most steps of states that grow along a symbolic dimension; 0 where none does.</summary>
    public int MostSteps(int symbol) => Largest.Length == 0 ? 0 : Largest[symbol];
}

/// <summary>A value; <paramref name="Sizes"/> hold -1-i for symbol i.</summary>
internal sealed record LoadedValue(string Name, ValueKind Kind, ElementType Type, int[] Sizes, Tensor? Constant);

/// <summary>A node with its operator made; an input or output of -1 is left out. <paramref name="Attributes"/> are kept for whoever shows the graph.</summary>
internal sealed record LoadedNode(string Name, OpKind Kind, int[] Inputs, int[] Outputs, Attributes Attributes, Operator Operator);

/// <summary>A state: the value it is read as, the value it becomes, and a tensor with its first content (-1: zeros).</summary>
internal sealed record LoadedState(string Name, int Value, int Update, int Initial);
