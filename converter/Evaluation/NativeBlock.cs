using System.Runtime.InteropServices;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>A zeroed block, aligned to 64 bytes, outside the managed heap. Disposing frees it at once, because folded values may be large and short-lived.</summary>
internal sealed unsafe class NativeBlock : SafeHandle
{
    public NativeBlock(long bytes)
        : base(0, ownsHandle: true)
    {
        var start = NativeMemory.AlignedAlloc((nuint)bytes, 64);
        NativeMemory.Clear(start, (nuint)bytes);
        SetHandle((nint)start);
    }

    public override bool IsInvalid => handle == 0;

    public byte* Start => (byte*)handle;

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
