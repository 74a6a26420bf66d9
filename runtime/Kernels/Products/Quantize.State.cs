using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>The state of a recurrent layer.</summary>
internal static unsafe partial class Quantize<S, F, I>
{
    /// <summary>0 to 15: the places of lanes.</summary>
    private static ReadOnlySpan<float> Places => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// <summary>Quantizes a state by the rule of <see cref="StateScale"/>, as <see cref="Rows"/> does a row.</summary>
    /// <returns>Its scale.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float State(float* h, nint n, sbyte* q)
    {
        // Lanes are compared without first joining them: the processor goes on with the products before it knows.
        var largest = LargestByLane(h, n);
        var isLarge = S.Any(S.Less(S.Broadcast(StateScale.BelowLeast), largest));
        var isOutside = S.Any(S.Less(S.Broadcast(StateScale.Most), largest));
        float scale = StateScale.Fixed, inverse = 1 / StateScale.Fixed;
        if (!isLarge || isOutside) scale = Scale(Scalar.Min(Join(largest), float.MaxValue), out inverse);
        Row(h, n, inverse, q, KernelSet.QuantizedStride((int)n));
        return scale;
    }

    /// <summary>The largest magnitudes of a row, lane by lane. NaN does not count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F LargestByLane(float* x, nint n)
    {
        Four<F> max = default;
        var end = x + n;
        for (var last = end - 4 * S.Lanes; x <= last; x += 4 * S.Lanes)
            max = FourVectors<S, F, I>.Max(LaneMath<FourVectors<S, F, I>, Four<F>, Four<I>>.Abs(FourVectors<S, F, I>.Load(x)), max);

        var max0 = max.A;
        for (; x < end; x += S.Lanes)
        {
            var value = LaneMath<S, F, I>.Abs(S.Load(x));
            if (x + S.Lanes > end) value = S.AsFloat(S.And(S.AsInt(value), S.Less(S.Load((float*)Unsafe.AsPointer(in Places[0])), S.Broadcast((float)(end - x)))));
            max0 = S.Max(value, max0);
        }

        return S.Max(S.Max(max0, max.B), S.Max(max.C, max.D));
    }

    /// <summary>The largest of lanes that are not negative and not NaN: their bits are in the same order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Join(F lanes)
    {
        var places = stackalloc int[KernelSet.Tile];
        S.StoreInt(places, S.AsInt(lanes));
        if (S.Lanes < Vector128<int>.Count) return BitConverter.Int32BitsToSingle(*places);
        var max = Vector128.Load(places);
        for (var i = Vector128<int>.Count; i < S.Lanes; i += Vector128<int>.Count) max = Vector128.Max(max, Vector128.Load(places + i));
        max = Vector128.Max(max, Vector128.Shuffle(max, Vector128.Create(2, 3, 0, 1)));
        max = Vector128.Max(max, Vector128.Shuffle(max, Vector128.Create(1, 0, 3, 2)));
        return max.AsSingle().ToScalar();
    }
}
