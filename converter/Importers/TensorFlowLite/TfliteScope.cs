using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>What all subgraphs of one graph share.</summary>
/// <param name="model">The model.</param>
/// <param name="main">The graph's subgraph, whose inputs are those of the graph.</param>
/// <param name="budget">Limits of the conversion.</param>
/// <param name="notes">Receives notes.</param>
internal sealed class TfliteContext(TfliteModel model, TfliteSubgraph main, Budget budget, TfliteNotes notes)
{
    /// <summary>Limit of the operators that subgraphs add when they are written where they are called.</summary>
    private const int MostAdded = 100_000;

    private long _written;

    public TfliteModel Model => model;

    public TfliteSubgraph Main => main;

    public TfliteNotes Notes => notes;

    /// <summary>Values of the resources of VAR_HANDLE, by their names.</summary>
    public TfliteVariables Variables { get; } = new();

    /// <summary>The operators that made the empty lists, by the values that stand for these.</summary>
    public Dictionary<string, TfliteCall> Lists { get; } = [];

    public TfliteSubgraph Subgraph(int index, TfliteCall by) =>
        (uint)index < (uint)model.Subgraphs.Count ? model.Subgraphs[index] : throw by.Fault($"it refers to subgraph {index} of {model.Subgraphs.Count}; the file is damaged");

    /// <summary>Counts the bytes of a constant that the file describes without holding them.</summary>
    public void Make(long bytes, string what) => budget.Make(bytes, what);

    /// <summary>Counts the operators of a subgraph that is written.</summary>
    public void Count(TfliteSubgraph subgraph)
    {
        budget.Spend(Budget.Body + Budget.Copy * subgraph.Operators.Length, subgraph.Name);
        if ((_written += subgraph.Operators.Length + 1) > MostAdded + (long)main.Operators.Length) throw new ConversionException($"subgraph '{subgraph.Name}': the file has more than {MostAdded} operators once its subgraphs are written where they are called.");
    }

    public GraphComposer Composer(string name) => new(name, new WeightSet(model.Path, []), budget, model.Path);
}

/// <summary>A subgraph that is being written as nodes: the values of its tensors.</summary>
internal sealed class TfliteScope
{
    /// <summary>The deepest nesting of loops, branches and calls.</summary>
    private const int MostDepth = 16;

    /// <summary>The most elements of a state.</summary>
    private const int MostElements = 1 << 24;

    private readonly string?[] _values;
    private readonly Dictionary<int, string> _states = [];
    private readonly int _depth;
    private readonly TfliteScope? _outer;

    /// <param name="context">What all subgraphs share.</param>
    /// <param name="subgraph">The subgraph.</param>
    /// <param name="graph">The graph that it is written to.</param>
    /// <param name="outer">The scope of the operator that calls it. Null for the main one.</param>
    /// <param name="isInner">Whether <paramref name="graph"/> is a loop's body or a branch, or is inside one.</param>
    public TfliteScope(TfliteContext context, TfliteSubgraph subgraph, GraphComposer graph, TfliteScope? outer = null, bool isInner = false)
    {
        (Context, Subgraph, Graph, _outer) = (context, subgraph, graph, outer);
        _values = new string?[subgraph.Tensors.Length];
        _depth = outer is null ? 0 : outer._depth + 1;
        IsInner = isInner || outer is { IsInner: true };
        if (_depth > MostDepth) throw new ConversionException($"subgraph '{subgraph.Name}': subgraphs are nested more than {MostDepth} deep.");
        context.Count(subgraph);
    }

    public TfliteContext Context { get; }

    public TfliteSubgraph Subgraph { get; }

    public GraphComposer Graph { get; }

    /// <summary>Whether it is part of a loop's body or of a branch.</summary>
    public bool IsInner { get; }

    /// <summary>The operator that computes each tensor.</summary>
    public Dictionary<int, TfliteCall> Makers { get; } = [];

    public void Set(int tensor, string value) => _values[tensor] = value;

    /// <summary>The value of a tensor. Null if nothing has computed it.</summary>
    public string? Find(int index)
    {
        if (_values[index] is { } value) return value;
        var tensor = Subgraph.Tensors[index];
        if (tensor.IsVariable) return _values[index] = Variable(index, tensor);
        if (!tensor.IsConstant) return null;
        var constant = TfliteConstants.Read(tensor, Context, what => Fault(what));
        var name = TfliteNotes.Clean(tensor.Name, $"constant_{index}");
        Context.Notes.Constant(tensor, name);
        return _values[index] = Graph.Constant(name, constant);
    }

    /// <summary>The constant that a value is, also one of an outer graph. Null if it is none.</summary>
    public IrTensor? Known(string value) => Graph.Graph.ConstantOf(value) ?? _outer?.Known(value);

    /// <summary>A tensor that keeps its value: a state, which begins at zero.</summary>
    private string Variable(int index, TfliteTensor tensor)
    {
        var name = TfliteNotes.Clean(tensor.Name, $"state_{index}");
        if (IsInner) throw Fault($"'{name}' keeps its value from run to run inside a loop or a branch, which is not supported");
        if (tensor.Element == 0) throw Fault($"'{name}' keeps values that are {TfliteConstants.NameOf(tensor.Type)}, which is not supported");
        if (tensor.Count > MostElements) throw Fault($"'{name}' keeps [{string.Join(", ", tensor.Shape)}] values, more than {MostElements}");
        return _states[index] = TfliteVariables.Add(Graph.Graph, name, tensor, Context.Main);
    }

    /// <summary>Makes a variable tensor hold a new value, also for the operators after this one.</summary>
    public void Keep(int index, string value)
    {
        if (!_states.TryGetValue(index, out var state)) return;
        Context.Variables.Update(state, value);
        _values[index] = value;
    }

    /// <summary>Writes the nodes of all operators.</summary>
    public void Run(TfliteOperators operators)
    {
        foreach (var op in Subgraph.Operators)
        {
            var call = new TfliteCall(this, op);
            foreach (var output in op.Outputs) Makers[output] = call;
            operators.Write(call);
        }

        Graph.Scope = "";
    }

    /// <summary>The values of the subgraph's outputs.</summary>
    public string[] Outputs() => Array.ConvertAll(Subgraph.Outputs, index => Find(index) ?? throw Fault($"nothing computes its output '{Subgraph.Tensors[index].Name}'; the file is damaged"));

    public ConversionException Fault(string what) => new($"subgraph '{Subgraph.Name}': {what}.");
}
