using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>An input, the output that is its content in the next run, and the reason.</summary>
/// <param name="Input">The input.</param>
/// <param name="Output">The output.</param>
/// <param name="Reason">Why they belong together.</param>
/// <param name="IsReshaped">Whether the output holds the same elements in another shape. It then stays an output.</param>
internal sealed record StateMatch(string Input, string Output, string Reason, bool IsReshaped = false);

/// <summary>A growing cache: the output is the input with new steps appended along an axis.</summary>
internal sealed record GrowingCache(string Input, string Output, int Axis);

/// <summary>The states and the growing caches that were found.</summary>
internal sealed record FoundStates(IReadOnlyList<StateMatch> Pairs, IReadOnlyList<GrowingCache> Caches);

/// <summary>
/// Finds the inputs that are states. First it uses the graph: an input that enters the initial state of a recurrent layer, or the past of
/// a window or cache, is a state, and its output is what the same place leaves. Then it uses how an output depends on the input, element by
/// element, and the names. Open cases become notes. If a certain state has two possible outputs, the user must choose.
/// </summary>
internal sealed class StateFinder
{
    private const string ByName = "by name";

    private readonly SizedView _view;
    private readonly IrGraph _resolved;
    private readonly List<string> _notes;
    private readonly Provenance _provenance;
    private readonly Places _places;
    private readonly List<IrPort> _inputs;
    private readonly List<IrPort> _outputs;
    private readonly List<StateMatch> _pairs = [];
    private readonly List<GrowingCache> _caches = [];
    private readonly Dictionary<(IrPort Input, IrPort Output), CarryKind> _carries = [];

    /// <summary>Inputs with as many elements as an output, but another shape, that enter it like a state. One step of a sequence may look like this.</summary>
    private readonly List<(IrPort Input, IrPort Output)> _rivals = [];
    private readonly HashSet<IrPort> _begin = [];

    private StateFinder(IrGraph source, IrGraph resolved, SizedView view, IReadOnlyCollection<string> taken, List<string> notes)
    {
        (_resolved, _view, _notes) = (resolved, view, notes);
        _provenance = new Provenance(view);
        var layers = LayersOf(source).Select(n => n.Name).ToHashSet();
        _places = new Places(view, _provenance, layer => !layers.Any(name => layer.Name == name || layer.Name.StartsWith(name + ".", StringComparison.Ordinal)));
        _inputs = [.. view.Graph.Inputs];
        _outputs = view.Graph.Outputs.FindAll(o => !taken.Contains(o.Name));
    }

    private IrPort FirstInput => _view.Graph.Inputs[0];

    private IrPort FirstOutput => _view.Graph.Outputs[0];

    /// <summary>Finds the pairs of inputs and outputs that are states.</summary>
    /// <param name="source">The graph as it was read.</param>
    /// <param name="resolved">The resolved graph.</param>
    /// <param name="taken">Outputs that the user has paired.</param>
    /// <param name="notes">Receives notes on open cases.</param>
    /// <exception cref="ConversionException">An input is certainly a state, but two outputs may be its next content.</exception>
    public static FoundStates Find(IrGraph source, IrGraph resolved, IReadOnlyCollection<string> taken, List<string> notes)
    {
        if (resolved.Inputs.Count + resolved.States.Count < 2 || resolved.Inputs.Count == 0 || resolved.Outputs.Count == 0) return new FoundStates([], []);
        if (SizedView.Of(resolved) is not { } view) throw new ConversionException($"graph '{resolved.Name}': after fusing its nodes, its shapes fit together at none of the tried sizes; --no-auto-state skips the search for states.");
        var finder = new StateFinder(source, resolved, view, taken, notes);
        finder.FindGrowing();
        finder.FindPlaces();
        finder.FindCarries();
        return new FoundStates(finder._pairs, finder._caches);
    }

    /// <summary>The recurrent layers and loops of a graph and its inner graphs. They define their states themselves.</summary>
    private static IEnumerable<IrNode> LayersOf(IrGraph graph) =>
        graph.Nodes.SelectMany(n => n.Attributes.Values.OfType<IrGraph>().SelectMany(LayersOf).Prepend(n)).Where(n => n.Recurrent is not null || n.Op.EndsWith(RecurrentOp.Lstm.Name, StringComparison.Ordinal) || n.Op is "Loop" or "Scan");

    /// <summary>Finds caches that an output returns with new steps appended. If the new steps are an input too, the cache is the one that has a state's name or comes first.</summary>
    private void FindGrowing()
    {
        foreach (var output in _outputs.ToList())
        {
            var found = _inputs.Select(input => (Input: input, Place: Growth(input, output))).Where(f => f.Place is not null && FollowsFromOther(f.Input, output))
                .OrderByDescending(f => StateNames.SaysState(f.Input.Name)).ThenBy(f => f.Input == FirstInput).ThenBy(f => f.Place!.Value.Shift).ToList();
            if (found.Count == 0) continue;
            var (input, place) = found[0];
            _caches.Add(new GrowingCache(input.Name, output.Name, place!.Value.Axis));
            _inputs.Remove(input);
            _outputs.Remove(output);
        }
    }

    /// <summary>Whether an output also depends on another input. An input joined with constants or with its own results is not a cache.</summary>
    private bool FollowsFromOther(IrPort input, IrPort output)
    {
        var follows = _view.Graph.Inputs.Where(i => i != input).Select(i => i.Value).ToHashSet();
        foreach (var node in _view.Graph.Nodes)
        {
            if (node.Op is not ("Shape" or "Size") && node.Inputs.Exists(follows.Contains)) follows.UnionWith(node.Outputs);
        }

        return follows.Contains(output.Value);
    }

    /// <summary>The open axis along which an output holds all of an input and more, and where the input begins on it.</summary>
    private (int Axis, int Shift)? Growth(IrPort input, IrPort output)
    {
        var (before, after) = (_view.ShapeOf(input.Value), _view.ShapeOf(output.Value));
        if (before.Length != after.Length || _view.TypeOf(output.Value) != input.Type || _provenance.Marks(output.Value) is not { } marks) return null;
        var axes = Enumerable.Range(0, before.Length).Where(i => before[i] != after[i]).ToList();
        if (axes is not [var axis] || after[axis] < before[axis] || Declared(input).Shape[axis].Symbol is null || _resolved.ShapeOf(OutputValue(output)).Sizes[axis] >= 0) return null;
        var (start, stride) = (_provenance.StartOf(input.Value), before.Skip(axis + 1).Aggregate(1, (a, b) => a * b));
        foreach (var shift in (int[])[0, after[axis] - before[axis]])
        {
            var isWhole = true;
            for (var i = 0; isWhole && i < _view.CountOf(input.Value); i++)
            {
                var (outer, step, inner) = (i / stride / before[axis], i / stride % before[axis], i % stride);
                isWhole = marks[(outer * after[axis] + step + shift) * stride + inner] == start + i;
            }

            if (isWhole) return (axis, shift);
        }

        return null;
    }

    private void FindPlaces()
    {
        var all = _inputs.ToDictionary(input => input, input => _outputs.Where(o => !IsUnchanged(input, o)).Select(o => _places.Match(input, o)).OfType<PlaceMatch>().ToList());
        foreach (var node in all.Values.SelectMany(m => m).SelectMany(m => m.Places).Where(p => p.IsGuess).Select(p => p.Node).Distinct().ToList()) Contest(node, all);
        // Inputs with fewer possible outputs choose first; an output that they take is no longer available.
        for (var left = all.Keys.ToList(); left.Count > 0;)
        {
            var input = left.MinBy(i => Candidates(i, all[i]) is { Count: > 0 } own ? own.DistinctBy(m => m.Marks, MarksComparer.Instance).Count() : int.MaxValue)!;
            left.Remove(input);
            var matches = Candidates(input, all[input]);
            var reached = _places.Of(input).Where(place => !place.IsGuess).ToList();
            if (reached.Any(place => place.IsReverse) && (matches.Count == 0 || matches.Exists(m => m.IsReverse)))
            {
                _inputs.Remove(input);
                _notes.Add($"input '{input.Name}' is the initial state of the reverse direction of {PlaceNames.Layers(reached.Where(p => p.IsReverse))}, which reads from the end: it cannot be a state of a stream and stays an input{(matches.Count > 0 ? $" (--state {input.Name}={matches[0].Output.Name} makes it a state anyway)" : "")}");
                continue;
            }

            if (matches.Count > 0) TakePlace(input, Choose(input, matches));
            else if (all[input].Count == 0 && reached.Any(place => place.Kind != PlaceKind.Past)) _begin.Add(input);
        }
    }

    /// <summary>An input's matches whose output is still available, preferably with the input's shape and not masked.</summary>
    private List<PlaceMatch> Candidates(IrPort input, List<PlaceMatch> own)
    {
        var matches = own.FindAll(m => _outputs.Contains(m.Output));
        if (matches.Exists(m => FitsTogether(input, m.Output))) matches.RemoveAll(m => !FitsTogether(input, m.Output));
        if (matches.Exists(m => !m.IsMasked)) matches.RemoveAll(m => m.IsMasked);
        return matches;
    }

    /// <summary>
    /// Decides between inputs that enter one node alike, because only one is its state. Of joined steps, the past comes first. Of the two
    /// products of a written-out cell, the input with the better name wins, preferably not the graph's first input.
    /// </summary>
    private void Contest(IrNode node, Dictionary<IrPort, List<PlaceMatch>> all)
    {
        var rivals = all.Keys.Where(input => all[input].Exists(m => m.IsGuessAt(node))).ToList();
        var isDecided = all.Values.Any(own => own.Exists(m => m.IsSureAt(node)));
        if (rivals.Count == 1 && !isDecided) return;
        var best = isDecided ? [] : rivals.GroupBy(Says).MaxBy(g => g.Key)!.ToList();
        if (best.Count > 1) best.Remove(FirstInput);
        if (best.Count > 1)
        {
            var options = best.SelectMany(i => all[i].Where(m => m.IsGuessAt(node)).Select(m => $"--state {i.Name}={m.Output.Name}"));
            throw new ConversionException($"inputs {string.Join(" and ", best.Select(i => $"'{i.Name}'"))} play the same role in the cell at '{node.Name}': one is its input, the other its hidden state. Choose: {string.Join(", or ", options)}; --no-auto-state keeps all inputs.");
        }

        foreach (var winner in best)
        {
            var others = rivals.Where(i => i != winner).ToList();
            var reason = rivals.GroupBy(Says).Count() > 1 ? "name" : "position after the first input";
            _notes.Add($"input '{winner.Name}' is taken as the hidden state of the cell at '{node.Name}' by its {reason}; {string.Join(" and ", others.Select(i => $"'{i.Name}'"))} plays the same role (to choose otherwise: {string.Join(" or ", others.SelectMany(i => all[i].Where(m => m.IsGuessAt(node)).Select(m => $"--state {i.Name}={m.Output.Name}")))})");
        }

        foreach (var rival in rivals.Except(best)) all[rival].RemoveAll(m => m.IsGuessAt(node));

        (int, bool) Says(IrPort input) => all[input].Where(m => m.IsGuessAt(node)).Max(m => (StateNames.Match(input.Name, m.Output.Name), StateNames.SaysState(input.Name)));
    }

    private void TakePlace(IrPort input, PlaceMatch match) => Take(input, match.Output, PlaceNames.Describe(match.Places, _view));

    /// <summary>Of outputs with different contents, the one that the last step leaves. Of equal ones, the one with the better name, preferably not the first output and not a step of a sequence.</summary>
    private PlaceMatch Choose(IrPort input, List<PlaceMatch> matches)
    {
        var contents = matches.GroupBy(m => m.Marks, MarksComparer.Instance).Select(g => g.ToList()).ToList();
        if (contents.Count > 1)
        {
            var depth = contents.Max(c => c[0].Depth);
            contents.RemoveAll(c => c[0].Depth != depth);
        }

        if (contents.Count > 1 && contents.FindAll(c => c.Exists(m => StateNames.Match(input.Name, m.Output.Name) == 2)) is [var named]) contents = [named];
        if (contents.Count > 1)
        {
            var options = contents.SelectMany(c => c).Select(m => $"--state {input.Name}={m.Output.Name}");
            var reasons = contents.Select(c => $"'{c[0].Output.Name}' ({PlaceNames.Describe(c[0].Places, _view)})");
            throw new ConversionException($"input '{input.Name}' is a state, and several outputs may be its next content: {string.Join(", ", reasons)}. Choose: {string.Join(", or ", options)}; --no-auto-state keeps all inputs.");
        }

        return contents[0].OrderByDescending(m => StateNames.Match(input.Name, m.Output.Name)).ThenBy(m => m.Output == FirstOutput).ThenBy(m => _provenance.IsOfSequence(m.Output.Value)).ThenByDescending(m => _view.Graph.Outputs.IndexOf(m.Output)).First();
    }

    private void FindCarries()
    {
        var moves = new ElementMoves(_view);
        foreach (var input in _inputs)
        {
            var carries = new Carries(_view, _provenance, moves, input, _inputs);
            foreach (var output in _outputs)
            {
                if (IsUnchanged(input, output)) continue;
                if (FitsTogether(input, output)) _carries[(input, output)] = carries.To(output);
                else if (_view.CountOf(input.Value) == _view.CountOf(output.Value) && carries.To(output) is >= CarryKind.Gated and < CarryKind.Buffer) _rivals.Add((input, output));
            }
        }

        TakeUnique(CarryKind.Blend);
        TakeNamed(SayOne);
        TakeUnique(CarryKind.Gated);
        TakeUnique(CarryKind.LayerEnd);
        TakeUnique(CarryKind.Product);
        if (_pairs.Exists(p => StateNames.Match(p.Input, p.Output) == 2)) TakeNamed(IsNamedAsOthers);
        foreach (var input in _inputs) Tell(input);
    }

    /// <summary>Takes pairs whose input and output have no other candidate of this kind or a stronger one.</summary>
    private void TakeUnique(CarryKind least)
    {
        for (var isMore = true; isMore;)
        {
            isMore = false;
            foreach (var input in _inputs.Where(IsCarried).ToList())
            {
                if (_outputs.FindAll(o => o != FirstOutput && Carry(input, o) >= least) is not [var output]) continue;
                if (least < CarryKind.Blend && StateNames.SaysOther(input.Name)) continue;
                if (_inputs.Count(i => IsCarried(i) && Carry(i, output) >= least) != 1) continue;
                if (least < CarryKind.Blend && _rivals.Exists(r => r.Output == output && _inputs.Contains(r.Input))) continue;
                TakeBefore(FirstInput, input, output, Carry(input, output));
                isMore = true;
            }
        }
    }

    /// <summary>Takes an input as a state, or the first input instead if that enters alike and has the better name.</summary>
    private void TakeBefore(IrPort first, IrPort input, IrPort output, CarryKind kind)
    {
        var (reason, isRival) = (PlaceNames.Describe(kind), _inputs.Contains(first) && !_begin.Contains(first) && Carry(first, output) == kind);
        if (!isRival)
        {
            Take(input, output, reason);
            return;
        }

        var better = Says(first).CompareTo(Says(input));
        var (taken, other) = better > 0 ? (first, input) : (input, first);
        Take(taken, output, reason);
        _notes.Add($"input '{taken.Name}' is taken as the state by its {(better != 0 ? "name" : "position after the first input")}; '{other.Name}' plays the same role in '{output.Name}' (to choose otherwise: --state {other.Name}={output.Name})");

        (int, bool) Says(IrPort port) => (StateNames.Match(port.Name, output.Name), StateNames.SaysState(port.Name));
    }

    private void TakeNamed(Func<IrPort, IrPort, bool> isTrusted)
    {
        foreach (var sure in (int[])[2, 1])
        {
            foreach (var input in _inputs.ToList())
            {
                if (input == FirstInput && !StateNames.SaysState(input.Name)) continue;
                var named = _outputs.FindAll(o => StateNames.Match(input.Name, o.Name) == sure && isTrusted(input, o));
                if (named is [var output]) Take(input, output, ByName);
            }
        }
    }

    /// <summary>Whether matching names may be trusted. An output that does not depend on the input is trusted only if both have a state's name.</summary>
    private bool SayOne(IrPort input, IrPort output)
    {
        if (!FitsTogether(input, output) || IsUnchanged(input, output)) return false;
        if (_begin.Contains(input) && Carry(input, output) == CarryKind.LayerEnd) return false; // The layer leaves its state in another order.
        if (Carry(input, output) == CarryKind.None) return StateNames.SaysState(input.Name) && StateNames.SaysState(output.Name);
        return StateNames.SaysState(input.Name) || (StateNames.SaysWhat(input.Name) && (input != FirstInput || output != FirstOutput));
    }

    /// <summary>If matching names were right for states that the graph shows, they are also trusted for states that only the name shows.</summary>
    private bool IsNamedAsOthers(IrPort input, IrPort output) =>
        input != FirstInput && output != FirstOutput && FitsTogether(input, output) && !IsUnchanged(input, output) && !_begin.Contains(input) && StateNames.Match(input.Name, output.Name) == 2 && StateNames.SaysWhat(input.Name) && !StateNames.SaysData(input.Name);

    /// <summary>Adds a note on what an input may be.</summary>
    private void Tell(IrPort input)
    {
        if (_begin.Contains(input))
        {
            _notes.Add($"input '{input.Name}' is the initial state of {PlaceNames.Layers(_places.Of(input))}, and no output is its final state: it stays an input and keeps its value until you change it");
            return;
        }

        var isOnly = _view.Graph.Outputs.Count == 1;
        var candidates = _outputs.FindAll(o => MayBecome(input, o));
        if (candidates.Count == 0) return;
        var options = candidates.Select(o => $"--state {input.Name}={o.Name}");
        _notes.Add($"input '{input.Name}' may be a state fed by {string.Join(" or ", candidates.Select(o => $"'{o.Name}'"))}; it stays an input (make it a state with {string.Join(" or ", options)}{(isOnly ? ", which keeps the output" : "")})");
    }

    /// <summary>Whether to note that an input may be a state: its name or the graph suggests that an output is its next content.</summary>
    private bool MayBecome(IrPort input, IrPort output)
    {
        if (IsCarried(input) && Carry(input, output) >= (output == FirstOutput ? CarryKind.Product : CarryKind.Follows)) return true;
        if (input == FirstInput || output == FirstOutput || !FitsTogether(input, output) || IsUnchanged(input, output)) return false;
        return Carry(input, output) >= CarryKind.Blend || (StateNames.Match(input.Name, output.Name) == 2 && StateNames.SaysWhat(input.Name) && !StateNames.SaysData(input.Name));
    }

    /// <summary>Whether an input may be paired by how an output depends on it. The first input, inputs over time, and inputs named as data may not.</summary>
    private bool IsCarried(IrPort input) =>
        input != FirstInput && !_begin.Contains(input) && input.Type == ElementType.Float32 && Declared(input) is { Shape.Length: > 1 } port && HasOnlyBatchOpen(port) && !StateNames.SaysData(input.Name);

    /// <summary>Whether an input's only open dimension is the batch: the first dimension of the first input, or one that no other input has. A mask over time has another.</summary>
    private bool HasOnlyBatchOpen(IrPort input) =>
        input.Shape.Where(d => d.Symbol is not null).All(d =>
            (_resolved.Inputs[0].Name != input.Name && _resolved.Inputs[0].Shape.Length > 0 && _resolved.Inputs[0].Shape[0].Symbol == d.Symbol)
            || !_resolved.Inputs.Exists(other => other.Name != input.Name && other.Shape.Contains(d)));

    private string OutputValue(IrPort output) => _resolved.Outputs.First(o => o.Name == output.Name).Value;

    private IrPort Declared(IrPort input) => _resolved.Inputs.First(i => i.Name == input.Name);

    private CarryKind Carry(IrPort input, IrPort output) => _carries.GetValueOrDefault((input, output));

    private bool FitsTogether(IrPort input, IrPort output) => _view.TypeOf(output.Value) == input.Type && _view.ShapeOf(output.Value).AsSpan().SequenceEqual(_view.ShapeOf(input.Value));

    private bool IsUnchanged(IrPort input, IrPort output) =>
        output.Value == input.Value || (_provenance.Marks(output.Value) is { } marks && marks.Length == _view.CountOf(input.Value) && marks.Index().All(m => m.Item == _provenance.StartOf(input.Value) + m.Index));

    private void Take(IrPort input, IrPort output, string reason)
    {
        _pairs.Add(new StateMatch(input.Name, output.Name, reason, !FitsTogether(input, output)));
        _inputs.Remove(input);
        _outputs.Remove(output);
    }

    private sealed class MarksComparer : IEqualityComparer<long[]>
    {
        public static MarksComparer Instance { get; } = new();

        public bool Equals(long[]? a, long[]? b) => a.AsSpan().SequenceEqual(b);

        public int GetHashCode(long[] marks) => marks.Length == 0 ? 0 : HashCode.Combine(marks.Length, marks[0], marks[^1]);
    }
}
