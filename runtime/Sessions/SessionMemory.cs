using System.Runtime.InteropServices;

namespace SeqRuntime.Sessions;

/// <summary>One zeroed, 64-byte-aligned block outside the managed heap, freed when disposed or finalized.</summary>
internal sealed unsafe class SessionMemory : SafeHandle
{
    public SessionMemory(long bytes)
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
