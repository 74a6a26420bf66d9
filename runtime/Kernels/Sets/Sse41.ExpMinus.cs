using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using Double = System.Runtime.Intrinsics.Vector128<double>;
using Float = System.Runtime.Intrinsics.Vector128<float>;
using Isa = System.Runtime.Intrinsics.X86.Sse41;

namespace SeqRuntime.Kernels.Sets;

/// <summary>The exponential of gates, which most of a cell's time goes to.</summary>
/// <remarks>
/// Its result depends on one float alone, so the results of all floats could be compared: no step needs the check of <see cref="Fma"/>. Four vectors go
/// through each of three short loops, because a processor does not look far enough ahead to overlap whole exponentials.
/// </remarks>
internal readonly unsafe partial struct Sse41
{
    /// <summary>1.5·2⁵² + 127: added to a double, it rounds it to a whole number n, and leaves the exponent of 2ⁿ in the lowest bits.</summary>
    private const double Shift = 6755399441055744 + 127;

    /// <summary>The sum of the two parts of ln 2 in <see cref="LaneMath{S,F,I}.Expm1OfNormal"/>.</summary>
    private const double Ln2 = 0.693359375f - (double)2.12194440e-4f;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static Float ExpOfNegated(Float x)
    {
        Exponential e;
        Reduce(-x, &e);
        Begin(&e);
        return Expm1(&e, e.Scale);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static Float Expm1OfNormal(Float x)
    {
        Exponential e;
        Reduce(Moved(x), &e);
        Begin(&e);
        return Expm1(&e, e.Scale - Float.One);
    }

    public static bool HasFour
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void ExpOfFourNegated(Four<Float>* x)
    {
        var e = stackalloc Exponential[4];
        var end = e + 4;
        var p = (Float*)x;
        for (var at = e; at < end; at++, p++) Reduce(-*p, at);
        for (var at = e; at < end; at++) Begin(at);
        p = (Float*)x;
        for (var at = e; at < end; at++, p++) *p = Expm1(at, at->Scale);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Expm1OfFourNormal(Four<Float>* x)
    {
        var e = stackalloc Exponential[4];
        var end = e + 4;
        var p = (Float*)x;
        for (var at = e; at < end; at++, p++) Reduce(Moved(*p), at);
        for (var at = e; at < end; at++) Begin(at);
        p = (Float*)x;
        for (var at = e; at < end; at++, p++) *p = Expm1(at, at->Scale - Float.One);
    }

    /// <summary>r, its square and 2ⁿ with x = n·ln 2 + r. All is exact before r is rounded: n·ln 2 has 42 bits, and r at most 36 after the point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Reduce(Float x, Exponential* e)
    {
        Double lower = Lower(x), upper = Upper(x);
        Double n = lower * Both(1.44269504088896341f) + Both(Shift), m = upper * Both(1.44269504088896341f) + Both(Shift);
        e->Scale = Isa.ShiftLeftLogical(Isa.Shuffle(n.AsSingle(), m.AsSingle(), 0b10_00_10_00).AsInt32(), 23).AsSingle();
        var r = Join(lower - (n - Both(Shift)) * Both(Ln2), upper - (m - Both(Shift)) * Both(Ln2));
        var square = r * r;
        (e->R0, e->R1, e->Square0, e->Square1) = (Lower(r), Upper(r), Lower(square), Upper(square));
    }

    /// <summary>The polynomial of <see cref="LaneMath{S,F,I}.Expm1OfNormal"/> without its last step. Each step is rounded to float.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Begin(Exponential* e)
    {
        e->P0 = Begin(e->R0, e->Square0);
        e->P1 = Begin(e->R1, e->Square1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Begin(Double r, Double square)
    {
        var p = Rounded(r * Both(8.36874544620514e-3f) + Both(4.166838899254799e-2f));
        p = Rounded(square * Both(1.3814540579915047e-3f) + p);
        return Rounded(p * square + Rounded(r * Both(1.666652113199234e-1f) + Both(4.999999403953552e-1f)));
    }

    /// <summary>x, but for the one float whose eˣ - 1 would be rounded the wrong way, the next float, which gives the right result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float Moved(Float x) => Isa.Subtract(x.AsInt32(), Isa.CompareEqual(x.AsInt32(), Vector128.Create(unchecked((int)0xB49CC472)))).AsSingle();

    /// <summary>(eʳ - 1)·2ⁿ + rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float Expm1(Exponential* e, Float rest) => Join(
        Lower(Isa.ConvertToVector128Single(e->P0 * e->Square0 + e->R0)) * Lower(e->Scale) + Lower(rest),
        Lower(Isa.ConvertToVector128Single(e->P1 * e->Square1 + e->R1)) * Upper(e->Scale) + Upper(rest));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Both(double value) => Vector128.Create(value);

    /// <summary>The nearest floats; the smaller magnitude of two that are equally near. None may be denormal, unless nothing is to be rounded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Rounded(Double a) => Isa.And(Isa.Add(a.AsInt64(), Vector128.Create((1L << 28) - 1)), Vector128.Create(-1L << 29)).AsDouble();

    /// <summary>What each loop leaves for the next one: fp32 values as double, of lanes 0 and 1, and of 2 and 3.</summary>
    private struct Exponential
    {
        public Double R0;
        public Double R1;
        public Double Square0;
        public Double Square1;
        public Double P0;
        public Double P1;
        public Float Scale;
    }
}
