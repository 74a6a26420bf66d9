namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>A link of a group to an object of this file, or by a path to another link.</summary>
internal readonly record struct HdfLink(string Name, long Address, string? Path);

/// <summary>Reads the links of a group in each of the three ways to store them.</summary>
internal static class HdfGroup
{
    private const int SoftLink = 1, ExternalLink = 64;

    public static List<HdfLink> Links(HdfBytes file, HdfObject group)
    {
        var links = new List<HdfLink>();
        if (group.Has(HdfObject.SymbolTable)) FromSymbols(file, group, links);
        foreach (var message in group.All(HdfObject.Link)) links.Add(Link(group.Open(message)));
        if (!group.Has(HdfObject.LinkInfo)) return links;
        var info = group.Need(HdfObject.LinkInfo, "links");
        info.Skip(1);
        var isOrdered = (info.Byte() & 1) != 0;
        if (isOrdered) info.Skip(8);
        foreach (var (place, length) in Dense(file, info.Address(), info.Address(), type: 5, identifierAt: 4, identifierBytes: 7)) links.Add(Link(file.At(place, length)));
        return links;
    }

    /// <summary>The attributes of an object that are texts.</summary>
    public static Dictionary<string, string> Texts(HdfBytes file, HdfObject of)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, text, _) in Attributes(file, of))
        {
            if (text is not null) texts[name] = text;
        }

        return texts;
    }

    /// <summary>The texts of an attribute that is a list of them. Null if there is none.</summary>
    public static string[]? Texts(HdfBytes file, HdfObject of, string attribute) => Attributes(file, of).Where(a => a.Name == attribute).Select(a => a.List).FirstOrDefault(list => list is not null);

    private static List<(string Name, string? Text, string[]? List)> Attributes(HdfBytes file, HdfObject of)
    {
        var attributes = of.All(HdfObject.Attribute).Select(message => HdfAttribute.Read(of.Open(message))).ToList();
        if (!of.Has(HdfObject.AttributeInfo)) return attributes;
        var info = of.Need(HdfObject.AttributeInfo, "attributes");
        info.Skip(1);
        if ((info.Byte() & 1) != 0) info.Skip(2);
        foreach (var (place, length) in Dense(file, info.Address(), info.Address(), type: 8, identifierAt: 0, identifierBytes: 8)) attributes.Add(HdfAttribute.Read(file.At(place, length)));
        return attributes;
    }

    /// <summary>The entries of a fractal heap, in the order of a tree of names.</summary>
    private static IEnumerable<(long Place, long Length)> Dense(HdfBytes file, long heapAddress, long tree, int type, int identifierAt, int identifierBytes)
    {
        if (heapAddress < 0 || tree < 0) yield break;
        var heap = new HdfFractalHeap(file, heapAddress);
        foreach (var record in HdfTrees.Records(file, tree, type, identifierAt + identifierBytes))
            yield return heap.Find(file.Range(record + identifierAt, identifierBytes), record + identifierAt);
    }

    private static void FromSymbols(HdfBytes file, HdfObject group, List<HdfLink> links)
    {
        var message = group.Need(HdfObject.SymbolTable, "links");
        var (tree, heap) = (message.Address(), message.Address());
        var entryBytes = 2 * file.AddressBytes + 24;
        foreach (var (_, node) in HdfTrees.Leaves(file, tree, type: 0, file.LengthBytes))
        {
            var head = file.Structure(node, "SNOD", 8);
            head.Skip(6);
            var count = head.UInt16();
            var entries = file.At(file.Place(node) + 8, (long)count * entryBytes);
            for (var i = 0; i < count; i++)
            {
                const int soft = 2;
                var name = HdfHeaps.Text(file, heap, entries.Number(file.AddressBytes));
                var (address, kind) = (entries.Address(), entries.UInt32());
                entries.Skip(4);
                var value = entries.UInt32();
                entries.Skip(12);
                links.Add(kind == soft ? new HdfLink(name, -1, HdfHeaps.Text(file, heap, value)) : new HdfLink(name, address, null));
            }
        }
    }

    private static HdfLink Link(HdfCursor message)
    {
        var file = message.File;
        if (message.Byte() != 1) throw file.Fault("a link has an unknown version");
        var flags = message.Byte();
        var kind = (flags & 8) != 0 ? message.Byte() : 0;
        message.Skip(((flags & 4) != 0 ? 8 : 0) + ((flags & 16) != 0 ? 1 : 0));
        var name = System.Text.Encoding.UTF8.GetString(message.Take(message.Number(1 << (flags & 3))));
        switch (kind)
        {
            case 0:
                return new HdfLink(name, message.Address(), null);
            case SoftLink:
                return new HdfLink(name, -1, System.Text.Encoding.UTF8.GetString(message.Take(message.UInt16())));
            case ExternalLink:
                throw file.Refusal($"the link '{name}' points to another file, which is not supported; save all weights in one file");
            default:
                throw file.Fault($"the link '{name}' is of the user-defined kind {kind}, which only the program that wrote it can read");
        }
    }
}
