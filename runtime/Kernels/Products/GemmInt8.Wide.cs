using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// The loops for vectors of 16 rows: a vector a tile, at most four for a panel. Such sets have 32 registers: one row of X keeps two sums for each vector, so that
/// no product waits for the one before it; four rows of X share each vector of weights, so that products and not loads are the limit.
/// </summary>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    private static bool IsWide
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => S.Lanes == KernelSet.Tile;
    }

    /// <summary>Rows of X, four at a time; returns the first row that is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Fours(Matrix* matrix, in QuantizedRows x, int* starts, in OutputRange y)
    {
        var rows = x.Count & ~3;
        for (var c = matrix->From; rows > 0 && c < matrix->End;)
        {
            var p = matrix->At(c, out var stride, out var left);
            var taken = Pieces<S, F, I>.Taken(left, D.Vectors);
            for (nint row = 0; row < rows; row += 4)
            {
                switch (Pieces<S, F, I>.Tiles(taken))
                {
                    case 1: WideRows4<OneTile>(matrix, p, stride, c, left, row, x, starts, y); break;
                    case 2: WideRows4<TwoTiles>(matrix, p, stride, c, left, row, x, starts, y); break;
                    case 3: WideRows4<ThreeTiles>(matrix, p, stride, c, left, row, x, starts, y); break;
                    default: WideRows4<FourTiles>(matrix, p, stride, c, left, row, x, starts, y); break;
                }
            }

            c += left < taken ? left : taken;
        }

        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WideRows1<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
        where N : struct, ITiles
    {
        var rowSums = matrix->RowSums + c;
        A a0 = D.Begin(start, rowSums), a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        if (N.Count > 1) a1 = D.Begin(start, rowSums + S.Lanes);
        if (N.Count > 2) a2 = D.Begin(start, rowSums + 2 * S.Lanes);
        if (N.Count > 3) a3 = D.Begin(start, rowSums + 3 * S.Lanes);
        var w = (byte*)p;
        var next = stride * sizeof(int);
        var end = x + matrix->Groups * Inner;
        for (var fours = end - 3 * Inner; x < fours; x += 4 * Inner)
        {
            var inputs = D.LoadFour(x);
            WideStep<N>(ref a0, ref a1, ref a2, ref a3, w, D.Group(inputs, x, 0));
            WideStep<N>(ref b0, ref b1, ref b2, ref b3, w + next, D.Group(inputs, x, 1));
            w += 2 * next;
            WideStep<N>(ref a0, ref a1, ref a2, ref a3, w, D.Group(inputs, x, 2));
            WideStep<N>(ref b0, ref b1, ref b2, ref b3, w + next, D.Group(inputs, x, 3));
            w += 2 * next;
        }

        for (; x < end; x += Inner, w += next) WideStep<N>(ref a0, ref a1, ref a2, ref a3, w, D.LoadInputs(x));
        (a0, a1, a2, a3) = (D.Join(a0, b0), D.Join(a1, b1), D.Join(a2, b2), D.Join(a3, b3));
        if (left >= N.Count * S.Lanes)
        {
            WidePut<N>(matrix, c, xscale, init, y, a0, a1, a2, a3);
            return;
        }

        WideKeep<N>(matrix->Sums, a0, a1, a2, a3);
        PutKept(matrix, matrix->Sums, c, left, S.Broadcast(xscale), init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WideRows4<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, nint row, in QuantizedRows rows, int* starts, in OutputRange outputs)
        where N : struct, ITiles
    {
        WideBegin<N>(starts[row], matrix->RowSums + c, out var a0, out var a1, out var a2, out var a3);
        WideBegin<N>(starts[row + 1], matrix->RowSums + c, out var b0, out var b1, out var b2, out var b3);
        WideBegin<N>(starts[row + 2], matrix->RowSums + c, out var c0, out var c1, out var c2, out var c3);
        WideBegin<N>(starts[row + 3], matrix->RowSums + c, out var d0, out var d1, out var d2, out var d3);
        var x = rows.At(row);
        nint ldx = rows.Stride, ldx3 = 3 * ldx, next = stride * sizeof(int);
        var w = (byte*)p;
        for (var end = x + matrix->Groups * Inner; x < end; x += Inner, w += next)
        {
            I xa = D.LoadInputs(x), xb = D.LoadInputs(x + ldx), xc = D.LoadInputs(x + 2 * ldx), xd = D.LoadInputs(x + ldx3);
            WideStep(ref a0, ref b0, ref c0, ref d0, D.LoadWeights(w), xa, xb, xc, xd);
            if (N.Count > 1) WideStep(ref a1, ref b1, ref c1, ref d1, D.LoadWeights(w + Step), xa, xb, xc, xd);
            if (N.Count > 2) WideStep(ref a2, ref b2, ref c2, ref d2, D.LoadWeights(w + 2 * Step), xa, xb, xc, xd);
            if (N.Count > 3) WideStep(ref a3, ref b3, ref c3, ref d3, D.LoadWeights(w + 3 * Step), xa, xb, xc, xd);
        }

        if (left >= N.Count * S.Lanes)
        {
            WidePut<N>(matrix, c, rows.Scales[row], outputs.InitAt(row), outputs.At(row), a0, a1, a2, a3);
            WidePut<N>(matrix, c, rows.Scales[row + 1], outputs.InitAt(row + 1), outputs.At(row + 1), b0, b1, b2, b3);
            WidePut<N>(matrix, c, rows.Scales[row + 2], outputs.InitAt(row + 2), outputs.At(row + 2), c0, c1, c2, c3);
            WidePut<N>(matrix, c, rows.Scales[row + 3], outputs.InitAt(row + 3), outputs.At(row + 3), d0, d1, d2, d3);
            return;
        }

        var sums = matrix->Sums;
        WideKeep<N>(sums, a0, a1, a2, a3);
        WideKeep<N>(sums + WeightLayout.WidestPanel, b0, b1, b2, b3);
        WideKeep<N>(sums + 2 * WeightLayout.WidestPanel, c0, c1, c2, c3);
        WideKeep<N>(sums + 3 * WeightLayout.WidestPanel, d0, d1, d2, d3);
        for (nint i = 0; i < 4; i++, row++, sums += WeightLayout.WidestPanel)
            PutKept(matrix, sums, c, left, S.Broadcast(rows.Scales[row]), outputs.InitAt(row), outputs.At(row));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WideBegin<N>(int start, int* rowSums, out A a0, out A a1, out A a2, out A a3)
        where N : struct, ITiles
    {
        (a0, a1, a2, a3) = (D.Begin(start, rowSums), default, default, default);
        if (N.Count > 1) a1 = D.Begin(start, rowSums + S.Lanes);
        if (N.Count > 2) a2 = D.Begin(start, rowSums + 2 * S.Lanes);
        if (N.Count > 3) a3 = D.Begin(start, rowSums + 3 * S.Lanes);
    }

    /// <summary>A group of inputs of one row of X for all vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WideStep<N>(ref A a0, ref A a1, ref A a2, ref A a3, byte* w, I x)
        where N : struct, ITiles
    {
        I factor = D.Factor(x), flip = D.Flip(x);
        a0 = D.MulAdd(a0, D.LoadWeights(w), factor, flip);
        if (N.Count > 1) a1 = D.MulAdd(a1, D.LoadWeights(w + Step), factor, flip);
        if (N.Count > 2) a2 = D.MulAdd(a2, D.LoadWeights(w + 2 * Step), factor, flip);
        if (N.Count > 3) a3 = D.MulAdd(a3, D.LoadWeights(w + 3 * Step), factor, flip);
    }

    /// <summary>A group of inputs of four rows of X for one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WideStep(ref A a, ref A b, ref A c, ref A d, I w, I xa, I xb, I xc, I xd)
    {
        a = D.MulAdd(a, w, D.Factor(xa), D.Flip(xa));
        b = D.MulAdd(b, w, D.Factor(xb), D.Flip(xb));
        c = D.MulAdd(c, w, D.Factor(xc), D.Flip(xc));
        d = D.MulAdd(d, w, D.Factor(xd), D.Flip(xd));
    }

    /// <summary>Outputs of one row of X.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidePut<N>(Matrix* matrix, nint c, float xscale, float* init, float* y, A a0, A a1, A a2, A a3)
        where N : struct, ITiles
    {
        var scale = S.Broadcast(xscale);
        var scales = matrix->Scales + c;
        init = init == null ? matrix->Zeros : init + c;
        y += c;
        Put(a0, scales, scale, init, y);
        if (N.Count > 1) Put(a1, scales + S.Lanes, scale, init + S.Lanes, y + S.Lanes);
        if (N.Count > 2) Put(a2, scales + 2 * S.Lanes, scale, init + 2 * S.Lanes, y + 2 * S.Lanes);
        if (N.Count > 3) Put(a3, scales + 3 * S.Lanes, scale, init + 3 * S.Lanes, y + 3 * S.Lanes);
    }

    /// <summary>Stores the sums of one row of X for <see cref="PutKept"/>: no sum may live across a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WideKeep<N>(int* sums, A a0, A a1, A a2, A a3)
        where N : struct, ITiles
    {
        S.StoreInt(sums, D.Finish(a0));
        if (N.Count > 1) S.StoreInt(sums + S.Lanes, D.Finish(a1));
        if (N.Count > 2) S.StoreInt(sums + 2 * S.Lanes, D.Finish(a2));
        if (N.Count > 3) S.StoreInt(sums + 3 * S.Lanes, D.Finish(a3));
    }
}
