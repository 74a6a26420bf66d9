using System.Diagnostics.CodeAnalysis;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Throw helpers of the kernels.</summary>
internal static class KernelError
{
    /// <summary>An operator passed a logical function to the arithmetic kernels, which is a bug of the operator.</summary>
    [DoesNotReturn]
    public static void NotArithmetic<T>(T function)
        where T : struct, Enum => throw new InvalidOperationException($"{typeof(T).Name}.{function} is not an arithmetic function; its operator must compute it.");
}
