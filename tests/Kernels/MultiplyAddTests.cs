using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Multiply-add of every set has the bits of IEEE 754's, which is rounded once. Sets without such an instruction must compute them.</summary>
public sealed unsafe class MultiplyAddTests
{
    private const int Count = 16;
    private const int Blocks = 25_000;

    private static readonly int[] s_special =
    [
        0, 1, 2, 0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF, 0x01000000, 0x33800000, 0x34000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FFFFFFF,
        0x40000000, 0x4B800000, 0x7EFFFFFF, 0x7F000000, 0x7F7FFFFE, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7FA00000,
    ];

    public static TheoryData<string> Sets => KernelTesting.Runnable;

    [Theory]
    [MemberData(nameof(Sets))]
    public void Rounds_once(string name)
    {
        switch (name)
        {
            case "portable": Check<Scalar, float, int>(); break;
            case "sse41": Check<Sse41, Vector128<float>, Vector128<int>>(); break;
            case "avx2" or "avxvnni": Check<Avx2, Vector256<float>, Vector256<int>>(); break;
            case "avx512": Check<Avx512, Vector512<float>, Vector512<int>>(); break;
            case "advsimd" or "advsimd-dp": Check<AdvSimd, Vector128<float>, Vector128<int>>(); break;
            default: Assert.Fail($"{name} is not among these lanes."); break;
        }
    }

    /// <summary>The ends of int8 products: a whole number by a scale, and a start of any size. Few may be left to the slower way.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Of_whole_numbers_rounds_once(string name)
    {
        switch (name)
        {
            case "portable": CheckWhole<Scalar, float, int>(); break;
            case "sse41": CheckWhole<Sse41, Vector128<float>, Vector128<int>>(); break;
            case "avx2" or "avxvnni": CheckWhole<Avx2, Vector256<float>, Vector256<int>>(); break;
            case "avx512": CheckWhole<Avx512, Vector512<float>, Vector512<int>>(); break;
            case "advsimd" or "advsimd-dp": CheckWhole<AdvSimd, Vector128<float>, Vector128<int>>(); break;
            default: Assert.Fail($"{name} is not among these lanes."); break;
        }
    }

    private static void CheckWhole<S, F, I>()
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged
    {
        const float Unset = 1234.5f;
        var bits = new Bits();
        int* a = stackalloc int[Count], b = stackalloc int[Count], c = stackalloc int[Count];
        float* y = stackalloc float[Count];
        int vectors = 0, left = 0;
        for (var block = 0; block < 4 * Blocks; block++)
        {
            for (var i = 0; i < Count; i++)
            {
                // A start near the product, one halfway beside it, one of any bits; with a product that may be denormal or too large.
                var whole = (float)(bits.Next(32) >> (bits.Next(5) & 31));
                var scale = block % 4 == 3 ? bits.Next(24) | bits.Next(1) << 31 : block % 4 == 2 ? bits.Next(32) : Make(bits, 90 + bits.Next(6), block % 4 == 0 ? bits.Next(23) : bits.Next(4) << 19);
                var product = BitConverter.SingleToInt32Bits(whole * BitConverter.Int32BitsToSingle(scale));
                var start = (bits.Next(2)) switch
                {
                    0 => Make(bits, (product >> 23 & 255) - 16 + bits.Next(5), bits.Next(23)),
                    1 => Make(bits, (product >> 23 & 255) + bits.Next(5), 0),
                    2 => bits.Next(24),
                    _ => bits.Next(32),
                };
                (a[i], b[i], c[i]) = (BitConverter.SingleToInt32Bits(whole), scale, start);
                y[i] = Unset;
            }

            for (var i = 0; i < Count; i += S.Lanes)
            {
                vectors++;
                var isStored = S.TryStoreFmaOfWhole(y + i, S.Load((float*)a + i), S.Load((float*)b + i), S.Load((float*)c + i));
                if (!isStored) left++;
                for (var j = i; j < i + S.Lanes; j++)
                {
                    var expected = isStored ? MathF.FusedMultiplyAdd(((float*)a)[j], ((float*)b)[j], ((float*)c)[j]) : Unset;
                    if (!Same(y[j], expected)) Assert.Fail($"{a[j]:x8}·{b[j]:x8}, {c[j]:x8}: {Text(y[j])}, not {Text(expected)}");
                }
            }
        }

        Assert.InRange(left, 0, vectors / 4);
    }

    private static void Check<S, F, I>()
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged
    {
        var bits = new Bits();
        int* a = stackalloc int[Count], b = stackalloc int[Count], c = stackalloc int[Count];
        int flagged = 0, others = 0;
        for (var block = 0; block < Blocks; block++)
        {
            for (var i = 0; i < Count; i++) (a[i], b[i], c[i]) = (bits.Next(32), bits.Next(32), bits.Next(32));
            Compare<S, F, I>(a, b, c);
            CompareFlagged<S, F, I>(a, b, c, ref others);
            for (var i = 0; i < Count; i++) (a[i], b[i], c[i]) = Near(bits);
            Compare<S, F, I>(a, b, c);
            CompareFlagged<S, F, I>(a, b, c, ref flagged);
            for (var i = 0; i < Count; i++) (a[i], b[i], c[i]) = BesideHalf(bits);
            Compare<S, F, I>(a, b, c);
            for (var i = 0; i < Count; i++) a[i] = a[i & -S.Lanes];
            CompareFlagged<S, F, I>(a, b, c, ref others);
            for (var i = 0; i < Count; i++) (a[i], b[i], c[i]) = HalfAndLittle(bits);
            Compare<S, F, I>(a, b, c);
            for (var i = 0; i < Count; i++) (a[i], b[i], c[i]) = (Special(bits), Special(bits), Special(bits));
            Compare<S, F, I>(a, b, c);
            CompareFlagged<S, F, I>(a, b, c, ref others);
        }

        // Where the summand is near the product, few are so close to halfway that a double cannot tell.
        Assert.InRange(flagged, 0, Blocks * Count / S.Lanes / 1000);
    }

    private static void Compare<S, F, I>(int* a, int* b, int* c)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged
    {
        float* sums = stackalloc float[Count], rests = stackalloc float[Count];
        for (var i = 0; i < Count; i += S.Lanes)
        {
            F x = S.Load((float*)a + i), y = S.Load((float*)b + i), z = S.Load((float*)c + i);
            S.Store(sums + i, S.Fma(x, y, z));
            S.Store(rests + i, S.FmaNegated(x, y, z));
        }

        for (var i = 0; i < Count; i++)
        {
            float x = ((float*)a)[i], y = ((float*)b)[i], z = ((float*)c)[i];
            if (!Same(sums[i], MathF.FusedMultiplyAdd(x, y, z)) || !Same(rests[i], MathF.FusedMultiplyAdd(-x, y, z)))
                Assert.Fail($"{a[i]:x8}·{b[i]:x8}, {c[i]:x8}: {Text(sums[i])} and {Text(rests[i])}, not {Text(MathF.FusedMultiplyAdd(x, y, z))} and {Text(MathF.FusedMultiplyAdd(-x, y, z))}");
        }
    }

    /// <summary>One number by several: right wherever nothing is flagged. Adds the flagged vectors.</summary>
    private static void CompareFlagged<S, F, I>(int* a, int* b, int* c, ref int flagged)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged
    {
        var sums = stackalloc float[Count];
        for (var i = 0; i < Count; i += S.Lanes)
        {
            var (x, flags) = (((float*)a)[i], default(I));
            S.Store(sums + i, S.FmaFlagged(x, S.Load((float*)b + i), S.Load((float*)c + i), ref flags));
            if (S.Any(flags))
            {
                flagged++;
                continue;
            }

            for (var j = i; j < i + S.Lanes; j++)
            {
                var expected = MathF.FusedMultiplyAdd(x, ((float*)b)[j], ((float*)c)[j]);
                if (!Same(sums[j], expected)) Assert.Fail($"{a[i]:x8}·{b[j]:x8}, {c[j]:x8}: {Text(sums[j])}, not {Text(expected)}");
            }
        }
    }

    private static bool Same(float a, float b) => BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));

    private static string Text(float value) => $"{BitConverter.SingleToInt32Bits(value):x8}";

    /// <summary>A summand within 2⁶⁴ of the product.</summary>
    private static (int A, int B, int C) Near(Bits bits)
    {
        int first = 64 + bits.Next(7), second = 64 + bits.Next(7);
        return (Make(bits, first, bits.Next(23)), Make(bits, second, bits.Next(23)), Make(bits, first + second - 127 - 64 + bits.Next(7), bits.Next(23)));
    }

    /// <summary>A product of half the summand's last place, or 2⁻⁴⁶ of that more or less: the sum is halfway between two floats, or beside that place by less than a double shows.</summary>
    private static (int A, int B, int C) BesideHalf(Bits bits)
    {
        var exponent = bits.Next(1) == 0 ? bits.Next(8) % 255 : bits.Next(2);
        var product = Math.Max(exponent, 1) - 127 - 24;
        var first = Math.Clamp(product / 2 + bits.Next(4) - 8, -126, 127);
        var second = product - first;
        return bits.Next(2) == 0
            ? (Make(bits, first + 127, 0), Make(bits, second + 127, 0), Make(bits, exponent, bits.Next(23)))
            : (Make(bits, first + 127, 1), Make(bits, second + 127 - 1, 0x7FFFFE), Make(bits, exponent, bits.Next(23)));
    }

    /// <summary>A product halfway between two floats, mostly, and a much smaller summand.</summary>
    private static (int A, int B, int C) HalfAndLittle(Bits bits)
    {
        int first = 64 + bits.Next(7), second = 64 + bits.Next(7);
        return (Make(bits, first, (bits.Next(12) | 1) << 11), Make(bits, second, (bits.Next(11) | 1) << 12), Make(bits, first + second - 127 - 24 - bits.Next(8), bits.Next(23)));
    }

    private static int Special(Bits bits) => s_special[bits.Next(16) % s_special.Length] | bits.Next(1) << 31;

    /// <summary>A float of any sign; an exponent out of range becomes the nearest of finite numbers.</summary>
    private static int Make(Bits bits, int exponent, int mantissa) => bits.Next(1) << 31 | Math.Clamp(exponent, 0, 254) << 23 | mantissa;

    /// <summary>Random bits (Marsaglia's xorshift), because many millions are needed.</summary>
    private sealed class Bits
    {
        private ulong _state = 0x9E3779B97F4A7C15;

        public int Next(int count)
        {
            _state ^= _state << 13;
            _state ^= _state >> 7;
            _state ^= _state << 17;
            return (int)(uint)(_state >> (64 - count));
        }
    }
}
