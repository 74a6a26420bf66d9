using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>int8 matrix products over packed panels, exact in int32, then scaled to fp32.</summary>
/// <remarks>
/// Blocked like <see cref="GemmFloat32{S,F,I,W,T}"/>: one row of X takes as many vectors as the registers can sum, two rows take 4. No sum is live across a call.
/// Each step multiplies two groups of inputs.
/// Whole pieces are scaled in registers; a piece wider than the remaining outputs goes through memory.
/// </remarks>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="D">int8 products.</typeparam>
/// <typeparam name="A">Running sums of the products.</typeparam>
internal readonly unsafe struct GemmInt8<S, F, I, D, A>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<I, A>
    where A : unmanaged
{
    /// <summary>Rows of X that share one walk over the weights.</summary>
    private const int MaxRows = 128;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
    {
        var sums = stackalloc int[WeightLayout.WidestPanel];
        var starts = stackalloc int[MaxRows];
        var layout = w.Layout;
        nint columns = layout.Columns, count = x.Count;
        var matrix = new Matrix
        {
            Weights = Panels<int>.Packed((int*)w.Panels, layout),
            Scales = w.Scales,
            Sums = sums,
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
            switch (Pieces<S, F, I>.Tiles(taken))
            {
                case 1: Rows1<OneTile>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
                case 2: Rows1<TwoTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
                case 3: Rows1<ThreeTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
                default: Rows1<FourTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            }

            c += left < taken ? left : taken;
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
    private static void Rows1<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
        where N : struct, ITiles
    {
        A a0 = D.Begin(start), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
        A a8 = a0, a9 = a0, a10 = a0, a11 = a0, a12 = a0, a13 = a0, a14 = a0, a15 = a0;
        var end = x + matrix->Groups * Int8Format.Inner;
        for (var pairs = end - Int8Format.Inner; x < pairs; x += 2 * Int8Format.Inner)
        {
            var q = p + stride;
            var b = D.LoadInputs(x);
            I factor0 = D.Factor(b), flip0 = D.Flip(b);
            b = D.LoadInputs(x + Int8Format.Inner);
            I factor1 = D.Factor(b), flip1 = D.Flip(b);
            a0 = Two(a0, p, q, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) a1 = Two(a1, p + S.Lanes, q + S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) a2 = Two(a2, p + 2 * S.Lanes, q + 2 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) a3 = Two(a3, p + 3 * S.Lanes, q + 3 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) a4 = Two(a4, p + 4 * S.Lanes, q + 4 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) a5 = Two(a5, p + 5 * S.Lanes, q + 5 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) a6 = Two(a6, p + 6 * S.Lanes, q + 6 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) a7 = Two(a7, p + 7 * S.Lanes, q + 7 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) a8 = Two(a8, p + 8 * S.Lanes, q + 8 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) a9 = Two(a9, p + 9 * S.Lanes, q + 9 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) a10 = Two(a10, p + 10 * S.Lanes, q + 10 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) a11 = Two(a11, p + 11 * S.Lanes, q + 11 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) a12 = Two(a12, p + 12 * S.Lanes, q + 12 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) a13 = Two(a13, p + 13 * S.Lanes, q + 13 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) a14 = Two(a14, p + 14 * S.Lanes, q + 14 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) a15 = Two(a15, p + 15 * S.Lanes, q + 15 * S.Lanes, factor0, flip0, factor1, flip1);
            p = q + stride;
        }

        if (x < end)
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
        }

        var scale = S.Broadcast(xscale);
        if (left >= Wanted<N>(D.Vectors))
        {
            Put(matrix, a0, c, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) Put(matrix, a1, c + S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) Put(matrix, a2, c + 2 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) Put(matrix, a3, c + 3 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) Put(matrix, a4, c + 4 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) Put(matrix, a5, c + 5 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) Put(matrix, a6, c + 6 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) Put(matrix, a7, c + 7 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) Put(matrix, a8, c + 8 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) Put(matrix, a9, c + 9 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) Put(matrix, a10, c + 10 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) Put(matrix, a11, c + 11 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) Put(matrix, a12, c + 12 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) Put(matrix, a13, c + 13 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) Put(matrix, a14, c + 14 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) Put(matrix, a15, c + 15 * S.Lanes, scale, init, y);
            return;
        }

        var sums = matrix->Sums;
        Keep(matrix, a0, c, sums);
        if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) Keep(matrix, a1, c + S.Lanes, sums + S.Lanes);
        if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) Keep(matrix, a2, c + 2 * S.Lanes, sums + 2 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(3, D.Vectors)) Keep(matrix, a3, c + 3 * S.Lanes, sums + 3 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) Keep(matrix, a4, c + 4 * S.Lanes, sums + 4 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) Keep(matrix, a5, c + 5 * S.Lanes, sums + 5 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) Keep(matrix, a6, c + 6 * S.Lanes, sums + 6 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(7, D.Vectors)) Keep(matrix, a7, c + 7 * S.Lanes, sums + 7 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(8, D.Vectors)) Keep(matrix, a8, c + 8 * S.Lanes, sums + 8 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(9, D.Vectors)) Keep(matrix, a9, c + 9 * S.Lanes, sums + 9 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(10, D.Vectors)) Keep(matrix, a10, c + 10 * S.Lanes, sums + 10 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(11, D.Vectors)) Keep(matrix, a11, c + 11 * S.Lanes, sums + 11 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(12, D.Vectors)) Keep(matrix, a12, c + 12 * S.Lanes, sums + 12 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(13, D.Vectors)) Keep(matrix, a13, c + 13 * S.Lanes, sums + 13 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(14, D.Vectors)) Keep(matrix, a14, c + 14 * S.Lanes, sums + 14 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(15, D.Vectors)) Keep(matrix, a15, c + 15 * S.Lanes, sums + 15 * S.Lanes);
        PutKept(matrix, sums, c, left, scale, init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, nint row, in QuantizedRows rows, int* starts, in OutputRange outputs)
        where N : struct, ITiles
    {
        A a0 = D.Begin(starts[row]), a1 = a0, a2 = a0, a3 = a0;
        A b0 = D.Begin(starts[row + 1]), b1 = b0, b2 = b0, b3 = b0;
        var x = rows.At(row);
        var ldx = rows.Stride;
        var end = x + matrix->Groups * Int8Format.Inner;
        for (var pairs = end - Int8Format.Inner; x < pairs; x += 2 * Int8Format.Inner)
        {
            var q = p + stride;
            var b = D.LoadInputs(x);
            I factor0 = D.Factor(b), flip0 = D.Flip(b);
            b = D.LoadInputs(x + Int8Format.Inner);
            I factor1 = D.Factor(b), flip1 = D.Flip(b);
            b = D.LoadInputs(x + ldx);
            I factor2 = D.Factor(b), flip2 = D.Flip(b);
            b = D.LoadInputs(x + ldx + Int8Format.Inner);
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
            Put(matrix, a0, c, scale, init, y);
            Put(matrix, b0, c, scale1, init1, y1);
            if (Pieces<S, F, I>.Has<N>(1, 4)) Put(matrix, a1, c + S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, 4)) Put(matrix, b1, c + S.Lanes, scale1, init1, y1);
            if (Pieces<S, F, I>.Has<N>(2, 4)) Put(matrix, a2, c + 2 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(2, 4)) Put(matrix, b2, c + 2 * S.Lanes, scale1, init1, y1);
            if (Pieces<S, F, I>.Has<N>(3, 4)) Put(matrix, a3, c + 3 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(3, 4)) Put(matrix, b3, c + 3 * S.Lanes, scale1, init1, y1);
            return;
        }

        var sums = matrix->Sums;
        var sums1 = sums + 4 * S.Lanes;
        Keep(matrix, a0, c, sums);
        Keep(matrix, b0, c, sums1);
        if (Pieces<S, F, I>.Has<N>(1, 4)) Keep(matrix, a1, c + S.Lanes, sums + S.Lanes);
        if (Pieces<S, F, I>.Has<N>(1, 4)) Keep(matrix, b1, c + S.Lanes, sums1 + S.Lanes);
        if (Pieces<S, F, I>.Has<N>(2, 4)) Keep(matrix, a2, c + 2 * S.Lanes, sums + 2 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(2, 4)) Keep(matrix, b2, c + 2 * S.Lanes, sums1 + 2 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(3, 4)) Keep(matrix, a3, c + 3 * S.Lanes, sums + 3 * S.Lanes);
        if (Pieces<S, F, I>.Has<N>(3, 4)) Keep(matrix, b3, c + 3 * S.Lanes, sums1 + 3 * S.Lanes);
        PutKept(matrix, sums, c, left, scale, init, y);
        PutKept(matrix, sums1, c, left, scale1, init1, y1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static A Two(A acc, int* p, int* q, I factor0, I flip0, I factor1, I flip1) =>
        D.MulAdd(acc, D.LoadWeights((byte*)p), factor0, flip0, D.LoadWeights((byte*)q), factor1, flip1);

    /// <summary>Outputs of a whole piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Wanted<N>(int most)
        where N : struct, ITiles => Pieces<S, F, I>.Taken(N.Count * KernelSet.Tile, most);

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Matrix* matrix, A sum, nint c, F xscale, float* init, float* y) =>
        S.Store(y + c, ScaledSums<S, F, I>.Value(D.Finish(sum, matrix->RowSums + c), matrix->Scales, xscale, init, c));

    /// <summary>Stores the sums of a vector of rows, for a piece with some unused outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Matrix* matrix, A sum, nint c, int* sums) => S.StoreInt(sums, D.Finish(sum, matrix->RowSums + c));

    /// <summary>Outputs from stored sums.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PutKept(Matrix* matrix, int* sums, nint c, nint left, F xscale, float* init, float* y)
    {
        for (var end = c + left; c < end; c += S.Lanes, sums += S.Lanes)
        {
            var value = ScaledSums<S, F, I>.Value(S.LoadInt(sums), matrix->Scales, xscale, init, c);
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
