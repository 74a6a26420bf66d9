using System.Runtime.InteropServices;
using SeqRuntime.Sessions;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Blocks of sessions that end directly before an inaccessible page.</summary>
internal static unsafe partial class GuardedBlocks
{
    private const int PrivateAnonymous = 0x22;
    private const int ReadWrite = 3;

    private static readonly nuint s_page = (nuint)Environment.SystemPageSize;
    private static readonly List<(nint Start, nuint Bytes)> s_blocks = [];

    /// <summary>From now on, all sessions of this process get such blocks.</summary>
    public static void Install()
    {
        if (OperatingSystem.IsLinux()) SessionMemory.Blocks = Take;
    }

    /// <summary>Frees all blocks, once no session exists.</summary>
    public static void Release()
    {
        foreach (var (start, bytes) in s_blocks) _ = Unmap(start, bytes);
        s_blocks.Clear();
    }

    private static nint Take(long bytes)
    {
        var whole = ((nuint)bytes + s_page - 1) / s_page * s_page + 2 * s_page;
        var start = Map(0, whole, ReadWrite, PrivateAnonymous, -1, 0);
        if (start == -1) throw new InvalidOperationException("mmap");
        s_blocks.Add((start, whole));
        if (Protect(start, s_page, 0) != 0 || Protect(start + (nint)(whole - s_page), s_page, 0) != 0) throw new InvalidOperationException("mprotect");
        // Blocks are 64-byte aligned with a multiple of 64 bytes, so the end is exact.
        return start + (nint)(whole - s_page - ((nuint)bytes + 63) / 64 * 64);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
