using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions;

/// <summary>A stored model with its operators made, ready for sessions to be planned.</summary>
internal sealed class LoadedModel
{
    private readonly StoredModel _stored;

    /// <param name="stored">The model as its file has it.</param>
    /// <exception cref="SeqFormatException">A node is of an unknown kind, or its attributes are not valid.</exception>
    public LoadedModel(StoredModel stored)
    {
        _stored = stored;
        Tensors = Array.ConvertAll(stored.Tensors, Tensor.Of);
        Graphs = Array.ConvertAll(stored.Graphs, Load);
    }

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

/// <summary>A graph: nodes in execution order over values; indices were checked.</summary>
internal sealed record LoadedGraph(string Name, string[] Symbols, LoadedValue[] Values, int[] Inputs, int[] Outputs, StoredState[] States, LoadedNode[] Nodes)
{
    /// <inheritdoc cref="StoredGraph.Mark"/>
    public ulong Mark { get; init; }

    /// <inheritdoc cref="StoredGraph.Largest"/>
    public int[] Largest { get; init; } = [];

    /// <summary>The most steps of states that grow along a symbolic dimension; 0 where none does.</summary>
    public int MostSteps(int symbol) => Largest.Length == 0 ? 0 : Largest[symbol];

    /// <summary>A fault while inferring or running node <paramref name="node"/>, named.</summary>
    public Exception At(int node, Exception fault)
    {
        var message = $"graph '{Name}', node '{Nodes[node].Name}' ({Nodes[node].Kind}): {fault.Message}";
        return fault is SeqFormatException ? new SeqFormatException(message, fault) : new ArgumentException(message, fault);
    }
}

/// <summary>A value; <paramref name="Sizes"/> hold -1-i for symbol i.</summary>
internal sealed record LoadedValue(string Name, ValueKind Kind, ElementType Type, int[] Sizes, Tensor? Constant);

/// <summary>A node with its operator made; an input or output of -1 is left out. <paramref name="Attributes"/> are kept for whoever shows the graph.</summary>
internal sealed record LoadedNode(string Name, OpKind Kind, int[] Inputs, int[] Outputs, Attributes Attributes, Operator Operator);
