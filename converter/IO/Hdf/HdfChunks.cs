using System.Numerics;

namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>A chunk's position in the file, its size, and the filters that it skipped.</summary>
internal readonly record struct HdfChunk(long Address, long Bytes, long Skipped);

/// <summary>A dataset in chunks of one shape, indexed by a tree or, in newer files, by an array of addresses.</summary>
/// <param name="file">The file.</param>
/// <param name="name">Name of the dataset.</param>
/// <param name="shape">Shape of the dataset.</param>
/// <param name="elementBytes">Size of an element in bytes.</param>
/// <param name="filters">The filters that chunks went through.</param>
/// <param name="data">The content of chunks that were never written. The other chunks are written into it.</param>
internal sealed class HdfChunks(HdfBytes file, string name, int[] shape, int elementBytes, List<HdfFilter> filters, byte[] data)
{
    private const int LargestChunk = 1 << 30;
    private const int Single = 1, Implicit = 2, FixedArray = 3, ExtensibleArray = 4, NewTree = 5;

    private readonly int _rank = shape.Length;
    private int[] _chunk = [];
    private int _chunkBytes;

    /// <summary>All elements, row-major.</summary>
    /// <param name="version">Version of the layout.</param>
    /// <param name="layout">The layout from its flags on.</param>
    /// <param name="most">The maximum size of each axis.</param>
    public byte[] Read(int version, ref HdfCursor layout, long[] most)
    {
        const int singleIsPacked = 2;
        var flags = version == 4 ? layout.Byte() : 0;
        var dimensions = layout.Byte();
        if (dimensions != _rank + 1 || _rank == 0) throw Fault($"has {_rank} dimensions, but its chunks have {dimensions - 1}");
        if (version == 3)
        {
            var tree = layout.Address();
            ReadShape(ref layout, 4);
            FromTree(tree);
            return data;
        }

        ReadShape(ref layout, layout.Byte());
        switch (layout.Byte())
        {
            case Single:
                var (bytes, skipped) = (flags & singleIsPacked) != 0 ? (layout.Length(), layout.UInt32()) : (_chunkBytes, 0);
                Put(0, new HdfChunk(layout.Address(), bytes, skipped));
                break;
            case Implicit:
                var first = layout.Address();
                PutAll(most, 0, first < 0 ? _ => default : at => new HdfChunk(first + at * _chunkBytes, _chunkBytes, 0));
                break;
            case FixedArray:
                layout.Skip(1);
                if (layout.Address() is >= 0 and var array && Array.IndexOf(most, -1) < 0) PutAll(most, 0, new HdfFixedArray(file, array, _chunkBytes).Find);
                break;
            case ExtensibleArray:
                layout.Skip(5);
                if (layout.Address() is >= 0 and var growing) PutAll(most, Math.Max(Array.IndexOf(most, -1), 0), new HdfExtensibleArray(file, growing, _chunkBytes).Find);
                break;
            case NewTree:
                layout.Skip(6);
                if (layout.Address() is >= 0 and var newTree) FromNewTree(newTree);
                break;
            default:
                throw Fault("has a chunk index of an unknown kind");
        }

        return data;
    }

    private void ReadShape(ref HdfCursor layout, int sizeBytes)
    {
        _chunk = new int[_rank];
        var bytes = (long)elementBytes;
        for (var i = 0; i < _rank; i++)
        {
            var size = layout.Number(sizeBytes);
            if (size is < 1 or > int.MaxValue || (bytes *= size) > LargestChunk) throw Fault("has chunks of an impossible size");
            _chunk[i] = (int)size;
        }

        if (layout.Number(sizeBytes) != elementBytes) throw Fault("has chunks whose element size differs from its own");
        _chunkBytes = (int)bytes;
    }

    /// <summary>The number of chunks along an axis.</summary>
    private int Along(int axis) => (int)(((long)shape[axis] + _chunk[axis] - 1) / _chunk[axis]);

    private long Grid() => Enumerable.Range(0, _rank).Aggregate(1L, (product, axis) => product * Along(axis));

    private void FromTree(long tree)
    {
        if (tree < 0) return;
        var seen = new HashSet<long>();
        foreach (var (key, child) in HdfTrees.Leaves(file, tree, type: 1, 8 + 8 * (_rank + 1)))
        {
            var cursor = file.At(key, 8 + 8 * (_rank + 1));
            var (bytes, skipped) = (cursor.UInt32(), cursor.UInt32());
            PutAt(ref cursor, 1, new HdfChunk(child, bytes, skipped), seen);
        }
    }

    private void FromNewTree(long tree)
    {
        const int plain = 10, packed = 11, most = 8;
        var isPacked = filters.Count > 0;
        var sizeBytes = isPacked ? Math.Min(1 + (BitOperations.Log2((uint)_chunkBytes) + 8) / 8, most) : 0;
        var recordBytes = file.AddressBytes + (isPacked ? sizeBytes + 4 : 0) + 8 * _rank;
        var seen = new HashSet<long>();
        foreach (var at in HdfTrees.Records(file, tree, isPacked ? packed : plain, recordBytes))
        {
            var cursor = file.At(at, recordBytes);
            var address = cursor.Address();
            var (bytes, skipped) = isPacked ? (cursor.Number(sizeBytes), cursor.UInt32()) : (_chunkBytes, 0);
            PutAt(ref cursor, 0, new HdfChunk(address, bytes, skipped), seen);
        }
    }

    /// <summary>Stores a chunk whose position follows in the file, in elements or in chunks.</summary>
    private void PutAt(ref HdfCursor place, int inElements, HdfChunk chunk, HashSet<long> seen)
    {
        var index = 0L;
        for (var axis = 0; axis < _rank; axis++)
        {
            var offset = place.Number(8);
            var along = inElements == 1 ? offset / _chunk[axis] : offset;
            if (offset < 0 || along >= Along(axis) || (inElements == 1 && offset % _chunk[axis] != 0)) throw Fault($"has a chunk at {offset} along axis {axis} of size {shape[axis]}");
            index = index * Along(axis) + along;
        }

        if (!seen.Add(index)) throw Fault("has two chunks at one position");
        Put(index, chunk);
    }

    /// <summary>Stores the chunks of an index over the largest shape. The unlimited axis is counted first.</summary>
    private void PutAll(long[] most, int first, Func<long, HdfChunk?> find)
    {
        for (var index = 0L; index < Grid(); index++)
        {
            var (rest, at, stride) = (index, 0L, 1L);
            var along = 0L;
            for (var axis = _rank - 1; axis >= 0; axis--)
            {
                var coordinate = rest % Along(axis);
                rest /= Along(axis);
                if (axis == first)
                {
                    along = coordinate;
                    continue;
                }

                at += coordinate * stride;
                stride = Math.Min(stride * Math.Max((most[axis] + _chunk[axis] - 1) / _chunk[axis], 1), int.MaxValue);
            }

            if (find(at + along * stride) is { } chunk) Put(index, chunk);
        }
    }

    /// <summary>Unpacks a chunk and copies the part of it that lies inside the dataset.</summary>
    private void Put(long index, HdfChunk chunk)
    {
        if (chunk.Address < 0) return;
        file.Unpack(_chunkBytes);
        var unpacked = HdfUnpacking.Unpack(file.Range(file.Place(chunk.Address), chunk.Bytes), filters, chunk.Skipped, _chunkBytes, elementBytes, what => Fault($"has a chunk that {what}"));
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

            if (isInside) unpacked.AsSpan(r * _chunk[^1] * elementBytes, row).CopyTo(data.AsSpan((int)((to + origin[^1]) * elementBytes)));
        }
    }

    private ConversionException Fault(string what) => file.Fault($"the dataset '{name}' {what}");
}
