using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Sessions;

/// <summary>
/// One zeroed, 64-byte-aligned block of pinned managed memory. A span over it keeps it alive: whatever becomes of the session
/// meanwhile, nobody writes into memory that is another's.
/// </summary>
internal sealed unsafe class SessionMemory
{
    private readonly Line[] _lines;
    private readonly byte* _first;

    /// <summary>Gives zeroed, aligned blocks in place of the heap's: a fuzzer puts pages without access around them. Null elsewhere.</summary>
    internal static Func<long, nint>? Blocks { get; set; }

    /// <exception cref="OutOfMemoryException">The machine does not have them.</exception>
    public SessionMemory(long bytes)
    {
        if (bytes > (Array.MaxLength - 2L) * Line.Bytes) throw new InsufficientMemoryException($"{bytes} bytes are more than one session can have.");
        _lines = GC.AllocateArray<Line>(Blocks is null ? (int)(bytes / Line.Bytes) + 2 : 1, pinned: true);
        _first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_lines));
        Start = Blocks is null ? (byte*)(((nuint)_first + Line.Bytes - 1) & ~(nuint)(Line.Bytes - 1)) : (byte*)Blocks(bytes);
    }

    /// <summary>The block's first byte; to be used only while something refers to this object.</summary>
    public byte* Start { get; }

    /// <summary>Elements of the block that keep it alive.</summary>
    /// <param name="at">In the block.</param>
    /// <param name="count">As many as there are from there on, at most.</param>
    public Span<T> Span<T>(byte* at, int count)
        where T : unmanaged =>
        MemoryMarshal.CreateSpan(ref Unsafe.As<Line, T>(ref Unsafe.AddByteOffset(ref MemoryMarshal.GetArrayDataReference(_lines), (nint)(at - _first))), count);

    /// <summary>A cache line: arrays of them may have more bytes than arrays of bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Bytes)]
    private struct Line
    {
        public const int Bytes = 64;
    }
}
