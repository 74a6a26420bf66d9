using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// X with elements added before and after on each axis (negative numbers take away): inputs X, pads (all beginnings, then all
/// ends; known), value (optional), axes (optional, known). Mode constant, reflect (without the edge itself), edge or wrap.
/// Tile is wrap to a multiple of the size.
/// </summary>
internal sealed unsafe class Pad(Attributes attributes, bool isTile) : Operator
{
    private readonly string _mode = isTile ? "wrap" : attributes.String(AttributeKey.Mode, "constant");

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        if (_mode is not ("constant" or "reflect" or "edge" or "wrap")) throw OperatorError.Attribute($"Mode '{_mode}' is none of constant, reflect, edge, wrap.");
        var x = Require.AnyDense(context.Input(0));
        Span<int> begin = stackalloc int[Shape.MaxRank];
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Amounts(context, x, begin, sizes);
        if (!isTile && context.Optional(2) is { } value && (Require.AnyDense(value).Type != x.Type || value.Count != 1)) throw OperatorError.Type(value, $"one {x.Type.Name()}");
        context.Output(0).Set(x.Type, new Shape(sizes[..x.Rank]));
    }

    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        if (y.Count == 0) return;
        Span<int> begin = stackalloc int[Shape.MaxRank];
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Span<int> index = stackalloc int[Shape.MaxRank];
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Amounts(context, x, begin, sizes);
        Axes.Strides(x.Shape, strides);
        index.Clear();
        var width = x.Type.Size();
        var zero = 0L;
        var fill = !isTile && context.Optional(2) is { } value ? value.Data : (byte*)&zero;
        var last = x.Rank - 1;
        var line = x.Rank == 0 ? 1 : sizes[last];
        for (var target = y.Data; ; target += (long)line * width)
        {
            var row = 0L;
            for (var axis = 0; axis < last && row >= 0; axis++)
            {
                var from = Source(index[axis] - begin[axis], x.Shape[axis]);
                row = from < 0 ? -1 : row + from * strides[axis];
            }

            for (var i = 0; i < line; i++)
            {
                var from = row < 0 || x.Rank == 0 ? row : Source(i - begin[last], x.Shape[last]);
                var source = row < 0 || from < 0 ? fill : x.Data + (row + from) * width;
                if (width == 4) ((uint*)target)[i] = *(uint*)source;
                else if (width == 8) ((ulong*)target)[i] = *(ulong*)source;
                else target[i] = *source;
            }

            var outer = last - 1;
            for (; outer >= 0; outer--)
            {
                if (++index[outer] < sizes[outer]) break;
                index[outer] = 0;
            }

            if (outer < 0) return;
        }
    }

    /// <summary>Index in the input for an output index counted from the input's start, or -1 for the fill value.</summary>
    private int Source(int index, int size)
    {
        if ((uint)index < (uint)size) return index;
        switch (_mode)
        {
            case "constant": return -1;
            case "edge": return Math.Clamp(index, 0, size - 1);
            case "wrap": return (int)(((long)index % size + size) % size);
            default:
                if (size == 1) return 0;
                var period = 2L * (size - 1);
                var folded = ((long)index % period + period) % period;
                return (int)(folded < size ? folded : period - folded);
        }
    }

    private void Amounts(NodeContext context, Tensor x, Span<int> begin, Span<int> sizes)
    {
        var amounts = context.Known(1);
        begin.Clear();
        x.Shape.AsSpan().CopyTo(sizes);
        if (isTile)
        {
            if (amounts.Count != x.Rank) throw OperatorError.Value($"'{amounts.Name}' has {amounts.Count} repeats for {x.Rank} dimensions.");
            for (var i = 0; i < x.Rank; i++) sizes[i] = Size(Math.Clamp(amounts.Integer(i), -1, int.MaxValue) * sizes[i], x);
            return;
        }

        var axes = context.Optional(3) is null ? null : context.Known(3);
        var count = axes?.Count ?? x.Rank;
        if (amounts.Count != 2 * count) throw OperatorError.Value($"'{amounts.Name}' has {amounts.Count} pads for {count} axes; {2 * count} are needed.");
        if (axes is not null) Axes.Mask(axes, x.Rank);
        for (var i = 0; i < count; i++)
        {
            var axis = axes is null ? i : Axes.Normalize(axes.Integer(i), x.Rank);
            var before = Math.Clamp(amounts.Integer(i), -int.MaxValue, int.MaxValue);
            var after = Math.Clamp(amounts.Integer(count + i), -int.MaxValue, int.MaxValue);
            begin[axis] = (int)before;
            sizes[axis] = Size(before + after + x.Shape[axis], x);
            if (_mode != "constant" && x.Shape[axis] == 0 && sizes[axis] > 0) throw OperatorError.Rank(x, "elements to repeat");
        }
    }

    private static int Size(long size, Tensor x) => size is >= 0 and <= int.MaxValue ? (int)size : throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} would get a dimension of {size}.");
}
