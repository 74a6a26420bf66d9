using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>
/// Tracks marks of single elements through nodes that only move elements: reshapes, transposes, slices, concatenations and lookups by
/// constants. The runtime's own operators move the marks, so they end exactly where the elements do. The mark 0 stands for a constant.
/// </summary>
internal sealed class ElementMoves(SizedView view)
{
    private const int MostElements = 1 << 20;

    private static readonly HashSet<string> s_movers =
        ["Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice", "Split", "Gather", "GatherElements", "GatherND", "Expand", "Tile", "Pad", "ReverseSequence", "Concat", "ScatterND", "ScatterElements", "Cast"];

    private static readonly HashSet<string> s_maskOps =
        ["Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice", "Split", "Expand", "Cast", "Sub", "Not", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Neg", "Clip"];

    private readonly IrGraph _marks = new("marks");
    private readonly Dictionary<string, bool> _masks = [];

    /// <summary>The operands whose elements make up a node's outputs, together with constants. Empty if the node computes new elements.</summary>
    /// <param name="node">The node.</param>
    /// <param name="isKept">Whether the elements stay unchanged. If not, a mask may have changed some.</param>
    public int[] Moved(IrNode node, out bool isKept)
    {
        isKept = node.Op != "Cast" || IsFloat(node.Input(0)) == IsFloat(node.Output(0));
        switch (node.Op)
        {
            case "Concat":
                return [.. Enumerable.Range(0, node.Inputs.Count)];
            case "ScatterND" or "ScatterElements":
                return node.String("reduction", "none") == "none" && view.Known(node.Input(1)) is not null ? [0, 2] : [];
            case "Mul":
                isKept = false;
                return IsMaskOf(node.Input(1), node) ? [0] : IsMaskOf(node.Input(0), node) ? [1] : [];
            case "Where":
                isKept = false;
                return Whole(node, 1) && view.Known(node.Input(2)) is not null ? [1] : Whole(node, 2) && view.Known(node.Input(1)) is not null ? [2] : [];
            case "Clip":
                isKept = false;
                return [0];
        }

        if (!s_movers.Contains(node.Op) || (node.Op == "Pad" && node.String("mode", "constant") is not ("constant" or "edge" or "wrap" or "reflect"))) return [];
        for (var i = 1; i < node.Inputs.Count; i++)
        {
            if (node.Inputs[i].Length > 0 && view.Known(node.Inputs[i]) is null) return [];
        }

        return [0];
    }

    /// <summary>The marks of a node's outputs, from those of the operands that <see cref="Moved"/> returns. Null if there are too many.</summary>
    public long[]?[] Move(IrNode node, int[] moved, Func<string, long[]?> marks)
    {
        if (node.Op is "Mul" or "Where" or "Clip" or "Cast" or "Identity") return [marks(node.Inputs[moved[0]])];
        if (node.Outputs.Concat(moved.Select(i => node.Inputs[i])).Any(v => v.Length > 0 && view.CountOf(v) > MostElements)) return new long[]?[node.Outputs.Count];
        using var evaluator = new Evaluator(_marks, [Sizes.None]);
        var inputs = new List<string>();
        foreach (var (i, input) in node.Inputs.Index())
        {
            inputs.Add(input.Length == 0 ? "" : $"{i}");
            if (input.Length == 0) continue;
            if (!moved.Contains(i) && !(node.Op == "Pad" && i == 2)) evaluator.SetConstant($"{i}", view.Known(input)!);
            else if (Marks(input, i) is { } all) evaluator.SetConstant($"{i}", IrTensor.Of<long>(view.ShapeOf(input), all));
            else return new long[]?[node.Outputs.Count];
        }

        var outputs = node.Outputs.Select((_, i) => $"out{i}").ToList();
        evaluator.Evaluate(node.With(inputs, outputs));
        return [.. outputs.Select(output => evaluator.KnownContent(output)?.Integers())];

        long[]? Marks(string input, int index) => moved.Contains(index) && view.Known(input) is null ? marks(input) : new long[view.CountOf(input)];
    }

    /// <summary>Whether a value is small enough to track.</summary>
    public bool IsSmall(string value) => view.CountOf(value) <= MostElements;

    /// <summary>The marks of a value after broadcasting to a larger shape.</summary>
    public static long[] Broadcast(long[] elements, int[] from, int[] to)
    {
        if (from.AsSpan().SequenceEqual(to)) return elements;
        var result = new long[to.Aggregate(1, (a, b) => a * b)];
        for (var i = 0; i < result.Length; i++)
        {
            var (rest, at, stride) = (i, 0, 1);
            for (var axis = to.Length - 1; axis >= 0; axis--)
            {
                var own = axis - (to.Length - from.Length);
                if (own >= 0 && from[own] > 1) at += rest % to[axis] * stride;
                if (own >= 0) stride *= from[own];
                rest /= to[axis];
            }

            result[i] = elements[at];
        }

        return result;
    }

    private bool IsFloat(string value) => view.TypeOf(value) is ElementType.Float32 or ElementType.Float64;

    private bool Whole(IrNode node, int operand) => view.ShapeOf(node.Input(operand)).AsSpan().SequenceEqual(view.ShapeOf(node.Output(0)));

    /// <summary>Whether a factor is a mask that keeps or zeroes the other factor: made of inputs by shape changes and comparisons, with one value for many elements.</summary>
    private bool IsMaskOf(string factor, IrNode product)
    {
        var other = product.Input(0) == factor ? product.Input(1) : product.Input(0);
        if (factor == other || view.Known(factor) is not null || !view.ShapeOf(other).AsSpan().SequenceEqual(view.ShapeOf(product.Output(0)))) return false;
        return view.CountOf(factor) < view.CountOf(other) && IsMask(factor);
    }

    private bool IsMask(string value)
    {
        if (_masks.TryGetValue(value, out var known)) return known;
        var waiting = new Stack<string>([value]);
        var seen = new HashSet<string>();
        var isMask = true;
        while (isMask && waiting.TryPop(out var next))
        {
            if (next.Length == 0 || !seen.Add(next) || view.Known(next) is not null || !view.Producers.TryGetValue(next, out var node)) continue;
            isMask = s_maskOps.Contains(node.Op);
            foreach (var input in node.Inputs) waiting.Push(input);
        }

        return _masks[value] = isMask;
    }
}
