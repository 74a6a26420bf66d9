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

/// <summary>Weights stored as IEEE 754 binary16, converted in lanes as they are loaded; exact, denormals included.</summary>
/// <remarks>
/// Exponent and mantissa move to where fp32 has them and a multiplication by 2¹¹² makes up for the other bias. There are no
/// infinities and NaNs: exponent 31 is one more binade.
/// </remarks>
internal readonly unsafe struct Float16Weights<S, F, I> : IWeights<short, F>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>2¹¹².</summary>
    private const float Rebias = 5.192296858534828e33f;

    /// <summary>Sign, and the 15 other bits 13 places up.</summary>
    private const int Kept = unchecked((int)0x8FFFE000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Load(short* p) => S.Mul(S.AsFloat(S.And(S.ShiftLeft(S.LoadShorts(p), 13), S.Broadcast(Kept))), S.Broadcast(Rebias));
}
