namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// Where the stored elements of a sparse constant belong. Its axes, and those of the blocks that they are divided into, are levels of a tree. A
/// dense level has every index; a sparse one lists the indices that have elements.
/// </summary>
/// <param name="Order">The axis of each level. Numbers from the rank on are axes of blocks.</param>
/// <param name="Blocks">The axis that each axis of blocks divides.</param>
/// <param name="Levels">The levels, the outermost first.</param>
internal sealed record TfliteSparsity(int[] Order, int[] Blocks, TfliteLevel[] Levels)
{
    /// <summary>All elements, the missing ones zero.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="width">Bytes of an element.</param>
    /// <param name="data">The stored elements.</param>
    /// <param name="fault">Makes the exception for data that does not fit.</param>
    public byte[] Dense(int[] shape, int width, ReadOnlySpan<byte> data, Func<string, ConversionException> fault)
    {
        var bytes = shape.Aggregate((long)width, (a, b) => Math.Min(a * b, int.MaxValue));
        if (bytes > Array.MaxLength) throw fault($"it has [{string.Join(", ", shape)}] elements");
        var rank = shape.Length;
        // An axis is divided into blocks at most once, so levels are few.
        if (rank == 0 || Blocks.Length > rank || Order.Length != Levels.Length || Order.Length != rank + Blocks.Length || !Order.Order().SequenceEqual(Enumerable.Range(0, Order.Length)) || Order.Take(rank).Any(axis => axis >= rank) || Array.Exists(Blocks, axis => (uint)axis >= (uint)rank)) throw fault("its levels do not fit its shape");
        // A block's size is that of its level; the rest of the axis is the number of blocks.
        var sizes = new long[Order.Length];
        shape.CopyTo(sizes, 0);
        for (var level = rank; level < Order.Length; level++)
        {
            var (block, axis) = (Levels[level].Size, Blocks[Order[level] - rank]);
            if (Levels[level].IsSparse || block < 1 || sizes[axis] % block != 0) throw fault("its blocks do not divide its shape");
            (sizes[Order[level]], sizes[axis]) = (block, sizes[axis] / block);
        }

        for (var level = 0; level < Order.Length; level++)
        {
            if (!Levels[level].IsSparse && Levels[level].Size != sizes[Order[level]]) throw fault("the sizes of its levels do not fit its shape");
        }

        // Without elements there is nothing to walk to, however large the other sizes are.
        if (bytes == 0) return data.Length == 0 ? [] : throw fault($"it stores {data.Length / width} elements, but its shape has none");
        var dense = new byte[bytes];
        var walk = new Walk(this, shape, sizes, width, fault);
        walk.Fill(data, dense, 0, 0);
        return walk.Read == data.Length ? dense : throw fault($"it stores {data.Length / width} elements, and its levels place {walk.Read / width}");
    }

    private sealed class Walk(TfliteSparsity sparsity, int[] shape, long[] sizes, int width, Func<string, ConversionException> fault)
    {
        private readonly long[] _at = new long[sparsity.Levels.Length];

        public int Read { get; private set; }

        public void Fill(ReadOnlySpan<byte> data, byte[] dense, int level, long parent)
        {
            if (level == _at.Length)
            {
                if (Read + width > data.Length) throw fault("it stores fewer elements than its levels place");
                data.Slice(Read, width).CopyTo(dense.AsSpan(checked((int)(Place() * width))));
                Read += width;
                return;
            }

            var (here, size) = (sparsity.Levels[level], sizes[sparsity.Order[level]]);
            if (!here.IsSparse)
            {
                for (_at[level] = 0; _at[level] < size; _at[level]++) Fill(data, dense, level + 1, parent * size + _at[level]);
                return;
            }

            if (parent + 1 >= here.Starts.Length) throw fault("a level has fewer parts than the one above");
            var (first, last) = (here.Starts[parent], here.Starts[parent + 1]);
            if (first < 0 || last < first || last > here.Indices.Length) throw fault("the parts of a level lie outside of it");
            for (var i = first; i < last; i++)
            {
                if (here.Indices[i] is var index && (index < 0 || index >= size || (i > first && index <= here.Indices[i - 1]))) throw fault("the indices of a level are not ascending in its size");
                _at[level] = index;
                Fill(data, dense, level + 1, i);
            }
        }

        /// <summary>The place of the element in the dense tensor.</summary>
        private long Place()
        {
            var (place, rank) = (0L, shape.Length);
            var index = new long[rank];
            for (var level = 0; level < rank; level++) index[sparsity.Order[level]] = _at[level];
            for (var level = rank; level < _at.Length; level++) index[sparsity.Blocks[sparsity.Order[level] - rank]] = index[sparsity.Blocks[sparsity.Order[level] - rank]] * sparsity.Levels[level].Size + _at[level];
            for (var axis = 0; axis < rank; axis++) place = place * shape[axis] + index[axis];
            return place;
        }
    }
}

/// <summary>A level of a sparse constant.</summary>
/// <param name="IsSparse">Whether it lists its indices.</param>
/// <param name="Size">The number of indices of a dense level.</param>
/// <param name="Starts">Where the indices of each part of the level above begin, and the end of the last.</param>
/// <param name="Indices">The indices.</param>
internal sealed record TfliteLevel(bool IsSparse, int Size, int[] Starts, int[] Indices);
