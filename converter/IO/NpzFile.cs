using System.IO.Compression;

namespace SeqRuntime.Converter.IO;

/// <summary>Reads and writes <c>.npz</c>: a zip of <c>.npy</c> files, stored (numpy.savez) or deflated (numpy.savez_compressed).</summary>
internal static class NpzFile
{
    /// <summary>Reads all arrays of a file, in the file's order.</summary>
    /// <exception cref="ConversionException">The file is damaged, or its content is not supported.</exception>
    public static IReadOnlyList<KeyValuePair<string, NpyArray>> ReadFile(string path) => Read(new SourceFiles([]).ReadNamed(path), path);

    /// <summary>Reads all arrays; <paramref name="where"/> names the file in messages.</summary>
    public static IReadOnlyList<KeyValuePair<string, NpyArray>> Read(byte[] bytes, string where)
    {
        var archive = NpzArchive.Open(bytes, where);
        return [.. archive.Names.Select(name => KeyValuePair.Create(name, archive.Read(name)))];
    }

    /// <summary>Writes arrays as numpy.savez does: uncompressed and with a fixed time, so that equal arrays give equal bytes.</summary>
    public static void Write(Stream stream, IEnumerable<KeyValuePair<string, NpyArray>> arrays)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, array) in arrays)
        {
            var entry = zip.CreateEntry(name + NpzArchive.Extension, CompressionLevel.NoCompression);
            entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
            using var content = entry.Open();
            NpyWriter.Write(content, array);
        }
    }
}
