using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <content>The loops over 2, 4 or 6 rows of X.</content>
internal static unsafe partial class GemmFloat32<S, F, I, W, T>
{
    /// <summary>
    /// Steps from a load of weights to the request for those of a later step. A step takes 4 cycles or more, so they arrive from the third-level cache in time. A piece
    /// reads one line of each few, which the processor's own prefetchers do not follow fast enough.
    /// </summary>
    private const int Ahead = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<N>(T* p, nint stride, nint k, float* x, nint ldx, float* init, nint ldinit, nint left, float* to, nint ldto)
        where N : struct, ITiles
    {
        var kept = W.Kept(left);
        var init1 = init == null ? null : init + ldinit;
        F a0 = Start(init, 0, left), b0 = Start(init1, 0, left);
        F a1 = Pieces<S, F, I>.Has<N>(1, 4) ? Start(init, 1, left) : default, b1 = Pieces<S, F, I>.Has<N>(1, 4) ? Start(init1, 1, left) : default;
        F a2 = Pieces<S, F, I>.Has<N>(2, 4) ? Start(init, 2, left) : default, b2 = Pieces<S, F, I>.Has<N>(2, 4) ? Start(init1, 2, left) : default;
        F a3 = Pieces<S, F, I>.Has<N>(3, 4) ? Start(init, 3, left) : default, b3 = Pieces<S, F, I>.Has<N>(3, 4) ? Start(init1, 3, left) : default;
        var end = x + k;
        var ahead = Ahead * stride;
        for (var fours = S.Interleaves ? x + (k & -4) : x; x < fours; x += 4)
        {
            F inputs = S.Load(x), inputs1 = S.Load(x + ldx);
            Step(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, p, kept, inputs, inputs1, 0);
            p += stride;
            Step(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, p, kept, inputs, inputs1, 1);
            p += stride;
            Step(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, p, kept, inputs, inputs1, 2);
            p += stride;
            Step(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, p, kept, inputs, inputs1, 3);
            p += stride;
        }

        for (; x < end; x++)
        {
            Prefetch(p + ahead);
            var w0 = W.Load(p, kept);
            var w1 = Pieces<S, F, I>.Has<N>(1, 4) ? W.Load(p + S.Lanes, kept) : default;
            var w2 = Pieces<S, F, I>.Has<N>(2, 4) ? W.Load(p + 2 * S.Lanes, kept) : default;
            var w3 = Pieces<S, F, I>.Has<N>(3, 4) ? W.Load(p + 3 * S.Lanes, kept) : default;
            var b = S.LoadBroadcast(x);
            a0 = S.Fma(b, w0, a0);
            if (Pieces<S, F, I>.Has<N>(1, 4)) a1 = S.Fma(b, w1, a1);
            if (Pieces<S, F, I>.Has<N>(2, 4)) a2 = S.Fma(b, w2, a2);
            if (Pieces<S, F, I>.Has<N>(3, 4)) a3 = S.Fma(b, w3, a3);
            b = S.LoadBroadcast(x + ldx);
            b0 = S.Fma(b, w0, b0);
            if (Pieces<S, F, I>.Has<N>(1, 4)) b1 = S.Fma(b, w1, b1);
            if (Pieces<S, F, I>.Has<N>(2, 4)) b2 = S.Fma(b, w2, b2);
            if (Pieces<S, F, I>.Has<N>(3, 4)) b3 = S.Fma(b, w3, b3);
            p += stride;
        }

        var to1 = to + ldto;
        S.Store(to, a0);
        S.Store(to1, b0);
        if (Pieces<S, F, I>.Has<N>(1, 4)) S.Store(to + S.Lanes, a1);
        if (Pieces<S, F, I>.Has<N>(1, 4)) S.Store(to1 + S.Lanes, b1);
        if (Pieces<S, F, I>.Has<N>(2, 4)) S.Store(to + 2 * S.Lanes, a2);
        if (Pieces<S, F, I>.Has<N>(2, 4)) S.Store(to1 + 2 * S.Lanes, b2);
        if (Pieces<S, F, I>.Has<N>(3, 4)) S.Store(to + 3 * S.Lanes, a3);
        if (Pieces<S, F, I>.Has<N>(3, 4)) S.Store(to1 + 3 * S.Lanes, b3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<N>(T* p, nint stride, nint k, float* x, nint ldx, float* init, nint ldinit, nint left, float* to, nint ldto)
        where N : struct, ITiles
    {
        var kept = W.Kept(left);
        var x2 = x + 2 * ldx;
        F a0 = Start(init, 0, left), a1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F b0 = Start(init, 0, left), b1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F c0 = Start(init, 0, left), c1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F d0 = Start(init, 0, left), d1 = Second<N>(init, left);
        var end = x + k;
        var ahead = Ahead * stride;
        for (var fours = S.Interleaves ? x + (k & -4) : x; x < fours; x += 4)
        {
            F a = S.Load(x), b = S.Load(x + ldx), c = S.Load(x2), d = S.Load(x2 + ldx);
            W.LoadFour(p, 0, p + stride, 0, kept, out var w0, out var w1, out var w2, out var w3);
            Two(ref a0, ref a1, w0, w1, a, 0);
            Two(ref b0, ref b1, w0, w1, b, 0);
            Two(ref c0, ref c1, w0, w1, c, 0);
            Two(ref d0, ref d1, w0, w1, d, 0);
            Two(ref a0, ref a1, w2, w3, a, 1);
            Two(ref b0, ref b1, w2, w3, b, 1);
            Two(ref c0, ref c1, w2, w3, c, 1);
            Two(ref d0, ref d1, w2, w3, d, 1);
            p += 2 * stride;
            W.LoadFour(p, 0, p + stride, 0, kept, out w0, out w1, out w2, out w3);
            Two(ref a0, ref a1, w0, w1, a, 2);
            Two(ref b0, ref b1, w0, w1, b, 2);
            Two(ref c0, ref c1, w0, w1, c, 2);
            Two(ref d0, ref d1, w0, w1, d, 2);
            Two(ref a0, ref a1, w2, w3, a, 3);
            Two(ref b0, ref b1, w2, w3, b, 3);
            Two(ref c0, ref c1, w2, w3, c, 3);
            Two(ref d0, ref d1, w2, w3, d, 3);
            p += 2 * stride;
            x2 += 4;
        }

        for (; x < end; x++)
        {
            Prefetch(p + ahead);
            var w0 = W.Load(p, kept);
            var w1 = Pieces<S, F, I>.Has<N>(1, 2) ? W.Load(p + S.Lanes, kept) : default;
            var b = S.LoadBroadcast(x);
            a0 = S.Fma(b, w0, a0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) a1 = S.Fma(b, w1, a1);
            b = S.LoadBroadcast(x + ldx);
            b0 = S.Fma(b, w0, b0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) b1 = S.Fma(b, w1, b1);
            b = S.LoadBroadcast(x2);
            c0 = S.Fma(b, w0, c0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) c1 = S.Fma(b, w1, c1);
            b = S.LoadBroadcast(x2 + ldx);
            d0 = S.Fma(b, w0, d0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) d1 = S.Fma(b, w1, d1);
            x2++;
            p += stride;
        }

        Store<N>(to, a0, a1);
        Store<N>(to + ldto, b0, b1);
        Store<N>(to + 2 * ldto, c0, c1);
        Store<N>(to + 3 * ldto, d0, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6<N>(T* p, nint stride, nint k, float* x, nint ldx, float* init, nint ldinit, nint left, float* to, nint ldto)
        where N : struct, ITiles
    {
        var kept = W.Kept(left);
        var x3 = x + 3 * ldx;
        var ldx2 = 2 * ldx;
        F a0 = Start(init, 0, left), a1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F b0 = Start(init, 0, left), b1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F c0 = Start(init, 0, left), c1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F d0 = Start(init, 0, left), d1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F e0 = Start(init, 0, left), e1 = Second<N>(init, left);
        if (init != null) init += ldinit;
        F f0 = Start(init, 0, left), f1 = Second<N>(init, left);
        var end = x + k;
        var ahead = Ahead * stride;
        for (var fours = S.Interleaves ? x + (k & -4) : x; x < fours; x += 4)
        {
            F a = S.Load(x), b = S.Load(x + ldx), c = S.Load(x + ldx2), d = S.Load(x3), e = S.Load(x3 + ldx), f = S.Load(x3 + ldx2);
            W.LoadFour(p, 0, p + stride, 0, kept, out var w0, out var w1, out var w2, out var w3);
            Two(ref a0, ref a1, w0, w1, a, 0);
            Two(ref b0, ref b1, w0, w1, b, 0);
            Two(ref c0, ref c1, w0, w1, c, 0);
            Two(ref d0, ref d1, w0, w1, d, 0);
            Two(ref e0, ref e1, w0, w1, e, 0);
            Two(ref f0, ref f1, w0, w1, f, 0);
            Two(ref a0, ref a1, w2, w3, a, 1);
            Two(ref b0, ref b1, w2, w3, b, 1);
            Two(ref c0, ref c1, w2, w3, c, 1);
            Two(ref d0, ref d1, w2, w3, d, 1);
            Two(ref e0, ref e1, w2, w3, e, 1);
            Two(ref f0, ref f1, w2, w3, f, 1);
            p += 2 * stride;
            W.LoadFour(p, 0, p + stride, 0, kept, out w0, out w1, out w2, out w3);
            Two(ref a0, ref a1, w0, w1, a, 2);
            Two(ref b0, ref b1, w0, w1, b, 2);
            Two(ref c0, ref c1, w0, w1, c, 2);
            Two(ref d0, ref d1, w0, w1, d, 2);
            Two(ref e0, ref e1, w0, w1, e, 2);
            Two(ref f0, ref f1, w0, w1, f, 2);
            Two(ref a0, ref a1, w2, w3, a, 3);
            Two(ref b0, ref b1, w2, w3, b, 3);
            Two(ref c0, ref c1, w2, w3, c, 3);
            Two(ref d0, ref d1, w2, w3, d, 3);
            Two(ref e0, ref e1, w2, w3, e, 3);
            Two(ref f0, ref f1, w2, w3, f, 3);
            p += 2 * stride;
            x3 += 4;
        }

        for (; x < end; x++)
        {
            Prefetch(p + ahead);
            var w0 = W.Load(p, kept);
            var w1 = Pieces<S, F, I>.Has<N>(1, 2) ? W.Load(p + S.Lanes, kept) : default;
            var b = S.LoadBroadcast(x);
            a0 = S.Fma(b, w0, a0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) a1 = S.Fma(b, w1, a1);
            b = S.LoadBroadcast(x + ldx);
            b0 = S.Fma(b, w0, b0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) b1 = S.Fma(b, w1, b1);
            b = S.LoadBroadcast(x + ldx2);
            c0 = S.Fma(b, w0, c0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) c1 = S.Fma(b, w1, c1);
            b = S.LoadBroadcast(x3);
            d0 = S.Fma(b, w0, d0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) d1 = S.Fma(b, w1, d1);
            b = S.LoadBroadcast(x3 + ldx);
            e0 = S.Fma(b, w0, e0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) e1 = S.Fma(b, w1, e1);
            b = S.LoadBroadcast(x3 + ldx2);
            f0 = S.Fma(b, w0, f0);
            if (Pieces<S, F, I>.Has<N>(1, 2)) f1 = S.Fma(b, w1, f1);
            x3++;
            p += stride;
        }

        Store<N>(to, a0, a1);
        Store<N>(to + ldto, b0, b1);
        Store<N>(to + 2 * ldto, c0, c1);
        to += 3 * ldto;
        Store<N>(to, d0, d1);
        Store<N>(to + ldto, e0, e1);
        Store<N>(to + 2 * ldto, f0, f1);
    }

    /// <summary>Asks for two vectors of weights: one cache line, or two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(T* p)
    {
        const int Line = 64;
        S.Prefetch(p);
        if (2 * S.Lanes * sizeof(T) > Line) S.Prefetch(p + Line / sizeof(T));
    }

    /// <summary>The products of two rows by one of four inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        ref F a0, ref F a1, ref F a2, ref F a3, ref F b0, ref F b1, ref F b2, ref F b3,
        T* p, I kept, F inputs, F inputs1, [ConstantExpected(Max = (byte)3)] byte element)
    {
        W.LoadFour(p, 0, p, 2 * S.Lanes, kept, out var w0, out var w1, out var w2, out var w3);
        Two(ref a0, ref a1, w0, w1, inputs, element);
        Two(ref a2, ref a3, w2, w3, inputs, element);
        Two(ref b0, ref b1, w0, w1, inputs1, element);
        Two(ref b2, ref b3, w2, w3, inputs1, element);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Second<N>(float* init, nint left)
        where N : struct, ITiles => Pieces<S, F, I>.Has<N>(1, 2) ? Start(init, 1, left) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<N>(float* to, F v0, F v1)
        where N : struct, ITiles
    {
        S.Store(to, v0);
        if (Pieces<S, F, I>.Has<N>(1, 2)) S.Store(to + S.Lanes, v1);
    }
}
