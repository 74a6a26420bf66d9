using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Recurrence;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Resolving;

/// <summary>
/// Walks a graph in execution order and resolves all it can. An <c>If</c> on a known condition takes one branch. A <c>Loop</c> with a known
/// number of rounds is unrolled. Constants and shape computations are folded, identities removed, composite operators replaced by simpler
/// ones. The remaining operators are the runtime's; all others are reported at once.
/// </summary>
internal sealed class ResolvePass : IDisposable
{
    /// <summary>Limit of the nodes that loops and branches add to those of the file.</summary>
    private const int MostAdded = 250_000;

    /// <summary>Limit of the checked indices of an index table.</summary>
    private const int MostPlaces = 1 << 12;

    /// <summary>If a pass leaves more garbage than this, it is collected before the next pass.</summary>
    private const long MuchLeft = 32 << 20;

    private readonly IrGraph _graph;
    private readonly Evaluator _evaluator;
    private readonly Dictionary<string, string> _alias = [];
    private readonly List<Unsupported> _unsupported = [];
    private readonly List<IrNode> _kept = [];
    private readonly SequenceValues _sequences;
    private readonly ResolvePass? _outer;
    private readonly IReadOnlyList<Sizes> _probes;
    private readonly List<Sizes> _turns;
    private readonly HashSet<IrTensor> _counted = [];
    private readonly Dictionary<string, int> _products;
    private int _branches;
    private int _seen;

    private ResolvePass(IrGraph graph, IReadOnlyList<Sizes> probes)
    {
        (_probes, _turns) = (probes, []);
        _graph = graph;
        _evaluator = new Evaluator(graph, probes);
        _products = FirstProducts.Readers(graph);
        _sequences = new SequenceValues(graph, _evaluator);
    }

    /// <summary>Resolves a loop's body, which sees the outer values.</summary>
    private ResolvePass(IrGraph body, Evaluator evaluator, Dictionary<string, string> outerNames, ResolvePass outer)
    {
        (_graph, _evaluator, _outer, _alias) = (body, evaluator, outer, outerNames);
        (_probes, _turns) = (outer._probes, outer._turns);
        _sequences = new SequenceValues(body, evaluator, outer._sequences);
        _products = outer._products;
    }

    /// <exception cref="ShapeFault">Shapes do not fit together at these sizes of the symbolic dimensions.</exception>
    /// <exception cref="ConversionException">Operators are unsupported, or the model is damaged.</exception>
    /// <returns>Sizes at which a comparison may have another result than at the <paramref name="probes"/>.</returns>
    public static IReadOnlyList<Sizes> Run(IrGraph graph, IReadOnlyList<Sizes> probes, WorkMeter? meter = null)
    {
        ZeroStates.LeaveOut(graph);
        DeadCode.Remove(graph);
        ResolvePass pass;
        try
        {
            pass = new ResolvePass(graph, probes);
        }
        catch (ShapeFault fault)
        {
            throw new ShapeFault($"inputs of graph '{graph.Name}': {fault.Message}", fault, int.MaxValue);
        }

        using (pass)
        {
            try
            {
                pass.Run();
            }
            finally
            {
                meter?.Add(pass._seen, pass._evaluator.Bytes);
            }
        }

        graph.Probes = probes;
        DeadCode.Remove(graph);
        return pass._turns;
    }

    public void Dispose()
    {
        var bytes = _evaluator.Bytes;
        _evaluator.Dispose();
        if (bytes > MuchLeft) GC.Collect();
    }

    private void Run()
    {
        var work = new Stack<IrNode>(Enumerable.Reverse(_graph.Nodes));
        var most = MostAdded + _graph.Nodes.Count;
        while (work.TryPop(out var node))
        {
            if (++_seen > most) throw new ConversionException($"graph '{_graph.Name}' has more than {most} nodes once loops and branches are written out, at node {node}.");
            _graph.Budget.Spend(Budget.Node * _probes.Count, node);
            try
            {
                Visit(node, work);
            }
            catch (UnsupportedException fault)
            {
                _unsupported.Add(new Unsupported(node, new UnsupportedException(fault.Message, Settings(node))));
            }
            catch (ShapeFault fault) when (fault.Unknown is { } value)
            {
                throw new ShapeFault($"graph '{_graph.Name}', node {node}: a shape depends on {Origins.Unknown(value, _graph, _kept, _evaluator)}.", _evaluator.IsCurtailed ? new TooLargeException(fault.Message) : fault, work.Count, Settings(node));
            }
            catch (ShapeFault fault)
            {
                throw new ShapeFault($"graph '{_graph.Name}', node {node}: {fault.Message}", fault, work.Count);
            }
        }

        if (_unsupported.Count > 0) throw Unsupported.All(_graph.Name, _unsupported);
        Finish();
    }

    /// <summary>Integer inputs that the node's inputs depend on.</summary>
    private List<string> Settings(IrNode node) => [.. node.Inputs.Where(i => i.Length > 0).SelectMany(i => Origins.Settable(i, _graph, _kept)).Distinct()];

    private void Visit(IrNode node, Stack<IrNode> work)
    {
        for (var i = 0; i < node.Inputs.Count; i++) node.Inputs[i] = Resolve(node.Inputs[i]);
        switch (node.Op)
        {
            case "Identity" when node.Inputs.Count == 1:
                if (_evaluator.Has(node.Input(0))) _alias[node.Output(0)] = node.Input(0);
                else if (_sequences.Has(node.Input(0))) _sequences.Alias(node.Input(0), node.Output(0));
                else Undefined(node);
                return;
            case "Constant":
                Constant(node);
                return;
            case "If":
                TakeBranch(node, work);
                return;
            case BranchMerge.Op:
                foreach (var next in BranchMerge.Select(node, _graph, _evaluator, _kept)) work.Push(next);
                return;
            case "Loop" when node.Inputs.TrueForAll(i => i.Length == 0 || _evaluator.Has(i) || _sequences.Has(i)):
                foreach (var next in Enumerable.Reverse(Loop(node))) work.Push(next);
                return;
        }

        if (SequenceValues.Names.Contains(node.Op) && node.Inputs.TrueForAll(i => i.Length == 0 || _evaluator.Has(i) || _sequences.Has(i)))
        {
            foreach (var next in Enumerable.Reverse(_sequences.Apply(node))) work.Push(next);
            return;
        }

        if (node.Inputs.Exists(_sequences.Has)) throw SequenceValues.Refusal();
        if (!node.Inputs.TrueForAll(i => i.Length == 0 || _evaluator.Has(i)))
        {
            Undefined(node);
            return;
        }

        if (!Decompose.Knows(node.Op)) throw new UnsupportedException(Decompose.Refusal(node.Op));
        if (Decompose.Apply(node, _graph, _evaluator) is { } simpler)
        {
            for (var i = simpler.Count - 1; i >= 0; i--) work.Push(simpler[i]);
            return;
        }

        Settle(node);
    }

    private void Finish()
    {
        _graph.Nodes.Clear();
        _graph.Nodes.AddRange(_kept);
        for (var i = 0; i < _graph.Outputs.Count; i++) _graph.Outputs[i] = _graph.Outputs[i] with { Value = Known(_graph.Outputs[i].Value) };
        for (var i = 0; i < _graph.States.Count; i++) _graph.States[i] = _graph.States[i] with { Update = Known(_graph.States[i].Update) };
        var values = _graph.Nodes.SelectMany(n => n.Inputs.Concat(n.Outputs)).Concat(_graph.Outputs.Select(o => o.Value)).Concat(_graph.Inputs.Select(i => i.Value)).Concat(_graph.States.SelectMany(s => new[] { s.Value, s.Update }));
        _graph.Shapes.Clear();
        foreach (var value in values)
        {
            if (value.Length > 0) _graph.Shapes[value] = _evaluator.ShapeOf(value);
        }
    }

    private string Known(string value)
    {
        var resolved = Resolve(value);
        if (_evaluator.Has(resolved)) return resolved;
        throw new ConversionException(_sequences.Has(resolved)
            ? $"output '{value}' of graph '{_graph.Name}' is a sequence of tensors; a session's outputs must be tensors."
            : $"output '{value}' of graph '{_graph.Name}' is never computed; the model is damaged.");
    }

    private string Resolve(string value)
    {
        for (var steps = 0; steps < _alias.Count && _alias.TryGetValue(value, out var target); steps++) value = target;
        return _outer is null ? value : _outer.Resolve(value);
    }

    private void Constant(IrNode node)
    {
        if (node.Attributes.GetValueOrDefault("value") is not IrTensor value) throw new UnsupportedException("a constant of this kind (sparse or string) is not supported");
        if (_counted.Add(value)) _evaluator.Count(node, value);
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
        if (!_evaluator.Has(node.Input(0)))
        {
            Undefined(node);
            return;
        }

        if (_evaluator.KnownContent(node.Input(0)) is { } condition)
        {
            if (condition.Count != 1) throw new ShapeFault($"the condition has shape [{string.Join(", ", condition.Shape)}]; it must have one element.");
            var (nodes, outputs) = Branch(node, condition.Integers()[0] != 0 ? "then_branch" : "else_branch");
            for (var i = Math.Min(node.Outputs.Count, outputs.Count) - 1; i >= 0; i--) work.Push(new IrNode($"{node.Name}.{i}", "Identity", [outputs[i]], [node.Outputs[i]]));
            foreach (var next in Enumerable.Reverse(nodes)) work.Push(next);
            return;
        }

        BranchMerge.CheckUnsettable(node, _graph, _kept);
        var (then, thenOutputs) = Branch(node, "then_branch");
        var (otherwise, otherOutputs) = Branch(node, "else_branch");
        foreach (var next in Enumerable.Reverse(BranchMerge.Both(node, [.. then, .. otherwise], thenOutputs, otherOutputs, _kept.Count))) work.Push(next);
    }

    /// <summary>A name prefix that no other inner graph has.</summary>
    private string Prefix(IrNode node) => _outer is null ? $"{node.Name}~{++_branches}/" : _outer.Prefix(node);

    /// <summary>Replaces a loop by recurrent layers, or unrolls its next round.</summary>
    private List<IrNode> Loop(IrNode node)
    {
        var why = "";
        if (LoopRounds.IsWhole(node) && LoopRounds.Fits(node))
        {
            var prefix = Prefix(node);
            _graph.Budget.Spend(Budget.Body + Budget.Copy * ((IrGraph)node.Attributes["body"]).DeepCount(), node);
            var body = ((IrGraph)node.Attributes["body"]).Copy(((IrGraph)node.Attributes["body"]).Defined().Distinct().ToDictionary(name => name, name => prefix + name));
            body.CountNamesWith(_graph);
            try
            {
                (var layers, why) = LoopReader.Replace(node, body, _graph, _evaluator, _sequences, Body);
                if (layers is not null) return layers;
            }
            catch (ConversionException fault)
            {
                why = fault.Message;
            }
        }

        return LoopRounds.Next(node, _graph, _evaluator, _kept, Prefix(node), why);
    }

    private void Body(IrGraph body, Evaluator evaluator, Dictionary<string, string> outerNames)
    {
        var pass = new ResolvePass(body, evaluator, outerNames, this);
        pass.Run();
        DeadCode.Remove(body);
        foreach (var value in body.Nodes.SelectMany(n => n.Inputs).Concat(body.Outputs.Select(o => o.Value)).Where(v => v.Length > 0).Distinct())
        {
            if (!body.Constants.ContainsKey(value) && evaluator.KnownContent(value) is { } known) body.Constants[value] = known;
        }
    }

    /// <summary>A branch's nodes and outputs, with unique names.</summary>
    private (List<IrNode> Nodes, List<string> Outputs) Branch(IrNode node, string which)
    {
        if (node.Attributes.GetValueOrDefault(which) is not IrGraph branch) throw new ConversionException($"Node '{node.Name}' (If) lacks a branch; the model is damaged.");
        var prefix = Prefix(node);
        _graph.Taken.Add((node.Name, which));
        _graph.Budget.Spend(Budget.Body + Budget.Copy * branch.DeepCount(), node);
        branch = branch.Copy(branch.Defined().Distinct().ToDictionary(name => name, name => prefix + name));
        foreach (var (name, tensor) in branch.Constants) AddConstant(name, tensor);
        return (branch.Nodes, branch.Outputs.ConvertAll(o => o.Value));
    }

    /// <summary>Handles a node after an unsupported one. Its operator is still checked, so that the report is complete.</summary>
    private void Undefined(IrNode node)
    {
        if (!Decompose.Knows(node.Op)) throw new UnsupportedException(Decompose.Refusal(node.Op));
        if (_unsupported.Count > 0) return;
        if (node.Inputs.Find(i => i.Length > 0 && !_evaluator.Has(i) && !_sequences.Has(i)) is { } missing) throw new ConversionException($"graph '{_graph.Name}', node {node} reads '{missing}', which nothing computes before it; the model is damaged.");
        throw new ShapeFault("a required input is missing.");
    }

    private void Settle(IrNode node)
    {
        if (node.Recurrent is null)
        {
            for (var i = 0; i < node.Outputs.Count; i++)
            {
                if (node.Outputs[i].Length == 0) node.Outputs[i] = _graph.Fresh(node.Name);
            }
        }
        else
        {
            LeaveOutZeros(node);
        }

        var kept = node.Marks.KeepsShapeOf;
        node.Marks = node.Marks with { KeepsShapeOf = null };
        _evaluator.Evaluate(node);
        if (node.Op == "Gather") CheckPlaces(node);
        if (node.Op == "Transpose") CountFromTheFirst(node);
        if (_probes.Count > 1) _turns.AddRange(TurningSizes.Of(node, _evaluator, _probes));
        if (kept is { } input && !_evaluator.SameShape(node.Input(input), node.Output(0)))
            throw new ShapeFault($"{string.Join(" and ", node.Inputs.Select(i => $"'{i}' {_evaluator.ShapeOf(i)}"))} do not fit: the result would be {_evaluator.ShapeOf(node.Output(0))}.");
        if (FirstProducts.Is(node, _evaluator, _products)) _evaluator.Forget(node.Output(0));
        if (IsWhole(node))
        {
            _alias[node.Output(0)] = node.Input(0);
            return;
        }

        var isKnown = node.Outputs.Count > 0;
        foreach (var output in node.Outputs)
        {
            if (output.Length == 0) continue;
            if (_evaluator.KnownContent(output) is not { } content)
            {
                isKnown = false;
                continue;
            }

            AddConstant(output, content);
            WeightNames.Trace(_graph, node, output);
        }

        if (!isKnown) _kept.Add(node);
    }

    /// <summary>Rewrites negative axes of a permutation as counted from the first, because passes compare them.</summary>
    private static void CountFromTheFirst(IrNode node)
    {
        if (node.Ints("perm") is { } perm && Array.Exists(perm, axis => axis < 0)) node.Attributes["perm"] = Array.ConvertAll(perm, axis => axis < 0 ? axis + perm.Length : axis);
    }

    /// <summary>Checks that known indices are in range at all probes.</summary>
    private void CheckPlaces(IrNode node)
    {
        if (_evaluator.KnownContent(node.Input(1)) is not { Count: > 0 and <= MostPlaces } places) return;
        var axis = node.Int("axis", 0) is var given && given < 0 ? given + _evaluator.ShapeOf(node.Input(0)).Rank : given;
        var (least, most) = (places.Integers().Min(), places.Integers().Max());
        foreach (var size in _evaluator.SizesOf(node.Input(0), (int)axis))
        {
            if (most >= size || least < -size) throw new ShapeFault($"its index {(most >= size ? most : least)} is outside '{node.Input(0)}' of size {size}.");
        }
    }

    /// <summary>Whether a slice takes all of its input, or an expansion keeps its size, at all probes.</summary>
    private bool IsWhole(IrNode node)
    {
        if (node.Op is not ("Slice" or "Expand") || _graph.ConstantOf(node.Input(0)) is not null) return false;
        if (node.Op == "Slice" && node.Input(4).Length > 0 && (_evaluator.KnownContent(node.Input(4)) is not { } steps || Array.Exists(steps.Integers(), s => s != 1))) return false;
        return _evaluator.SameShape(node.Input(0), node.Output(0));
    }

    /// <summary>Removes initial states that turn out to be zero.</summary>
    private void LeaveOutZeros(IrNode layer)
    {
        for (var i = 5; i < layer.Inputs.Count && i < 5 + layer.Recurrent!.States; i++)
        {
            if (layer.Inputs[i].Length > 0 && _evaluator.KnownContent(layer.Inputs[i]) is { IsZero: true }) layer.Inputs[i] = "";
        }
    }
}
