using System.Numerics;

namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>An entry of an array of chunks: an address, and for packed chunks their size and the filters that were skipped.</summary>
/// <param name="file">The file.</param>
/// <param name="isPacked">Whether chunks are packed.</param>
/// <param name="bytes">Size of an entry in bytes.</param>
/// <param name="chunkBytes">Size of an unpacked chunk in bytes.</param>
internal sealed class HdfChunkEntry(HdfBytes file, bool isPacked, int bytes, int chunkBytes)
{
    public int Bytes => bytes;

    /// <summary>The entry at a position in the file.</summary>
    public HdfChunk At(long place)
    {
        var cursor = file.At(place, bytes);
        var address = cursor.Address();
        return isPacked ? new HdfChunk(address, cursor.Number(bytes - file.AddressBytes - 4), cursor.UInt32()) : new HdfChunk(address, chunkBytes, 0);
    }

    /// <summary>Whether bit <paramref name="index"/> of a page mask is set. Pages without it were never written.</summary>
    public bool HasPage(long mask, long index) => (file.Range(mask + index / 8, 1)[0] & 0x80 >> (int)(index % 8)) != 0;

    /// <summary>Reads the common beginning of both kinds of arrays.</summary>
    public static HdfChunkEntry Read(HdfBytes file, ref HdfCursor head, int chunkBytes)
    {
        const int packed = 1;
        head.Skip(5);
        var (client, bytes) = (head.Byte(), head.Byte());
        var least = file.AddressBytes + (client == packed ? 5 : 0);
        if (client > packed || (client == packed ? bytes < least : bytes != least) || bytes > least + 7) throw file.Fault("a list of chunks has entries of an impossible size");
        return new HdfChunkEntry(file, client == packed, bytes, chunkBytes);
    }
}

/// <summary>Addresses of the chunks of a dataset whose largest shape is fixed.</summary>
internal sealed class HdfFixedArray
{
    private const int Checksum = 4;

    private readonly HdfBytes _file;
    private readonly HdfChunkEntry _entry;
    private readonly int _pageBits;
    private readonly long _count;
    private readonly long _mask;
    private readonly long _first;

    public HdfFixedArray(HdfBytes file, long address, int chunkBytes)
    {
        _file = file;
        var head = file.Structure(address, "FAHD", 8 + file.LengthBytes + file.AddressBytes);
        _entry = HdfChunkEntry.Read(file, ref head, chunkBytes);
        _pageBits = head.Byte();
        _count = head.Length();
        var block = head.Address();
        if (block < 0) _count = 0;
        if (_pageBits > 30 || _count > file.Count) throw file.Fault($"the list of chunks at {address} is larger than the file");
        if (_count <= 0) return;
        IsPaged = _count > 1L << _pageBits;
        var pages = (_count + (1L << _pageBits) - 1) >> _pageBits;
        var start = 6 + file.AddressBytes;
        file.Structure(block, "FADB", start);
        _mask = file.Place(block) + start;
        _first = _mask + (IsPaged ? (pages + 7) / 8 + Checksum : 0);
    }

    private bool IsPaged { get; }

    public HdfChunk? Find(long index)
    {
        if (_count == 0) return null;
        if (index >= _count) throw _file.Fault($"a list of {_count} chunks has no chunk {index}");
        var page = IsPaged ? index >> _pageBits : 0;
        if (IsPaged && !_entry.HasPage(_mask, page)) return null;
        return _entry.At(_first + index * _entry.Bytes + page * Checksum);
    }
}

/// <summary>Addresses of the chunks of a dataset with one unlimited axis, in blocks of growing length.</summary>
internal sealed class HdfExtensibleArray
{
    private const int Checksum = 4;

    private readonly HdfBytes _file;
    private readonly HdfChunkEntry _entry;
    private readonly int _offsetBytes;
    private readonly int _inIndex;
    private readonly int _least;
    private readonly int _pageEntries;
    private readonly int _direct;
    private readonly long _index;

    public HdfExtensibleArray(HdfBytes file, long address, int chunkBytes)
    {
        _file = file;
        var head = file.Structure(address, "EAHD", 12 + 6 * file.LengthBytes + file.AddressBytes);
        _entry = HdfChunkEntry.Read(file, ref head, chunkBytes);
        var bits = head.Byte();
        _offsetBytes = (bits + 7) / 8;
        (_inIndex, _least) = (head.Byte(), head.Byte());
        var leastBlocks = head.Byte();
        var pageBits = head.Byte();
        for (var i = 0; i < 6; i++) head.Length();
        _index = head.Address();
        if (bits > 64 || pageBits > 30 || !BitOperations.IsPow2(_least) || !BitOperations.IsPow2(leastBlocks)) throw file.Fault($"the list of chunks at {address} has blocks of an impossible size");
        _pageEntries = 1 << pageBits;
        // The index holds the addresses of the blocks of this many groups. Each other group has a separate block of addresses.
        _direct = 2 * BitOperations.Log2(leastBlocks);
    }

    public HdfChunk? Find(long index)
    {
        if (_index < 0) return null;
        var head = 6 + _file.AddressBytes;
        var entries = _file.Place(_index) + head;
        if (index < _inIndex)
        {
            _file.Structure(_index, "EAIB", head);
            return _entry.At(entries + index * _entry.Bytes);
        }

        // Group g has 2^(g / 2) blocks. Each holds 2^((g + 1) / 2) times the smallest number of entries.
        index -= _inIndex;
        var group = BitOperations.Log2((ulong)(index / _least + 1));
        index -= ((1L << group) - 1) * _least;
        var size = (long)_least << ((group + 1) / 2);
        var (block, blocks) = (index / size, 1L << (group / 2));
        index %= size;
        var pages = size > _pageEntries ? size / _pageEntries : 0;
        var addresses = entries + (long)_inIndex * _entry.Bytes;
        var mask = 0L;
        if (group < _direct)
        {
            for (var g = 0; g < group; g++) block += 1L << (g / 2);
            addresses += block * _file.AddressBytes;
        }
        else
        {
            for (var g = 0; g < _direct; g++) addresses += (1L << (g / 2)) * _file.AddressBytes;
            if (AddressAt(addresses + (group - _direct) * _file.AddressBytes) is not (>= 0 and var super)) return null;
            _file.Structure(super, "EASB", head);
            mask = _file.Place(super) + head + _offsetBytes;
            addresses = mask + (pages + 7) / 8 * blocks + block * _file.AddressBytes;
        }

        if (AddressAt(addresses) is not (>= 0 and var data)) return null;
        _file.Structure(data, "EADB", head);
        var first = _file.Place(data) + head + _offsetBytes;
        if (pages == 0) return _entry.At(first + index * _entry.Bytes);
        var page = index / _pageEntries;
        // A block that the index addresses directly has no page mask.
        if (mask > 0 && !_entry.HasPage(mask, block * pages + page)) return null;
        return _entry.At(first + Checksum + index * _entry.Bytes + page * Checksum);
    }

    private long AddressAt(long place) => _file.At(place, _file.AddressBytes).Address();
}
