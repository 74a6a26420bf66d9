using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>
/// Four vectors as the lanes of one: every operation is done on all four, one after the other. Four independent chains side by side keep a
/// processor busy that executes in order.
/// </summary>
/// <typeparam name="S">Lanes of one vector.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
internal readonly unsafe struct FourVectors<S, F, I> : ISimd<Four<F>, Four<I>>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4 * S.Lanes;
    }

    public static int Chains
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => S.Chains / 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Load(float* p) => new(S.Load(p), S.Load(p + S.Lanes), S.Load(p + 2 * S.Lanes), S.Load(p + 3 * S.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* p, Four<F> v)
    {
        S.Store(p, v.A);
        S.Store(p + S.Lanes, v.B);
        S.Store(p + 2 * S.Lanes, v.C);
        S.Store(p + 3 * S.Lanes, v.D);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Broadcast(float value) => Same(S.Broadcast(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> LoadBroadcast(float* p) => Same(S.LoadBroadcast(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Add(Four<F> a, Four<F> b) => new(S.Add(a.A, b.A), S.Add(a.B, b.B), S.Add(a.C, b.C), S.Add(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Sub(Four<F> a, Four<F> b) => new(S.Sub(a.A, b.A), S.Sub(a.B, b.B), S.Sub(a.C, b.C), S.Sub(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Mul(Four<F> a, Four<F> b) => new(S.Mul(a.A, b.A), S.Mul(a.B, b.B), S.Mul(a.C, b.C), S.Mul(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Div(Four<F> a, Four<F> b) => new(S.Div(a.A, b.A), S.Div(a.B, b.B), S.Div(a.C, b.C), S.Div(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Sqrt(Four<F> a) => new(S.Sqrt(a.A), S.Sqrt(a.B), S.Sqrt(a.C), S.Sqrt(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Fma(Four<F> a, Four<F> b, Four<F> c) => new(S.Fma(a.A, b.A, c.A), S.Fma(a.B, b.B, c.B), S.Fma(a.C, b.C, c.C), S.Fma(a.D, b.D, c.D));

    public static bool Interleaves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => S.Interleaves;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> LoadElements(float* p) => Same(S.LoadElements(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> FmaElement(Four<F> a, Four<F> elements, [ConstantExpected(Max = (byte)3)] byte element, Four<F> c) => new(S.FmaElement(a.A, elements.A, element, c.A), S.FmaElement(a.B, elements.A, element, c.B), S.FmaElement(a.C, elements.A, element, c.C), S.FmaElement(a.D, elements.A, element, c.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> FmaNegated(Four<F> a, Four<F> b, Four<F> c) => new(S.FmaNegated(a.A, b.A, c.A), S.FmaNegated(a.B, b.B, c.B), S.FmaNegated(a.C, b.C, c.C), S.FmaNegated(a.D, b.D, c.D));

    public static bool IsFused
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => S.IsFused;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> FmaOfExact(Four<F> a, Four<F> b, Four<F> c) => new(S.FmaOfExact(a.A, b.A, c.A), S.FmaOfExact(a.B, b.B, c.B), S.FmaOfExact(a.C, b.C, c.C), S.FmaOfExact(a.D, b.D, c.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> FmaFlagged(float a, Four<F> b, Four<F> c, ref Four<I> flags) => Fma(Broadcast(a), b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryStoreFmaOfWhole(float* p, Four<F> a, Four<F> b, Four<F> c)
    {
        Store(p, Fma(a, b, c));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> FmaAside(Four<F> a, Four<F> b, Four<F> c)
    {
        if (!S.HasFour) return new(S.FmaAside(a.A, b.A, c.A), S.FmaAside(a.B, b.B, c.B), S.FmaAside(a.C, b.C, c.C), S.FmaAside(a.D, b.D, c.D));
        S.FmaOfFour(&a, &b, &c);
        return c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> ExpOfNegated(Four<F> x)
    {
        if (!S.HasFour) return LaneMath<FourVectors<S, F, I>, Four<F>, Four<I>>.ExpOfNegated(x);
        S.ExpOfFourNegated(&x);
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Expm1OfNormal(Four<F> x)
    {
        if (!S.HasFour) return LaneMath<FourVectors<S, F, I>, Four<F>, Four<I>>.Expm1OfNormal(x);
        S.Expm1OfFourNormal(&x);
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Max(Four<F> a, Four<F> b) => S.Interleaves ? Select(Less(b, a), a, b) : new(S.Max(a.A, b.A), S.Max(a.B, b.B), S.Max(a.C, b.C), S.Max(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Min(Four<F> a, Four<F> b) => S.Interleaves ? Select(Less(a, b), a, b) : new(S.Min(a.A, b.A), S.Min(a.B, b.B), S.Min(a.C, b.C), S.Min(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> AtLeast(Four<F> limit, Four<F> x) => new(S.AtLeast(limit.A, x.A), S.AtLeast(limit.B, x.B), S.AtLeast(limit.C, x.C), S.AtLeast(limit.D, x.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> AtMost(Four<F> limit, Four<F> x) => new(S.AtMost(limit.A, x.A), S.AtMost(limit.B, x.B), S.AtMost(limit.C, x.C), S.AtMost(limit.D, x.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Floor(Four<F> a) => new(S.Floor(a.A), S.Floor(a.B), S.Floor(a.C), S.Floor(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Ceiling(Four<F> a) => new(S.Ceiling(a.A), S.Ceiling(a.B), S.Ceiling(a.C), S.Ceiling(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Round(Four<F> a) => new(S.Round(a.A), S.Round(a.B), S.Round(a.C), S.Round(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Less(Four<F> a, Four<F> b) => new(S.Less(a.A, b.A), S.Less(a.B, b.B), S.Less(a.C, b.C), S.Less(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Equal(Four<F> a, Four<F> b) => new(S.Equal(a.A, b.A), S.Equal(a.B, b.B), S.Equal(a.C, b.C), S.Equal(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Select(Four<I> mask, Four<F> a, Four<F> b) => new(S.Select(mask.A, a.A, b.A), S.Select(mask.B, a.B, b.B), S.Select(mask.C, a.C, b.C), S.Select(mask.D, a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Four<I> mask) => S.Any(S.Or(S.Or(mask.A, mask.B), S.Or(mask.C, mask.D)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> Upper(Four<F> a, [ConstantExpected(Min = 1, Max = 8)] int half)
    {
        if (half >= 2 * S.Lanes) return new(a.C, a.D, a.C, a.D);
        return half >= S.Lanes ? new(a.B, a.B, a.B, a.B) : Same(S.Upper(a.A, half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Four<F> a) => S.First(a.A);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> LoadInt(int* p) => new(S.LoadInt(p), S.LoadInt(p + S.Lanes), S.LoadInt(p + 2 * S.Lanes), S.LoadInt(p + 3 * S.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, Four<I> v)
    {
        S.StoreInt(p, v.A);
        S.StoreInt(p + S.Lanes, v.B);
        S.StoreInt(p + 2 * S.Lanes, v.C);
        S.StoreInt(p + 3 * S.Lanes, v.D);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift) => new(S.LoadShorts(p, shift), S.LoadShorts(p + S.Lanes, shift), S.LoadShorts(p + 2 * S.Lanes, shift), S.LoadShorts(p + 3 * S.Lanes, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out Four<I> a, out Four<I> b, out Four<I> c, out Four<I> d) =>
        (a, b, c, d) = (LoadShorts(p, shift), LoadShorts(p + Lanes, shift), LoadShorts(q, shift), LoadShorts(q + Lanes, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Broadcast(int value) => Same(S.Broadcast(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> ToInt(Four<F> a) => new(S.ToInt(a.A), S.ToInt(a.B), S.ToInt(a.C), S.ToInt(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> ToFloat(Four<I> a) => new(S.ToFloat(a.A), S.ToFloat(a.B), S.ToFloat(a.C), S.ToFloat(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> AsInt(Four<F> a) => new(S.AsInt(a.A), S.AsInt(a.B), S.AsInt(a.C), S.AsInt(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> AsFloat(Four<I> a) => new(S.AsFloat(a.A), S.AsFloat(a.B), S.AsFloat(a.C), S.AsFloat(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> And(Four<I> a, Four<I> b) => new(S.And(a.A, b.A), S.And(a.B, b.B), S.And(a.C, b.C), S.And(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Or(Four<I> a, Four<I> b) => new(S.Or(a.A, b.A), S.Or(a.B, b.B), S.Or(a.C, b.C), S.Or(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Xor(Four<I> a, Four<I> b) => new(S.Xor(a.A, b.A), S.Xor(a.B, b.B), S.Xor(a.C, b.C), S.Xor(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Add(Four<I> a, Four<I> b) => new(S.Add(a.A, b.A), S.Add(a.B, b.B), S.Add(a.C, b.C), S.Add(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Max(Four<I> a, Four<I> b) => new(S.Max(a.A, b.A), S.Max(a.B, b.B), S.Max(a.C, b.C), S.Max(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> Sub(Four<I> a, Four<I> b) => new(S.Sub(a.A, b.A), S.Sub(a.B, b.B), S.Sub(a.C, b.C), S.Sub(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> ShiftLeft(Four<I> a, [ConstantExpected(Max = (byte)31)] byte count) => new(S.ShiftLeft(a.A, count), S.ShiftLeft(a.B, count), S.ShiftLeft(a.C, count), S.ShiftLeft(a.D, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<I> ShiftRight(Four<I> a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count) => new(S.ShiftRight(a.A, count), S.ShiftRight(a.B, count), S.ShiftRight(a.C, count), S.ShiftRight(a.D, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(sbyte* p, Four<I> a)
    {
        S.StoreBytes(p, a.A);
        S.StoreBytes(p + S.Lanes, a.B);
        S.StoreBytes(p + 2 * S.Lanes, a.C);
        S.StoreBytes(p + 3 * S.Lanes, a.D);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSteps(sbyte* p, float* x, Four<F> factor) => S.StoreSteps(p, x, factor.A);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Four<F> StoreSteps(sbyte* p, float* x, Four<F> factor, Four<F> squares) => new(S.StoreSteps(p, x, factor.A, squares.A), squares.B, squares.C, squares.D);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Four<V> Same<V>(V v)
        where V : unmanaged => new(v, v, v, v);
}

/// <summary>Four values, each in its own register.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly struct Four<V>(V a, V b, V c, V d)
    where V : unmanaged
{
    public readonly V A = a;
    public readonly V B = b;
    public readonly V C = c;
    public readonly V D = d;
}
