using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>A loop's body, resolved as a separate graph, with the values that it carries, collects and looks up.</summary>
internal sealed class LoopBody
{
    private readonly Evaluator _evaluator;
    private readonly Dictionary<string, (string First, string Next)> _carried;
    private Dictionary<string, long[][]> _noted = [];

    /// <param name="name">The loop's name.</param>
    /// <param name="graph">The resolved body.</param>
    /// <param name="evaluator">Knows the values outside the loop.</param>
    /// <param name="round">The value that counts the rounds.</param>
    /// <param name="count">The loop's first input: the maximum number of rounds.</param>
    /// <param name="condition">The value that decides whether another round follows.</param>
    /// <param name="carried">For each carried value: its initial value outside the loop, and its next value.</param>
    public LoopBody(string name, IrGraph graph, Evaluator evaluator, string round, string count, string condition, Dictionary<string, (string First, string Next)> carried)
    {
        (Name, Graph, Count, _evaluator, _carried) = (name, graph, count, evaluator, carried);
        Numbers = new LoopNumbers(graph, evaluator, round, carried);
        Why = Go(count, condition);
    }

    public string Name { get; }

    public IrGraph Graph { get; }

    public string Count { get; }

    /// <summary>Whether <see cref="Count"/> is the number of rounds.</summary>
    public bool IsCounted { get; private set; }

    public LoopNumbers Numbers { get; }

    /// <summary>Why the rounds are unknown. Null if they are known.</summary>
    public string? Why { get; }

    /// <summary>The number of rounds. -1 if it depends on a symbol.</summary>
    public int Steps { get; private set; }

    /// <summary>Values that are collected, one row in each round: name in the body, value, and output of the loop.</summary>
    public List<(string Name, string Value, string Output)> Collected { get; } = [];

    /// <summary>Values that each round appends to a list or a tensor.</summary>
    public List<Appended> Appended { get; } = [];

    /// <summary>Values that each round writes into a tensor at given indices.</summary>
    public List<Placed> Placed { get; } = [];

    /// <summary>Carried values, their next values, and the outputs of the loop.</summary>
    public List<(string Name, string Value, string Output)> States { get; } = [];

    public bool IsCarried(string value) => _carried.ContainsKey(value);

    public string? NextOf(string carried) => _carried.TryGetValue(carried, out var value) ? value.Next : null;

    public string FirstOf(string carried) => _carried[carried].First;

    /// <summary>Changes the next value of the state at this position in <see cref="States"/>.</summary>
    public void SetNext(int state, string next)
    {
        var (name, _, output) = States[state];
        _carried[name] = (FirstOf(name), next);
        States[state] = (name, next, output);
    }

    /// <summary>For each state's next value, the state in this round.</summary>
    /// <param name="masks">Its states that only repeat a value belong to no cell.</param>
    public Dictionary<string, string> Hints(LoopMasks masks)
    {
        var rewriter = new Rewriter(Graph);
        var hints = new Dictionary<string, string>();
        foreach (var (name, _, _) in States)
        {
            if (!Numbers.Varies(name) && !masks.IsHeld(name)) hints[LinearForm.Root(rewriter, NextOf(name)!)] = name;
        }

        return hints;
    }

    /// <summary>A number's value in each round. Null if it depends on a symbol.</summary>
    public long[]? NumbersOf(string value) => _noted.TryGetValue(value, out var all) && Steps >= 0 && Array.TrueForAll(all, a => a.AsSpan().SequenceEqual(all[0])) ? all[0] : null;

    /// <summary>A number as begin + step · round. The begin may depend on the number of rounds: it is Begin plus OfRounds times that number. Null if the number does not have this form.</summary>
    public (long Begin, long OfRounds, long Step)? LineOf(string value)
    {
        if (!_noted.TryGetValue(value, out var all) || Array.Exists(all, a => a.Length == 0)) return null;
        var step = all.FirstOrDefault(a => a.Length > 1) is { } longer ? longer[1] - longer[0] : 0;
        if (Array.Exists(all, a => a.Index().Any(i => i.Item != a[0] + step * i.Index))) return null;
        var rounds = Numbers.Rounds;
        var other = Array.FindIndex(rounds, r => r != rounds[0]);
        var ofRounds = other < 0 ? 0 : (all[other][0] - all[0][0]) / (rounds[other] - rounds[0]);
        var begin = all[0][0] - ofRounds * rounds[0];
        return all.Index().All(a => a.Item[0] == begin + ofRounds * rounds[a.Index]) ? (begin, ofRounds, step) : null;
    }

    /// <summary>Whether two values have the same size along an axis at all probes.</summary>
    public bool AreAsLong(string a, string b, int axis) => _evaluator.SizesOf(a, axis).SequenceEqual(_evaluator.SizesOf(b, axis));

    public IrShape ShapeAround(string value) => _evaluator.ShapeOf(value);

    /// <summary>The consecutive places of an axis that an index visits, equal at all probes. Null if they are not consecutive.</summary>
    public Places? Places(string sequence, int axis, string index)
    {
        if (!_noted.TryGetValue(index, out var all)) return null;
        var sizes = _evaluator.SizesOf(sequence, axis);
        var spans = new (long From, long To, int Size)[all.Length];
        var isBackward = all.Any(a => a.Length > 1 && a[1] < a[0]);
        for (var p = 0; p < all.Length; p++)
        {
            var list = Array.ConvertAll(all[p], i => i < 0 ? i + sizes[p] : i);
            for (var i = 0; i < list.Length; i++)
            {
                if (list[i] < 0 || list[i] >= sizes[p]) throw new ShapeFault($"'{Name}' reads index {list[i]} of '{sequence}', which has size {sizes[p]}.");
                if (i > 0 && list[i] - list[i - 1] != (isBackward ? -1 : 1)) return Steps >= 0 && all.All(a => a.AsSpan().SequenceEqual(all[0])) ? new Places(all[0], default, default, false) : null;
            }

            if (list.Length == 0) return null;
            spans[p] = (list.Min(), list.Max() + 1, sizes[p]);
        }

        // Both ends must be counted from the axis' start or its end.
        if (Bound(spans, s => s.From) is not { } from || Bound(spans, s => s.To) is not { } to) return null;
        return new Places([], from, to, isBackward);
    }

    private static (long Value, bool FromEnd)? Bound((long From, long To, int Size)[] spans, Func<(long From, long To, int Size), long> of)
    {
        if (spans.All(s => of(s) == s.Size)) return (0, true);
        if (spans.All(s => of(s) == of(spans[0]))) return (of(spans[0]), false);
        return spans.All(s => s.Size - of(s) == spans[0].Size - of(spans[0])) ? (of(spans[0]) - spans[0].Size, true) : null;
    }

    private string? Go(string count, string condition)
    {
        var most = new double[_evaluator.Probes];
        for (var p = 0; p < most.Length; p++)
        {
            if (count.Length > 0 && _evaluator.NumberOf(count, p) is null) return "its number of rounds is not known";
            most[p] = count.Length == 0 ? double.PositiveInfinity : _evaluator.NumberOf(count, p)!.Value;
        }

        if (!Numbers.IsNumber(condition)) return "its condition depends on data";
        var watched = Graph.Nodes.SelectMany(n => n.Inputs).Concat(Graph.Outputs.Select(o => o.Value)).Where(Numbers.Varies).ToList();
        if (Numbers.Run(most, condition, watched) is not { } noted) return "it has too many rounds";
        _noted = noted;
        if (Numbers.Rounds.Contains(0)) return "it may have no rounds";
        Steps = Numbers.Rounds.All(r => r == Numbers.Rounds[0]) ? Numbers.Rounds[0] : -1;
        IsCounted = Enumerable.Range(0, most.Length).All(p => most[p] == Numbers.Rounds[p]);
        return null;
    }
}

/// <summary>A list or tensor that each round appends to.</summary>
/// <param name="Name">Its name in the body.</param>
/// <param name="Value">The value that a round appends.</param>
/// <param name="Output">The list or tensor after the last round.</param>
/// <param name="First">The tensor before the first round. Null for a list.</param>
/// <param name="Axis">The axis along which a tensor grows.</param>
/// <param name="IsFront">Whether new values are put at the front.</param>
internal sealed record Appended(string Name, string Value, string Output, string? First, int Axis, bool IsFront);

/// <summary>A tensor that each round writes into.</summary>
/// <param name="Op">ScatterND or ScatterElements.</param>
/// <param name="Axis">The axis of ScatterElements.</param>
/// <param name="Indices">The indices of a round.</param>
/// <param name="Updates">The values of a round.</param>
/// <param name="First">The tensor before the first round.</param>
/// <param name="Output">The tensor after the last one.</param>
internal sealed record Placed(string Op, long Axis, string Indices, string Updates, string First, string Output);

/// <summary>Places of an axis: a list, or a range between two bounds that are counted from the axis' start or its end.</summary>
internal sealed record Places(long[] List, (long Value, bool FromEnd) From, (long Value, bool FromEnd) To, bool IsBackward)
{
    private const int MostLookedUp = 1 << 12;

    /// <summary>Whether it covers the whole axis.</summary>
    public bool IsWhole => List.Length == 0 && From is (0, false) && To is (0, true);

    public string Cut(Emitter emitter, string value, int axis, IrShape shape)
    {
        if (List.Length > 0) return emitter.Add("Gather", [value, emitter.Constant(IrTensor.Vector(List))], shape, ("axis", (long)axis));
        // A part of an axis that may be too short is looked up, because a slice would silently take fewer elements.
        if (!IsWhole && shape.Sizes[axis] < 0 && From.FromEnd == To.FromEnd && To.Value - From.Value <= MostLookedUp)
        {
            var list = Enumerable.Range(0, (int)(To.Value - From.Value)).Select(i => From.Value + i);
            return emitter.Add("Gather", [value, emitter.Constant(IrTensor.Vector([.. IsBackward ? list.Reverse() : list]))], shape, ("axis", (long)axis));
        }

        var end = To is (0, true) ? long.MaxValue : To.Value;
        if (!IsWhole) value = emitter.Add("Slice", [value, Vector(From.Value), Vector(end), Vector(axis)], shape);
        return IsBackward ? emitter.Reversed(value, axis, shape) : value;

        string Vector(long number) => emitter.Constant(IrTensor.Vector(number));
    }
}
