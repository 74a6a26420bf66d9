using System.Formats.Tar;

namespace SeqRuntime.Converter.IO;

/// <summary>Distinguishes regular files from pipes, devices and sockets.</summary>
internal static class SpecialFile
{
    /// <summary>Whether the path exists and is neither a regular file nor a directory.</summary>
    /// <param name="path">A real path.</param>
    public static bool Is(string path)
    {
        var info = new FileInfo(path);
        // Only a regular file has a length.
        if (OperatingSystem.IsWindows() || !info.Exists || info.Length > 0) return false;
        try
        {
            // .NET reveals the kind of a file only through TarWriter.
            using var packed = new MemoryStream();
            using (var tar = new TarWriter(packed, leaveOpen: true)) tar.WriteEntry(path, "file");
            packed.Position = 0;
            using var reader = new TarReader(packed);
            return reader.GetNextEntry()?.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile);
        }
        catch (IOException)
        {
            // A socket cannot be archived.
            return true;
        }
    }
}
