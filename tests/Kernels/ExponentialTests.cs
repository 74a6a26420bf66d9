using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using Sse41Set = SeqRuntime.Kernels.Sets.Sse41;

namespace SeqRuntime.Tests.Kernels;

/// <summary>
/// The exponentials of sse41 leave out a check that a multiply-add in double precision needs, because they are right for every float. A <see cref="Step"/>
/// of 1 compares all floats, which takes minutes; the tests take every 4099th, and all that could be rounded the wrong way.
/// </summary>
public sealed unsafe class ExponentialTests
{
    private const uint Step = 4099;

    /// <summary>Floats where a step of the polynomial, as double, lies halfway between two floats, and the result depends on the one it takes.</summary>
    private static readonly uint[] s_halfway =
    [
        0x33B504F4, 0x34CA62C2, 0x350F1BBD, 0x3E4D4901, 0x403E46A8, 0x406AA32E, 0x40B7DC60, 0x40CE0AA3, 0x40E438E6, 0xB3B504F4, 0xB49CC472, 0xBE4D4901,
        0x7FC00000, 0xFFC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000,
    ];

    [Fact]
    public void Of_negated_has_the_bits_of_portable()
    {
        if (!System.Runtime.Intrinsics.X86.Sse41.IsSupported) return;
        Compare(40, LaneMath<Scalar, float, int>.ExpOfNegated, x => Sse41Set.ExpOfNegated(x), x => Sse41Set.ExpOfFourNegated(x));
    }

    [Fact]
    public void Less_one_has_the_bits_of_portable()
    {
        if (!System.Runtime.Intrinsics.X86.Sse41.IsSupported) return;
        Compare(20, LaneMath<Scalar, float, int>.Expm1OfNormal, x => Sse41Set.Expm1OfNormal(x), x => Sse41Set.Expm1OfFourNormal(x));
    }

    private delegate void InPlace(Four<Vector128<float>>* x);

    private static void Compare(float limit, Func<float, float> expected, Func<Vector128<float>, Vector128<float>> one, InPlace four)
    {
        var last = BitConverter.SingleToUInt32Bits(limit);
        for (uint bits = 0; bits <= last; bits += Step)
        {
            Check(bits);
            Check(bits | 0x80000000);
        }

        foreach (var bits in s_halfway) Check(bits);

        void Check(uint bits)
        {
            var x = BitConverter.UInt32BitsToSingle(bits);
            if (Math.Abs(x) > limit) return;
            Vector128<float> vector = Vector128.Create(x, x / 2, -x, 1), v0 = one(vector);
            var block = new Four<Vector128<float>>(vector, Vector128<float>.One, -vector, vector / 2);
            four(&block);
            for (var i = 0; i < 4; i++)
            {
                Equal(vector[i], v0[i]);
                Equal(vector[i], block.A[i]);
                Equal(1, block.B[i]);
                Equal(-vector[i], block.C[i]);
                Equal(vector[i] / 2, block.D[i]);
            }
        }

        void Equal(float x, float actual)
        {
            var want = expected(x);
            if (BitConverter.SingleToInt32Bits(want) != BitConverter.SingleToInt32Bits(actual) && !(float.IsNaN(want) && float.IsNaN(actual)))
                Assert.Fail($"x {BitConverter.SingleToInt32Bits(x):x8}: {BitConverter.SingleToInt32Bits(actual):x8}, not {BitConverter.SingleToInt32Bits(want):x8}");
        }
    }
}
