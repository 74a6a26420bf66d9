using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// Finds the layers that two threads can share: bidirectional layers, and forward layers stacked directly or through views. It
/// moves the nodes of a stack together, after the nodes they need and before the nodes that need them.
/// </summary>
internal sealed class ParallelGroups
{
    /// <summary>Most nodes of a graph that is searched for stacks; the search takes the square of their number.</summary>
    private const int MostNodes = 1 << 12;

    private readonly LoadedGraph _graph;
    private readonly NodeContext[] _contexts;
    private readonly bool[] _isView;
    private readonly int[] _producer;

    private ParallelGroups(LoadedGraph graph, NodeContext[] contexts, bool[] isView)
    {
        _graph = graph;
        _contexts = contexts;
        _isView = isView;
        _producer = new int[graph.Values.Length];
        Array.Fill(_producer, -1);
        for (var i = 0; i < graph.Nodes.Length; i++)
        {
            foreach (var output in graph.Nodes[i].Outputs)
            {
                if (output >= 0) _producer[output] = i;
            }
        }
    }

    /// <summary>The order in which nodes run, and the groups of recurrent layers in it: stacked layers, lowest first, or one bidirectional layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="contexts">Its nodes' values at the largest sizes.</param>
    /// <param name="isView">Which nodes are views.</param>
    public static (int[] Order, int[][] Groups) Find(LoadedGraph graph, NodeContext[] contexts, bool[] isView)
    {
        int[] order = [.. Enumerable.Range(0, graph.Nodes.Length)];
        if (order.Length > MostNodes) return (order, []);
        var groups = new ParallelGroups(graph, contexts, isView);
        var stacks = groups.Stacks();
        foreach (var stack in stacks) order = groups.PutTogether(order, stack);
        var place = new int[order.Length];
        for (var i = 0; i < order.Length; i++) place[order[i]] = i;

        var found = new List<int[]>();
        foreach (var stack in stacks)
        {
            var places = stack.ConvertAll(node => place[node]);
            var isTogether = Enumerable.Range(places[0], places[^1] - places[0] + 1).All(p => places.Contains(p) || isView[order[p]]);
            if (isTogether) found.Add([.. stack]);
        }

        for (var i = 0; i < order.Length; i++)
        {
            if (graph.Nodes[order[i]].Operator is Recurrent { IsBidirectional: true }) found.Add([order[i]]);
        }

        return (order, [.. found]);
    }

    private List<List<int>> Stacks()
    {
        var stacks = new List<List<int>>();
        var isUsed = new bool[_graph.Nodes.Length];
        for (var i = 0; i < _graph.Nodes.Length; i++)
        {
            if (isUsed[i] || !IsForward(i)) continue;
            List<int> stack = [i];
            bool[]? depends = null;
            for (var above = Above(stack, isUsed, ref depends); above >= 0; above = Above(stack, isUsed, ref depends)) stack.Add(above);
            if (stack.Count < 2) continue;
            foreach (var node in stack) isUsed[node] = true;
            stacks.Add(stack);
        }

        return stacks;
    }

    private bool IsForward(int node) => _graph.Nodes[node].Operator is Recurrent { IsForward: true } && _contexts[node].Optional(1) is null;

    /// <summary>A layer whose X is the whole Y of the last layer and that needs nothing else of the stack; -1 if there is none.</summary>
    /// <param name="stack">The layers so far; each depends on the first.</param>
    /// <param name="isUsed">Layers of other stacks.</param>
    /// <param name="depends">The values that depend on the first layer, once known.</param>
    private int Above(List<int> stack, bool[] isUsed, ref bool[]? depends)
    {
        var top = stack[^1];
        for (var i = top + 1; i < _graph.Nodes.Length; i++)
        {
            if (isUsed[i] || !IsForward(i)) continue;
            var value = _graph.Nodes[i].Inputs[0];
            while (_producer[value] >= 0 && _isView[_producer[value]]) value = _graph.Nodes[_producer[value]].Inputs[0];
            if (_producer[value] != top || _graph.Nodes[top].Outputs[0] != value) continue;
            var (x, y) = (_contexts[i].Input(0).Shape, _contexts[top].Output(0).Shape);
            if (x[0] != y[0] || x[1] != y[2] || x[2] != y[3]) continue;
            depends ??= Dependents(stack[0]);
            var known = depends;
            if (!_graph.Nodes[i].Inputs.Skip(1).Any(input => input >= 0 && known[input])) return i;
        }

        return -1;
    }

    /// <summary>The outputs of a node and all values that depend on them.</summary>
    private bool[] Dependents(int node)
    {
        var depends = new bool[_graph.Values.Length];
        for (var i = 0; i < _graph.Nodes.Length; i++)
        {
            var isOne = i == node || Array.Exists(_graph.Nodes[i].Inputs, input => input >= 0 && depends[input]);
            foreach (var output in _graph.Nodes[i].Outputs)
            {
                if (output >= 0) depends[output] = isOne;
            }
        }

        return depends;
    }

    private int[] PutTogether(int[] order, List<int> stack)
    {
        var depends = Dependents(stack[0]);
        var members = new HashSet<int>(stack);
        foreach (var node in stack.Skip(1))
        {
            for (var view = _producer[_graph.Nodes[node].Inputs[0]]; view >= 0 && _isView[view]; view = _producer[_graph.Nodes[view].Inputs[0]]) members.Add(view);
        }

        int first = Array.IndexOf(order, stack[0]), last = Array.IndexOf(order, stack[^1]);
        var between = order[first..(last + 1)];
        return
        [
            .. order[..first],
            .. between.Where(node => !members.Contains(node) && !IsDependent(node)),
            .. between.Where(members.Contains),
            .. between.Where(node => !members.Contains(node) && IsDependent(node)),
            .. order[(last + 1)..],
        ];

        bool IsDependent(int node) => Array.Exists(_graph.Nodes[node].Inputs, input => input >= 0 && depends[input]);
    }
}
