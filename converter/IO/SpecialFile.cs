using System.Formats.Tar;

namespace SeqRuntime.Converter.IO;

/// <summary>Tells files of bytes from pipes, devices and sockets.</summary>
internal static class SpecialFile
{
    /// <summary>Whether something is there that is no file of bytes.</summary>
    /// <param name="path">A real path.</param>
    public static bool Is(string path)
    {
        var info = new FileInfo(path);
        // What has a length is a file.
        if (OperatingSystem.IsWindows() || !info.Exists || info.Length > 0) return false;
        try
        {
            // .NET tells the kind of a file only to those who pack it.
            using var packed = new MemoryStream();
            using (var tar = new TarWriter(packed, leaveOpen: true)) tar.WriteEntry(path, "file");
            packed.Position = 0;
            using var reader = new TarReader(packed);
            return reader.GetNextEntry()?.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile);
        }
        catch (IOException)
        {
            // A socket cannot be packed.
            return true;
        }
    }
}
