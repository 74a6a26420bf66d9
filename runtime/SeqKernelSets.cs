using SeqRuntime.Kernels.Sets;

namespace SeqRuntime;

/// <summary>The kernel sets of this build, and those that the processor can run; for diagnosis.</summary>
public static class SeqKernelSets
{
    /// <summary>Kernel sets written for this processor's architecture, best first.</summary>
    public static IReadOnlyList<string> BuiltIn => KernelRegistry.Built;

    /// <summary>The sets that can run here: the processor has the instructions and, in a Native AOT program, the instruction-set baseline allows checking for them. Best first; <c>portable</c> is always the last.</summary>
    public static IReadOnlyList<string> Supported { get; } = [.. KernelRegistry.Runnable.Select(kernels => kernels.Name)];

    /// <summary>The set that models use unless their options name another: the one in the environment variable <c>SEQRUNTIME_KERNELS</c>, else the best.</summary>
    /// <exception cref="ArgumentException">The variable names a set that cannot run.</exception>
    public static string Default => KernelRegistry.Choose().Name;

    /// <summary>Instruction sets relevant to the kernels that this program detects.</summary>
    public static IReadOnlyList<string> InstructionSets { get; } = Kernels.Sets.InstructionSets.Find();
}
