using System.Runtime.InteropServices;
using SeqRuntime.Kernels;

namespace SeqRuntime.Perf.Comparing;

/// <summary>A row of floats that a kernel reads and one that it writes, in native memory.</summary>
internal sealed unsafe class NativeRow : IDisposable
{
    public NativeRow(int count)
    {
        var room = count + KernelSet.ReadSlack / sizeof(float);
        X = (float*)NativeMemory.AlignedAlloc((nuint)(room * sizeof(float)), 64);
        Y = (float*)NativeMemory.AlignedAlloc((nuint)(room * sizeof(float)), 64);
        Signals.Wave(room).CopyTo(new Span<float>(X, room));
        new Span<float>(Y, room).Clear();
    }

    public float* X { get; }

    public float* Y { get; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(X);
        NativeMemory.AlignedFree(Y);
    }
}
