using System.IO.Compression;

namespace SeqRuntime.Converter.IO;

/// <summary>
/// The arrays of a <c>.npz</c> file, each read on demand. An entry is unpacked only up to the size in its own header, and only if the zip
/// directory and the checksum agree. All entries together may unpack to a limit in proportion to the file's length.
/// </summary>
internal sealed class NpzArchive
{
    public const string Extension = ".npy";

    /// <summary>More arrays than any model has. A larger directory is an attack.</summary>
    private const int MaximumEntries = 65536;

    /// <summary>Weights compress by little. Data that unpacks to many times its size is not a model.</summary>
    private const long LeastUnpacked = 64 << 20;
    private const long UnpackedPerByte = 16;

    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);
    private readonly string _where;
    private readonly long _most;
    private long _unpacked;

    private NpzArchive(long bytes, string where) => (_where, _most) = (where, LeastUnpacked + UnpackedPerByte * bytes);

    /// <summary>Names of the arrays, in the file's order.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <param name="bytes">The file.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <exception cref="ConversionException">The file is damaged, or its content is not supported.</exception>
    public static NpzArchive Open(byte[] bytes, string where)
    {
        var archive = new NpzArchive(bytes.Length, where);
        var entries = Library.Call(() => new ZipArchive(new MemoryStream(bytes, writable: false), ZipArchiveMode.Read).Entries, archive.Damaged);
        if (entries.Count > MaximumEntries) throw archive.Damaged($"{entries.Count} entries, over the limit of {MaximumEntries}");
        var packed = 0L;
        foreach (var entry in entries)
        {
            if (!entry.FullName.EndsWith(Extension, StringComparison.Ordinal))
                throw NpyReader.Fault(where, $"'{entry.FullName}' in the archive is not a {Extension} array", "save arrays only, with numpy.savez");
            var name = entry.FullName[..^Extension.Length];
            if (!archive._entries.TryAdd(name, entry)) throw archive.Damaged($"two arrays are named '{name}'");
            if (entry.IsEncrypted) throw NpyReader.Fault(where, $"'{name}' in the archive is encrypted", "save it with numpy.savez, without a password");
            packed += entry.CompressedLength;
        }

        return packed <= bytes.Length ? archive : throw archive.Damaged($"its entries overlap: they have {packed} bytes in a file of {bytes.Length}");
    }

    /// <summary>Reads an array.</summary>
    /// <exception cref="ConversionException">The array is damaged, or the archive unpacks to more than its limit.</exception>
    public NpyArray Read(string name)
    {
        var entry = _entries[name];
        if (entry.Length < 0 || (_unpacked += entry.Length) > _most)
            throw NpyReader.Fault(_where, $"its arrays unpack to more than {_most >> 20} MiB, which is over {UnpackedPerByte} times the archive's size", "save it again with numpy.savez, which does not compress");
        using var content = new UnpackedEntry(entry, Damaged);
        return NpyReader.Read(content, $"{_where}: {name}", entry.Length);
    }

    /// <summary>Reads the shape of an array.</summary>
    /// <exception cref="ConversionException">Its header is damaged.</exception>
    public int[] ShapeOf(string name)
    {
        using var content = new UnpackedEntry(_entries[name], Damaged);
        return NpyReader.ReadHeader(content, $"{_where}: {name}", out _).Shape;
    }

    private ConversionException Damaged(string what) => NpyReader.Fault(_where, $"the .npz archive is damaged: {what}", "save it again with numpy.savez");
}
