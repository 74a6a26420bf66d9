namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// Which value's memory each value of a plan uses (its root), and how long that must last: until the last node that reads it has run,
/// or, where it is read at another time than it is written, for ever.
/// </summary>
/// <remarks>
/// Time is the place of a node in <see cref="GraphPlan.RunOrder"/>. What a fixed node computes and a moving node reads lasts for
/// ever: the next runs read it again and do not write it. What only fixed nodes read ends with them, so moving nodes may use its memory.
/// Nodes whose values are known while shapes are inferred do not run, and read nothing.
/// </remarks>
internal sealed class Lifetimes
{
    private readonly GraphPlan _plan;
    private readonly LoadedGraph _graph;
    private readonly int[] _root;
    private readonly int[] _end;
    private readonly int[] _last;

    /// <param name="plan">Its shapes have been inferred and its nodes put in order.</param>
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

    /// <summary>Values whose memory another value is written over, and which: both have the same size.</summary>
    public (int Overwritten, int By)[] Overwrites { get; }

    private int Never => _graph.Nodes.Length;

    /// <summary>The value whose memory a value uses: itself, what it is a view of, or what its node writes over.</summary>
    public int RootOf(int value) => _root[value];

    /// <summary>When a root is used for the last time: the place of a node in <see cref="GraphPlan.RunOrder"/>, or their number.</summary>
    public int LastUse(int root) => _last[root];

    private int Home(int value)
    {
        while (_root[value] != value) value = _root[value];
        return value;
    }

    /// <summary>When each node is done. What two threads run together needs its memory until both are.</summary>
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

    /// <summary>Where a node may write its output over an input that nothing reads afterwards, it does.</summary>
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

    /// <summary>Whether another input of the node is the same memory, which it might still read after writing over it.</summary>
    private bool IsReadElsewhere(LoadedNode node, int input, int home)
    {
        for (var n = 0; n < node.Inputs.Length; n++)
        {
            if (n != input && node.Inputs[n] >= 0 && Home(node.Inputs[n]) == home) return true;
        }

        return false;
    }

    /// <summary>When each root is used for the last time, or <see cref="Never"/>.</summary>
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
