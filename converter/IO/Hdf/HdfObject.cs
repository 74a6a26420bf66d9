namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>A message of an object's header: its type and position.</summary>
internal readonly record struct HdfMessage(int Type, bool IsShared, long Place, int Length);

/// <summary>An object's header of version 1 or 2, with the messages that describe the object.</summary>
internal sealed class HdfObject
{
    public const int Dataspace = 0x01, LinkInfo = 0x02, Datatype = 0x03, OldFillValue = 0x04, FillValue = 0x05, Link = 0x06, ExternalFiles = 0x07, Layout = 0x08, Filters = 0x0B, Attribute = 0x0C, SymbolTable = 0x11, AttributeInfo = 0x15;

    private const int Continuation = 0x10;
    private const int MessageHead = 8;

    private readonly HdfBytes _file;
    private readonly List<HdfMessage> _messages = [];

    public HdfObject(HdfBytes file, long address)
    {
        (_file, Address) = (file, address);
        var place = file.Place(address);
        if (file.At(place, Math.Min(4, file.Count - place)).Signature("OHDR")) ReadVersion2(address);
        else ReadVersion1(place);
    }

    public long Address { get; }

    public bool IsGroup => Has(SymbolTable) || Has(LinkInfo) || Has(Link);

    public bool IsDataset => Has(Layout);

    public bool Has(int type) => _messages.Exists(m => m.Type == type);

    /// <summary>All messages of a type.</summary>
    public IEnumerable<HdfMessage> All(int type) => _messages.Where(m => m.Type == type);

    /// <summary>The content of the message of a type that must occur once.</summary>
    public HdfCursor Need(int type, string what)
    {
        if (_messages.FindIndex(m => m.Type == type) is >= 0 and var at) return Open(_messages[at]);
        throw _file.Fault($"the object at {Address} has no {what}");
    }

    /// <summary>The content of a message, or of the other object's message that it refers to, such as a named type.</summary>
    public HdfCursor Open(HdfMessage message)
    {
        const int newest = 3, ofObject = 2;
        var cursor = _file.At(message.Place, message.Length);
        if (!message.IsShared) return cursor;
        var (version, kind) = (cursor.Byte(), cursor.Byte());
        if (version is < 1 or > newest || (kind != ofObject && (version == newest || kind != 0))) throw _file.Fault($"the object at {Address} has a shared message of an unsupported kind");
        if (version == 1) cursor.Skip(6);
        var other = new HdfObject(_file, cursor.Address());
        var at = other._messages.FindIndex(m => m.Type == message.Type && !m.IsShared);
        return at >= 0 ? other.Open(other._messages[at]) : throw _file.Fault($"the object at {Address} shares a message with the object at {other.Address}, which does not have it");
    }

    private void ReadVersion1(long place)
    {
        var head = _file.At(place, 16);
        if (head.Byte() != 1) throw _file.Fault($"there is no object at {Address}");
        head.Skip(1);
        var count = head.UInt16();
        head.Skip(4);
        var blocks = new Queue<(long Place, long Length)>([(place + 16, head.UInt32())]);
        while (blocks.TryDequeue(out var block))
        {
            var cursor = _file.At(block.Place, block.Length);
            while (_messages.Count < count && cursor.Left >= MessageHead)
            {
                var (type, length, flags) = (cursor.UInt16(), cursor.UInt16(), cursor.Byte());
                cursor.Skip(3);
                Add(type, flags, length, ref cursor, blocks);
            }
        }
    }

    private void ReadVersion2(long address)
    {
        const int times = 0x20, phases = 0x10, orders = 0x04, checksum = 4;
        var head = _file.Structure(address, "OHDR", Math.Min(64, _file.Count - _file.Place(address)));
        head.Skip(4);
        if (head.Byte() != 2) throw _file.Fault($"the object at {address} has a header of an unknown version");
        var flags = head.Byte();
        head.Skip(((flags & times) != 0 ? 16 : 0) + ((flags & phases) != 0 ? 4 : 0));
        var length = head.Number(1 << (flags & 3));
        var blocks = new Queue<(long Place, long Length)>([(head.Place, length)]);
        var isFirst = true;
        while (blocks.TryDequeue(out var block))
        {
            var cursor = _file.At(block.Place, isFirst ? block.Length : block.Length - checksum);
            if (!isFirst)
            {
                if (!cursor.Signature("OCHK")) throw _file.Fault($"the object at {address} should continue at {block.Place}, but does not");
                cursor.Skip(4);
            }

            isFirst = false;
            var smallest = 4 + ((flags & orders) != 0 ? 2 : 0);
            while (cursor.Left >= smallest)
            {
                var (type, size, messageFlags) = (cursor.Byte(), cursor.UInt16(), cursor.Byte());
                cursor.Skip(smallest - 4);
                Add(type, messageFlags, size, ref cursor, blocks);
            }
        }
    }

    private void Add(int type, int flags, int length, ref HdfCursor cursor, Queue<(long Place, long Length)> blocks)
    {
        const int shared = 0x02;
        var message = new HdfMessage(type, (flags & shared) != 0, cursor.Place, length);
        if (type == Continuation)
        {
            var target = _file.At(message.Place, length);
            blocks.Enqueue((_file.Place(target.Address()), target.Length()));
        }

        cursor.Skip(length);
        _messages.Add(message);
    }
}
