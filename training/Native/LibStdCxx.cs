using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Training.Native;

/// <summary>
/// Lets TorchSharp's native library load on Linux systems whose libstdc++ is older than GCC 13 (Debian 12, Ubuntu 22.04). The library
/// requires version GLIBCXX_3.4.32 because of one symbol, <c>_ZSt21ios_base_library_initv</c>, a marker of <c>&lt;iostream&gt;</c> that
/// nothing calls. This class marks the required version and the symbol as weak in the copy of the library in the output folder (ELF
/// specification, dynamic symbol table; LSB, symbol versioning).
/// </summary>
internal static class LibStdCxx
{
    private const string Symbol = "_ZSt21ios_base_library_initv";
    private const string Version = "GLIBCXX_3.4.32";
    private const int DynamicSymbols = 11;
    private const uint VersionNeeds = 0x6FFFFFFE;
    private const ushort WeakVersion = 2;
    private const byte WeakBinding = 2;

    /// <summary>Call this before the first use of TorchSharp. It does nothing if nothing is needed.</summary>
    public static void Prepare()
    {
        if (!OperatingSystem.IsLinux()) return;
        foreach (var path in Directory.EnumerateFiles(AppContext.BaseDirectory, "libLibTorchSharp.so", SearchOption.AllDirectories)) Weaken(path);
    }

    /// <summary>Makes the symbol and the version weak in one file. Writes a new file and renames it, because another process may have mapped the old one.</summary>
    internal static bool Weaken(string path)
    {
        var image = File.ReadAllBytes(path);
        if (!TryWeaken(image)) return false;
        var beside = $"{path}.{Environment.ProcessId}";
        File.WriteAllBytes(beside, image);
        File.Move(beside, path, overwrite: true);
        return true;
    }

    /// <summary>Changes a 64-bit little-endian ELF image. False if there was nothing to change.</summary>
    internal static bool TryWeaken(byte[] image)
    {
        if (image.Length < 64 || BinaryPrimitives.ReadUInt32BigEndian(image) != 0x7F454C46 || image[4] != 2 || image[5] != 1) return false;
        var changed = false;
        foreach (var section in Sections(image))
        {
            if (section.Type == DynamicSymbols) changed |= WeakenSymbol(image, section);
            else if (section.Type == VersionNeeds) changed |= WeakenVersion(image, section);
        }

        return changed;
    }

    private static bool WeakenSymbol(byte[] image, Section section)
    {
        const int entryBytes = 24;
        var strings = Sections(image)[section.Link];
        for (var at = section.Offset; at + entryBytes <= section.Offset + section.Bytes; at += entryBytes)
        {
            if (Text(image, strings.Offset + BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(at))) != Symbol) continue;
            var weak = (byte)(WeakBinding << 4 | image[at + 4] & 0xF);
            if (image[at + 4] == weak) return false;
            image[at + 4] = weak;
            return true;
        }

        return false;
    }

    private static bool WeakenVersion(byte[] image, Section section)
    {
        var strings = Sections(image)[section.Link];
        var need = section.Offset;
        while (true)
        {
            var count = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(need + 2));
            var entry = need + BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(need + 8));
            for (var i = 0; i < count; i++)
            {
                var flags = image.AsSpan(entry + 4, sizeof(ushort));
                if (Text(image, strings.Offset + BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(entry + 8))) == Version)
                {
                    var before = BinaryPrimitives.ReadUInt16LittleEndian(flags);
                    BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(before | WeakVersion));
                    return (before & WeakVersion) == 0;
                }

                entry += BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(entry + 12));
            }

            var next = BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(need + 12));
            if (next == 0) return false;
            need += next;
        }
    }

    private static Section[] Sections(byte[] image)
    {
        var table = (int)BinaryPrimitives.ReadInt64LittleEndian(image.AsSpan(0x28));
        var sections = new Section[BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(0x3C))];
        for (var i = 0; i < sections.Length; i++)
        {
            var header = image.AsSpan(table + 64 * i, 64);
            sections[i] = new Section(
                BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                (int)BinaryPrimitives.ReadInt64LittleEndian(header[24..]),
                (int)BinaryPrimitives.ReadInt64LittleEndian(header[32..]),
                BinaryPrimitives.ReadInt32LittleEndian(header[40..]));
        }

        return sections;
    }

    private static string Text(byte[] image, int at) => Encoding.ASCII.GetString(image, at, Array.IndexOf(image, (byte)0, at) - at);

    private readonly record struct Section(uint Type, int Offset, int Bytes, int Link);
}
