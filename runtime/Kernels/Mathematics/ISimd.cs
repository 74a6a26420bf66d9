using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>
/// Lanes of one instruction set: the operations that all kernels use. Every operation is exact or
/// correctly rounded by IEEE 754, so that a kernel gives the same bits whatever the number of lanes.
/// </summary>
/// <typeparam name="F">Lanes of fp32: float, Vector128, Vector256 or Vector512.</typeparam>
/// <typeparam name="I">As many lanes of int32.</typeparam>
internal unsafe interface ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Lanes of one vector: 1, 4, 8 or 16; a constant to the compiler.</summary>
    static abstract int Lanes { get; }

    /// <summary>Vectors of sums that fit the registers while one row of inputs is multiplied by weights in fp32; no more than the widest panel has.</summary>
    static abstract int Chains { get; }

    static abstract F Load(float* p);
    static abstract void Store(float* p, F v);
    static abstract F Broadcast(float value);

    /// <summary>One element in all lanes.</summary>
    static abstract F LoadBroadcast(float* p);

    /// <summary>Asks for the cache line at any address, to have it in the second-level cache when it is read. Nothing happens where there is no such instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void Prefetch(void* p)
    {
    }

    static abstract F Add(F a, F b);
    static abstract F Sub(F a, F b);
    static abstract F Mul(F a, F b);
    static abstract F Div(F a, F b);
    static abstract F Sqrt(F a);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract F Fma(F a, F b, F c);

    /// <summary>
    /// Whether loops interleave: loads before the arithmetic, four chains side by side, and inputs by element. Processors that execute in order need it.
    /// </summary>
    static abstract bool Interleaves { get; }

    /// <summary>Four elements for <see cref="FmaElement"/>. Both are only called if loops interleave.</summary>
    static abstract F LoadElements(float* p);

    /// <summary>a·elements[element] + c, rounded once.</summary>
    static abstract F FmaElement(F a, F elements, [ConstantExpected(Max = (byte)3)] byte element, F c);

    /// <summary>c - a·b, rounded once.</summary>
    static abstract F FmaNegated(F a, F b, F c);

    /// <summary>Whether <see cref="Fma"/> is one instruction.</summary>
    static abstract bool IsFused { get; }

    /// <summary>As <see cref="Fma"/> where a·b is exact in fp32, so that a product and a sum give the same bits.</summary>
    static abstract F FmaOfExact(F a, F b, F c);

    /// <summary>
    /// <see cref="Fma"/> of one number a. Where that takes more than a few instructions, rarely, any lane of <paramref name="flags"/> is set to ones, and the
    /// result is unspecified.
    /// </summary>
    static abstract F FmaFlagged(float a, F b, F c, ref I flags);

    /// <summary>Stores <see cref="Fma"/> where all a are whole numbers. False, and nothing is stored, where that takes more than a few instructions: rarely.</summary>
    static abstract bool TryStoreFmaOfWhole(float* p, F a, F b, F c);

    /// <summary>As <see cref="Fma"/>, once for many operations: a call where a multiply-add is not one instruction, since those that are inlined have to be few.</summary>
    static abstract F FmaAside(F a, F b, F c);

    /// <summary>e⁻ˣ for x in [-40, 40]: <see cref="LaneMath{S,F,I}.ExpOfNegated"/>, or another way to its bits.</summary>
    static abstract F ExpOfNegated(F x);

    /// <summary>eˣ - 1 for x in [-20, 20]: <see cref="LaneMath{S,F,I}.Expm1OfNormal"/>, or another way to its bits.</summary>
    static abstract F Expm1OfNormal(F x);

    /// <summary>Whether there is another way to the bits of four vectors: the methods below, which are only called then.</summary>
    static virtual bool HasFour => false;

    /// <summary><see cref="ExpOfNegated"/> of four vectors, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void ExpOfFourNegated(Four<F>* x) => throw new NotSupportedException();

    /// <summary><see cref="Expm1OfNormal"/> of four vectors, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void Expm1OfFourNormal(Four<F>* x) => throw new NotSupportedException();

    /// <summary><see cref="Fma"/> of four vectors, in place of c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void FmaOfFour(Four<F>* a, Four<F>* b, Four<F>* c) => throw new NotSupportedException();

    /// <summary>a &gt; b ? a : b.</summary>
    static abstract F Max(F a, F b);

    /// <summary>a &lt; b ? a : b.</summary>
    static abstract F Min(F a, F b);

    /// <summary><see cref="Max(F, F)"/> of a limit that is not zero and any x; NaN stays.</summary>
    static abstract F AtLeast(F limit, F x);

    /// <summary><see cref="Min"/> of a limit that is not zero and any x; NaN stays.</summary>
    static abstract F AtMost(F limit, F x);

    static abstract F Floor(F a);
    static abstract F Ceiling(F a);

    /// <summary>Round half to even.</summary>
    static abstract F Round(F a);

    /// <summary>All ones where a &lt; b, else zeros; false with a NaN.</summary>
    static abstract I Less(F a, F b);

    /// <summary>All ones where a = b, else zeros; false with a NaN.</summary>
    static abstract I Equal(F a, F b);

    /// <summary>mask ? a : b, where each lane of mask is all ones or zeros.</summary>
    static abstract F Select(I mask, F a, F b);

    /// <summary>Whether any lane of a mask is set.</summary>
    static abstract bool Any(I mask);

    /// <summary>Lane i + half in lane i, for every i below <paramref name="half"/>; the other lanes are unspecified.</summary>
    static abstract F Upper(F a, [ConstantExpected(Min = 1, Max = 8)] int half);

    /// <summary>Lane 0.</summary>
    static abstract float First(F a);

    static abstract I LoadInt(int* p);
    static abstract void StoreInt(int* p, I v);

    /// <summary>Loads 16-bit integers, sign-extended and then shifted to the left.</summary>
    static abstract I LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift);

    /// <summary>The same for two vectors at p and two at q.</summary>
    static abstract void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out I a, out I b, out I c, out I d);

    static abstract I Broadcast(int value);

    /// <summary>Converts whole numbers within int32; the result of any other value is unspecified.</summary>
    static abstract I ToInt(F a);

    static abstract F ToFloat(I a);
    static abstract I AsInt(F a);
    static abstract F AsFloat(I a);
    static abstract I And(I a, I b);
    static abstract I Or(I a, I b);
    static abstract I Xor(I a, I b);
    static abstract I Add(I a, I b);
    static abstract I Sub(I a, I b);
    static abstract I Max(I a, I b);
    static abstract I ShiftLeft(I a, [ConstantExpected(Max = (byte)31)] byte count);

    /// <summary>Arithmetic shift: it keeps the sign.</summary>
    static abstract I ShiftRight(I a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count);

    /// <summary>Stores the lanes, each within [-128, 127], as bytes.</summary>
    static abstract void StoreBytes(sbyte* p, I a);

    /// <summary>
    /// Stores 16 steps as bytes: x·factor, rounded half to even and limited to [-127, 127], NaN as 0. The factor is finite and not 0.
    /// Sets without instructions for it use <see cref="Steps{S,F,I}"/>.
    /// </summary>
    static abstract void StoreSteps(sbyte* p, float* x, F factor);

    /// <summary>The same of finite numbers that are at most 127/factor; adds the steps' squares to <paramref name="squares"/>, exactly while its lanes stay below 2²⁴.</summary>
    static abstract F StoreSteps(sbyte* p, float* x, F factor, F squares);
}
