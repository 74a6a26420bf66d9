using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Copies a strided view to dense memory. Transpose, Slice, Expand, Tile and strided reductions use it. Nothing allocates.</summary>
internal static unsafe class StridedCopy
{
    /// <summary>Limit of a view's axes: twice those of a tensor, for Tile.</summary>
    public const int MaxAxes = 2 * Shape.MaxRank;

    /// <summary>Block size for transposing a matrix, so that read cache lines stay in the cache until they are used up.</summary>
    private const int Block = 16;

    /// <summary>Copies the elements of a view, in row-major order of <paramref name="sizes"/>.</summary>
    /// <param name="source">Element at index 0 of every axis.</param>
    /// <param name="sizes">Sizes of the view, at most <see cref="MaxAxes"/>.</param>
    /// <param name="strides">Elements between indices of each axis. May be 0 or negative.</param>
    /// <param name="width">Bytes of an element.</param>
    /// <param name="target">Dense memory that does not overlap the source.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* source, ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, int width, byte* target)
    {
        Span<int> merged = stackalloc int[MaxAxes];
        Span<long> steps = stackalloc long[MaxAxes];
        var rank = Merge(sizes, strides, merged, steps);
        if (rank < 0) return;

        // A dense innermost axis is copied in runs; the remaining axes iterate over runs.
        long run = width;
        if (rank > 0 && steps[rank - 1] == 1) run *= merged[--rank];
        for (var axis = 0; axis < rank; axis++) steps[axis] *= width;
        if (rank == 0)
        {
            Buffer.MemoryCopy(source, target, run, run);
            return;
        }

        var columns = merged[rank - 1];
        var columnStep = steps[rank - 1];
        var isMatrix = rank > 1;
        var rows = isMatrix ? merged[rank - 2] : 1;
        var rowStep = isMatrix ? steps[rank - 2] : 0;
        var outer = rank - (isMatrix ? 2 : 1);
        Span<int> index = stackalloc int[MaxAxes];
        index[..outer].Clear();
        long offset = 0;
        do
        {
            CopyMatrix(source + offset, rows, rowStep, columns, columnStep, run, target);
            target += rows * columns * run;
        }
        while (Axes.Next(index, merged[..outer], steps, ref offset));
    }

    /// <summary>Drops axes of size 1 and merges neighbouring axes that are one axis in the source. Returns the number of axes left, or -1 for an empty view.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Merge(ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, Span<int> merged, Span<long> steps)
    {
        var rank = 0;
        for (var axis = 0; axis < sizes.Length; axis++)
        {
            var size = sizes[axis];
            if (size == 0) return -1;
            if (size == 1) continue;
            if (rank > 0 && steps[rank - 1] == strides[axis] * size)
            {
                merged[rank - 1] *= size;
                steps[rank - 1] = strides[axis];
                continue;
            }

            merged[rank] = size;
            steps[rank++] = strides[axis];
        }

        return rank;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyMatrix(byte* source, int rows, long rowStep, int columns, long columnStep, long run, byte* target)
    {
        switch (run)
        {
            case 1: CopyBlocks<byte>(source, rows, rowStep, columns, columnStep, (byte*)target); break;
            case 4: CopyBlocks<uint>(source, rows, rowStep, columns, columnStep, (uint*)target); break;
            case 8: CopyBlocks<ulong>(source, rows, rowStep, columns, columnStep, (ulong*)target); break;
            default:
                for (long row = 0; row < rows; row++)
                {
                    for (long column = 0; column < columns; column++, target += run)
                        Buffer.MemoryCopy(source + row * rowStep + column * columnStep, target, run, run);
                }

                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyBlocks<T>(byte* source, int rows, long rowStep, int columns, long columnStep, T* target)
        where T : unmanaged
    {
        var height = rows > Block && columns > Block ? Block : rows;
        var width = rows > Block && columns > Block ? Block : columns;
        for (var top = 0; top < rows; top += height)
        {
            var bottom = Math.Min(rows, top + height);
            for (var left = 0; left < columns; left += width)
            {
                var right = Math.Min(columns, left + width);
                for (var row = top; row < bottom; row++)
                {
                    var from = source + row * rowStep + left * columnStep;
                    var to = target + (long)row * columns;
                    for (var column = left; column < right; column++, from += columnStep) to[column] = *(T*)from;
                }
            }
        }
    }
}
