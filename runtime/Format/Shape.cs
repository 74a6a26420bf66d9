using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>The sizes of a tensor's dimensions, outermost first: a value type of at most <see cref="MaxRank"/> dimensions that never allocates.</summary>
[DebuggerDisplay("{ToString(),nq}")]
internal struct Shape : IEquatable<Shape>
{
    public const int MaxRank = 8;

    private Sizes _sizes;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Shape(params ReadOnlySpan<int> sizes)
    {
        if (sizes.Length > MaxRank) throw new ArgumentException($"A tensor has at most {MaxRank} dimensions; {sizes.Length} were given.");
        Rank = sizes.Length;
        sizes.CopyTo(((Span<int>)_sizes)[..sizes.Length]);
    }

    public int Rank { get; private set; }

    /// <summary>The number of elements: the product of all sizes, 1 for a scalar.</summary>
    /// <exception cref="ArgumentException">
    /// The number exceeds the limit of a tensor (2³¹-1 elements). Sizes of 0 count as 1 here, so that the product of any of the sizes of an
    /// accepted tensor fits an int too.
    /// </exception>
    public readonly int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        get
        {
            var product = 1L;
            var isEmpty = false;
            foreach (var size in AsSpan())
            {
                isEmpty |= size == 0;
                product *= Math.Max(size, 1);
                if (product > int.MaxValue) throw new TooLargeException($"A tensor of shape {this} has more than {int.MaxValue} elements.");
            }

            return isEmpty ? 0 : (int)product;
        }
    }

    /// <summary>Product of all sizes, with 0 counted as 1: about the number of steps of a loop over all axes, even if some axis is empty.</summary>
    public readonly double Extent
    {
        get
        {
            var product = 1.0;
            foreach (var size in AsSpan()) product *= Math.Max(size, 1);
            return product;
        }
    }

    public int this[int axis]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly get => AsSpan()[axis];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set => ((Span<int>)_sizes)[..Rank][axis] = value;
    }

    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ReadOnlySpan<int> AsSpan() => ((ReadOnlySpan<int>)_sizes)[..Rank];

    /// <summary>Product of the sizes in [<paramref name="from"/>, <paramref name="to"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly int Product(int from, int to)
    {
        var product = 1;
        for (var axis = from; axis < to; axis++) product = checked(product * this[axis]);
        return product;
    }

    /// <summary>This shape with another innermost dimension.</summary>
    public readonly Shape Append(int size)
    {
        var result = this;
        if (Rank == MaxRank) throw new ArgumentException($"A tensor has at most {MaxRank} dimensions.");
        result.Rank++;
        result[Rank] = size;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly bool Equals(Shape other) => AsSpan().SequenceEqual(other.AsSpan());

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override readonly bool Equals(object? obj) => obj is Shape other && Equals(other);

    public override readonly int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var size in AsSpan()) hash.Add(size);
        return hash.ToHashCode();
    }

    public override readonly string ToString() => $"[{string.Join(", ", AsSpan().ToArray())}]";

    [InlineArray(MaxRank)]
    private struct Sizes
    {
        private int _element;
    }
}
