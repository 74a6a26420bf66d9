namespace SeqRuntime.Kernels;

/// <summary>Every kernel set this build holds, which of them this processor runs, and which one is chosen.</summary>
internal static class KernelRegistry
{
    /// <summary>Environment variable that forces a kernel set by name, for tests.</summary>
    public const string Variable = "SEQRUNTIME_KERNELS";

    /// <summary>The reference: runs everywhere.</summary>
    public static KernelSet Portable => throw new NotImplementedException();

    /// <summary>Kernel sets that run on this processor, best first; portable is always the last.</summary>
    public static IReadOnlyList<KernelSet> Runnable => throw new NotImplementedException();

    /// <summary>Names of all kernel sets in this build, best first.</summary>
    public static IReadOnlyList<string> Built => throw new NotImplementedException();

    /// <summary>The set named by <paramref name="forced"/>, else by the environment variable, else the best.</summary>
    /// <exception cref="ArgumentException">The name is unknown or the processor cannot run it.</exception>
    public static KernelSet Choose(string? forced = null) => throw new NotImplementedException();
}
