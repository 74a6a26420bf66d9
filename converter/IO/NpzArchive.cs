namespace SeqRuntime.Converter.IO;

/// <summary>The arrays of a <c>.npz</c> file, each read on demand. An entry is unpacked only up to the size in its own header.</summary>
internal sealed class NpzArchive
{
    public const string Extension = ".npy";

    private readonly ZipEntries _entries;
    private readonly List<string> _names;
    private readonly string _where;

    private NpzArchive(ZipEntries entries, string where) => (_entries, _names, _where) = (entries, [.. entries.Names.Select(name => name[..^Extension.Length])], where);

    /// <summary>Names of the arrays, in the file's order.</summary>
    public IReadOnlyCollection<string> Names => _names;

    /// <param name="bytes">The file.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <exception cref="ConversionException">The file is damaged, or its content is not supported.</exception>
    public static NpzArchive Open(byte[] bytes, string where)
    {
        var entries = ZipEntries.Open(bytes, where, ".npz archive", "save it again with numpy.savez, without compression and password");
        if (entries.Names.FirstOrDefault(name => !name.EndsWith(Extension, StringComparison.Ordinal)) is { } other)
            throw NpyReader.Fault(where, $"'{other}' in the archive is not a {Extension} array", "save arrays only, with numpy.savez");
        return new NpzArchive(entries, where);
    }

    /// <summary>Reads an array.</summary>
    /// <exception cref="ConversionException">The array is damaged, or the archive unpacks to more than its limit.</exception>
    public NpyArray Read(string name)
    {
        using var content = _entries.OpenWhole(name + Extension);
        return NpyReader.Read(content, $"{_where}: {name}", content.Length);
    }

    /// <summary>Reads the shape of an array.</summary>
    /// <exception cref="ConversionException">Its header is damaged.</exception>
    public int[] ShapeOf(string name)
    {
        using var content = _entries.OpenStart(name + Extension);
        return NpyReader.ReadHeader(content, $"{_where}: {name}", out _).Shape;
    }
}
