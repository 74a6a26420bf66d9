using System.Buffers;
using System.Runtime.InteropServices;

namespace SeqRuntime.Tests.Format;

/// <summary>Memory that ends directly before an unreadable page, so that a read past the end ends the process.</summary>
internal sealed unsafe partial class GuardedFile : MemoryManager<byte>
{
    private const int PrivateAnonymous = 0x22;
    private const int ReadWrite = 3;
    private static readonly int s_page = Environment.SystemPageSize;
    private readonly byte* _start;
    private readonly nuint _bytes;
    private int _length;

    public GuardedFile(int capacity)
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException("needs mmap and mprotect of Linux");
        Capacity = capacity;
        _bytes = (nuint)((capacity + s_page - 1) / s_page + 1) * (nuint)s_page;
        _start = (byte*)Map(address: 0, _bytes, ReadWrite, PrivateAnonymous, file: -1, offset: 0);
        if ((nint)_start == -1 || Protect((nint)(_start + _bytes) - s_page, (nuint)s_page, 0) != 0) throw new InvalidOperationException("There is no memory to be had.");
    }

    /// <summary>The largest number of bytes that fits.</summary>
    public int Capacity { get; }

    /// <summary>The content in a form that a model can be loaded from. Valid until the next call.</summary>
    public ReadOnlyMemory<byte> Put(ReadOnlySpan<byte> content)
    {
        _length = content.Length;
        content.CopyTo(GetSpan());
        return Memory;
    }

    public override Span<byte> GetSpan() => new(_start + _bytes - s_page - _length, _length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_start + _bytes - s_page - _length + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => _ = Unmap((nint)_start, _bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
