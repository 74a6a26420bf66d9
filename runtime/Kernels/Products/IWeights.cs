using System.Runtime.CompilerServices;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>How stored weights become lanes of fp32: the only difference between matrix products in fp32.</summary>
/// <typeparam name="T">One weight as stored.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
internal unsafe interface IWeights<T, F, I>
    where T : unmanaged
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>A mask for loads, computed before a loop. <paramref name="rows"/>, at least 1, hides that the mask is constant: the compiler would load a constant at every step.</summary>
    static abstract I Kept(nint rows);

    /// <summary>A vector of consecutive weights.</summary>
    static abstract F Load(T* p, I kept);

    /// <summary>Two vectors of consecutive weights at p + i and two at q + j. All are loaded before the first is converted.</summary>
    static abstract void LoadFour(T* p, nint i, T* q, nint j, I kept, out F w0, out F w1, out F w2, out F w3);
}

/// <summary>Weights stored as fp32.</summary>
internal readonly unsafe struct Float32Weights<S, F, I> : IWeights<float, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static I Kept(nint rows) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Load(float* p, I kept) => S.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFour(float* p, nint i, float* q, nint j, I kept, out F w0, out F w1, out F w2, out F w3)
    {
        w0 = S.Load(p + i);
        w1 = S.Load(p + (i + S.Lanes));
        w2 = S.Load(q + j);
        w3 = S.Load(q + (j + S.Lanes));
    }
}

/// <summary>Weights stored as bfloat16, the upper half of a float.</summary>
internal readonly unsafe struct BFloat16Weights<S, F, I> : IWeights<short, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static I Kept(nint rows) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Load(short* p, I kept) => S.AsFloat(S.LoadShorts(p, 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFour(short* p, nint i, short* q, nint j, I kept, out F w0, out F w1, out F w2, out F w3)
    {
        S.LoadShorts(p + i, q + j, 16, out var a, out var b, out var c, out var d);
        (w0, w1, w2, w3) = (S.AsFloat(a), S.AsFloat(b), S.AsFloat(c), S.AsFloat(d));
    }
}

/// <summary>Weights stored as IEEE 754 binary16, converted in lanes at each load; exact, denormals included.</summary>
/// <remarks>
/// Exponent and mantissa move to their fp32 places, and a multiplication by 2¹¹² corrects the exponent bias. There are no
/// infinities and NaNs: exponent 31 is one more binade.
/// </remarks>
internal readonly unsafe struct Float16Weights<S, F, I> : IWeights<short, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>2¹¹².</summary>
    public const float Rebias = 5.192296858534828e33f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static I Kept(nint rows) => Float16Bits<S, F, I>.Kept(rows);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Load(short* p, I kept) => S.Mul(Float16Bits<S, F, I>.Load(p, kept), S.Broadcast(Rebias));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFour(short* p, nint i, short* q, nint j, I kept, out F w0, out F w1, out F w2, out F w3)
    {
        Float16Bits<S, F, I>.LoadFour(p, i, q, j, kept, out w0, out w1, out w2, out w3);
        w0 = S.Mul(w0, S.Broadcast(Rebias));
        w1 = S.Mul(w1, S.Broadcast(Rebias));
        w2 = S.Mul(w2, S.Broadcast(Rebias));
        w3 = S.Mul(w3, S.Broadcast(Rebias));
    }
}

/// <summary>Weights stored as IEEE 754 binary16, each loaded as 2⁻¹¹² times its value, for inputs multiplied by 2¹¹².</summary>
internal readonly unsafe struct Float16Bits<S, F, I> : IWeights<short, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>The sign, and the other 15 bits shifted up by 13.</summary>
    private const int Mask = unchecked((int)0x8FFFE000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static I Kept(nint rows) => S.Broadcast(Mask | (int)(rows >> 62));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Load(short* p, I kept) => S.AsFloat(S.And(S.LoadShorts(p, 13), kept));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFour(short* p, nint i, short* q, nint j, I kept, out F w0, out F w1, out F w2, out F w3)
    {
        S.LoadShorts(p + i, q + j, 13, out var a, out var b, out var c, out var d);
        w0 = S.AsFloat(S.And(a, kept));
        w1 = S.AsFloat(S.And(b, kept));
        w2 = S.AsFloat(S.And(c, kept));
        w3 = S.AsFloat(S.And(d, kept));
    }
}
