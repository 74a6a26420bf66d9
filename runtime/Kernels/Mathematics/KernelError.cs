using System.Diagnostics.CodeAnalysis;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Throw helpers of the kernels.</summary>
internal static class KernelError
{
    /// <summary>A function of truth values came to the arithmetic kernels: a mistake of the operator that called.</summary>
    [DoesNotReturn]
    public static void NotArithmetic<T>(T function)
        where T : struct, Enum => throw new InvalidOperationException($"{typeof(T).Name}.{function} is no arithmetic function; its operator computes it itself.");
}
