using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// The layout of a value of many streams for one node. The value of one stream has shape <paramref name="Shape"/>; axis <paramref name="Axis"/>
/// is as many times longer. The rows of streams follow each other in memory. If sizes before the axis are not all 1, the rows are copied into
/// the node's order and back.
/// </summary>
internal readonly record struct BatchLayout(Shape Shape, int Axis)
{
    /// <summary>The number of blocks of one stream that are separate in the node's order. 1 if its rows need no copy.</summary>
    public int Outer => Shape.Product(0, Axis);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Shape For(int streams)
    {
        var shape = Shape;
        shape[Axis] = checked(shape[Axis] * streams);
        return shape;
    }

    /// <summary>All elements in one row, for any shape.</summary>
    public static BatchLayout Flat(Tensor one) => new(new Shape(one.Count), 0);

    /// <summary>Rows of the last dimension.</summary>
    public static BatchLayout Rows(Tensor one) => new(new Shape(one.Count / one.Shape[one.Rank - 1], one.Shape[one.Rank - 1]), 0);

    /// <summary>Dimension <paramref name="axis"/> is a batch.</summary>
    public static BatchLayout Batch(Tensor one, int axis) => new(one.Shape, axis);

    /// <summary>A new dimension before <paramref name="rank"/> dimensions. The shape is padded with ones, like in broadcasting.</summary>
    public static BatchLayout Before(Tensor one, int rank)
    {
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        sizes[..(rank + 1)].Fill(1);
        one.Shape.AsSpan().CopyTo(sizes[(rank + 1 - one.Rank)..]);
        return new BatchLayout(new Shape(sizes[..(rank + 1)]), 0);
    }
}
