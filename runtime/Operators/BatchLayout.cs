using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// How a value of one stream, of shape <paramref name="Shape"/>, is seen by a node that computes many: axis <paramref name="Axis"/> is
/// as many times longer. Rows of streams lie one after the other in memory, so where sizes before the axis are not all 1 they are
/// copied into that order and back.
/// </summary>
internal readonly record struct BatchLayout(Shape Shape, int Axis)
{
    /// <summary>Blocks of one stream that lie apart in the node's order; 1 where the rows are in place.</summary>
    public int Outer => Shape.Product(0, Axis);

    public Shape For(int streams)
    {
        var shape = Shape;
        shape[Axis] = checked(shape[Axis] * streams);
        return shape;
    }

    /// <summary>Elements in a row, whatever their shape.</summary>
    public static BatchLayout Flat(Tensor one) => new(new Shape(one.Count), 0);

    /// <summary>Rows of the last dimension.</summary>
    public static BatchLayout Rows(Tensor one) => new(new Shape(one.Count / one.Shape[one.Rank - 1], one.Shape[one.Rank - 1]), 0);

    /// <summary>The dimension <paramref name="axis"/> is a batch.</summary>
    public static BatchLayout Batch(Tensor one, int axis) => new(one.Shape, axis);

    /// <summary>A new dimension before <paramref name="rank"/> dimensions, to which the shape is filled up with ones as broadcasting does.</summary>
    public static BatchLayout Before(Tensor one, int rank)
    {
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        sizes[..(rank + 1)].Fill(1);
        one.Shape.AsSpan().CopyTo(sizes[(rank + 1 - one.Rank)..]);
        return new BatchLayout(new Shape(sizes[..(rank + 1)]), 0);
    }
}
