using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Axis numbers, strides and NumPy's broadcasting rule. None of these methods allocates.</summary>
internal static class Axes
{
    /// <summary>Converts an axis in [-rank, rank) to one counted from the start.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Normalize(long axis, int rank)
    {
        if (axis < -rank || axis >= rank) throw OperatorError.Value($"Axis {axis} is not in [{-rank}, {rank}).");
        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>The axes of a known integer tensor as a bit mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Mask(Tensor axes, int rank)
    {
        var mask = 0;
        for (var i = 0; i < axes.Count; i++)
        {
            var bit = 1 << Normalize(axes.Integer(i), rank);
            if ((mask & bit) != 0) throw OperatorError.Value($"'{axes.Name}' names an axis twice.");
            mask |= bit;
        }

        return mask;
    }

    /// <summary>Elements between consecutive indices of each axis of a dense tensor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Strides(in Shape shape, Span<long> strides)
    {
        var stride = 1L;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= shape[axis];
        }
    }

    /// <summary>Strides of <paramref name="from"/> broadcast to <paramref name="to"/>: 0 on repeated axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BroadcastStrides(in Shape from, in Shape to, Span<long> strides)
    {
        strides[..to.Rank].Clear();
        var stride = 1L;
        for (var axis = from.Rank - 1; axis >= 0; axis--)
        {
            if (from[axis] != 1) strides[to.Rank - from.Rank + axis] = stride;
            stride *= from[axis];
        }
    }

    /// <summary>The common shape of two shapes by NumPy's rules.</summary>
    public static Shape Broadcast(Tensor a, Tensor b)
    {
        var rank = Math.Max(a.Rank, b.Rank);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        for (var i = 1; i <= rank; i++)
        {
            var sizeA = i <= a.Rank ? a.Shape[a.Rank - i] : 1;
            var sizeB = i <= b.Rank ? b.Shape[b.Rank - i] : 1;
            if (sizeA != sizeB && sizeA != 1 && sizeB != 1) throw OperatorError.Broadcast(a, b);
            sizes[rank - i] = sizeA == 1 ? sizeB : sizeA;
        }

        return new Shape(sizes[..rank]);
    }

    /// <summary>Advances to the next index of <paramref name="sizes"/> in row-major order and updates <paramref name="offset"/>. False after the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Next(Span<int> index, ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, ref long offset)
    {
        for (var axis = sizes.Length - 1; axis >= 0; axis--)
        {
            offset += strides[axis];
            if (++index[axis] < sizes[axis]) return true;
            offset -= strides[axis] * sizes[axis];
            index[axis] = 0;
        }

        return false;
    }
}
