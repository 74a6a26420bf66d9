using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>The loops over one row of X.</summary>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
        where N : struct, ITiles
    {
        var rowSums = matrix->RowSums + c;
        A a0 = D.Begin(start, rowSums), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
        A a8 = default, a9 = default, a10 = default, a11 = default, a12 = default, a13 = default, a14 = default, a15 = default;
        if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) a1 = D.Begin(start, rowSums + S.Lanes);
        if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) a2 = D.Begin(start, rowSums + 2 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) a3 = D.Begin(start, rowSums + 3 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) a4 = D.Begin(start, rowSums + 4 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) a5 = D.Begin(start, rowSums + 5 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) a6 = D.Begin(start, rowSums + 6 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) a7 = D.Begin(start, rowSums + 7 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) a8 = D.Begin(start, rowSums + 8 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) a9 = D.Begin(start, rowSums + 9 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) a10 = D.Begin(start, rowSums + 10 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) a11 = D.Begin(start, rowSums + 11 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) a12 = D.Begin(start, rowSums + 12 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) a13 = D.Begin(start, rowSums + 13 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) a14 = D.Begin(start, rowSums + 14 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) a15 = D.Begin(start, rowSums + 15 * S.Lanes);
        var end = x + matrix->Groups * Inner;
        for (var fours = end - 3 * Inner; x < fours; x += 4 * Inner)
        {
            var inputs = D.LoadFour(x);
            var q = p + stride;
            Two<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, p, q, D.Group(inputs, x, 0), D.Group(inputs, x, 1));
            p = q + stride;
            q = p + stride;
            Two<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, p, q, D.Group(inputs, x, 2), D.Group(inputs, x, 3));
            p = q + stride;
        }

        for (; x < end; x += Inner)
        {
            var b = D.LoadInputs(x);
            I factor = D.Factor(b), flip = D.Flip(b);
            a0 = D.MulAdd(a0, D.LoadWeights((byte*)p), factor, flip);
            if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) a1 = D.MulAdd(a1, D.LoadWeights((byte*)(p + S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) a2 = D.MulAdd(a2, D.LoadWeights((byte*)(p + 2 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) a3 = D.MulAdd(a3, D.LoadWeights((byte*)(p + 3 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) a4 = D.MulAdd(a4, D.LoadWeights((byte*)(p + 4 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) a5 = D.MulAdd(a5, D.LoadWeights((byte*)(p + 5 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) a6 = D.MulAdd(a6, D.LoadWeights((byte*)(p + 6 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) a7 = D.MulAdd(a7, D.LoadWeights((byte*)(p + 7 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) a8 = D.MulAdd(a8, D.LoadWeights((byte*)(p + 8 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) a9 = D.MulAdd(a9, D.LoadWeights((byte*)(p + 9 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) a10 = D.MulAdd(a10, D.LoadWeights((byte*)(p + 10 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) a11 = D.MulAdd(a11, D.LoadWeights((byte*)(p + 11 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) a12 = D.MulAdd(a12, D.LoadWeights((byte*)(p + 12 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) a13 = D.MulAdd(a13, D.LoadWeights((byte*)(p + 13 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) a14 = D.MulAdd(a14, D.LoadWeights((byte*)(p + 14 * S.Lanes)), factor, flip);
            if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) a15 = D.MulAdd(a15, D.LoadWeights((byte*)(p + 15 * S.Lanes)), factor, flip);
            p += stride;
        }

        if (D.SplitsSums)
        {
            a0 = D.Join(a0, a8);
            a1 = D.Join(a1, a9);
            a4 = D.Join(a4, a12);
            a5 = D.Join(a5, a13);
        }

        var scale = S.Broadcast(xscale);
        if (left >= Wanted<N>(D.Vectors))
        {
            var scales = matrix->Scales + c;
            init = init == null ? matrix->Zeros : init + c;
            y += c;
            Put(a0, scales, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) Put(a1, scales + S.Lanes, scale, init + S.Lanes, y + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) Put(a2, scales + 2 * S.Lanes, scale, init + 2 * S.Lanes, y + 2 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) Put(a3, scales + 3 * S.Lanes, scale, init + 3 * S.Lanes, y + 3 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) Put(a4, scales + 4 * S.Lanes, scale, init + 4 * S.Lanes, y + 4 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) Put(a5, scales + 5 * S.Lanes, scale, init + 5 * S.Lanes, y + 5 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) Put(a6, scales + 6 * S.Lanes, scale, init + 6 * S.Lanes, y + 6 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) Put(a7, scales + 7 * S.Lanes, scale, init + 7 * S.Lanes, y + 7 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) Put(a8, scales + 8 * S.Lanes, scale, init + 8 * S.Lanes, y + 8 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) Put(a9, scales + 9 * S.Lanes, scale, init + 9 * S.Lanes, y + 9 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) Put(a10, scales + 10 * S.Lanes, scale, init + 10 * S.Lanes, y + 10 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) Put(a11, scales + 11 * S.Lanes, scale, init + 11 * S.Lanes, y + 11 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) Put(a12, scales + 12 * S.Lanes, scale, init + 12 * S.Lanes, y + 12 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) Put(a13, scales + 13 * S.Lanes, scale, init + 13 * S.Lanes, y + 13 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) Put(a14, scales + 14 * S.Lanes, scale, init + 14 * S.Lanes, y + 14 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) Put(a15, scales + 15 * S.Lanes, scale, init + 15 * S.Lanes, y + 15 * S.Lanes);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, D.Finish(a0));
        if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) S.StoreInt(sums + S.Lanes, D.Finish(a1));
        if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) S.StoreInt(sums + 2 * S.Lanes, D.Finish(a2));
        if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) S.StoreInt(sums + 3 * S.Lanes, D.Finish(a3));
        if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) S.StoreInt(sums + 4 * S.Lanes, D.Finish(a4));
        if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) S.StoreInt(sums + 5 * S.Lanes, D.Finish(a5));
        if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) S.StoreInt(sums + 6 * S.Lanes, D.Finish(a6));
        if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) S.StoreInt(sums + 7 * S.Lanes, D.Finish(a7));
        if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) S.StoreInt(sums + 8 * S.Lanes, D.Finish(a8));
        if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) S.StoreInt(sums + 9 * S.Lanes, D.Finish(a9));
        if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) S.StoreInt(sums + 10 * S.Lanes, D.Finish(a10));
        if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) S.StoreInt(sums + 11 * S.Lanes, D.Finish(a11));
        if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) S.StoreInt(sums + 12 * S.Lanes, D.Finish(a12));
        if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) S.StoreInt(sums + 13 * S.Lanes, D.Finish(a13));
        if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) S.StoreInt(sums + 14 * S.Lanes, D.Finish(a14));
        if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) S.StoreInt(sums + 15 * S.Lanes, D.Finish(a15));
        PutKept(matrix, sums, c, left, scale, init, y);
    }

    /// <summary>Two groups of inputs for all vectors. Split sums use a8, a9, a12 and a13 for the second group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two<N>(
        ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7,
        ref A a8, ref A a9, ref A a10, ref A a11, ref A a12, ref A a13, ref A a14, ref A a15,
        int* p, int* q, I b0, I b1)
        where N : struct, ITiles
    {
        I factor0 = D.Factor(b0), flip0 = D.Flip(b0);
        I factor1 = D.Factor(b1), flip1 = D.Flip(b1);
        if (D.SplitsSums)
        {
            (a0, a8) = (D.MulAdd(a0, D.LoadWeights((byte*)p), factor0, flip0), D.MulAdd(a8, D.LoadWeights((byte*)q), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) (a1, a9) = (D.MulAdd(a1, D.LoadWeights((byte*)(p + S.Lanes)), factor0, flip0), D.MulAdd(a9, D.LoadWeights((byte*)(q + S.Lanes)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) Both(ref a2, ref a3, p + 2 * S.Lanes, q + 2 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) (a4, a12) = (D.MulAdd(a4, D.LoadWeights((byte*)(p + 4 * S.Lanes)), factor0, flip0), D.MulAdd(a12, D.LoadWeights((byte*)(q + 4 * S.Lanes)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) (a5, a13) = (D.MulAdd(a5, D.LoadWeights((byte*)(p + 5 * S.Lanes)), factor0, flip0), D.MulAdd(a13, D.LoadWeights((byte*)(q + 5 * S.Lanes)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) Both(ref a6, ref a7, p + 6 * S.Lanes, q + 6 * S.Lanes, factor0, flip0, factor1, flip1);
            return;
        }

        a0 = D.MulAdd(a0, D.LoadWeights((byte*)p), factor0, flip0, D.LoadWeights((byte*)q), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) a1 = D.MulAdd(a1, D.LoadWeights((byte*)(p + S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) a2 = D.MulAdd(a2, D.LoadWeights((byte*)(p + 2 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 2 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) a3 = D.MulAdd(a3, D.LoadWeights((byte*)(p + 3 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 3 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) a4 = D.MulAdd(a4, D.LoadWeights((byte*)(p + 4 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 4 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) a5 = D.MulAdd(a5, D.LoadWeights((byte*)(p + 5 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 5 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) a6 = D.MulAdd(a6, D.LoadWeights((byte*)(p + 6 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 6 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) a7 = D.MulAdd(a7, D.LoadWeights((byte*)(p + 7 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 7 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) a8 = D.MulAdd(a8, D.LoadWeights((byte*)(p + 8 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 8 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) a9 = D.MulAdd(a9, D.LoadWeights((byte*)(p + 9 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 9 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) a10 = D.MulAdd(a10, D.LoadWeights((byte*)(p + 10 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 10 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) a11 = D.MulAdd(a11, D.LoadWeights((byte*)(p + 11 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 11 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) a12 = D.MulAdd(a12, D.LoadWeights((byte*)(p + 12 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 12 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) a13 = D.MulAdd(a13, D.LoadWeights((byte*)(p + 13 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 13 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) a14 = D.MulAdd(a14, D.LoadWeights((byte*)(p + 14 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 14 * S.Lanes)), factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) a15 = D.MulAdd(a15, D.LoadWeights((byte*)(p + 15 * S.Lanes)), factor0, flip0, D.LoadWeights((byte*)(q + 15 * S.Lanes)), factor1, flip1);
    }

    /// <summary>Two groups for two vectors whose weights are loaded at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Both(ref A a, ref A b, int* p, int* q, I factor0, I flip0, I factor1, I flip1)
    {
        D.LoadWeights((byte*)p, out var w0, out var w1);
        D.LoadWeights((byte*)q, out var v0, out var v1);
        a = D.MulAdd(a, w0, factor0, flip0, v0, factor1, flip1);
        b = D.MulAdd(b, w1, factor0, flip0, v1, factor1, flip1);
    }
}
