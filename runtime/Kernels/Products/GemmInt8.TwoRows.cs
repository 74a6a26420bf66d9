using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>The loop over two rows of X.</summary>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    /// <summary>Most vectors of weights for two rows: their sums take as many registers as those of one row.</summary>
    private static int PairVectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => D.Vectors / 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, nint row, in QuantizedRows rows, int* starts, in OutputRange outputs)
        where N : struct, ITiles
    {
        A a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        A b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        var rowSums = matrix->RowSums + c;
        Begin<N>(0, PairVectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, starts[row], rowSums);
        Begin<N>(0, PairVectors, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, starts[row + 1], rowSums);
        var x = rows.At(row);
        var ldx = rows.Stride;
        var w = (byte*)p;
        var next = stride * sizeof(int);
        var end = x + matrix->Groups * Inner;
        for (var fours = end - 3 * Inner; x < fours; x += 4 * Inner)
        {
            I first = D.LoadFour(x), second = D.LoadFour(x + ldx);
            var v = w + next;
            Two<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, w, v, D.Group(first, x, 0), D.Group(first, x, 1), D.Group(second, x + ldx, 0), D.Group(second, x + ldx, 1));
            w = v + next;
            v = w + next;
            Two<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, w, v, D.Group(first, x, 2), D.Group(first, x, 3), D.Group(second, x + ldx, 2), D.Group(second, x + ldx, 3));
            w = v + next;
        }

        for (; x < end; x += Inner)
        {
            I first = D.LoadInputs(x), second = D.LoadInputs(x + ldx);
            I factor0 = D.Factor(first), flip0 = D.Flip(first);
            I factor1 = D.Factor(second), flip1 = D.Flip(second);
            if (Pieces<S, F, I>.Has<N>(0, PairVectors)) Single(ref a0, ref b0, ref a1, ref b1, 0, w, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(2, PairVectors)) Single(ref a2, ref b2, ref a3, ref b3, 2 * Step, w, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(4, PairVectors)) Single(ref a4, ref b4, ref a5, ref b5, 4 * Step, w, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(6, PairVectors)) Single(ref a6, ref b6, ref a7, ref b7, 6 * Step, w, factor0, flip0, factor1, flip1);
            w += next;
        }

        F scale = S.Broadcast(rows.Scales[row]), scale1 = S.Broadcast(rows.Scales[row + 1]);
        float* init = outputs.InitAt(row), init1 = outputs.InitAt(row + 1);
        float* y = outputs.At(row), y1 = y + outputs.Stride;
        if (S.IsFused && left >= Wanted<N>(PairVectors))
        {
            var scales = matrix->Scales + c;
            init = init == null ? matrix->Zeros : init + c;
            init1 = init1 == null ? matrix->Zeros : init1 + c;
            Put<N>(0, PairVectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, scales, scale, init, y + c);
            Put<N>(0, PairVectors, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, scales, scale1, init1, y1 + c);
            return;
        }

        var sums = matrix->Sums;
        var sums1 = sums + PairVectors * S.Lanes;
        Keep<N>(0, PairVectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, sums);
        Keep<N>(0, PairVectors, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, sums1);
        PutKept(matrix, sums, c, left, scale, init, y);
        PutKept(matrix, sums1, c, left, scale1, init1, y1);
    }

    /// <summary>Two groups of inputs of both rows: <paramref name="x0"/> and <paramref name="x1"/> of the first, <paramref name="x2"/> and <paramref name="x3"/> of the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two<N>(
        ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7,
        ref A b0, ref A b1, ref A b2, ref A b3, ref A b4, ref A b5, ref A b6, ref A b7,
        byte* w, byte* v, I x0, I x1, I x2, I x3)
        where N : struct, ITiles
    {
        I factor0 = D.Factor(x0), flip0 = D.Flip(x0);
        I factor1 = D.Factor(x1), flip1 = D.Flip(x1);
        I factor2 = D.Factor(x2), flip2 = D.Flip(x2);
        I factor3 = D.Factor(x3), flip3 = D.Flip(x3);
        if (Pieces<S, F, I>.Has<N>(0, PairVectors)) D.MulAdd(ref a0, ref b0, ref a1, ref b1, 0, w, factor0, flip0, factor2, flip2, v, factor1, flip1, factor3, flip3);
        if (Pieces<S, F, I>.Has<N>(2, PairVectors)) D.MulAdd(ref a2, ref b2, ref a3, ref b3, 2 * Step, w, factor0, flip0, factor2, flip2, v, factor1, flip1, factor3, flip3);
        if (Pieces<S, F, I>.Has<N>(4, PairVectors)) D.MulAdd(ref a4, ref b4, ref a5, ref b5, 4 * Step, w, factor0, flip0, factor2, flip2, v, factor1, flip1, factor3, flip3);
        if (Pieces<S, F, I>.Has<N>(6, PairVectors)) D.MulAdd(ref a6, ref b6, ref a7, ref b7, 6 * Step, w, factor0, flip0, factor2, flip2, v, factor1, flip1, factor3, flip3);
    }

    /// <summary>One group of both rows for two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single(ref A a0, ref A b0, ref A a1, ref A b1, int at, byte* w, I factor0, I flip0, I factor1, I flip1)
    {
        I w0 = D.LoadWeights(w + at), w1 = D.LoadWeights(w + (at + Step));
        a0 = D.MulAdd(a0, w0, factor0, flip0);
        b0 = D.MulAdd(b0, w0, factor1, flip1);
        a1 = D.MulAdd(a1, w1, factor0, flip0);
        b1 = D.MulAdd(b1, w1, factor1, flip1);
    }
}
