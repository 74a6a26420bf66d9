using SeqRuntime.Kernels;

namespace SeqRuntime;

/// <summary>Which kernel paths this build holds and what the processor runs; for diagnosis.</summary>
public static class SeqKernels
{
    /// <summary>Kernel paths written for this processor's architecture, best first.</summary>
    public static IReadOnlyList<string> Built => KernelRegistry.Built;

    /// <summary>Those that can run here: the processor has the instructions and, in a Native AOT program, its instruction-set baseline lets them be checked. Best first; <c>portable</c> is always the last.</summary>
    public static IReadOnlyList<string> Runnable { get; } = [.. KernelRegistry.Runnable.Select(kernels => kernels.Name)];

    /// <summary>The path that a model loads with unless its options name another: the environment variable <c>SEQRUNTIME_KERNELS</c>, else the best.</summary>
    /// <exception cref="ArgumentException">The variable names a path that cannot run.</exception>
    public static string Chosen => KernelRegistry.Choose().Name;

    /// <summary>Instruction sets that matter to the kernels and that this program sees.</summary>
    public static IReadOnlyList<string> InstructionSets { get; } = Kernels.InstructionSets.Find();
}
