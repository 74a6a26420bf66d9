using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Sessions;

/// <summary>
/// One zeroed, 64-byte-aligned block of pinned managed memory. A span over it keeps it alive, so that a span of a disposed session
/// never points to memory of another object.
/// </summary>
internal sealed unsafe class SessionMemory
{
    private readonly Line[] _lines;
    private readonly byte* _first;

    /// <summary>Replaces the allocator: a fuzzer puts inaccessible pages around each block. Null elsewhere.</summary>
    internal static Func<long, nint>? Blocks { get; set; }

    /// <exception cref="OutOfMemoryException">The machine has less memory.</exception>
    public SessionMemory(long bytes)
    {
        if (bytes > (Array.MaxLength - 2L) * Line.Bytes) throw new InsufficientMemoryException($"A session needs {bytes} bytes; the limit is {(Array.MaxLength - 2L) * Line.Bytes}.");
        _lines = GC.AllocateArray<Line>(Blocks is null ? (int)(bytes / Line.Bytes) + 2 : 1, pinned: true);
        _first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_lines));
        Start = Blocks is null ? (byte*)(((nuint)_first + Line.Bytes - 1) & ~(nuint)(Line.Bytes - 1)) : (byte*)Blocks(bytes);
    }

    /// <summary>Address of the block; valid only while something refers to this object.</summary>
    public byte* Start { get; }

    /// <summary>A span over part of the block; it keeps the block alive.</summary>
    /// <param name="at">Byte offset in the block.</param>
    /// <param name="count">Number of elements, at most those from there to the end.</param>
    public Span<T> Span<T>(byte* at, int count)
        where T : unmanaged =>
        MemoryMarshal.CreateSpan(ref Unsafe.As<Line, T>(ref Unsafe.AddByteOffset(ref MemoryMarshal.GetArrayDataReference(_lines), (nint)(at - _first))), count);

    /// <summary>A cache line. An array of lines may have more bytes than an array of bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Bytes)]
    private struct Line
    {
        public const int Bytes = 64;
    }
}
