using System.Runtime.InteropServices;
using SeqRuntime.Kernels;

namespace BitHash;

/// <summary>Native memory with read slack. It is filled with NaN, so that a slack byte that affects a result is noticed.</summary>
internal sealed unsafe class NativeBlock<T> : IDisposable
    where T : unmanaged
{
    public NativeBlock(int count)
    {
        Count = count;
        var bytes = count * sizeof(T) + KernelSet.ReadSlack;
        Pointer = (T*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        new Span<byte>(Pointer, bytes).Fill(0xFF);
    }

    public NativeBlock(ReadOnlySpan<T> content)
        : this(content.Length) => content.CopyTo(Span);

    public int Count { get; }

    public T* Pointer { get; }

    public Span<T> Span => new(Pointer, Count);

    public void Dispose() => NativeMemory.AlignedFree(Pointer);
}
