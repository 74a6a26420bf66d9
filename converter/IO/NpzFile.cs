using System.IO.Compression;

namespace SeqRuntime.Converter.IO;

/// <summary>
/// <c>.npz</c>: a zip of <c>.npy</c> files, one an array, stored (numpy.savez) or deflated (numpy.savez_compressed).
/// An entry is unpacked only as far as the shape in its own header says, and only where the zip's directory agrees.
/// </summary>
internal static class NpzFile
{
    private const string Extension = ".npy";

    /// <summary>More arrays than any model has; a directory beyond it is an attack.</summary>
    private const int MaximumEntries = 65536;

    /// <summary>Deflate packs at most about 1032 to 1.</summary>
    private const long MaximumRatio = 1100;

    /// <summary>Reads all arrays of a file, in the file's order.</summary>
    /// <exception cref="ConversionException">The file is damaged, or holds what is not supported.</exception>
    public static IReadOnlyList<KeyValuePair<string, NpyArray>> ReadFile(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, path);
    }

    /// <summary>Reads all arrays; <paramref name="where"/> names the file in messages.</summary>
    public static IReadOnlyList<KeyValuePair<string, NpyArray>> Read(Stream stream, string where)
    {
        try
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            if (zip.Entries.Count > MaximumEntries) throw Damaged(where, $"{zip.Entries.Count} entries, over the limit of {MaximumEntries}");
            var arrays = new List<KeyValuePair<string, NpyArray>>(zip.Entries.Count);
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var entry in zip.Entries)
            {
                var array = ReadEntry(entry, where);
                if (!names.Add(array.Key)) throw Damaged(where, $"two arrays are named '{array.Key}'");
                arrays.Add(array);
            }

            return arrays;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or NotSupportedException or ArgumentException or OverflowException)
        {
            throw Damaged(where, e.Message.TrimEnd('.'));
        }
    }

    /// <summary>Writes arrays as numpy.savez does: stored, with a fixed time, so that the same arrays give the same bytes.</summary>
    public static void Write(Stream stream, IEnumerable<KeyValuePair<string, NpyArray>> arrays)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, array) in arrays)
        {
            var entry = zip.CreateEntry(name + Extension, CompressionLevel.NoCompression);
            entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
            using var content = entry.Open();
            NpyWriter.Write(content, array);
        }
    }

    private static KeyValuePair<string, NpyArray> ReadEntry(ZipArchiveEntry entry, string where)
    {
        if (!entry.FullName.EndsWith(Extension, StringComparison.Ordinal))
            throw NpyReader.Fault(where, $"'{entry.FullName}' in the archive is no {Extension} array", "save arrays only, with numpy.savez");
        var name = entry.FullName[..^Extension.Length];
        if (entry.Length > entry.CompressedLength * MaximumRatio + NpyHeader.MaximumBytes)
            throw Damaged(where, $"'{name}' claims to unpack {entry.CompressedLength} bytes to {entry.Length}");
        using var content = entry.Open();
        return new(name, NpyReader.Read(content, $"{where}: {name}", entry.Length));
    }

    private static ConversionException Damaged(string where, string what) =>
        NpyReader.Fault(where, $"the .npz archive is damaged: {what}", "save it again with numpy.savez");
}
