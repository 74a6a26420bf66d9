using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Functions of two arguments, computed one element at a time. All kernel sets use them.</summary>
internal static class ScalarMath
{
    private const double Log2E = 1.4426950408889634074;
    private const double Ln2 = 0.69314718055994530942;

    /// <summary>a - b·floor(a/b): the remainder with the sign of b, as in Python and ONNX (fmod = 0).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Mod(float a, float b)
    {
        var remainder = a % b;
        if (remainder == 0) return float.CopySign(0, b);
        return remainder < 0 != b < 0 ? remainder + b : remainder;
    }

    /// <summary>xʸ with the special cases of IEEE 754 pow. Maximum error 0.501 ulp; a result that is a float is exact.</summary>
    /// <remarks>2^(y·log2 x) in double by fixed series (the relative error stays below 2⁻⁴³), rounded to float once.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Pow(float x, float y)
    {
        if (y == 0 || x == 1) return 1;
        if (float.IsNaN(x) || float.IsNaN(y)) return float.NaN;
        if (y == 2) return x * x;
        var magnitude = MathF.Abs(x);
        var whole = MathF.Floor(y) == y;
        var odd = whole && MathF.Abs(y) < 16777216f && ((int)y & 1) != 0;
        var sign = odd && float.IsNegative(x) ? -1f : 1f;
        if (x == 0) return y < 0 ? sign * float.PositiveInfinity : sign * 0f;
        if (float.IsInfinity(y)) return magnitude == 1 ? 1 : (magnitude > 1) == (y > 0) ? float.PositiveInfinity : 0;
        if (float.IsInfinity(x)) return y < 0 ? sign * 0f : sign * float.PositiveInfinity;
        if (x < 0 && !whole) return float.NaN;
        return sign * (float)Exp2(y * Log2(magnitude));
    }

    /// <summary>ln(eᵃ + eᵇ), the sum of two probabilities given by their logarithms; -∞ is a probability of 0. Relative error below 2⁻⁴³.</summary>
    public static double LogAdd(double a, double b)
    {
        var (high, low) = a >= b ? (a, b) : (b, a);
        return double.IsNegativeInfinity(low) ? high : high + Log2(1 + Exp2((low - high) * Log2E)) * Ln2;
    }

    /// <summary>log2 of a positive finite float: exponent + 2·log2 e·atanh((m - 1)/(m + 1)) with m in [√½, √2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Log2(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (bits - 0x3FE6A09E667F3BCD) >> 52;
        var m = BitConverter.Int64BitsToDouble(bits - (exponent << 52));
        var f = (m - 1) / (m + 1);
        var s = f * f;
        var p = 1.0 / 21;
        for (var k = 19; k >= 3; k -= 2) p = Math.FusedMultiplyAdd(p, s, 1.0 / k);
        var log = 2 * Math.FusedMultiplyAdd(p * s, f, f);
        return Math.FusedMultiplyAdd(log, Log2E, exponent);
    }

    /// <summary>2ᵗ, with t clamped to a range in which float has already overflowed or become 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Exp2(double t)
    {
        t = Math.Clamp(t, -200, 200);
        var n = Math.Round(t);
        var r = (t - n) * Ln2;
        var p = 1.0;
        for (var k = 13; k >= 1; k--) p = Math.FusedMultiplyAdd(p, r / k, 1);
        return p * BitConverter.Int64BitsToDouble(((long)n + 1023) << 52);
    }
}
