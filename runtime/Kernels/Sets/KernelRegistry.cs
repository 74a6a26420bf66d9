using System.Runtime.CompilerServices;
using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace SeqRuntime.Kernels.Sets;

/// <summary>All kernel sets of this build, those that this processor can run, and the chosen one.</summary>
/// <remarks>
/// Each row creates its set only after the processor check, so that an ahead-of-time compiler leaves out sets that cannot
/// run on its target.
/// </remarks>
internal static unsafe class KernelRegistry
{
    /// <summary>Environment variable that forces a kernel set by name, for tests.</summary>
    public const string Variable = "SEQRUNTIME_KERNELS";

    private static readonly List<string> s_built = [];

    /// <summary>Kernel sets that run on this processor, best first; portable is always the last.</summary>
    public static IReadOnlyList<KernelSet> Runnable { get; } = MakeRunnable();

    /// <summary>The reference: runs everywhere.</summary>
    public static KernelSet Portable => Runnable[^1];

    /// <summary>Names of all kernel sets written for this processor's architecture, best first.</summary>
    public static IReadOnlyList<string> Built => s_built;

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
            $"Kernel set '{name}' ({source}) {(known ? "cannot run on this processor or with this build's instruction-set baseline" : "does not exist")}; use one of {string.Join(", ", Runnable.Select(kernels => kernels.Name))}.");
    }

    /// <summary>One line a kernel set, best first: its name and whether it is built, runnable and chosen.</summary>
    public static IReadOnlyList<string> Describe()
    {
        var chosen = Choose().Name;
        return [.. Built.Select(name => $"{name}: built{(Runnable.Any(kernels => kernels.Name == name) ? ", runnable" : ", not runnable")}{(name == chosen ? ", chosen" : "")}")];
    }

    /// <summary>The table of all sets, best first for each architecture: name, whether the processor runs it, what makes it.</summary>
    private static List<KernelSet> MakeRunnable()
    {
        var sets = new List<KernelSet>();
        if (X86.X86Base.IsSupported)
        {
            Row("avx512", X86.Avx512F.IsSupported && X86.Avx512BW.IsSupported && X86.Avx512DQ.IsSupported && X86.Avx2.IsSupported && X86.Fma.IsSupported ? &Avx512.Make : null);
            Row("avxvnni", X86.AvxVnni.IsSupported && X86.Avx2.IsSupported && X86.Fma.IsSupported ? &AvxVnni.Make : null);
            Row("avx2", X86.Avx2.IsSupported && X86.Fma.IsSupported ? &Avx2.Make : null);
            // A program compiled ahead of time for AVX2 leaves it out: it would never be chosen.
            if (!X86.Avx2.IsSupported || RuntimeFeature.IsDynamicCodeCompiled) Row("sse41", X86.Sse41.IsSupported ? &Sse41.Make : null);
        }

        if (Arm.ArmBase.Arm64.IsSupported)
        {
            Row("advsimd-dp", Arm.Dp.IsSupported && Arm.AdvSimd.Arm64.IsSupported ? &AdvSimdDp.Make : null);
            Row("advsimd", Arm.AdvSimd.Arm64.IsSupported ? &AdvSimd.Make : null);
        }

        Row("portable", &Sets.Portable.Make);
        return sets;

        void Row(string name, delegate*<string, KernelSet> make)
        {
            s_built.Add(name);
            if (make != null) sets.Add(make(name));
        }
    }
}
