using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>Computes a loop's outputs from its steps.</summary>
internal sealed partial class LoopLayers
{
    private string? Outputs(SequenceValues sequences)
    {
        foreach (var (name, value, output) in _loop.Collected)
        {
            if (output.Length == 0) continue;
            if (OverSteps(value) is not { } sequence) return $"it collects '{name}', which is computed differently in some rounds";
            if (_loose.Contains(value)) return IsLoose(name);
            _emitter.Into(output, sequence);
        }

        foreach (var placed in _loop.Placed.Where(p => p.Output.Length > 0))
        {
            if (Place(placed) is { } fault) return fault;
        }

        foreach (var joined in _loop.Appended)
        {
            if (OverSteps(joined.Value) is not { } steps) return $"it collects '{joined.Name}', which is computed differently in some rounds";
            if (_loose.Contains(joined.Value)) return IsLoose(joined.Name);
            var shape = Body.ShapeOf(joined.Value);
            if (joined.IsFront) steps = _emitter.Reversed(steps, 0, shape);
            if (joined.First is null) sequences.HoldSlices(joined.Output, steps);
            else _emitter.Into(joined.Output, Joined(joined, joined.First, _emitter.Merged(steps, shape, joined.Axis), shape));
        }

        foreach (var (name, value, output) in _loop.States)
        {
            if (output.Length == 0) continue;
            if (Final(name, value) is not { } final) return $"it carries '{name}', which is not a state of a recurrent layer";
            _emitter.Into(output, final);
        }

        return null;
    }

    /// <summary>The tensor with the values that all rounds appended.</summary>
    private string Joined(Appended joined, string first, string added, IrShape shape)
    {
        if (_loop.ShapeAround(first).Sizes[joined.Axis] == 0) return added;
        return _emitter.Add("Concat", joined.IsFront ? [added, first] : [first, added], shape, ("axis", (long)joined.Axis));
    }

    private static string IsLoose(string name) => $"it collects '{name}', which a mask skips in some rounds";

    /// <summary>Writes the values of all rounds into a tensor at once.</summary>
    private string? Place(Placed placed)
    {
        if (_loose.Contains(placed.Updates)) return IsLoose(placed.Output);
        if (OverSteps(placed.Updates) is not { } updates) return $"it writes values into '{placed.First}' that are computed differently in some rounds";
        var (data, shape) = (_loop.ShapeAround(placed.First), Body.ShapeOf(placed.Updates));
        var isElements = placed.Op == "ScatterElements";
        var axis = (int)(isElements ? placed.Axis < 0 ? placed.Axis + data.Rank : placed.Axis : 0);
        if (NumberBehind(placed, isElements) is { } number && _loop.Places(placed.First, axis, number) is { IsWhole: true } places)
        {
            var isRow = !isElements || Enumerable.Range(0, data.Rank).All(a => a == axis ? shape.Sizes[a] == 1 : _loop.AreAsLong(placed.First, placed.Updates, a));
            var ones = shape.Rank - data.Rank + 1;
            if (!isElements && ones > 0) updates = _emitter.Add("Squeeze", [updates, Axes(Enumerable.Range(1, ones))], data);
            if (isElements && isRow) updates = _emitter.Merged(updates, shape, axis);
            if (isRow)
            {
                _emitter.Into(placed.Output, places.IsBackward ? _emitter.Reversed(updates, axis, data) : updates);
                return null;
            }
        }

        if (OverSteps(placed.Indices) is not { } indices) return $"it writes into '{placed.First}' at indices that depend on data";
        // In the order of the rounds, because a later round overwrites an earlier one.
        if (isElements) (indices, updates) = (_emitter.Merged(indices, Body.ShapeOf(placed.Indices), axis), _emitter.Merged(updates, shape, axis));
        _emitter.Into(placed.Output, _emitter.Add(placed.Op, [placed.First, indices, updates], data, isElements ? [("axis", (long)axis)] : []));
        return null;
    }

    /// <summary>The single number that all indices of a round are equal to. Null if there is none.</summary>
    private string? NumberBehind(Placed placed, bool isElements)
    {
        if (!isElements) return Body.ShapeOf(placed.Indices).Sizes is [.., 1] && _loop.Numbers.Varies(placed.Indices) ? placed.Indices : null;
        var value = placed.Indices;
        for (var steps = 0; steps < 8 && !_loop.Numbers.Varies(value) && _rewriter.Producer(value) is { Op: "Expand" or "Tile" or "Reshape" or "Unsqueeze" } node; steps++) value = node.Input(0);
        return _loop.Numbers.Varies(value) ? value : null;
    }

    /// <summary>A carried value after the loop.</summary>
    private string? Final(string name, string next)
    {
        if (_loop.Numbers.Varies(name)) return FinalNumber(name);
        if (_last.TryGetValue(name, out var last))
        {
            var root = _context.Root(next);
            var shape = Body.ShapeOf(root);
            // Y of one step is [1, 1, …]; the last state is [1, …].
            if (shape.Rank == 4) last = _emitter.Add("Unsqueeze", [last, _emitter.Constant(IrTensor.Vector(0))], shape);
            return Again(next, root, last);
        }

        if (_masks.Has(name)) return _masks.IsHeld(name) && _lifted.TryGetValue(_masks.SelectionOf(name).Node.Output(0), out var held) ? _emitter.Add("Gather", [held, _emitter.Constant(IrTensor.Of([], -1L))], Body.ShapeOf(next), ("axis", 0L)) : null;
        if (_context.ReadersOf(name).Exists(r => r is not null) || _loose.Contains(next) || OverSteps(next) is not { } sequence) return null;
        return _emitter.Add("Gather", [sequence, _emitter.Constant(IrTensor.Of([], -1L))], Body.ShapeOf(next), ("axis", 0L));
    }

    /// <summary>A number after the last round, also if it depends on the number of rounds.</summary>
    private string? FinalNumber(string name)
    {
        var type = Body.ShapeOf(name).Type;
        var last = Enumerable.Range(0, _loop.Numbers.Rounds.Length).Select(p => (double)_loop.Numbers.Last[(name, p)]).ToArray();
        if (Array.TrueForAll(last, l => l == last[0])) return _emitter.Cast(_emitter.Constant(IrTensor.Of(Body.ShapeOf(name).Sizes, (float)last[0])), type, Body.ShapeOf(name));
        var rounds = _loop.Numbers.Rounds;
        var other = Array.FindIndex(rounds, r => r != rounds[0]);
        if (other < 0) return null;
        var step = (last[other] - last[0]) / (rounds[other] - rounds[0]);
        var begin = last[0] - step * rounds[0];
        if (rounds.Index().Any(r => begin + step * r.Item != last[r.Index]) || step != Math.Floor(step)) return null;
        var shape = Body.ShapeOf(name);
        var product = _emitter.Add("Mul", [_emitter.Steps(), _emitter.Constant(IrTensor.Vector((long)step))], shape);
        var sum = _emitter.Add("Add", [product, _emitter.Constant(IrTensor.Vector((long)begin))], shape);
        return _emitter.Cast(_emitter.Add("Reshape", [sum, _emitter.Constant(IrTensor.Of<long>([shape.Rank], [.. shape.Sizes.Select(s => (long)s)]))], shape), type, shape);
    }
}
