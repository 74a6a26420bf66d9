using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using Double = System.Runtime.Intrinsics.Vector128<double>;
using Float = System.Runtime.Intrinsics.Vector128<float>;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.X86.Sse41;

namespace SeqRuntime.Kernels.Sets;

/// <summary>The exponential of gates, which most of a cell's time goes to, with one check for all its multiply-adds.</summary>
internal readonly unsafe partial struct Sse41
{
    /// <summary>1.5·2⁵²: added to a double, it rounds it to a whole number, which it leaves in the lowest bits.</summary>
    private const double Shift = 6755399441055744;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ExpOfNegated(Float x) => ExpMinus(LaneMath<Sse41, Float, Int>.Negate(x), Float.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Expm1OfNormal(Float x) => ExpMinus(x, Float.One);

    /// <summary>
    /// eˣ - less for a less of 0 or 1 by the formula of <see cref="LaneMath{S,F,I}.Expm1OfNormal"/>, each step rounded to float, in lanes of double. Only the
    /// multiply-adds of the polynomial can be rounded wrongly, as <see cref="Fma"/> says; none of them is denormal unless it is exact. In the reduction of x
    /// all is exact before it is rounded: |x| ≤ 40, so r has at most 36 bits after the point. The last sum is near
    /// halfway only if it is exact: p·2ⁿ, which has 24 bits, is then at least half a last place.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static Float ExpMinus(Float x, Float less)
    {
        Double x0 = Lower(x), x1 = Upper(x);
        Double n0 = x0 * Both(1.44269504088896341f) + Both(Shift), n1 = x1 * Both(1.44269504088896341f) + Both(Shift);
        Double scale0 = PowerOfTwo(n0), scale1 = PowerOfTwo(n1);
        n0 -= Both(Shift);
        n1 -= Both(Shift);
        var r0 = Rounded(x0 - n0 * Both(0.693359375f) - n0 * Both(-2.12194440e-4f));
        var r1 = Rounded(x1 - n1 * Both(0.693359375f) - n1 * Both(-2.12194440e-4f));
        Double square0 = Rounded(r0 * r0), square1 = Rounded(r1 * r1);

        Double upper0 = r0 * Both(8.36874544620514e-3f) + Both(4.166838899254799e-2f), upper1 = r1 * Both(8.36874544620514e-3f) + Both(4.166838899254799e-2f);
        var halfway = AreHalfway(upper0, upper1);
        Double lower0 = r0 * Both(1.666652113199234e-1f) + Both(4.999999403953552e-1f), lower1 = r1 * Both(1.666652113199234e-1f) + Both(4.999999403953552e-1f);
        halfway |= AreHalfway(lower0, lower1);
        Double p0 = square0 * Both(1.3814540579915047e-3f) + Rounded(upper0), p1 = square1 * Both(1.3814540579915047e-3f) + Rounded(upper1);
        halfway |= AreHalfway(p0, p1);
        (p0, p1) = (Rounded(p0) * square0 + Rounded(lower0), Rounded(p1) * square1 + Rounded(lower1));
        halfway |= AreHalfway(p0, p1);
        (p0, p1) = (Rounded(p0) * square0 + r0, Rounded(p1) * square1 + r1);
        halfway |= AreHalfway(p0, p1);
        Double least0 = Rounded(scale0 - Lower(less)), least1 = Rounded(scale1 - Lower(less));
        return Isa.MoveMask(halfway.AsSingle()) == 0
            ? Join(Rounded(p0) * scale0 + least0, Rounded(p1) * scale1 + least1)
            : ExpMinusStepByStep(x, less);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static Float ExpMinusStepByStep(Float x, Float less) =>
        less == Float.Zero ? LaneMath<Sse41, Float, Int>.ExpOfNegated(-x) : LaneMath<Sse41, Float, Int>.Expm1OfNormal(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Both(double value) => Vector128.Create(value);

    /// <summary>The nearest floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Rounded(Double a) => Isa.ConvertToVector128Double(Isa.ConvertToVector128Single(a));

    /// <summary>2ⁿ from n + <see cref="Shift"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double PowerOfTwo(Double n) => Isa.Add(Isa.ShiftLeftLogical(n.AsInt64(), 52), Vector128.Create(1023L << 52)).AsDouble();
}
