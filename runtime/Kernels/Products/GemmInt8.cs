using System.Diagnostics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>int8 matrix products over packed panels, exact in int32, then scaled to fp32.</summary>
/// <remarks>
/// Blocked like <see cref="GemmFloat32{S,F,I,W,T}"/>: one row of X takes as many vectors as the registers can sum, two rows take 4. No sum is live across a call.
/// One row takes four groups of inputs a step, two rows take two.
/// Whole pieces are scaled in registers; a piece wider than the remaining outputs goes through memory.
/// </remarks>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="D">int8 products.</typeparam>
/// <typeparam name="A">Running sums of the products.</typeparam>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<I, A>
    where A : unmanaged
{
    /// <summary>Rows of X that share one walk over the weights.</summary>
    private const int MaxRows = 128;

    private const int Inner = Int8Format.Inner;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
    {
        var sums = stackalloc int[WeightLayout.WidestPanel];
        var starts = stackalloc int[MaxRows];
        var zeros = stackalloc float[WeightLayout.WidestPanel];
        if (y.Init == null) new Span<float>(zeros, WeightLayout.WidestPanel).Clear();
        Debug.Assert(!D.SplitsSums || D.Vectors == 8, "Split sums take the places of the vectors after the eighth.");
        Debug.Assert(S.Lanes <= 8, "Two rows take 4 vectors, which must be at most two tiles.");
        var layout = w.Layout;
        nint columns = layout.Columns, count = x.Count;
        var matrix = new Matrix
        {
            Weights = Panels<int>.Packed((int*)w.Panels, layout),
            Scales = w.Scales,
            Sums = sums,
            Zeros = zeros,
            RowSums = w.RowSums,
            Groups = layout.Groups,
            From = y.From,
            End = y.End,
        };
        if (count == 1)
        {
            One(&matrix, x.First, *x.Scales, D.Start(x.First, columns), y.Init, y.First);
            return;
        }

        for (nint first = 0; first < count; first += MaxRows)
        {
            var rows = count - first < MaxRows ? count - first : MaxRows;
            for (nint i = 0; i < rows; i++) starts[i] = D.Start(x.At(first + i), columns);
            var even = rows & ~1;
            if (even > 0) Pairs(&matrix, x.Slice(first, even), starts, y.Skip(first));
            if (even == rows) continue;
            var last = first + even;
            One(&matrix, x.At(last), x.Scales[last], starts[even], y.InitAt(last), y.At(last));
        }
    }

    /// <summary>One row of X.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(Matrix* matrix, sbyte* x, float xscale, int start, float* init, float* y)
    {
        for (var c = matrix->From; c < matrix->End;)
        {
            var p = matrix->At(c, out var stride, out var left);
            var taken = Pieces<S, F, I>.Taken(left, D.Vectors);
            Piece(taken, matrix, p, stride, c, left, x, xscale, start, init, y);
            c += left < taken ? left : taken;
        }
    }

    /// <summary>A piece of one row by the loop for its tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Piece(nint taken, Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
    {
        switch (Pieces<S, F, I>.Tiles(taken))
        {
            case 1: Rows1<OneTile>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            case 2: Rows1<TwoTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            case 3: Rows1<ThreeTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            default: Rows1<FourTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
        }
    }

    /// <summary>An even number of rows. Each piece of 4 vectors is computed for all rows, so that weights are read once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pairs(Matrix* matrix, in QuantizedRows x, int* starts, in OutputRange y)
    {
        var count = x.Count;
        for (var c = matrix->From; c < matrix->End;)
        {
            var p = matrix->At(c, out var stride, out var left);
            var taken = Pieces<S, F, I>.Taken(left, 4);
            for (nint row = 0; row < count; row += 2)
            {
                if (Pieces<S, F, I>.Tiles(taken) == 1) Rows2<OneTile>(matrix, p, stride, c, left, row, x, starts, y);
                else Rows2<TwoTiles>(matrix, p, stride, c, left, row, x, starts, y);
            }

            c += left < taken ? left : taken;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, nint row, in QuantizedRows rows, int* starts, in OutputRange outputs)
        where N : struct, ITiles
    {
        var rowSums = matrix->RowSums + c;
        A a0 = D.Begin(starts[row], rowSums), a1 = a0, a2 = a0, a3 = a0;
        A b0 = D.Begin(starts[row + 1], rowSums), b1 = b0, b2 = b0, b3 = b0;
        if (Pieces<S, F, I>.Has<N>(1, 4)) (a1, b1) = (D.Begin(starts[row], rowSums + S.Lanes), D.Begin(starts[row + 1], rowSums + S.Lanes));
        if (Pieces<S, F, I>.Has<N>(2, 4)) (a2, b2) = (D.Begin(starts[row], rowSums + 2 * S.Lanes), D.Begin(starts[row + 1], rowSums + 2 * S.Lanes));
        if (Pieces<S, F, I>.Has<N>(3, 4)) (a3, b3) = (D.Begin(starts[row], rowSums + 3 * S.Lanes), D.Begin(starts[row + 1], rowSums + 3 * S.Lanes));
        var x = rows.At(row);
        var ldx = rows.Stride;
        var end = x + matrix->Groups * Inner;
        for (var pairs = end - Inner; x < pairs; x += 2 * Inner)
        {
            var q = p + stride;
            var b = D.LoadInputs(x);
            I factor0 = D.Factor(b), flip0 = D.Flip(b);
            b = D.LoadInputs(x + Inner);
            I factor1 = D.Factor(b), flip1 = D.Flip(b);
            b = D.LoadInputs(x + ldx);
            I factor2 = D.Factor(b), flip2 = D.Flip(b);
            b = D.LoadInputs(x + ldx + Inner);
            I factor3 = D.Factor(b), flip3 = D.Flip(b);
            I w = D.LoadWeights((byte*)p), v = D.LoadWeights((byte*)q);
            a0 = D.MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
            b0 = D.MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
            if (Pieces<S, F, I>.Has<N>(1, 4))
            {
                (w, v) = (D.LoadWeights((byte*)(p + S.Lanes)), D.LoadWeights((byte*)(q + S.Lanes)));
                a1 = D.MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
                b1 = D.MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
            }

            if (Pieces<S, F, I>.Has<N>(2, 4))
            {
                (w, v) = (D.LoadWeights((byte*)(p + 2 * S.Lanes)), D.LoadWeights((byte*)(q + 2 * S.Lanes)));
                a2 = D.MulAdd(a2, w, factor0, flip0, v, factor1, flip1);
                b2 = D.MulAdd(b2, w, factor2, flip2, v, factor3, flip3);
            }

            if (Pieces<S, F, I>.Has<N>(3, 4))
            {
                (w, v) = (D.LoadWeights((byte*)(p + 3 * S.Lanes)), D.LoadWeights((byte*)(q + 3 * S.Lanes)));
                a3 = D.MulAdd(a3, w, factor0, flip0, v, factor1, flip1);
                b3 = D.MulAdd(b3, w, factor2, flip2, v, factor3, flip3);
            }

            p = q + stride;
        }

        if (x < end)
        {
            var b = D.LoadInputs(x);
            I factor0 = D.Factor(b), flip0 = D.Flip(b);
            b = D.LoadInputs(x + ldx);
            I factor1 = D.Factor(b), flip1 = D.Flip(b);
            var w = D.LoadWeights((byte*)p);
            a0 = D.MulAdd(a0, w, factor0, flip0);
            b0 = D.MulAdd(b0, w, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(1, 4))
            {
                w = D.LoadWeights((byte*)(p + S.Lanes));
                a1 = D.MulAdd(a1, w, factor0, flip0);
                b1 = D.MulAdd(b1, w, factor1, flip1);
            }

            if (Pieces<S, F, I>.Has<N>(2, 4))
            {
                w = D.LoadWeights((byte*)(p + 2 * S.Lanes));
                a2 = D.MulAdd(a2, w, factor0, flip0);
                b2 = D.MulAdd(b2, w, factor1, flip1);
            }

            if (Pieces<S, F, I>.Has<N>(3, 4))
            {
                w = D.LoadWeights((byte*)(p + 3 * S.Lanes));
                a3 = D.MulAdd(a3, w, factor0, flip0);
                b3 = D.MulAdd(b3, w, factor1, flip1);
            }
        }

        F scale = S.Broadcast(rows.Scales[row]), scale1 = S.Broadcast(rows.Scales[row + 1]);
        float* init = outputs.InitAt(row), init1 = outputs.InitAt(row + 1);
        float* y = outputs.At(row), y1 = y + outputs.Stride;
        if (left >= Wanted<N>(4))
        {
            var scales = matrix->Scales + c;
            init = init == null ? matrix->Zeros : init + c;
            init1 = init1 == null ? matrix->Zeros : init1 + c;
            y += c;
            y1 += c;
            Put(a0, scales, scale, init, y);
            Put(b0, scales, scale1, init1, y1);
            if (Pieces<S, F, I>.Has<N>(1, 4)) Put(a1, scales + S.Lanes, scale, init + S.Lanes, y + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(1, 4)) Put(b1, scales + S.Lanes, scale1, init1 + S.Lanes, y1 + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(2, 4)) Put(a2, scales + 2 * S.Lanes, scale, init + 2 * S.Lanes, y + 2 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(2, 4)) Put(b2, scales + 2 * S.Lanes, scale1, init1 + 2 * S.Lanes, y1 + 2 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(3, 4)) Put(a3, scales + 3 * S.Lanes, scale, init + 3 * S.Lanes, y + 3 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(3, 4)) Put(b3, scales + 3 * S.Lanes, scale1, init1 + 3 * S.Lanes, y1 + 3 * S.Lanes);
            return;
        }

        var sums = matrix->Sums;
        var sums1 = sums + 4 * S.Lanes;
        S.StoreInt(sums, D.Finish(a0));
        S.StoreInt(sums1, D.Finish(b0));
        if (Pieces<S, F, I>.Has<N>(1, 4)) S.StoreInt(sums + S.Lanes, D.Finish(a1));
        if (Pieces<S, F, I>.Has<N>(1, 4)) S.StoreInt(sums1 + S.Lanes, D.Finish(b1));
        if (Pieces<S, F, I>.Has<N>(2, 4)) S.StoreInt(sums + 2 * S.Lanes, D.Finish(a2));
        if (Pieces<S, F, I>.Has<N>(2, 4)) S.StoreInt(sums1 + 2 * S.Lanes, D.Finish(b2));
        if (Pieces<S, F, I>.Has<N>(3, 4)) S.StoreInt(sums + 3 * S.Lanes, D.Finish(a3));
        if (Pieces<S, F, I>.Has<N>(3, 4)) S.StoreInt(sums1 + 3 * S.Lanes, D.Finish(b3));
        PutKept(matrix, sums, c, left, scale, init, y);
        PutKept(matrix, sums1, c, left, scale1, init1, y1);
    }

    /// <summary>Outputs of a whole piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Wanted<N>(int most)
        where N : struct, ITiles => Pieces<S, F, I>.Taken(N.Count * KernelSet.Tile, most);

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(A sum, float* scales, F xscale, float* init, float* y) => S.Store(y, ScaledSums<S, F, I>.Value(D.Finish(sum), S.Load(scales), xscale, S.Load(init)));

    /// <summary>Outputs from stored sums.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void PutKept(Matrix* matrix, int* sums, nint c, nint left, F xscale, float* init, float* y)
    {
        for (var end = c + left; c < end; c += S.Lanes, sums += S.Lanes)
        {
            var value = ScaledSums<S, F, I>.Value(S.LoadInt(sums), S.Load(matrix->Scales + c), xscale, init == null ? default : S.Load(init + c));
            if (c + S.Lanes <= end)
            {
                S.Store(y + c, value);
                continue;
            }

            S.Store((float*)sums, value);
            for (nint i = 0; c + i < end; i++) y[c + i] = ((float*)sums)[i];
        }
    }

    private struct Matrix
    {
        /// <summary>One int32 holds 4 weights of a row.</summary>
        public Panels<int> Weights;
        public float* Scales;
        public int* RowSums;
        public int* Sums;
        public float* Zeros;
        public nint Groups;
        public nint From;
        public nint End;

        /// <summary>As <see cref="Panels{T}.At"/>, limited to the outputs to compute.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly int* At(nint c, out nint stride, out nint left)
        {
            var p = Weights.At(c, out stride, out left);
            if (left > End - c) left = End - c;
            return p;
        }
    }
}
