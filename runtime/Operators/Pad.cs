using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>X with elements added before and after on each axis. Negative pads remove elements.</summary>
/// <remarks>
/// Inputs: X of any type; pads, int32 or int64, known: all beginnings, then all ends; optional fill value of X's type (default 0); optional
/// known axes. Mode: constant; reflect, mirrored without repeating the edge, as often as needed; edge; wrap.
/// </remarks>
internal sealed unsafe class Pad : Operator
{
    private readonly string _mode;

    public Pad(Attributes attributes)
    {
        _mode = attributes.String(AttributeKey.Mode, "constant");
        if (_mode is not ("constant" or "reflect" or "edge" or "wrap")) throw OperatorError.Attribute($"Mode '{_mode}' is unknown; it must be constant, reflect, edge or wrap.");
    }

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        Span<int> begin = stackalloc int[Shape.MaxRank];
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Amounts(context, x, begin, sizes);
        if (context.Optional(2) is { } value && Require.Dense(value, x.Type).Count != 1) throw OperatorError.Rank(value, "one element");
        context.Output(0).Set(x.Type, new Shape(sizes[..x.Rank]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        switch (context.Input(0).Type.Size())
        {
            case 1: Fill<byte>(context); break;
            case 4: Fill<uint>(context); break;
            default: Fill<ulong>(context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Fill<T>(NodeContext context)
        where T : unmanaged
    {
        Tensor x = context.Input(0), output = context.Output(0);
        if (output.Count == 0) return;
        if (x.Rank == 0)
        {
            *(T*)output.Data = *(T*)x.Data;
            return;
        }

        Span<int> begin = stackalloc int[Shape.MaxRank];
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Span<int> index = stackalloc int[Shape.MaxRank];
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Amounts(context, x, begin, sizes);
        Axes.Strides(x.Shape, strides);
        index.Clear();
        var fill = context.Optional(2) is { } value ? *(T*)value.Data : default;
        var last = x.Rank - 1;
        for (var y = (T*)output.Data; ; y += sizes[last])
        {
            long row = 0;
            for (var axis = 0; axis < last && row >= 0; axis++)
            {
                var from = Source((long)index[axis] - begin[axis], x.Shape[axis]);
                row = from < 0 ? -1 : row + from * strides[axis];
            }

            if (row < 0) new Span<T>(y, sizes[last]).Fill(fill);
            else Line((T*)x.Data + row, x.Shape[last], begin[last], y, sizes[last], fill);
            var outer = last - 1;
            for (; outer >= 0; outer--)
            {
                if (++index[outer] < sizes[outer]) break;
                index[outer] = 0;
            }

            if (outer < 0) return;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Line<T>(T* x, int size, long begin, T* y, int length, T fill)
        where T : unmanaged
    {
        var start = Math.Clamp(begin, 0, length);
        var end = Math.Clamp(begin + size, start, length);
        if (end > start) Runs.Copy((byte*)(x + (start - begin)), (byte*)(y + start), (nint)(end - start) * sizeof(T));
        if (_mode == "constant")
        {
            new Span<T>(y, (int)start).Fill(fill);
            new Span<T>(y + end, (int)(length - end)).Fill(fill);
            return;
        }

        // Reflected once at each end, which needs no division.
        if (_mode == "reflect" && (start == begin || start == 0) && (end == begin + size || end == length) && start < size && length - end < size)
        {
            for (long i = 0; i < start; i++) y[i] = x[start - i];
            for (var i = end; i < length; i++) y[i] = x[size - 2 - (i - end)];
            return;
        }

        for (long i = 0; i < start; i++) y[i] = x[Source(i - begin, size)];
        for (var i = end; i < length; i++) y[i] = x[Source(i - begin, size)];
    }

    /// <summary>The input's index for an output index counted from the input's start. -1 for the fill value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private long Source(long index, int size)
    {
        if (index >= 0 && index < size) return index;
        switch (_mode)
        {
            case "constant": return -1;
            case "edge": return Math.Clamp(index, 0, size - 1);
            case "wrap": return (index % size + size) % size;
            default:
                if (size == 1) return 0;
                var period = 2L * (size - 1);
                var folded = (index % period + period) % period;
                return folded < size ? folded : period - folded;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Amounts(NodeContext context, Tensor x, Span<int> begin, Span<int> sizes)
    {
        var pads = Indices.Require(context.Known(1));
        var axes = context.Optional(3) is null ? null : Indices.Require(context.Known(3));
        var count = axes?.Count ?? x.Rank;
        if (pads.Count != 2L * count) throw OperatorError.Value($"'{pads.Name}' has {pads.Count} pads for {count} axes; it must have two for each.");
        if (axes is not null) Axes.Mask(axes, x.Rank);
        begin.Clear();
        x.Shape.AsSpan().CopyTo(sizes);
        for (var i = 0; i < count; i++)
        {
            var axis = axes is null ? i : Axes.Normalize(axes.Integer(i), x.Rank);
            var before = Math.Clamp(pads.Integer(i), -int.MaxValue, int.MaxValue);
            var after = Math.Clamp(pads.Integer(count + i), -int.MaxValue, int.MaxValue);
            begin[axis] = (int)before;
            sizes[axis] = Require.Size(before + after + x.Shape[axis]);
            if (_mode != "constant" && x.Shape[axis] == 0 && sizes[axis] > 0) throw OperatorError.Rank(x, $"at least one element to repeat along axis {axis}");
        }
    }
}
