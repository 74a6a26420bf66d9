using System.Runtime.InteropServices;

namespace SeqRuntime.Tests;

/// <summary>
/// Native memory for an input or output, between guards. All bytes are <c>around</c> first, NaN as fp32, so that slack bytes that affect a
/// result are noticed. <see cref="Check"/> finds writes outside.
/// </summary>
internal sealed unsafe class GuardedMemory<T> : IDisposable
    where T : unmanaged
{
    private const int Guard = 128;
    private readonly byte* _memory;
    private readonly byte* _end;
    private readonly byte _around;

    public GuardedMemory(int count, int misalign = 0, byte around = 0xFF)
    {
        Count = count;
        _around = around;
        var total = count * sizeof(T) + 3 * Guard;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)total, 64);
        _end = _memory + total;
        new Span<byte>(_memory, total).Fill(around);
        Pointer = (T*)(_memory + Guard) + misalign;
    }

    public GuardedMemory(ReadOnlySpan<T> data, int misalign = 0)
        : this(data.Length, misalign) => data.CopyTo(Span);

    public int Count { get; }

    public T* Pointer { get; }

    public Span<T> Span => new(Pointer, Count);

    public void Check(string what)
    {
        var after = (byte*)(Pointer + Count);
        if (new ReadOnlySpan<byte>(_memory, (int)((byte*)Pointer - _memory)).ContainsAnyExcept(_around)) Assert.Fail($"{what}: written before its start");
        if (new ReadOnlySpan<byte>(after, (int)(_end - after)).ContainsAnyExcept(_around)) Assert.Fail($"{what}: written past its end");
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}
