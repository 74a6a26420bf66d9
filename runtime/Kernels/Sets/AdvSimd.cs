using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;
using Float = System.Runtime.Intrinsics.Vector128<float>;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.Arm.AdvSimd;

namespace SeqRuntime.Kernels.Sets;

/// <summary>4 lanes of NEON (AArch64).</summary>
internal readonly unsafe struct AdvSimd : ISimd<Float, Int>, IInt8Dot<Int, AdvSimd.Sums>, IInt4Dot<Int, AdvSimd.GroupSums>
{
    public static KernelSet Make(string name) => Make<AdvSimd, Sums, GroupSums>(name);

    /// <summary>A kernel set with these lanes and the given integer products.</summary>
    /// <typeparam name="D">int8 and int4 products.</typeparam>
    /// <typeparam name="A">Sums of int8 products.</typeparam>
    /// <typeparam name="G">Sums of int4 products within a group.</typeparam>
    /// <param name="name">Its name.</param>
    public static KernelSet Make<D, A, G>(string name)
        where D : struct, IInt8Dot<Int, A>, IInt4Dot<Int, G>
        where A : unmanaged
        where G : unmanaged => new SimdKernels<AdvSimd, Float, Int, Int8Products<AdvSimd, Float, Int, D, D, A>, GemmInt4<AdvSimd, Float, Int, D, G>, BlockSteps<AdvSimd, Float, Int>>(name);

    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static int Chains
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Load(float* p) => Isa.LoadVector128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* p, Float v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadBroadcast(float* p) => Isa.LoadAndReplicateToVector128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Add(Float a, Float b) => Isa.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Sub(Float a, Float b) => Isa.Subtract(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Mul(Float a, Float b) => Isa.Multiply(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Div(Float a, Float b) => Isa.Arm64.Divide(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Sqrt(Float a) => Isa.Arm64.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Fma(Float a, Float b, Float c) => Isa.FusedMultiplyAdd(c, a, b);

    public static bool Interleaves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadElements(float* p) => Isa.LoadVector128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaElement(Float a, Float elements, [ConstantExpected(Max = (byte)3)] byte element, Float c) => Isa.Arm64.FusedMultiplyAddBySelectedScalar(c, a, elements, element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaNegated(Float a, Float b, Float c) => Isa.FusedMultiplySubtract(c, a, b);

    public static bool IsFused
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaOfExact(Float a, Float b, Float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaFlagged(float a, Float b, Float c, ref Int flags) => Fma(Broadcast(a), b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryStoreFmaOfWhole(float* p, Float a, Float b, Float c)
    {
        Store(p, Fma(a, b, c));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaAside(Float a, Float b, Float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ExpOfNegated(Float x) => LaneMath<AdvSimd, Float, Int>.ExpOfNegated(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Expm1OfNormal(Float x) => LaneMath<AdvSimd, Float, Int>.Expm1OfNormal(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Max(Float a, Float b) => Isa.BitwiseSelect(Isa.CompareGreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Min(Float a, Float b) => Isa.BitwiseSelect(Isa.CompareLessThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AtLeast(Float limit, Float x) => Isa.Max(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AtMost(Float limit, Float x) => Isa.Min(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Floor(Float a) => Isa.Floor(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Ceiling(Float a) => Isa.Ceiling(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Round(Float a) => Isa.RoundToNearest(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Less(Float a, Float b) => Isa.CompareLessThan(a, b).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Equal(Float a, Float b) => Isa.CompareEqual(a, b).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Select(Int mask, Float a, Float b) => Isa.BitwiseSelect(mask.AsSingle(), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Int mask) => Isa.Arm64.MaxAcross(mask.AsUInt32()).ToScalar() != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Upper(Float a, [ConstantExpected(Min = 1, Max = 8)] int half) => half == 2 ? Isa.ExtractVector128(a, a, 2) : Isa.ExtractVector128(a, a, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Float a) => a.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInt(int* p) => Isa.LoadVector128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, Int v) => Isa.Store(p, v);

#pragma warning disable CA1857 // A shift by 16, which the instruction does not have, takes the other branch.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift) => shift == 16
        ? Double(Isa.ShiftLeftLogicalWideningLower(Isa.LoadVector64(p), 15))
        : Isa.ShiftLeftLogicalWideningLower(Isa.LoadVector64(p), shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out Int a, out Int b, out Int c, out Int d)
    {
        if (shift != 16)
        {
            Widen(p, q, shift, out a, out b, out c, out d);
            return;
        }

        Widen(p, q, 15, out a, out b, out c, out d);
        a = Double(a);
        b = Double(b);
        c = Double(c);
        d = Double(d);
    }
#pragma warning restore CA1857

    /// <summary>The upper halves come first: the compiler would copy a vector whose lower half is not its last use.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(short* p, short* q, [ConstantExpected(Max = (byte)15)] byte shift, out Int a, out Int b, out Int c, out Int d)
    {
        Vector128<short> v = Isa.LoadVector128(p), u = Isa.LoadVector128(q);
        b = Isa.ShiftLeftLogicalWideningUpper(v, shift);
        a = Isa.ShiftLeftLogicalWideningLower(v.GetLower(), shift);
        d = Isa.ShiftLeftLogicalWideningUpper(u, shift);
        c = Isa.ShiftLeftLogicalWideningLower(u.GetLower(), shift);
    }

    /// <summary>The last bit of a shift by 16, which .NET's widening shifts lack.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int Double(Int a) => Isa.Add(a, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Broadcast(int value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ToInt(Float a) => Isa.ConvertToInt32RoundToZero(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ToFloat(Int a) => Isa.ConvertToSingle(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int AsInt(Float a) => a.AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AsFloat(Int a) => a.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int And(Int a, Int b) => Isa.And(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Or(Int a, Int b) => Isa.Or(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Xor(Int a, Int b) => Isa.Xor(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Add(Int a, Int b) => Isa.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Max(Int a, Int b) => Isa.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Sub(Int a, Int b) => Isa.Subtract(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ShiftLeft(Int a, [ConstantExpected(Max = (byte)31)] byte count) => Isa.ShiftLeftLogical(a.AsUInt32(), count).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ShiftRight(Int a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count) => Isa.ShiftRightArithmetic(a, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(sbyte* p, Int a)
    {
        var words = Isa.ExtractNarrowingLower(a);
        var bytes = Isa.ExtractNarrowingLower(Vector128.Create(words, words));
        Unsafe.WriteUnaligned(p, bytes.AsInt32().ToScalar());
    }

    /// <summary>Conversion rounds half to even and turns NaN into 0, narrowing saturates; what is left is -128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSteps(sbyte* p, float* x, Float factor) => Isa.Store(p, Steps(x, factor));

    /// <summary>Two squares are at most 2·127² = 32258, four fit fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float StoreSteps(sbyte* p, float* x, Float factor, Float squares)
    {
        var steps = Steps(x, factor);
        Isa.Store(p, steps);
        var pairs = Isa.MultiplyWideningUpper(steps, steps);
        pairs = Isa.MultiplyWideningLowerAndAdd(pairs, steps.GetLower(), steps.GetLower());
        return Isa.Add(squares, Isa.ConvertToSingle(Isa.AddPairwiseWidening(pairs)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Steps(float* x, Float factor)
    {
        // Four values of a struct keep the order in which they are written; the compiler would join plain variables to one chain after the other.
        var scaled = FourVectors<AdvSimd, Float, Int>.Mul(FourVectors<AdvSimd, Float, Int>.Load(x), new Four<Float>(factor, factor, factor, factor));
        var steps = new Four<Int>(Isa.ConvertToInt32RoundToEven(scaled.A), Isa.ConvertToInt32RoundToEven(scaled.C), Isa.ConvertToInt32RoundToEven(scaled.B), Isa.ConvertToInt32RoundToEven(scaled.D));
        var lower = Isa.ExtractNarrowingSaturateUpper(Isa.ExtractNarrowingSaturateLower(steps.A), steps.C);
        var upper = Isa.ExtractNarrowingSaturateUpper(Isa.ExtractNarrowingSaturateLower(steps.B), steps.D);
        var bytes = Isa.ExtractNarrowingSaturateUpper(Isa.ExtractNarrowingSaturateLower(lower), upper);
        return Isa.Max(bytes, Vector128.Create((sbyte)-127));
    }

    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    public static bool PairsRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    public static bool SplitsSums
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x, nint columns) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums Begin(int start, int* rowSums) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.LoadAndReplicateToVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadFour(sbyte* x) => Isa.LoadVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => Isa.DuplicateSelectedScalarToVector128(four, group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => x;

    /// <summary>The same inputs once more, whose lower half products take: the compiler copies a vector for its lower half, if it is used again, right before the product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => Isa.DuplicateSelectedScalarToVector128(x, 1);

    /// <summary>Products in 16 bits; pairs of neighbours are then added into 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums MulAdd(Sums acc, Int w, Int factor, Int flip)
    {
        var upper = Isa.AddPairwiseWideningAndAdd(acc.Upper, Isa.MultiplyWideningUpper(w.AsSByte(), factor.AsSByte()));
        return new Sums(Isa.AddPairwiseWideningAndAdd(acc.Lower, Isa.MultiplyWideningLower(w.AsSByte().GetLower(), flip.AsSByte().GetLower())), upper);
    }

    /// <summary>The products of both groups sum up in 16 bits: at most 2·127² = 32258.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums MulAdd(Sums acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1)
    {
        var upper = Isa.MultiplyWideningUpperAndAdd(Isa.MultiplyWideningUpper(w0.AsSByte(), factor0.AsSByte()), w1.AsSByte(), factor1.AsSByte());
        var lower = Isa.MultiplyWideningLowerAndAdd(Isa.MultiplyWideningLower(w0.AsSByte().GetLower(), flip0.AsSByte().GetLower()), w1.AsSByte().GetLower(), flip1.AsSByte().GetLower());
        return new Sums(Isa.AddPairwiseWideningAndAdd(acc.Lower, lower), Isa.AddPairwiseWideningAndAdd(acc.Upper, upper));
    }

    /// <summary>Four independent chains for processors that do not reorder, in few variables: the compiler inlines only as much as 512 hold. Upper halves are multiplied first: taking the lower half of a vector that is used again copies it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Sums first, ref Sums second, int at, byte* w0, Int factor0, Int flip0, byte* w1, Int factor1, Int flip1)
    {
        Vector128<sbyte> a0 = Isa.LoadVector128((sbyte*)(w0 + at)), b0 = Isa.LoadVector128((sbyte*)(w0 + (at + 16)));
        Vector128<sbyte> a1 = Isa.LoadVector128((sbyte*)(w1 + at)), b1 = Isa.LoadVector128((sbyte*)(w1 + (at + 16)));
        Vector128<short> upperA = Isa.MultiplyWideningUpper(a0, factor0.AsSByte()), upperB = Isa.MultiplyWideningUpper(b0, factor0.AsSByte());
        Vector128<short> lowerA = Isa.MultiplyWideningLower(a0.GetLower(), flip0.AsSByte().GetLower()), lowerB = Isa.MultiplyWideningLower(b0.GetLower(), flip0.AsSByte().GetLower());
        upperA = Isa.MultiplyWideningUpperAndAdd(upperA, a1, factor1.AsSByte());
        upperB = Isa.MultiplyWideningUpperAndAdd(upperB, b1, factor1.AsSByte());
        lowerA = Isa.MultiplyWideningLowerAndAdd(lowerA, a1.GetLower(), flip1.AsSByte().GetLower());
        lowerB = Isa.MultiplyWideningLowerAndAdd(lowerB, b1.GetLower(), flip1.AsSByte().GetLower());
        Int sumA = Isa.AddPairwiseWideningAndAdd(first.Upper, upperA), sumB = Isa.AddPairwiseWideningAndAdd(second.Upper, upperB);
        first = new Sums(Isa.AddPairwiseWideningAndAdd(first.Lower, lowerA), sumA);
        second = new Sums(Isa.AddPairwiseWideningAndAdd(second.Lower, lowerB), sumB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Sums a0, ref Sums b0, ref Sums a1, ref Sums b1, int at, byte* w0, Int factor0, Int flip0, Int factor2, Int flip2, byte* w1, Int factor1, Int flip1, Int factor3, Int flip3)
    {
        MulAdd(ref a0, ref b0, at, w0, factor0.AsSByte(), factor2.AsSByte(), w1, factor1.AsSByte(), factor3.AsSByte());
        MulAdd(ref a1, ref b1, at + 16, w0, factor0.AsSByte(), factor2.AsSByte(), w1, factor1.AsSByte(), factor3.AsSByte());
    }

    /// <summary>Two groups of two rows of inputs for a vector of weights. All products are of 64 bits, so that no vector of inputs or weights is copied for its lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MulAdd(ref Sums a, ref Sums b, int at, byte* w, Vector128<sbyte> x0, Vector128<sbyte> x2, byte* v, Vector128<sbyte> x1, Vector128<sbyte> x3)
    {
        Vector64<sbyte> lower = Isa.LoadVector64((sbyte*)(w + at)), upper = Isa.LoadVector64((sbyte*)(w + (at + 8)));
        Vector64<sbyte> nextLower = Isa.LoadVector64((sbyte*)(v + at)), nextUpper = Isa.LoadVector64((sbyte*)(v + (at + 8)));
        Vector128<short> upperA = Isa.MultiplyWideningLower(upper, x0.GetLower()), upperB = Isa.MultiplyWideningLower(upper, x2.GetLower());
        Vector128<short> lowerA = Isa.MultiplyWideningLower(lower, x0.GetLower()), lowerB = Isa.MultiplyWideningLower(lower, x2.GetLower());
        upperA = Isa.MultiplyWideningLowerAndAdd(upperA, nextUpper, x1.GetLower());
        upperB = Isa.MultiplyWideningLowerAndAdd(upperB, nextUpper, x3.GetLower());
        lowerA = Isa.MultiplyWideningLowerAndAdd(lowerA, nextLower, x1.GetLower());
        lowerB = Isa.MultiplyWideningLowerAndAdd(lowerB, nextLower, x3.GetLower());
        Int sumA = Isa.AddPairwiseWideningAndAdd(a.Upper, upperA), sumB = Isa.AddPairwiseWideningAndAdd(b.Upper, upperB);
        a = new Sums(Isa.AddPairwiseWideningAndAdd(a.Lower, lowerA), sumA);
        b = new Sums(Isa.AddPairwiseWideningAndAdd(b.Lower, lowerB), sumB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums Join(Sums a, Sums b) => new(Isa.Add(a.Lower, b.Lower), Isa.Add(a.Upper, b.Upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Finish(Sums acc) => Isa.Arm64.AddPairwise(acc.Lower, acc.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StartGroup(sbyte* x)
    {
        var pairs = Isa.AddPairwiseWideningAndAdd(Isa.AddPairwiseWidening(Isa.LoadVector128(x)), Isa.LoadVector128(x + 16));
        return -8 * Isa.Arm64.AddAcross(pairs).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GroupSums BeginGroup(int* start) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => Isa.And(nibbles, Vector128.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => Isa.ShiftRightLogical(nibbles.AsByte(), 4).AsInt32();

    /// <summary>A lane sums 8 products in a group: at most 8·15·127 = 15240.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GroupSums MulAddNibbles(GroupSums sums, Int n, Int x)
    {
        var upper = Isa.MultiplyWideningUpperAndAdd(sums.Upper, n.AsSByte(), x.AsSByte());
        return new GroupSums(Isa.MultiplyWideningLowerAndAdd(sums.Lower, n.AsSByte().GetLower(), x.AsSByte().GetLower()), upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales) =>
        Isa.SignExtendWideningLower(Isa.SignExtendWideningLower(Vector64.CreateScalarUnsafe(Unsafe.ReadUnaligned<float>(scales)).AsSByte()).GetLower());

    /// <summary>Two neighbours sum to at most 30480, which fits 16 bits; the start value is added when they become 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, GroupSums sums, int* start, Int scales)
    {
        var pairs = Isa.Arm64.AddPairwise(sums.Lower, sums.Upper);
        return Isa.MultiplyAdd(acc, Isa.AddPairwiseWideningAndAdd(Isa.LoadAndReplicateToVector128(start), pairs), scales);
    }

    /// <summary>Sums of int8 products: two for each of rows 0 and 1, and two for each of rows 2 and 3.</summary>
    internal readonly struct Sums(Int lower, Int upper)
    {
        public readonly Int Lower = lower;
        public readonly Int Upper = upper;
    }

    /// <summary>Sums of int4 products in 16 bits, one for each input: rows 0 and 1, and rows 2 and 3.</summary>
    internal readonly struct GroupSums(Vector128<short> lower, Vector128<short> upper)
    {
        public Vector128<short> Lower { get; } = lower;

        public Vector128<short> Upper { get; } = upper;
    }
}
