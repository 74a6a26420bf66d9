using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Copies a strided view to dense memory. Transpose, Slice, Expand, Tile and strided reductions use it. Nothing allocates.</summary>
/// <remarks>The view is simplified once; operators whose views depend on shapes only keep it (<see cref="Keep"/>), so that a run only copies.</remarks>
internal unsafe struct StridedCopy
{
    /// <summary>Limit of a view's axes: twice those of a tensor, for Tile.</summary>
    public const int MaxAxes = 2 * Shape.MaxRank;

    /// <summary>Block size for transposing a matrix, so that read cache lines stay in the cache until they are used up.</summary>
    private const int Block = 16;

    private readonly bool _isEmpty;
    private readonly long _offset;
    private readonly long _run;
    private readonly int _rows;
    private readonly long _rowStep;
    private readonly int _columns;
    private readonly long _columnStep;
    private readonly int _outer;
    private Sizes _sizes;
    private Strides _steps;

    /// <param name="sizes">Sizes of the view, at most <see cref="MaxAxes"/>.</param>
    /// <param name="strides">Elements between indices of each axis. May be 0 or negative.</param>
    /// <param name="width">Bytes of an element.</param>
    /// <param name="offset">Elements of the source before the one at index 0 of every axis.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public StridedCopy(ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, int width, long offset = 0)
    {
        var rank = Merge(sizes, strides, _sizes, _steps);
        if (rank < 0)
        {
            _isEmpty = true;
            return;
        }

        // A dense innermost axis is copied in runs; the remaining axes iterate over runs.
        _offset = offset * width;
        _run = width;
        if (rank > 0 && _steps[rank - 1] == 1) _run *= _sizes[--rank];
        for (var axis = 0; axis < rank; axis++) _steps[axis] *= width;
        (_rows, _columns) = (1, 1);
        if (rank > 0) (_columns, _columnStep) = (_sizes[rank - 1], _steps[rank - 1]);
        if (rank > 1) (_rows, _rowStep) = (_sizes[rank - 2], _steps[rank - 2]);
        _outer = Math.Max(rank - 2, 0);
    }

    /// <summary>Copies the elements of a view, in row-major order of <paramref name="sizes"/>.</summary>
    /// <param name="source">Element at index 0 of every axis.</param>
    /// <param name="sizes">Sizes of the view, at most <see cref="MaxAxes"/>.</param>
    /// <param name="strides">Elements between indices of each axis. May be 0 or negative.</param>
    /// <param name="width">Bytes of an element.</param>
    /// <param name="target">Dense memory that does not overlap the source.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* source, ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, int width, byte* target) => new StridedCopy(sizes, strides, width).Run(source, target);

    /// <summary>Keeps a view for the runs of a node, when its shapes are inferred.</summary>
    public static void Keep(NodeContext context, in StridedCopy copy) => (context.Kept as Kept ?? (Kept)(context.Kept = new Kept())).Copy = copy;

    /// <summary>Copies the view that a node keeps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RunKept(NodeContext context, byte* source, byte* target) => ((Kept)context.Kept!).Copy.Run(source, target);

    /// <summary>Copies the elements of the view in row-major order.</summary>
    /// <param name="source">The source.</param>
    /// <param name="target">Dense memory that does not overlap the source.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(byte* source, byte* target)
    {
        if (_isEmpty) return;
        source += _offset;
        if (_outer == 0)
        {
            CopyMatrix(source, target);
            return;
        }

        Span<int> index = stackalloc int[MaxAxes];
        index[.._outer].Clear();
        ReadOnlySpan<int> sizes = _sizes;
        ReadOnlySpan<long> steps = _steps;
        long offset = 0;
        do
        {
            CopyMatrix(source + offset, target);
            target += _rows * _columns * _run;
        }
        while (Axes.Next(index, sizes[.._outer], steps, ref offset));
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
    private readonly void CopyMatrix(byte* source, byte* target)
    {
        switch (_run)
        {
            case 1: CopyBlocks(source, target); break;
            case 4: CopyBlocks(source, (uint*)target); break;
            case 8: CopyBlocks(source, (ulong*)target); break;
            default:
                for (var row = 0; row < _rows; row++, source += _rowStep, target += _columns * _run) Runs.Copy(source, (nint)_columnStep, target, (nint)_run, (nint)_run, _columns);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void CopyBlocks<T>(byte* source, T* target)
        where T : unmanaged
    {
        int rows = _rows, columns = _columns;
        nint rowStep = (nint)_rowStep, columnStep = (nint)_columnStep;
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

    [InlineArray(MaxAxes)]
    private struct Sizes
    {
        private int _element;
    }

    [InlineArray(MaxAxes)]
    private struct Strides
    {
        private long _element;
    }

    private sealed class Kept
    {
        public StridedCopy Copy;
    }
}
