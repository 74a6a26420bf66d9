using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>Why a graph cannot continue where the previous run ended.</summary>
internal sealed class NotStepwiseException(string message) : ConversionException(message);

/// <summary>
/// Finds which step of time each element of a node's outputs belongs to. 0 means no step. Steps are numbered from <see cref="First"/> on;
/// padding before the first step has smaller numbers. A node that joins several steps is refused, except recurrent
/// layers and convolutions, which <see cref="TimeSteps"/> handles.
/// </summary>
internal sealed class StepRules(SizedView view)
{
    /// <summary>The number of the first step.</summary>
    public const long First = 1 << 24;

    /// <summary>The step of a state that advances once in each run.</summary>
    public const long Held = long.MaxValue;

    private readonly ElementMoves _moves = new(view);

    /// <summary>A fault that does not come from joined steps: the first constant that encodes positions.</summary>
    public string? Fault { get; private set; }

    /// <summary>Known operands of elementwise nodes. Their content must not change with the length.</summary>
    public Dictionary<string, IrTensor> Factors { get; } = [];

    public static string Name(IrNode node) => $"'{node.Name}' ({node.Op})";

    public long[][] Outputs(IrNode node, Func<string, long[]> steps)
    {
        if (OperatorMap.IsElementwise(node.Op) || node.Op is "Where" or "Clip" or "Cast") return [Elementwise(node, steps)];
        switch (node.Op)
        {
            case "Linear":
                return [Rows(node, steps(node.Input(0)))];
            case "MatMul":
                return [Product(node, steps)];
            case "Softmax" or "LogSoftmax" or "Hardmax" or "LpNormalization":
                return [Grouped(node, steps(node.Input(0)), [(int)node.Int("axis", -1)])];
            case "CumSum":
                return [Grouped(node, steps(node.Input(0)), [(int)(view.Known(node.Input(1))?.Integers()[0] ?? 0)])];
            case "LayerNormalization" or "RMSNormalization":
                var rank = view.ShapeOf(node.Input(0)).Length;
                var from = (int)node.Int("axis", -1);
                return [Grouped(node, steps(node.Input(0)), [.. Enumerable.Range(from < 0 ? from + rank : from, rank - (from < 0 ? from + rank : from))])];
            case "ArgMax" or "ArgMin":
                return [OneOfEach(node, Grouped(node, steps(node.Input(0)), [(int)node.Int("axis", 0)]), [(int)node.Int("axis", 0)])];
            case "Gather" when view.Known(node.Input(0)) is not null:
                return [Lookup(node, steps(node.Input(1)))];
        }

        if (node.Op.StartsWith("Reduce", StringComparison.Ordinal))
        {
            var axes = ReducedAxes(node);
            return [OneOfEach(node, Grouped(node, steps(node.Input(0)), axes), axes)];
        }

        if (_moves.Moved(node, out _) is { Length: > 0 } moved && node.Op is not ("Mul" or "Where" or "Clip")) return Moved(node, moved, steps);
        return All(node, steps);
    }

    /// <summary>The common step of several elements.</summary>
    public static long Join(long a, long b, IrNode node) =>
        a == 0 || a == b ? b : b == 0 ? a : throw new NotStepwiseException(a == Held || b == Held ? $"{Name(node)} combines single steps with a state that changes only once in each run" : $"{Name(node)} combines different steps of time");

    private long[][] Moved(IrNode node, int[] moved, Func<string, long[]> steps)
    {
        var all = _moves.Move(node, moved, value => steps(value));
        if (Array.Exists(all, a => a is null)) throw new NotStepwiseException($"{Name(node)} is too large to analyse");
        if (node.Op == "Pad") PadSteps(node, all[0]!);
        return all!;
    }

    /// <summary>Assigns padding along time to the steps before the first and after the last.</summary>
    private void PadSteps(IrNode node, long[] steps)
    {
        var shape = view.ShapeOf(node.Output(0));
        var some = Array.FindIndex(steps, s => s != 0);
        for (var axis = 0; axis < shape.Length && some >= 0; axis++)
        {
            var stride = shape.Skip(axis + 1).Aggregate(1, (a, b) => a * b);
            var from = some - some / stride % shape[axis] * stride;
            var line = Enumerable.Range(0, shape[axis]).Select(i => steps[from + i * stride]).ToList();
            var (start, end) = (line.FindIndex(s => s != 0), line.FindLastIndex(s => s != 0));
            if (line[start] == line[end] || line[end] - line[start] != end - start) continue;
            for (var i = 0; i < steps.Length; i++)
            {
                if (steps[i] == 0) steps[i] = line[start] + i / stride % shape[axis] - start;
            }
        }
    }

    private long[] Elementwise(IrNode node, Func<string, long[]> steps)
    {
        var shape = view.ShapeOf(node.Output(0));
        var result = new long[Count(shape)];
        var known = new List<string>();
        foreach (var input in node.Inputs.Where(i => i.Length > 0))
        {
            if (view.Known(input) is not null)
            {
                known.Add(input);
                continue;
            }

            var operand = ElementMoves.Broadcast(steps(input), view.ShapeOf(input), shape);
            for (var i = 0; i < result.Length; i++) result[i] = Join(result[i], operand[i], node);
        }

        if (Array.Exists(result, s => s is > 0 and < First)) throw new NotStepwiseException($"{Name(node)} comes between padding and the convolution that uses it");
        foreach (var input in known) CheckConstant(node, view.Known(input)!, shape, result, input);
        return result;
    }

    /// <summary>Checks that a constant does not differ between steps. Such a constant encodes positions, which start again in each run.</summary>
    private void CheckConstant(IrNode node, IrTensor constant, int[] shape, long[] steps, string name)
    {
        Factors[name] = constant;
        if (constant.Count == 1 || steps.Distinct().Count() <= 1) return;
        var places = ElementMoves.Broadcast([.. Enumerable.Range(0, constant.Count).Select(i => (long)i)], constant.Shape, shape);
        var size = constant.Data.Length / constant.Count;
        ReadOnlySpan<byte> Element(long place) => constant.Data.Slice((int)place * size, size);
        for (var axis = 0; axis < shape.Length; axis++)
        {
            var stride = shape.Skip(axis + 1).Aggregate(1, (a, b) => a * b);
            for (var i = stride; i < steps.Length; i++)
            {
                if (i / stride % shape[axis] == 0 || steps[i] == steps[i - stride] || Element(places[i]).SequenceEqual(Element(places[i - stride]))) continue;
                Fault ??= $"{Name(node)} has a different constant for each step of time, like positions";
                return;
            }
        }
    }

    private long[] Rows(IrNode node, long[] steps)
    {
        var (columns, rows) = (view.ShapeOf(node.Input(0))[^1], view.ShapeOf(node.Output(0))[^1]);
        return [.. steps.Chunk(Math.Max(columns, 1)).SelectMany(row => Enumerable.Repeat(row.Aggregate(0L, (a, b) => Join(a, b, node)), rows))];
    }

    private long[] Product(IrNode node, Func<string, long[]> steps)
    {
        int[] a = view.ShapeOf(node.Input(0)), b = view.ShapeOf(node.Input(1)), y = view.ShapeOf(node.Output(0));
        if (a.Length < 2 || b.Length < 2) return All(node, steps)[0];
        var rows = steps(node.Input(0)).Chunk(Math.Max(a[^1], 1)).Select(row => row.Aggregate(0L, (p, q) => Join(p, q, node))).ToArray();
        var right = steps(node.Input(1));
        var block = b[^1] * b[^2];
        var columns = new long[right.Length / Math.Max(b[^2], 1)];
        for (var i = 0; i < right.Length; i++)
        {
            var at = i / block * b[^1] + i % b[^1];
            columns[at] = Join(columns[at], right[i], node);
        }

        var left = ElementMoves.Broadcast(rows, [.. a[..^1], 1], y);
        var over = ElementMoves.Broadcast(columns, [.. b[..^2], 1, b[^1]], y);
        return [.. left.Zip(over, (p, q) => Join(p, q, node))];
    }

    /// <summary>For each element, the common step of all elements that differ from it along these axes only.</summary>
    private long[] Grouped(IrNode node, long[] steps, int[] axes)
    {
        var shape = view.ShapeOf(node.Input(0));
        var groups = Groups(shape, axes, out var count);
        var joined = new long[count];
        for (var i = 0; i < steps.Length; i++) joined[groups[i]] = Join(joined[groups[i]], steps[i], node);
        return [.. groups.Select(g => joined[g])];
    }

    /// <summary>The first element of each group along the axes.</summary>
    private long[] OneOfEach(IrNode node, long[] grouped, int[] axes)
    {
        var groups = Groups(view.ShapeOf(node.Input(0)), axes, out var count);
        var result = new long[count];
        for (var i = 0; i < grouped.Length; i++) result[groups[i]] = grouped[i];
        return result;
    }

    private static int[] Groups(int[] shape, int[] axes, out int count)
    {
        var isJoined = new bool[shape.Length];
        foreach (var axis in axes) isJoined[axis < 0 ? axis + shape.Length : axis] = true;
        var strides = new int[shape.Length];
        count = 1;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (isJoined[axis]) continue;
            strides[axis] = count;
            count *= shape[axis];
        }

        var groups = new int[Count(shape)];
        for (var i = 0; i < groups.Length; i++)
        {
            var rest = i;
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                groups[i] += rest % shape[axis] * strides[axis];
                rest /= shape[axis];
            }
        }

        return groups;
    }

    private int[] ReducedAxes(IrNode node)
    {
        var rank = view.ShapeOf(node.Input(0)).Length;
        if (node.Input(1).Length > 0 && view.Known(node.Input(1)) is { Count: > 0 } axes) return [.. axes.Integers().Select(a => (int)a)];
        return node.Int("noop_with_empty_axes", 0) != 0 ? [] : [.. Enumerable.Range(0, rank)];
    }

    /// <summary>Rows of a constant table, looked up by indices that belong to steps.</summary>
    private long[] Lookup(IrNode node, long[] indices)
    {
        var table = view.ShapeOf(node.Input(0));
        var axis = (int)node.Int("axis", 0);
        if (axis < 0) axis += table.Length;
        var (outer, inner) = (Count(table[..axis]), Count(table[(axis + 1)..]));
        return [.. Enumerable.Range(0, outer).SelectMany(_ => indices.SelectMany(step => Enumerable.Repeat(step, inner)))];
    }

    /// <summary>For any other operator, all elements must belong to one step.</summary>
    public long[][] All(IrNode node, Func<string, long[]> steps)
    {
        var step = 0L;
        foreach (var input in node.Inputs.Where(i => i.Length > 0 && view.Known(i) is null)) step = steps(input).Aggregate(step, (a, b) => Join(a, b, node));
        return [.. node.Outputs.Select(output => output.Length == 0 ? [] : Enumerable.Repeat(step, Count(view.ShapeOf(output))).ToArray())];
    }

    private static int Count(int[] shape) => shape.Aggregate(1, (a, b) => a * b);
}
