using System.Runtime.InteropServices;
using SeqRuntime.Fuzz.Targets;
using SharpFuzz.Common;

namespace SeqRuntime.Fuzz.Running;

/// <summary>The same targets under AFL++, by SharpFuzz: the assemblies are instrumented first (afl.sh).</summary>
internal static class Afl
{
    /// <summary>AFL's map of branches.</summary>
    private const int MapBytes = 1 << 16;

    public static unsafe int Run(string name)
    {
        // Making a target runs instrumented code before AFL's map exists.
        Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(MapBytes);
        using var target = Target.All[name]();
        SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
        {
            using var input = new MemoryStream();
            stream.CopyTo(input);
            target.Run(input.ToArray());
        });
        return 0;
    }
}
