using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Walks up to three tensors broadcast to one shape, line by line. Along a line each input steps by 0 or 1 element and the output by 1. Axes
/// that all tensors step through alike are merged, so that lines are as long as possible.
/// </summary>
/// <remarks>Construct it, use the line, and continue while <see cref="Next"/> is true. The shape must not be empty.</remarks>
internal struct BroadcastLines
{
    private readonly int _rank;
    private Sizes _sizes;
    private Sizes _index;
    private Strides _stridesA;
    private Strides _stridesB;
    private Strides _stridesC;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BroadcastLines(in Shape y, in Shape a, in Shape b)
        : this(y, a, b, new Shape())
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BroadcastLines(in Shape y, in Shape a, in Shape b, in Shape c)
    {
        Axes.BroadcastStrides(a, y, _stridesA);
        Axes.BroadcastStrides(b, y, _stridesB);
        Axes.BroadcastStrides(c, y, _stridesC);
        var rank = 0;
        for (var axis = 0; axis < y.Rank; axis++)
        {
            var size = y[axis];
            if (size == 1) continue;
            if (rank > 0 && _stridesA[rank - 1] == _stridesA[axis] * size && _stridesB[rank - 1] == _stridesB[axis] * size && _stridesC[rank - 1] == _stridesC[axis] * size) rank--;
            else _sizes[rank] = 1;
            _sizes[rank] *= size;
            _stridesA[rank] = _stridesA[axis];
            _stridesB[rank] = _stridesB[axis];
            _stridesC[rank] = _stridesC[axis];
            rank++;
        }

        Length = 1;
        if (rank > 0)
        {
            rank--;
            Length = _sizes[rank];
            StepA = (int)_stridesA[rank];
            StepB = (int)_stridesB[rank];
            StepC = (int)_stridesC[rank];
        }

        _rank = rank;
    }

    /// <summary>The number of elements of a line.</summary>
    public int Length { get; }

    public int StepA { get; }

    public int StepB { get; }

    public int StepC { get; }

    /// <summary>Index of the element of input A at which the current line starts.</summary>
    public long A { get; private set; }

    public long B { get; private set; }

    public long C { get; private set; }

    /// <summary>Index of the element of the output at which the current line starts.</summary>
    public long Y { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Next()
    {
        Y += Length;
        for (var axis = _rank - 1; axis >= 0; axis--)
        {
            A += _stridesA[axis];
            B += _stridesB[axis];
            C += _stridesC[axis];
            var size = _sizes[axis];
            if (++_index[axis] < size) return true;
            A -= _stridesA[axis] * size;
            B -= _stridesB[axis] * size;
            C -= _stridesC[axis] * size;
            _index[axis] = 0;
        }

        return false;
    }

    [InlineArray(Shape.MaxRank)]
    private struct Sizes
    {
        private int _element;
    }

    [InlineArray(Shape.MaxRank)]
    private struct Strides
    {
        private long _element;
    }
}
