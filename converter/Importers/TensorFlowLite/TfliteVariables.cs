using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>The states of a graph: variable tensors, and resources with their reads and assignments.</summary>
internal sealed class TfliteVariables
{
    private const string Mark = "resource ";

    private readonly Dictionary<string, string> _updates = [];
    private readonly Dictionary<string, string> _now = [];
    private readonly Dictionary<string, string> _states = [];

    /// <summary>The values that an initialization gives to resources.</summary>
    public Dictionary<string, IrTensor> Initial { get; } = [];

    /// <summary>The number of states.</summary>
    public int Count => _updates.Count;

    /// <summary>The value that stands for a resource.</summary>
    public static string Handle(string name) => Mark + name;

    /// <summary>Whether a value stands for a resource.</summary>
    public static bool IsHandle(string value) => value.StartsWith(Mark, StringComparison.Ordinal);

    /// <summary>The name of a resource. Most are in no container.</summary>
    public static string NameOf(string handle) => handle[Mark.Length..].TrimStart('/');

    /// <summary>Adds a state. Its first size is that of the batch if the inputs have such a size.</summary>
    public static string Add(IrGraph graph, string name, TfliteTensor tensor, TfliteSubgraph main, IrTensor? initial = null)
    {
        var (value, taken) = (graph.Fresh(name), name);
        for (var i = 2; graph.States.Exists(s => s.Name == taken) || graph.Inputs.Exists(p => p.Name == taken); i++) taken = $"{name}#{i}";
        var batch = graph.Inputs.Index().Where(p => initial is null && tensor.Rank > 1 && p.Item.Shape is [{ Symbol: not null }, ..] && main.Tensors[main.Inputs[p.Index]].Shape[0] == tensor.Shape[0]).Select(p => p.Item.Shape[0]).FirstOrDefault();
        IrDim[] shape = [.. (initial?.Shape ?? tensor.Shape).Select((size, axis) => axis == 0 && batch.Symbol is not null ? batch : new IrDim(size, null))];
        graph.States.Add(new IrState(taken, value, value, value, initial?.Type ?? tensor.Element, shape, initial));
        return value;
    }

    /// <summary>The value of a resource now. The first read before an assignment makes it a state.</summary>
    public string? Read(string handle, IrGraph graph, TfliteTensor tensor, TfliteSubgraph main)
    {
        if (_now.TryGetValue(handle, out var value)) return value;
        if (!Initial.TryGetValue(handle, out var initial)) return null;
        return _now[handle] = _states[handle] = Add(graph, TfliteNotes.Clean(NameOf(handle), "variable"), tensor, main, initial);
    }

    /// <summary>Assigns to a resource. If nothing has read it before, the next run cannot see the value.</summary>
    public void Assign(string handle, string value, IrGraph graph, TfliteTensor tensor, TfliteSubgraph main)
    {
        // A later subgraph's read of the same run sees this value; the next run's first read sees it too.
        if (!_states.ContainsKey(handle) && Initial.ContainsKey(handle) && !_now.ContainsKey(handle)) _ = Read(handle, graph, tensor, main);
        if (_states.TryGetValue(handle, out var state)) _updates[state] = value;
        _now[handle] = value;
    }

    /// <summary>Sets what a state holds after the run.</summary>
    public void Update(string state, string value) => _updates[state] = value;

    /// <summary>Writes the updates. A state that nothing updates is a constant.</summary>
    public void Finish(IrGraph graph)
    {
        for (var i = graph.States.Count - 1; i >= 0; i--)
        {
            var state = graph.States[i];
            if (_updates.TryGetValue(state.Value, out var update))
            {
                graph.States[i] = state with { Update = update, Output = update };
                continue;
            }

            graph.States.RemoveAt(i);
            int[] shape = Array.ConvertAll(state.Shape, d => Math.Max(d.Size, 1));
            graph.Constants[state.Value] = state.Initial ?? new IrTensor(state.Type, shape, new byte[shape.Aggregate(1, (a, b) => a * b) * state.Type.Size()]);
        }
    }
}
