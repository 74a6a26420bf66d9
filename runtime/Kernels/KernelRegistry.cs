using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace SeqRuntime.Kernels;

/// <summary>Every kernel set this build holds, which of them this processor runs, and which one is chosen.</summary>
/// <remarks>
/// Each set is made behind the processor check it needs, so that an ahead-of-time compiler leaves out those that cannot
/// run on the instruction sets it builds for.
/// </remarks>
internal static class KernelRegistry
{
    /// <summary>Environment variable that forces a kernel set by name, for tests.</summary>
    public const string Variable = "SEQRUNTIME_KERNELS";

    /// <summary>The reference: runs everywhere.</summary>
    public static KernelSet Portable { get; } = new SimdKernels<Scalar, float, int, GemmInt8<Scalar, float, int, Scalar, int>, GemmInt4<Scalar, float, int, ScalarInt4, int>, WholeSteps<Scalar, float, int>>("portable");

    /// <summary>Kernel sets that run on this processor, best first; portable is always the last.</summary>
    public static IReadOnlyList<KernelSet> Runnable { get; } = FindRunnable();

    /// <summary>Names of all kernel sets written for this processor's architecture, best first.</summary>
    public static IReadOnlyList<string> Built { get; } = X86.X86Base.IsSupported ? ["avx512", "avxvnni", "avx2", "portable"]
        : Arm.ArmBase.Arm64.IsSupported ? ["advsimd-dp", "advsimd", "portable"]
        : ["portable"];

    /// <summary>The set named by <paramref name="forced"/>, else by the environment variable, else the best.</summary>
    /// <exception cref="ArgumentException">The name is unknown or the processor cannot run it.</exception>
    public static KernelSet Choose(string? forced = null)
    {
        var fromVariable = string.IsNullOrEmpty(forced);
        var name = fromVariable ? Environment.GetEnvironmentVariable(Variable) : forced;
        if (string.IsNullOrEmpty(name)) return Runnable[0];
        foreach (var kernels in Runnable)
        {
            if (string.Equals(kernels.Name, name, StringComparison.OrdinalIgnoreCase)) return kernels;
        }

        var source = fromVariable ? $"environment variable {Variable}" : "option KernelSet";
        var known = Built.Contains(name, StringComparer.OrdinalIgnoreCase);
        throw new ArgumentException(
            $"{source} asks for kernels '{name}', which {(known ? "this processor (or this build's instruction-set baseline) cannot run" : "do not exist")}; runnable here: {string.Join(", ", Runnable.Select(kernels => kernels.Name))}");
    }

    /// <summary>One line a kernel set, best first: its name and whether it is built, runnable and chosen.</summary>
    public static IReadOnlyList<string> Describe()
    {
        var chosen = Choose().Name;
        return [.. Built.Select(name => $"{name}: built{(Runnable.Any(kernels => kernels.Name == name) ? ", runnable" : ", not runnable")}{(name == chosen ? ", chosen" : "")}")];
    }

    private static List<KernelSet> FindRunnable()
    {
        var sets = new List<KernelSet>();
        if (X86.Avx2.IsSupported && X86.Fma.IsSupported) AddX64(sets);
        if (Arm.AdvSimd.Arm64.IsSupported) AddArm64(sets);
        sets.Add(Portable);
        return sets;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddX64(List<KernelSet> sets)
    {
        if (X86.Avx512F.IsSupported && X86.Avx512BW.IsSupported && X86.Avx512DQ.IsSupported) AddSixteen(sets);
        if (X86.AvxVnni.IsSupported) AddEight<AvxVnni, AvxVnniInt4, Vector256<int>>(sets, "avxvnni");
        AddEight<Avx2, Avx2Int4, Vector256<short>>(sets, "avx2");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddArm64(List<KernelSet> sets)
    {
        if (Arm.Dp.IsSupported) AddFour<AdvSimdDp, Vector128<int>, AdvSimdDpInt4, Vector128<int>>(sets, "advsimd-dp");
        AddFour<AdvSimd, AdvSimd.Sums, AdvSimdInt4, AdvSimdInt4.Sums>(sets, "advsimd");
    }

    /// <summary>16 lanes of fp32. int8 products take 8: 16 are no faster by AVX-512 (BW), and AVX-VNNI has no more.</summary>
    private static void AddSixteen(List<KernelSet> sets)
    {
        if (X86.AvxVnni.IsSupported) Add<AvxVnni>();
        else Add<Avx2>();

        void Add<D>()
            where D : struct, IInt8Dot<Vector256<int>, Vector256<int>> =>
            sets.Add(new SimdKernels<Avx512, Vector512<float>, Vector512<int>, GemmInt8<Avx2, Vector256<float>, Vector256<int>, D, Vector256<int>>, GemmInt4<Avx512, Vector512<float>, Vector512<int>, Avx512Int4, Vector512<short>>,
                SplitSteps<WholeSteps<Avx512, Vector512<float>, Vector512<int>>, WholeSteps<Avx2, Vector256<float>, Vector256<int>>>>("avx512"));
    }

    private static void AddEight<D, Q, G>(List<KernelSet> sets, string name)
        where D : struct, IInt8Dot<Vector256<int>, Vector256<int>>
        where Q : struct, IInt4Dot<Vector256<int>, G>
        where G : unmanaged =>
        sets.Add(new SimdKernels<Avx2, Vector256<float>, Vector256<int>, GemmInt8<Avx2, Vector256<float>, Vector256<int>, D, Vector256<int>>, GemmInt4<Avx2, Vector256<float>, Vector256<int>, Q, G>,
            WholeSteps<Avx2, Vector256<float>, Vector256<int>>>(name));

    private static void AddFour<D, A, Q, G>(List<KernelSet> sets, string name)
        where D : struct, IInt8Dot<Vector128<int>, A>
        where A : unmanaged
        where Q : struct, IInt4Dot<Vector128<int>, G>
        where G : unmanaged =>
        sets.Add(new SimdKernels<AdvSimd, Vector128<float>, Vector128<int>, GemmInt8<AdvSimd, Vector128<float>, Vector128<int>, D, A>, GemmInt4<AdvSimd, Vector128<float>, Vector128<int>, Q, G>,
            WholeSteps<AdvSimd, Vector128<float>, Vector128<int>>>(name));
}
