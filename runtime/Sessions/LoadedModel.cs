using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions;

/// <summary>A stored model with its operators created, ready for planning sessions.</summary>
internal sealed class LoadedModel
{
    private readonly StoredModel _stored;

    /// <param name="stored">The model as read from its file.</param>
    /// <exception cref="SeqFormatException">A node is of an unknown kind, or its attributes are not valid.</exception>
    public LoadedModel(StoredModel stored)
    {
        _stored = stored;
        Tensors = Array.ConvertAll(stored.Tensors, Tensor.Of);
        Graphs = Array.ConvertAll(stored.Graphs, Load);
    }

    /// <summary>The model as read from its file.</summary>
    public StoredModel Stored => _stored;

    public Dictionary<string, string> Metadata => _stored.Metadata;

    public Dictionary<string, IReadOnlyList<string>> Tables => _stored.Tables;

    public Tensor[] Tensors { get; }

    public LoadedGraph[] Graphs { get; }

    public IReadOnlyList<SectionEntry> Sections => _stored.Sections;

    private LoadedGraph Load(StoredGraph graph) => new(
        graph.Name,
        graph.Symbols,
        Array.ConvertAll(graph.Values, value => new LoadedValue(value.Name, value.Kind, value.Type, value.Sizes, value.Tensor < 0 ? null : Tensors[value.Tensor])),
        graph.Inputs,
        graph.Outputs,
        graph.States,
        Array.ConvertAll(graph.Nodes, node => Load(graph, node)))
    {
        Mark = graph.Mark,
        Largest = graph.Largest,
    };

    private LoadedNode Load(StoredGraph graph, StoredNode node)
    {
        try
        {
            return new LoadedNode(node.Name, node.Kind, node.Inputs, node.Outputs, node.Attributes, OperatorTable.Create(node.Kind, node.Attributes));
        }
        catch (Exception fault) when (fault is SeqFormatException or ArgumentException or OverflowException)
        {
            throw SeqReader.Fault(_stored.File, $"graph '{graph.Name}', node '{node.Name}' ({node.Kind}): {fault.Message.TrimEnd('.')}");
        }
    }
}

/// <summary>A graph: values, and nodes in execution order. The reader has checked the indices.</summary>
internal sealed record LoadedGraph(string Name, string[] Symbols, LoadedValue[] Values, int[] Inputs, int[] Outputs, StoredState[] States, LoadedNode[] Nodes)
{
    /// <inheritdoc cref="StoredGraph.Mark"/>
    public ulong Mark { get; init; }

    /// <inheritdoc cref="StoredGraph.Largest"/>
    public int[] Largest { get; init; } = [];

    /// <summary>For each symbolic dimension the most steps of its growing states; 0 if no state grows along it.</summary>
    public int MostSteps(int symbol) => Largest.Length == 0 ? 0 : Largest[symbol];

    /// <summary>A fault while inferring or running node <paramref name="node"/>, with the node's name.</summary>
    public Exception At(int node, Exception fault)
    {
        var message = $"graph '{Name}', node '{Nodes[node].Name}' ({Nodes[node].Kind}): {fault.Message}";
        return fault is SeqFormatException ? new SeqFormatException(message, fault) : new ArgumentException(message, fault);
    }
}

/// <summary>A value. In <paramref name="Sizes"/>, -1-i stands for symbol i.</summary>
internal sealed record LoadedValue(string Name, ValueKind Kind, ElementType Type, int[] Sizes, Tensor? Constant);

/// <summary>A node with its operator. An index of -1 marks an omitted input or output. <paramref name="Attributes"/> are kept for printing the graph.</summary>
internal sealed record LoadedNode(string Name, OpKind Kind, int[] Inputs, int[] Outputs, Attributes Attributes, Operator Operator);
