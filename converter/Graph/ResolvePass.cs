namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Walks a graph in execution order and settles what can be settled: <c>If</c> on a known condition takes one branch,
/// constants and shape computations are folded, identities vanish, composite operators become simpler ones. What remains is
/// what the runtime has, or is reported: all of it at once.
/// </summary>
internal sealed class ResolvePass
{
    private const int MaxNodes = 500_000;

    private readonly IrGraph _graph;
    private readonly Evaluator _evaluator;
    private readonly Dictionary<string, string> _alias = [];
    private readonly List<Unsupported> _unsupported = [];
    private readonly List<IrNode> _kept = [];

    private ResolvePass(IrGraph graph, int[] probes)
    {
        _graph = graph;
        _evaluator = new Evaluator(graph, probes);
    }

    /// <exception cref="ConversionException">Operators are unsupported, or shapes do not fit together.</exception>
    public static void Run(IrGraph graph, int[] probes) => new ResolvePass(graph, probes).Run();

    private void Run()
    {
        var work = new Stack<IrNode>(Enumerable.Reverse(_graph.Nodes));
        var seen = 0;
        while (work.TryPop(out var node))
        {
            if (++seen > MaxNodes) throw new ConversionException($"Graph '{_graph.Name}' has more than {MaxNodes} nodes.");
            for (var i = 0; i < node.Inputs.Count; i++) node.Inputs[i] = Resolve(node.Inputs[i]);
            if (node.Op == "Identity" && node.Inputs.Count == 1)
            {
                Alias(node.Output(0), node.Input(0));
                continue;
            }

            if (node.Op == "Constant")
            {
                Constant(node);
                continue;
            }

            if (node.Op == "If")
            {
                TakeBranch(node, work);
                continue;
            }

            if (!node.Inputs.TrueForAll(i => i.Length == 0 || _evaluator.Has(i)))
            {
                Undefined(node);
                continue;
            }

            if (Decompose.Apply(node, _graph, _evaluator) is { } simpler)
            {
                for (var i = simpler.Count - 1; i >= 0; i--) work.Push(simpler[i]);
                continue;
            }

            Settle(node);
        }

        if (_unsupported.Count > 0) throw Unsupported.All(_graph.Name, _unsupported);
        _graph.Nodes.Clear();
        _graph.Nodes.AddRange(_kept);
        for (var i = 0; i < _graph.Outputs.Count; i++) _graph.Outputs[i] = _graph.Outputs[i] with { Value = Known(_graph.Outputs[i].Value) };
        for (var i = 0; i < _graph.States.Count; i++) _graph.States[i] = _graph.States[i] with { Update = Known(_graph.States[i].Update) };
        foreach (var node in _graph.Nodes)
        {
            foreach (var value in node.Inputs.Concat(node.Outputs))
            {
                if (value.Length > 0) _graph.Shapes[value] = _evaluator.ShapeOf(value);
            }
        }

        foreach (var port in _graph.Outputs) _graph.Shapes[port.Value] = _evaluator.ShapeOf(port.Value);
    }

    private string Known(string value)
    {
        var resolved = Resolve(value);
        return _evaluator.Has(resolved) ? resolved : throw new ConversionException($"Output '{value}' of graph '{_graph.Name}' is never computed; the model is damaged.");
    }

    private string Resolve(string value)
    {
        var steps = 0;
        while (_alias.TryGetValue(value, out var target) && steps++ < MaxNodes) value = target;
        return value;
    }

    private void Alias(string output, string input)
    {
        if (output == input || (_evaluator.Has(input) && output.Length == 0)) return;
        _alias[output] = input;
    }

    private void Constant(IrNode node)
    {
        if (node.Attributes.GetValueOrDefault("value") is not IrTensor value)
        {
            _unsupported.Add(new Unsupported(node, "a constant of this kind (sparse or string) is not supported"));
            return;
        }

        AddConstant(node.Output(0), value);
    }

    private void AddConstant(string name, IrTensor value)
    {
        if (name.Length == 0) return;
        _graph.Constants[name] = value;
        _evaluator.SetConstant(name, value);
    }

    private void TakeBranch(IrNode node, Stack<IrNode> work)
    {
        var condition = _evaluator.Has(node.Input(0)) ? _evaluator.KnownContent(node.Input(0)) : null;
        if (condition is not { Count: 1 })
        {
            _unsupported.Add(new Unsupported(node, $"which branch is taken depends on '{node.Input(0)}', which is not known at conversion; fix the input behind it with --set NAME=VALUE, or a dimension with --dim NAME=SIZE"));
            return;
        }

        if (node.Attributes.GetValueOrDefault(condition.Integers()[0] != 0 ? "then_branch" : "else_branch") is not IrGraph branch) throw new ConversionException($"Node '{node.Name}' (If) lacks a branch; the model is damaged.");
        foreach (var (name, tensor) in branch.Constants) AddConstant(name, tensor);
        for (var i = Math.Min(node.Outputs.Count, branch.Outputs.Count) - 1; i >= 0; i--)
            work.Push(new IrNode($"{node.Name}.{i}", "Identity", [branch.Outputs[i].Value], [node.Outputs[i]]));
        for (var i = branch.Nodes.Count - 1; i >= 0; i--) work.Push(branch.Nodes[i]);
    }

    /// <summary>A node behind an unsupported one: its own operator is still looked at, so that the report is whole.</summary>
    private void Undefined(IrNode node)
    {
        if (!Decompose.Knows(node.Op)) _unsupported.Add(new Unsupported(node, "the operator is not supported"));
        else if (_unsupported.Count == 0) throw new ConversionException($"Node {node} reads '{node.Inputs.First(i => i.Length > 0 && !_evaluator.Has(i))}' before it is computed; the model is damaged.");
    }

    private void Settle(IrNode node)
    {
        if (!Decompose.Knows(node.Op))
        {
            _unsupported.Add(new Unsupported(node, "the operator is not supported"));
            return;
        }

        try
        {
            _evaluator.Evaluate(node);
        }
        catch (ConversionException fault)
        {
            _unsupported.Add(new Unsupported(node, fault.Message));
            return;
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
        {
            throw new ConversionException($"Node {node}: {fault.Message}", fault);
        }

        var isKnown = true;
        foreach (var output in node.Outputs)
        {
            if (output.Length == 0) continue;
            if (_evaluator.KnownContent(output) is { } content) _graph.Constants[output] = content;
            else isKnown = false;
        }

        if (!isKnown) _kept.Add(node);
    }
}

/// <summary>One operator that cannot be converted, and why.</summary>
internal sealed record Unsupported(IrNode Node, string Why)
{
    public static UnsupportedException All(string graph, IReadOnlyCollection<Unsupported> list) => new(
        $"graph '{graph}' has {list.Count} node{(list.Count == 1 ? "" : "s")} that cannot be converted:\n"
        + string.Join('\n', list.Select(u => $"  {u.Node.Name}: {u.Node.Op}: {u.Why}"))
        + "\nTry exporting the model without these operators, with fixed shapes (--dim), or with simplified graphs (onnxsim).");
}
