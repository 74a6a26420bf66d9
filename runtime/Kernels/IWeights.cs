using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels;

/// <summary>How stored weights become lanes of fp32: what one matrix product in fp32 differs in from another.</summary>
/// <typeparam name="T">One weight as stored.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
internal unsafe interface IWeights<T, F>
    where T : unmanaged
    where F : unmanaged
{
    /// <summary>A vector of consecutive weights.</summary>
    static abstract F Load(T* p);
}

/// <summary>Weights stored as fp32.</summary>
internal readonly unsafe struct Float32Weights<S, F, I> : IWeights<float, F>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Load(float* p) => S.Load(p);
}
