using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>The loops over one row of X.</summary>
/// <remarks>
/// Each part of a loop is written for eight vectors, two by two: a piece has no odd vector. The vectors from the eighth on have calls of their own, so that the compiler
/// drops them at once where a set has only eight, instead of giving up on inlining what remains.
/// </remarks>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    /// <summary>Bytes of a vector of rows in a group.</summary>
    private static int Step
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => S.Lanes * Inner;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
        where N : struct, ITiles
    {
        A a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        A a8 = default, a9 = default, a10 = default, a11 = default, a12 = default, a13 = default, a14 = default, a15 = default;
        var rowSums = matrix->RowSums + c;
        Begin<N>(0, D.Vectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, start, rowSums);
        if (D.Vectors > 8) Begin<N>(8, D.Vectors, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, start, rowSums + 8 * S.Lanes);
        var w = (byte*)p;
        var next = stride * sizeof(int);
        var end = x + matrix->Groups * Inner;
        for (var fours = end - 3 * Inner; x < fours; x += 4 * Inner)
        {
            var inputs = D.LoadFour(x);
            var v = w + next;
            Two<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, w, v, D.Group(inputs, x, 0), D.Group(inputs, x, 1));
            w = v + next;
            v = w + next;
            Two<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, w, v, D.Group(inputs, x, 2), D.Group(inputs, x, 3));
            w = v + next;
        }

        for (; x < end; x += Inner)
        {
            var b = D.LoadInputs(x);
            I factor = D.Factor(b), flip = D.Flip(b);
            Single<N>(0, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, factor, flip);
            if (D.Vectors > 8) Single<N>(8, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, w, factor, flip);
            w += next;
        }

        if (D.SplitsSums)
        {
            a0 = D.Join(a0, a8);
            a1 = D.Join(a1, a9);
            a4 = D.Join(a4, a12);
            a5 = D.Join(a5, a13);
        }

        var scale = S.Broadcast(xscale);
        if (S.IsFused && left >= Wanted<N>(D.Vectors))
        {
            var scales = matrix->Scales + c;
            init = init == null ? matrix->Zeros : init + c;
            y += c;
            Put<N>(0, D.Vectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, scales, scale, init, y);
            if (D.Vectors > 8) Put<N>(8, D.Vectors, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, scales + 8 * S.Lanes, scale, init + 8 * S.Lanes, y + 8 * S.Lanes);
            return;
        }

        var sums = matrix->Sums;
        Keep<N>(0, D.Vectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, sums);
        if (D.Vectors > 8) Keep<N>(8, D.Vectors, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, sums + 8 * S.Lanes);
        PutKept(matrix, sums, c, left, scale, init, y);
    }

    /// <summary>First sums of eight vectors from <paramref name="first"/> on, those that a piece of at most <paramref name="most"/> has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Begin<N>(int first, int most, ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7, int start, int* rowSums)
        where N : struct, ITiles
    {
        if (Pieces<S, F, I>.Has<N>(first, most)) (a0, a1) = (D.Begin(start, rowSums), D.Begin(start, rowSums + S.Lanes));
        if (Pieces<S, F, I>.Has<N>(first + 2, most)) (a2, a3) = (D.Begin(start, rowSums + 2 * S.Lanes), D.Begin(start, rowSums + 3 * S.Lanes));
        if (Pieces<S, F, I>.Has<N>(first + 4, most)) (a4, a5) = (D.Begin(start, rowSums + 4 * S.Lanes), D.Begin(start, rowSums + 5 * S.Lanes));
        if (Pieces<S, F, I>.Has<N>(first + 6, most)) (a6, a7) = (D.Begin(start, rowSums + 6 * S.Lanes), D.Begin(start, rowSums + 7 * S.Lanes));
    }

    /// <summary>Two groups of inputs for all vectors. Split sums use a8, a9, a12 and a13 for the second group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two<N>(
        ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7,
        ref A a8, ref A a9, ref A a10, ref A a11, ref A a12, ref A a13, ref A a14, ref A a15,
        byte* w, byte* v, I b0, I b1)
        where N : struct, ITiles
    {
        I factor0 = D.Factor(b0), factor1 = D.Factor(b1), flip0 = D.Flip(b0), flip1 = D.Flip(b1);
        if (D.SplitsSums)
        {
            Apart(ref a0, ref a1, ref a8, ref a9, 0, w, factor0, flip0, v, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) D.MulAdd(ref a2, ref a3, 2 * Step, w, factor0, flip0, v, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) Apart(ref a4, ref a5, ref a12, ref a13, 4 * Step, w, factor0, flip0, v, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) D.MulAdd(ref a6, ref a7, 6 * Step, w, factor0, flip0, v, factor1, flip1);
            return;
        }

        Two<N>(0, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, factor0, flip0, v, factor1, flip1);
        if (D.Vectors > 8) Two<N>(8, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, w, factor0, flip0, v, factor1, flip1);
    }

    /// <summary>The same for eight vectors from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two<N>(
        int first, ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7,
        byte* w, I factor0, I flip0, byte* v, I factor1, I flip1)
        where N : struct, ITiles
    {
        if (Pieces<S, F, I>.Has<N>(first, D.Vectors)) D.MulAdd(ref a0, ref a1, first * Step, w, factor0, flip0, v, factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(first + 2, D.Vectors)) D.MulAdd(ref a2, ref a3, (first + 2) * Step, w, factor0, flip0, v, factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(first + 4, D.Vectors)) D.MulAdd(ref a4, ref a5, (first + 4) * Step, w, factor0, flip0, v, factor1, flip1);
        if (Pieces<S, F, I>.Has<N>(first + 6, D.Vectors)) D.MulAdd(ref a6, ref a7, (first + 6) * Step, w, factor0, flip0, v, factor1, flip1);
    }

    /// <summary>Two groups for two vectors, each group with sums of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Apart(ref A a, ref A b, ref A second, ref A secondB, int at, byte* w, I factor0, I flip0, byte* v, I factor1, I flip1)
    {
        (a, second) = (D.MulAdd(a, D.LoadWeights(w + at), factor0, flip0), D.MulAdd(second, D.LoadWeights(v + at), factor1, flip1));
        (b, secondB) = (D.MulAdd(b, D.LoadWeights(w + (at + Step)), factor0, flip0), D.MulAdd(secondB, D.LoadWeights(v + (at + Step)), factor1, flip1));
    }

    /// <summary>One group for eight vectors from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single<N>(int first, ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7, byte* w, I factor, I flip)
        where N : struct, ITiles
    {
        if (Pieces<S, F, I>.Has<N>(first, D.Vectors)) Single(ref a0, ref a1, first * Step, w, factor, flip);
        if (Pieces<S, F, I>.Has<N>(first + 2, D.Vectors)) Single(ref a2, ref a3, (first + 2) * Step, w, factor, flip);
        if (Pieces<S, F, I>.Has<N>(first + 4, D.Vectors)) Single(ref a4, ref a5, (first + 4) * Step, w, factor, flip);
        if (Pieces<S, F, I>.Has<N>(first + 6, D.Vectors)) Single(ref a6, ref a7, (first + 6) * Step, w, factor, flip);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single(ref A a, ref A b, int at, byte* w, I factor, I flip)
    {
        a = D.MulAdd(a, D.LoadWeights(w + at), factor, flip);
        b = D.MulAdd(b, D.LoadWeights(w + (at + Step)), factor, flip);
    }

    /// <summary>Outputs of eight vectors from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<N>(int first, int most, ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7, float* scales, F xscale, float* init, float* y)
        where N : struct, ITiles
    {
        if (Pieces<S, F, I>.Has<N>(first, most)) Put(a0, a1, scales, xscale, init, y);
        if (Pieces<S, F, I>.Has<N>(first + 2, most)) Put(a2, a3, scales + 2 * S.Lanes, xscale, init + 2 * S.Lanes, y + 2 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(first + 4, most)) Put(a4, a5, scales + 4 * S.Lanes, xscale, init + 4 * S.Lanes, y + 4 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(first + 6, most)) Put(a6, a7, scales + 6 * S.Lanes, xscale, init + 6 * S.Lanes, y + 6 * S.Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(A a, A b, float* scales, F xscale, float* init, float* y)
    {
        Put(a, scales, xscale, init, y);
        Put(b, scales + S.Lanes, xscale, init + S.Lanes, y + S.Lanes);
    }

    /// <summary>Stores the sums of eight vectors from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep<N>(int first, int most, ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7, int* sums)
        where N : struct, ITiles
    {
        if (Pieces<S, F, I>.Has<N>(first, most)) Keep(a0, a1, sums);
        if (Pieces<S, F, I>.Has<N>(first + 2, most)) Keep(a2, a3, sums + 2 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(first + 4, most)) Keep(a4, a5, sums + 4 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(first + 6, most)) Keep(a6, a7, sums + 6 * S.Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(A a, A b, int* sums)
    {
        S.StoreInt(sums, D.Finish(a));
        S.StoreInt(sums + S.Lanes, D.Finish(b));
    }
}
