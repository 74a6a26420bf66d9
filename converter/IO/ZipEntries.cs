using System.IO.Compression;

namespace SeqRuntime.Converter.IO;

/// <summary>
/// The entries of a zip archive, each read on demand. An entry is read only if the zip directory and the checksum agree. All entries together may
/// unpack to a limit in proportion to the file's length.
/// </summary>
internal sealed class ZipEntries
{
    /// <summary>More entries than any model has. A larger directory is an attack.</summary>
    private const int MaximumEntries = 65536;

    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);
    private readonly string _where;
    private readonly string _kind;
    private readonly string _remedy;
    private readonly long _most;
    private long _unpacked;

    private ZipEntries(long bytes, string where, string kind, string remedy) => (_where, _kind, _remedy, _most) = (where, kind, remedy, UnpackLimit.Of(bytes));

    /// <summary>Names of the entries, in the file's order.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <param name="bytes">The file.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <param name="kind">What the file is, for messages.</param>
    /// <param name="remedy">What to do if it is damaged.</param>
    /// <exception cref="ConversionException">The archive is damaged or encrypted.</exception>
    public static ZipEntries Open(byte[] bytes, string where, string kind, string remedy)
    {
        var archive = new ZipEntries(bytes.Length, where, kind, remedy);
        var entries = Library.Call(() => new ZipArchive(new MemoryStream(bytes, writable: false), ZipArchiveMode.Read).Entries, archive.Damaged);
        if (entries.Count > MaximumEntries) throw archive.Damaged($"{entries.Count} entries, over the limit of {MaximumEntries}");
        var packed = 0L;
        foreach (var entry in entries)
        {
            if (!archive._entries.TryAdd(entry.FullName, entry)) throw archive.Damaged($"two entries are named '{entry.FullName}'");
            if (entry.IsEncrypted) throw archive.Fault($"'{entry.FullName}' in the archive is encrypted");
            packed += entry.CompressedLength;
        }

        return packed <= bytes.Length ? archive : throw archive.Damaged($"its entries overlap: they have {packed} bytes in a file of {bytes.Length}");
    }

    /// <summary>The length of an entry, as the zip directory says. Null if there is no such entry.</summary>
    public long? LengthOf(string name) => _entries.GetValueOrDefault(name)?.Length;

    /// <summary>Opens an entry, to read its start.</summary>
    public Stream OpenStart(string name) => new UnpackedEntry(_entries[name], Damaged);

    /// <summary>Opens an entry, to read it whole.</summary>
    /// <exception cref="ConversionException">The archive unpacks to more than its limit.</exception>
    public Stream OpenWhole(string name)
    {
        var entry = _entries[name];
        if (entry.Length < 0 || (_unpacked += entry.Length) > _most) throw Fault($"its entries unpack to more than {_most >> 20} MiB, which is over {UnpackLimit.PerByte} times the archive's size");
        return OpenStart(name);
    }

    /// <summary>The bytes of an entry.</summary>
    /// <exception cref="ConversionException">The entry is damaged, or the archive unpacks to more than its limit.</exception>
    public byte[] Read(string name)
    {
        using var content = OpenWhole(name);
        if (content.Length > Array.MaxLength) throw Fault($"'{name}' has {content.Length} bytes, and at most 2 GiB can be read");
        var bytes = GrowingRead.Exactly(content, (int)content.Length) ?? throw Damaged($"'{name}' is truncated");
        return content.ReadByte() < 0 ? bytes : throw Damaged($"'{name}' is longer than the zip directory says");
    }

    public ConversionException Damaged(string what) => Fault($"the {_kind} is damaged: {what}");

    private ConversionException Fault(string what) => new($"{_where}: {what}; {_remedy}");
}
