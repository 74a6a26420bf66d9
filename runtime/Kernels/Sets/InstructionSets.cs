using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace SeqRuntime.Kernels.Sets;

/// <summary>Names of the instruction sets used by kernels that this program detects.</summary>
internal static class InstructionSets
{
    public static List<string> Find()
    {
        var names = new List<string>();
        if (X86.Sse41.IsSupported) names.Add("sse4.1");
        if (X86.Sse42.IsSupported) names.Add("sse4.2");
        if (X86.Avx.IsSupported) names.Add("avx");
        if (X86.Avx2.IsSupported) names.Add("avx2");
        if (X86.Fma.IsSupported) names.Add("fma");
        if (X86.AvxVnni.IsSupported) names.Add("avxvnni");
        if (X86.Avx512F.IsSupported) names.Add("avx512f");
        if (X86.Avx512DQ.IsSupported) names.Add("avx512dq");
        if (Arm.AdvSimd.IsSupported) names.Add("advsimd");
        if (Arm.Dp.IsSupported) names.Add("dp");
        return names;
    }
}
