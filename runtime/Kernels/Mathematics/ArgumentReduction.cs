using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Reduction of large arguments of sine and cosine by the bits of 2/π (Payne and Hanek, 1983).</summary>
internal static class ArgumentReduction
{
    /// <summary>r = x - quadrant·π/2, |r| ≤ π/4; NaN for ±∞. Valid for every |x| ≥ 2.</summary>
    /// <remarks>
    /// x = m·2^e with a whole 24-bit m. Digits of 2/π whose product with x is a multiple of 4 are skipped; 96 of the others
    /// leave a fraction with more than 60 correct digits. It uses integers and one product in double, so the bits are the same everywhere.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ByHalfPi(float x, out int quadrant)
    {
        if (!float.IsFinite(x))
        {
            quadrant = 0;
            return float.NaN;
        }

        var bits = BitConverter.SingleToUInt32Bits(x);
        var exponent = (int)(bits >> 23 & 0xFF) - 150;
        ulong mantissa = bits & 0x7FFFFF | 0x800000;

        // The window of 2/π starts at digit position first (weight 2^-(first+1)); the product's top two whole bits are the quadrant.
        var first = exponent > 2 ? exponent - 2 : 0;
        var high = Digits(first);
        var middle = Digits(first + 32);
        var low = Digits(first + 64);

        // mantissa·(high·2^64 + middle·2^32 + low) modulo 2^96, in units of 2^(exponent - first - 96).
        var p0 = mantissa * low;
        var p1 = mantissa * middle + (p0 >> 32);
        var p2 = mantissa * high + (p1 >> 32);
        var product = new UInt128(p2, p1 << 32 | (uint)p0);

        // The fraction has 96 + first - exponent bits; shift so that it begins at bit 64.
        var behind = 96 + first - exponent;
        var aligned = product >> (behind - 64);
        quadrant = (int)((ulong)(aligned >> 64) & 3);
        var fraction = (long)(ulong)aligned;
        if (fraction < 0) quadrant++;
        var r = fraction * 5.42101086242752217e-20 * 1.57079632679489662;
        if (x >= 0) return (float)r;
        quadrant = -quadrant;
        return (float)-r;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Digits(int position)
    {
        var word = position >> 5;
        return (uint)(((ulong)TwoOverPi(word) << 32 | TwoOverPi(word + 1)) << (position & 31) >> 32);
    }

    /// <summary>The fraction digits of 2/π in binary, 32 a word. A switch, because unoptimized code allocates for a span of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint TwoOverPi(int word) => word switch
    {
        0 => 0xA2F9836E,
        1 => 0x4E441529,
        2 => 0xFC2757D1,
        3 => 0xF534DDC0,
        4 => 0xDB629599,
        5 => 0x3C439041,
        _ => 0xFE5163AB,
    };
}
