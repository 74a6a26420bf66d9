namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// For each value of a plan: the value whose memory it uses (its root), and how long that memory is needed. It is needed until the last node that reads it has run,
/// or always, if a later run reads it.
/// </summary>
/// <remarks>
/// Time is the position of a node in <see cref="GraphPlan.RunOrder"/>. A value that a fixed node computes and another node reads is needed
/// always: the next runs read it again and do not write it. Other nodes may reuse the memory of values that only fixed nodes read.
/// Nodes that run during shape inference do not count.
/// </remarks>
internal sealed class Lifetimes
{
    private readonly GraphPlan _plan;
    private readonly LoadedGraph _graph;
    private readonly int[] _root;
    private readonly int[] _end;
    private readonly int[] _last;

    /// <param name="plan">The plan, with inferred shapes and ordered nodes.</param>
    public Lifetimes(GraphPlan plan)
    {
        (_plan, _graph) = (plan, plan.Graph);
        _end = EndsOfNodes();
        _root = new int[_graph.Values.Length];
        for (var i = 0; i < _root.Length; i++) _root[i] = i;
        FindViews();
        Overwrites = plan.SharesMemory ? FindOverwrites() : [];
        for (var i = 0; i < _root.Length; i++) _root[i] = Home(i);
        _last = LastUses();
    }

    /// <summary>Pairs of a value and the value that overwrites its memory; both have the same size.</summary>
    public (int Overwritten, int By)[] Overwrites { get; }

    private int Never => _graph.Nodes.Length;

    /// <summary>The value whose memory a value uses: the value itself, the value it is a view of, or the value that its node overwrites.</summary>
    public int RootOf(int value) => _root[value];

    /// <summary>Last use of a root: a position in <see cref="GraphPlan.RunOrder"/>, or the number of nodes.</summary>
    public int LastUse(int root) => _last[root];

    private int Home(int value)
    {
        while (_root[value] != value) value = _root[value];
        return value;
    }

    /// <summary>When each node is done. Nodes that two threads run together need their memory until both threads are done.</summary>
    private int[] EndsOfNodes()
    {
        var end = new int[Never];
        for (var time = 0; time < Never; time++) end[_plan.RunOrder[time]] = time;
        for (var i = 0; i < Never; i++)
        {
            if (_plan.GroupOf(i) is [.., var top]) end[i] = end[top];
        }

        return end;
    }

    private void FindViews()
    {
        for (var i = 0; i < Never; i++)
        {
            var node = _graph.Nodes[i];
            if (_plan.IsViewNode[i] && node.Inputs is [>= 0, ..] && node.Outputs is [>= 0, ..]) _root[node.Outputs[0]] = _root[node.Inputs[0]];
        }
    }

    /// <summary>Lets a node overwrite an input that no later node reads, if its operator allows that.</summary>
    private (int Overwritten, int By)[] FindOverwrites()
    {
        var overwrites = new List<(int, int)>();
        var last = LastUses();
        foreach (var i in _plan.RunOrder)
        {
            var node = _graph.Nodes[i];
            if (_plan.IsKnownNode[i] || _plan.IsViewNode[i] || node.Outputs is not [var output and >= 0]) continue;
            for (var n = 0; n < node.Inputs.Length; n++)
            {
                var input = node.Inputs[n];
                if (input < 0 || !node.Operator.CanOverwrite(n)) continue;
                var home = Home(input);
                if (last[home] != _end[i] || !_plan.IsComputed(home) || IsReadElsewhere(node, n, home) || _plan.Values[input].Bytes != _plan.Values[output].Bytes) continue;
                last[home] = last[output];
                _root[output] = home;
                overwrites.Add((input, output));
                break;
            }
        }

        return [.. overwrites];
    }

    /// <summary>Whether another input of the node shares this memory, so that the node might read it after overwriting it.</summary>
    private bool IsReadElsewhere(LoadedNode node, int input, int home)
    {
        for (var n = 0; n < node.Inputs.Length; n++)
        {
            if (n != input && node.Inputs[n] >= 0 && Home(node.Inputs[n]) == home) return true;
        }

        return false;
    }

    /// <summary>Last use of each root, or <see cref="Never"/>.</summary>
    private int[] LastUses()
    {
        var last = new int[_root.Length];
        Array.Fill(last, -1);
        var isFixed = new bool[_root.Length];
        foreach (var i in _plan.RunOrder)
        {
            if (_plan.IsKnownNode[i]) continue;
            var node = _graph.Nodes[i];
            foreach (var output in node.Outputs)
            {
                if (output >= 0) isFixed[Home(output)] |= _plan.IsFixedNode[i];
            }

            foreach (var value in (ReadOnlySpan<int>)[.. node.Inputs, .. node.Outputs])
            {
                if (value < 0) continue;
                var home = Home(value);
                last[home] = isFixed[home] && !_plan.IsFixedNode[i] ? Never : Math.Max(last[home], _end[i]);
            }
        }

        foreach (var output in _graph.Outputs) last[Home(output)] = Never;
        foreach (var state in _graph.States) last[Home(state.Update)] = Never;
        return last;
    }
}
