using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>What all subgraphs of one graph share.</summary>
internal sealed class TfliteContext(TfliteModel model, Budget budget, TfliteNotes notes)
{
    public TfliteModel Model => model;

    public Budget Budget => budget;

    public TfliteNotes Notes => notes;

    /// <summary>Values of the resources of VAR_HANDLE, by their names.</summary>
    public TfliteVariables Variables { get; } = new();

    public TfliteSubgraph Subgraph(int index, TfliteCall by) =>
        (uint)index < (uint)model.Subgraphs.Count ? model.Subgraphs[index] : throw by.Fault($"it refers to subgraph {index} of {model.Subgraphs.Count}; the file is damaged");

    public GraphComposer Composer(string name) => new(name, new WeightSet(model.Path, []), budget, model.Path);
}

/// <summary>A subgraph that is being written as nodes: the values of its tensors.</summary>
internal sealed class TfliteScope
{
    /// <summary>The deepest nesting of loops, branches and calls.</summary>
    private const int MostDepth = 16;

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
        context.Budget.Spend(Budget.Body + Budget.Copy * subgraph.Operators.Length, subgraph.Name);
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
        var constant = TfliteConstants.Read(tensor, what => Fault(what));
        Context.Notes.Constant(tensor);
        return _values[index] = Graph.Constant(TfliteNotes.Clean(tensor.Name, $"constant_{index}"), constant);
    }

    /// <summary>The constant that a value is, also one of an outer graph. Null if it is none.</summary>
    public IrTensor? Known(string value) => Graph.Graph.ConstantOf(value) ?? _outer?.Known(value);

    /// <summary>A tensor that keeps its value: a state, which begins at zero.</summary>
    private string Variable(int index, TfliteTensor tensor)
    {
        var name = TfliteNotes.Clean(tensor.Name, $"state_{index}");
        if (IsInner) throw Fault($"'{name}' keeps its value from run to run inside a loop or a branch, which is not supported");
        if (tensor.Element == 0) throw Fault($"'{name}' keeps values that are {TfliteConstants.NameOf(tensor.Type)}, which is not supported");
        return _states[index] = Context.Variables.Add(Graph.Graph, name, tensor, Subgraph);
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
