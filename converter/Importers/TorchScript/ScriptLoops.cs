using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Loops whose number of rounds is known only when the model runs, such as one over time steps. The body becomes a graph of its own: tensors that it
/// changes are carried from round to round, and lists that it appends to become one tensor.
/// </summary>
internal sealed class ScriptLoops(ScriptRun run, GraphComposer graph)
{
    private const int MostLoops = 3;
    private readonly List<object> _open = [];
    private int _start;

    /// <summary>The number of loops around the statement that is executed.</summary>
    public int Level => _open.Count;

    public bool HasRun { get; private set; }

    /// <summary>The function with the innermost loop.</summary>
    public ScriptFunction? Function { get; private set; }

    /// <summary>What stands for the innermost loop. Null outside of loops.</summary>
    public object? Scope => _open.Count == 0 ? null : _open[^1];

    /// <summary>Whether a value was computed in the innermost loop.</summary>
    public bool IsOfLoop(string? value) => value is not null && graph.Graph.Nodes.Skip(_start).Any(node => node.Outputs.Contains(value));

    /// <summary>Whether values of a loop can be read.</summary>
    public bool IsOpen(object? scope) => scope is null || _open.Contains(scope);

    /// <summary>Writes a loop, and sets the names that it changes.</summary>
    public void Run(ScriptFunction function, ForStatement loop, ScriptSize count, Dictionary<string, object?> names)
    {
        if (Level >= MostLoops) throw run.Fault($"loops are nested more than {MostLoops} levels deep");
        var rounds = (count.Emit ?? throw run.Fault("a loop has a number of rounds that nothing tells"))();
        string[] carried = [.. Assigned(loop.Body).Where(name => name != loop.Name && names.ContainsKey(name)).Distinct().Order(StringComparer.Ordinal)];
        // The first pass shows which tensors change.
        var first = Pass(function, loop, names, carried, _ => true);
        var nodes = graph.Graph.Nodes;
        nodes.RemoveRange(first.Start, nodes.Count - first.Start);
        var changed = first.Leaves.Index().Where(leaf => !ReferenceEquals(leaf.Item.Before, leaf.Item.After)).Select(leaf => leaf.Index).ToHashSet();
        string[] entries = [.. first.Leaves.Index().Where(leaf => changed.Contains(leaf.Index)).Select(leaf => run.Use(leaf.Item.Entry))];
        var pass = Pass(function, loop, names, carried, changed.Contains);
        Write(pass, rounds, count, entries, changed, carried, names);
        HasRun = true;
    }

    private void Write(LoopPass pass, string rounds, ScriptSize count, string[] entries, HashSet<int> changed, string[] carried, Dictionary<string, object?> names)
    {
        var outer = graph.Graph;
        LoopLeaf[] leaves = [.. pass.Leaves.Where((_, i) => changed.Contains(i))];
        foreach (var leaf in leaves)
        {
            if (leaf.Entry.Rank != leaf.After.Rank || !leaf.Entry.Sizes.Zip(leaf.After.Sizes).All(pair => pair.First.Join(pair.Second))) throw run.Fault($"a tensor of shape {leaf.Entry} becomes one of {leaf.After} in a round of a loop");
        }

        ScriptSteps[] lists = [.. pass.Lists.Values.Where(list => list.Appended.Count > 0)];
        if (Array.Exists(lists, list => list.Appended.Count > 1)) throw run.Fault("a round of a loop appends more than once to a list");
        string[] results = [.. leaves.Select(leaf => run.Use(leaf.After)), .. lists.Select(list => run.Use(list.Appended[0]))];
        var inner = new IrGraph($"{outer.Name}/loop") { Budget = outer.Budget };
        inner.CountNamesWith(outer);
        var (round, go) = (pass.Round, outer.Fresh("go"));
        inner.Inputs.Add(new IrPort(round, round, ElementType.Int64, []));
        inner.Inputs.Add(new IrPort(go, go, ElementType.Bool, []));
        foreach (var leaf in leaves) inner.Inputs.Add(new IrPort(leaf.Before.Value!, leaf.Before.Value!, leaf.Before.Type, []));
        inner.Nodes.AddRange(outer.Nodes[pass.Start..]);
        outer.Nodes.RemoveRange(pass.Start, outer.Nodes.Count - pass.Start);
        foreach (var result in (string[])[go, .. results])
        {
            var value = outer.Fresh("result");
            inner.Nodes.Add(new IrNode("loop/Identity", "Identity", [result], [value]));
            inner.Outputs.Add(new IrPort(value, value, 0, []));
        }

        string[] outputs = [.. results.Select(_ => outer.Fresh("loop"))];
        graph.Ops("Loop", [rounds, outer.Constant("go", IrTensor.Of([], true)), .. entries], outputs, ("body", inner));
        var after = new Dictionary<int, ScriptTensor>();
        foreach (var (i, place) in changed.Order().Index()) after[place] = run.Told(new ScriptTensor(leaves[i].Entry.Sizes) { Value = outputs[i], Type = leaves[i].After.Type });
        var at = 0;
        foreach (var name in carried) names[name] = Mapped(names[name], tensor => after.GetValueOrDefault(at++, tensor));
        foreach (var (name, value) in names.ToList())
        {
            if (value is List<object?> list && pass.Lists.TryGetValue(list, out var steps) && Array.IndexOf(lists, steps) is >= 0 and var place) names[name] = new ScriptSeries(Stacked(steps.Appended[0], outputs[leaves.Length + place]), 0);
        }

        ScriptTensor Stacked(ScriptTensor each, string value) => run.Told(new ScriptTensor([count, .. each.Sizes.Select(size => size.Number is { } number ? new ScriptSize(number) : new ScriptSize())]) { Value = value, Type = each.Type });
    }

    /// <summary>Executes the body once, with placeholders for what the rounds carry.</summary>
    private LoopPass Pass(ScriptFunction function, ForStatement loop, Dictionary<string, object?> names, string[] carried, Func<int, bool> isCarried)
    {
        var (start, outer, changes, outerStart) = (graph.Graph.Nodes.Count, Function, run.Changes, _start);
        var lists = new Dictionary<List<object?>, ScriptSteps>(ReferenceEqualityComparer.Instance);
        var inner = new Dictionary<string, object?>(names, StringComparer.Ordinal);
        foreach (var (name, value) in names)
        {
            if (value is not List<object?> { Count: 0 } empty || value is ScriptRecord) continue;
            if (!lists.TryGetValue(empty, out var steps)) lists[empty] = steps = new ScriptSteps();
            inner[name] = steps;
        }

        var (entries, before) = (new List<ScriptTensor>(), new List<ScriptTensor>());
        foreach (var name in carried)
        {
            _ = ScriptInputs.In(inner[name]);
            inner[name] = Mapped(inner[name], tensor =>
            {
                var place = entries.Count;
                entries.Add(tensor);
                before.Add(isCarried(place) ? new ScriptTensor(tensor.Sizes) { Value = graph.Graph.Fresh("carried"), Type = tensor.Type } : tensor);
                return before[^1];
            });
        }

        var round = graph.Graph.Fresh("round");
        inner[loop.Name] = new ScriptIndex(round, 0);
        var given = carried.Select(name => inner[name]).ToList();
        var outside = Lists([.. names.Values, .. inner.Values, .. run.Attributes.Values]);
        _open.Add(round);
        _start = start;
        Function = function;
        if (run.Execute(function, loop.Body, inner, out _)) throw run.Fault("a loop over steps whose number is not known returns");
        _open.RemoveAt(_open.Count - 1);
        (Function, _start) = (outer, outerStart);
        if (run.Changes != changes) throw run.Fault("a loop over steps whose number is not known sets an attribute or a buffer");
        if (outside.Any(list => list.Key.Count != list.Value.Length || !list.Key.Zip(list.Value).All(items => ReferenceEquals(items.First, items.Second)))) throw run.Fault("a loop over steps whose number is not known changes a list that was not empty, a dict or an object from outside of it; pass what changes from round to round as tensors with names of their own, and append results to an empty list");
        var after = new List<ScriptTensor>();
        foreach (var name in carried) _ = ScriptInputs.In(inner[name]);
        foreach (var (name, value) in carried.Zip(given)) Compare(name, value, inner[name], after);
        return new LoopPass(start, round, [.. entries.Select((entry, i) => new LoopLeaf(entry, before[i], after[i]))], lists);
    }

    /// <summary>The lists, tuples, dicts and objects that values hold, and their items.</summary>
    private Dictionary<IList<object?>, object?[]> Lists(IEnumerable<object?> values)
    {
        var (lists, open) = (new Dictionary<IList<object?>, object?[]>(ReferenceEqualityComparer.Instance), new Stack<object?>(values));
        while (open.TryPop(out var value))
        {
            run.Visit();
            if (value is not IList<object?> list || !lists.TryAdd(list, [.. list])) continue;
            foreach (var item in list) open.Push(item);
        }

        return lists;
    }

    private void Compare(string name, object? before, object? after, List<ScriptTensor> tensors)
    {
        switch (before, after)
        {
            case (ScriptTensor, ScriptTensor tensor):
                tensors.Add(tensor);
                break;
            case (IList<object?> x, IList<object?> y) when x.Count == y.Count:
                for (var i = 0; i < x.Count; i++) Compare(name, x[i], y[i], tensors);
                break;
            default:
                if (!Equals(before, after)) throw run.Fault($"'{name}' is another value after each round of a loop over steps whose number is not known, and only tensors may change");
                break;
        }
    }

    private static object? Mapped(object? value, Func<ScriptTensor, ScriptTensor> map) => value switch
    {
        ScriptTensor tensor => map(tensor),
        ScriptRecord record => new ScriptRecord(record.Names, [.. record.Select(item => Mapped(item, map))]),
        object?[] tuple => Array.ConvertAll(tuple, item => Mapped(item, map)),
        List<object?> { Count: > 0 } list => list.ConvertAll(item => Mapped(item, map)),
        _ => value,
    };

    private static IEnumerable<string> Assigned(IEnumerable<ScriptStatement> body) => body.SelectMany(statement => statement switch
    {
        AssignStatement assign => assign.Targets.OfType<NameExpression>().Select(target => target.Name),
        IfStatement choice => Assigned(choice.Then).Concat(Assigned(choice.Else)),
        ForStatement loop => Assigned(loop.Body).Append(loop.Name),
        WhileStatement loop => Assigned(loop.Body),
        WithStatement inner => Assigned(inner.Body),
        _ => [],
    });

    /// <summary>A tensor before the loop, in a round, and after it.</summary>
    private sealed record LoopLeaf(ScriptTensor Entry, ScriptTensor Before, ScriptTensor After);

    private sealed record LoopPass(int Start, string Round, LoopLeaf[] Leaves, Dictionary<List<object?>, ScriptSteps> Lists);
}
