using System.Numerics;

namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>A fractal heap. New groups store many or large links and attributes in it.</summary>
internal sealed class HdfFractalHeap
{
    private const int Managed = 0, Huge = 1, Tiny = 2;

    private readonly HdfBytes _file;
    private readonly long _address;
    private readonly int _offsetBytes;
    private readonly int _lengthBytes;
    private readonly long _hugeTree;
    private readonly int _width;
    private readonly long _firstBlock;
    private readonly long _root;
    private readonly int _rootRows;
    private readonly int _directRows;

    public HdfFractalHeap(HdfBytes file, long address)
    {
        (_file, _address) = (file, address);
        var head = file.Structure(address, "FRHP", 22 + 12 * file.LengthBytes + 3 * file.AddressBytes);
        head.Skip(5);
        head.UInt16();
        var filters = head.UInt16();
        head.Skip(1);
        var mostManaged = head.UInt32();
        head.Length();
        _hugeTree = head.Address();
        head.Length();
        head.Address();
        for (var i = 0; i < 8; i++) head.Length();
        _width = head.UInt16();
        _firstBlock = head.Length();
        var largestDirect = head.Length();
        var bits = head.UInt16();
        head.UInt16();
        _root = head.Address();
        _rootRows = head.UInt16();
        if (filters != 0) throw file.Fault("a heap is packed");
        if (_width < 1 || _firstBlock < 1 || largestDirect < _firstBlock || bits is < 1 or > 64) throw file.Fault($"the heap at {address} has blocks of an impossible size");
        _offsetBytes = (bits + 7) / 8;
        _lengthBytes = Math.Min((BitOperations.Log2((ulong)largestDirect) + 7) / 8, BitOperations.Log2((ulong)Math.Max(mostManaged, 1)) / 8 + 1);
        _directRows = BitOperations.Log2((ulong)(largestDirect / _firstBlock)) + 2;
    }

    /// <summary>Position and length of the object with an identifier.</summary>
    public (long Place, long Length) Find(ReadOnlySpan<byte> identifier, long place)
    {
        var id = new HdfCursor(_file, identifier, place);
        var kind = id.Byte() >> 4 & 3;
        switch (kind)
        {
            case Managed:
                var (offset, length) = (id.Number(_offsetBytes), id.Number(_lengthBytes));
                return (Block(offset, length), length);
            case Huge:
                return HugeObject(id.Number(Math.Min(id.Left, _file.LengthBytes)));
            case Tiny:
                return (place + 1, (identifier[0] & 15) + 1);
            default:
                throw _file.Fault($"the heap at {_address} has an object of an unknown kind");
        }
    }

    private (long Place, long Length) HugeObject(long key)
    {
        const int notFiltered = 1;
        var recordBytes = _file.AddressBytes + 2 * _file.LengthBytes;
        foreach (var at in HdfTrees.Records(_file, _hugeTree, notFiltered, recordBytes))
        {
            var record = _file.At(at, recordBytes);
            var (address, length) = (record.Address(), record.Length());
            if (record.Length() == key) return (_file.Place(address), length);
        }

        throw _file.Fault($"the heap at {_address} has no object {key}");
    }

    /// <summary>The position in the file of a range of the heap's address space. Its blocks double in size from row to row.</summary>
    private long Block(long offset, long length)
    {
        var (block, rows) = (_root, _rootRows);
        while (rows > 0)
        {
            if (rows > 64) throw _file.Fault($"the heap at {_address} has {rows} rows of blocks; at most 64 are possible");
            var (row, before) = (0, 0L);
            while (row < rows && offset - before >= _width * RowBlock(row)) before += _width * RowBlock(row++);
            if (row == rows) throw _file.Fault($"the heap at {_address} has no block at {offset}");
            var column = (offset - before) / RowBlock(row);
            offset -= before + column * RowBlock(row);
            var entry = row * (long)_width + column;
            var cursor = _file.Structure(block, "FHIB", 5 + _file.AddressBytes + _offsetBytes + (entry + 1) * _file.AddressBytes);
            cursor.Skip(5 + _file.AddressBytes + _offsetBytes + entry * _file.AddressBytes);
            block = cursor.Address();
            // A block larger than the largest direct block is itself a table of blocks.
            rows = row < _directRows ? 0 : BitOperations.Log2((ulong)(RowBlock(row) / _firstBlock / _width)) + 1;
        }

        _file.Structure(block, "FHDB", 4);
        _ = _file.Range(_file.Place(block) + offset, length);
        return _file.Place(block) + offset;
    }

    private long RowBlock(int row) => row < 2 ? _firstBlock : row < 40 && _firstBlock < 1 << 22 ? _firstBlock << (row - 1) : throw _file.Fault($"the heap at {_address} is larger than any file");
}
