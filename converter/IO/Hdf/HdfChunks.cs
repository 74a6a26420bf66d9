namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>A dataset kept in chunks of one shape, found by a tree or, in newer files, by an array of addresses.</summary>
internal sealed class HdfChunks(HdfBytes file, string name, int[] shape, int elementBytes, List<HdfFilter> filters)
{
    private const int LargestChunk = 1 << 30;
    private const int Single = 1, Implicit = 2, FixedArray = 3;

    private readonly int _rank = shape.Length;
    private int[] _chunk = [];
    private int _chunkBytes;
    private byte[] _data = [];

    /// <summary>All elements, row-major.</summary>
    public byte[] Read(int version, ref HdfCursor layout, long needed)
    {
        const int singleIsPacked = 2;
        var flags = version == 4 ? layout.Byte() : 0;
        var dimensions = layout.Byte();
        if (dimensions != _rank + 1 || _rank == 0) throw Fault($"is in chunks of {dimensions - 1} dimensions and has {_rank}");
        if (version == 3)
        {
            var tree = layout.Address();
            ReadShape(ref layout, 4);
            Begin(needed);
            FromTree(tree);
            return _data;
        }

        ReadShape(ref layout, layout.Byte());
        Begin(needed);
        switch (layout.Byte())
        {
            case Single:
                var (bytes, skipped) = (flags & singleIsPacked) != 0 ? (layout.Length(), layout.UInt32()) : (_chunkBytes, 0);
                Put(0, layout.Address(), bytes, skipped);
                break;
            case Implicit:
                var first = layout.Address();
                for (var i = 0; i < Grid(); i++) Put(i, first + (long)i * _chunkBytes, _chunkBytes, 0);
                break;
            case FixedArray:
                layout.Skip(1);
                FromArray(layout.Address());
                break;
            default:
                throw file.Refusal($"the dataset '{name}' can grow, in HDF5's newest form; save it with a fixed shape, or without libver='latest'");
        }

        return _data;
    }

    private void ReadShape(ref HdfCursor layout, int sizeBytes)
    {
        _chunk = new int[_rank];
        var bytes = (long)elementBytes;
        for (var i = 0; i < _rank; i++)
        {
            var size = layout.Number(sizeBytes);
            if (size is < 1 or > int.MaxValue || (bytes *= size) > LargestChunk) throw Fault("has chunks that there cannot be");
            _chunk[i] = (int)size;
        }

        if (layout.Number(sizeBytes) != elementBytes) throw Fault("has chunks of another type than it has itself");
        _chunkBytes = (int)bytes;
    }

    private void Begin(long needed)
    {
        file.Unpack(needed);
        _data = new byte[needed];
    }

    /// <summary>Chunks along an axis.</summary>
    private int Along(int axis) => (int)(((long)shape[axis] + _chunk[axis] - 1) / _chunk[axis]);

    private long Grid() => Enumerable.Range(0, _rank).Aggregate(1L, (product, axis) => product * Along(axis));

    private void FromTree(long tree)
    {
        var seen = new HashSet<long>();
        if (tree >= 0)
        {
            foreach (var (key, child) in HdfTrees.Leaves(file, tree, type: 1, 8 + 8 * (_rank + 1)))
            {
                var cursor = file.At(key, 8 + 8 * (_rank + 1));
                var (bytes, skipped) = (cursor.UInt32(), cursor.UInt32());
                var index = 0L;
                for (var axis = 0; axis < _rank; axis++)
                {
                    var offset = cursor.Number(8);
                    if (offset < 0 || offset % _chunk[axis] != 0 || offset >= shape[axis]) throw Fault($"has a chunk at {offset} along axis {axis} of {shape[axis]}");
                    index = index * Along(axis) + offset / _chunk[axis];
                }

                if (!seen.Add(index)) throw Fault("has two chunks in one place");
                Put(index, child, bytes, skipped);
            }
        }

        if (seen.Count != Grid()) throw Fault($"has {seen.Count} of {Grid()} chunks; the others were never written");
    }

    private void FromArray(long address)
    {
        const int packed = 1;
        var head = file.Structure(address, "FAHD", 8 + file.LengthBytes + file.AddressBytes);
        head.Skip(5);
        var (client, entryBytes, pageBits) = (head.Byte(), head.Byte(), head.Byte());
        var (count, block) = (head.Length(), head.Address());
        if (count != Grid() || client > packed || entryBytes != (client == packed ? entryBytes : file.AddressBytes) || pageBits > 30) throw Fault("has an index that does not fit it");
        var isPaged = count > 1L << pageBits;
        var pageCount = isPaged ? (count + (1L << pageBits) - 1) >> pageBits : 1;
        var start = 6 + file.AddressBytes + (isPaged ? (pageCount + 7) / 8 + 4 : 0);
        file.Structure(block, "FADB", start);
        for (var page = 0L; page < pageCount; page++)
        {
            var inPage = isPaged ? Math.Min(1L << pageBits, count - (page << pageBits)) : count;
            var place = file.Place(block) + start + (isPaged ? page * ((entryBytes << pageBits) + 4L) : 0);
            var entries = file.At(place, inPage * entryBytes);
            for (var i = 0L; i < inPage; i++)
            {
                var chunk = entries.Address();
                var (bytes, skipped) = client == packed ? (entries.Number(entryBytes - file.AddressBytes - 4), entries.UInt32()) : (_chunkBytes, 0);
                Put((page << pageBits) + i, chunk, bytes, skipped);
            }
        }
    }

    /// <summary>Unpacks a chunk and copies what of it lies inside.</summary>
    private void Put(long index, long address, long bytes, long skipped)
    {
        if (address < 0) throw Fault("has a chunk that was never written");
        file.Unpack(_chunkBytes);
        var data = HdfUnpacking.Unpack(file.Range(file.Place(address), bytes), filters, skipped, _chunkBytes, elementBytes, what => Fault($"has a chunk that {what}"));
        Span<int> origin = stackalloc int[_rank];
        for (var axis = _rank - 1; axis >= 0; axis--)
        {
            origin[axis] = (int)(index % Along(axis)) * _chunk[axis];
            index /= Along(axis);
        }

        // Rows along the last axis.
        var row = Math.Min(_chunk[^1], shape[^1] - origin[^1]) * elementBytes;
        var rows = _chunkBytes / elementBytes / _chunk[^1];
        for (var r = 0; r < rows; r++)
        {
            var (rest, to, stride, isInside) = (r, 0L, (long)shape[^1], true);
            for (var axis = _rank - 2; axis >= 0; axis--)
            {
                var at = origin[axis] + rest % _chunk[axis];
                rest /= _chunk[axis];
                isInside &= at < shape[axis];
                to += at * stride;
                stride *= shape[axis];
            }

            if (isInside) data.AsSpan(r * _chunk[^1] * elementBytes, row).CopyTo(_data.AsSpan((int)((to + origin[^1]) * elementBytes)));
        }
    }

    private ConversionException Fault(string what) => file.Fault($"the dataset '{name}' {what}");
}
