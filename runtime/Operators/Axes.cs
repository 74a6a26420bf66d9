using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Axis numbers, and walks over dense memory by strides. Nothing here allocates.</summary>
internal static unsafe class Axes
{
    /// <summary>An axis in [-rank, rank), counted from the start.</summary>
    public static int Normalize(long axis, int rank)
    {
        if (axis < -rank || axis >= rank) throw OperatorError.Value($"Axis {axis} is not within [{-rank}, {rank}).");
        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>Axes of a known integer tensor as a bit mask.</summary>
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

    /// <summary>Elements from one index to the next on each axis of a dense tensor.</summary>
    public static void Strides(in Shape shape, Span<long> strides)
    {
        var stride = 1L;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= shape[axis];
        }
    }

    /// <summary>Strides of <paramref name="from"/> seen as broadcast to <paramref name="to"/>: 0 where it repeats.</summary>
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

    /// <summary>The shape that NumPy's rules give two shapes together.</summary>
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

    /// <summary>Copies elements of a strided view, in row-major order of <paramref name="sizes"/>, to dense memory.</summary>
    /// <param name="source">Element at index 0 of every axis.</param>
    /// <param name="sizes">Sizes of the view.</param>
    /// <param name="strides">Elements between indices of each axis; may be 0 or negative.</param>
    /// <param name="width">Bytes of an element.</param>
    /// <param name="target">Dense memory.</param>
    public static void Copy(byte* source, ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, int width, byte* target)
    {
        var rank = sizes.Length;
        foreach (var size in sizes)
        {
            if (size == 0) return;
        }

        // Inner axes that are dense in the source are one run.
        var run = 1L;
        while (rank > 0 && (strides[rank - 1] == run || sizes[rank - 1] == 1)) run *= sizes[--rank];
        Span<int> index = stackalloc int[Shape.MaxRank];
        index.Clear();
        if (rank == 0)
        {
            Buffer.MemoryCopy(source, target, run * width, run * width);
            return;
        }

        var inner = rank - 1;
        var step = strides[inner] * width;
        while (true)
        {
            if (run == 1) CopyLine(source, step, sizes[inner], width, target);
            else
            {
                for (var i = 0; i < sizes[inner]; i++) Buffer.MemoryCopy(source + i * step, target + i * run * width, run * width, run * width);
            }

            target += sizes[inner] * run * width;
            var axis = inner - 1;
            for (; axis >= 0; axis--)
            {
                source += strides[axis] * width;
                if (++index[axis] < sizes[axis]) break;
                source -= strides[axis] * width * sizes[axis];
                index[axis] = 0;
            }

            if (axis < 0) return;
        }
    }

    private static void CopyLine(byte* source, long step, int count, int width, byte* target)
    {
        switch (width)
        {
            case 1:
                for (var i = 0; i < count; i++) target[i] = source[i * step];
                break;
            case 4:
                for (var i = 0; i < count; i++) ((uint*)target)[i] = *(uint*)(source + i * step);
                break;
            default:
                for (var i = 0; i < count; i++) ((ulong*)target)[i] = *(ulong*)(source + i * step);
                break;
        }
    }
}
