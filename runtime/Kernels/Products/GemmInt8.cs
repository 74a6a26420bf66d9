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
internal readonly unsafe struct GemmInt8<S, F, I, D, A>
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
            (a0, a8) = (D.MulAdd(a0, D.LoadWeights((byte*)(p)), factor0, flip0), D.MulAdd(a8, D.LoadWeights((byte*)(q)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(1, D.Vectors)) (a1, a9) = (D.MulAdd(a1, D.LoadWeights((byte*)(p + S.Lanes)), factor0, flip0), D.MulAdd(a9, D.LoadWeights((byte*)(q + S.Lanes)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(2, D.Vectors)) Both(ref a2, ref a3, p + 2 * S.Lanes, q + 2 * S.Lanes, factor0, flip0, factor1, flip1);
            if (Pieces<S, F, I>.Has<N>(4, D.Vectors)) (a4, a12) = (D.MulAdd(a4, D.LoadWeights((byte*)(p + 4 * S.Lanes)), factor0, flip0), D.MulAdd(a12, D.LoadWeights((byte*)(q + 4 * S.Lanes)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(5, D.Vectors)) (a5, a13) = (D.MulAdd(a5, D.LoadWeights((byte*)(p + 5 * S.Lanes)), factor0, flip0), D.MulAdd(a13, D.LoadWeights((byte*)(q + 5 * S.Lanes)), factor1, flip1));
            if (Pieces<S, F, I>.Has<N>(6, D.Vectors)) Both(ref a6, ref a7, p + 6 * S.Lanes, q + 6 * S.Lanes, factor0, flip0, factor1, flip1);
            return;
        }

        a0 = D.MulAdd(a0, D.LoadWeights((byte*)(p)), factor0, flip0, D.LoadWeights((byte*)(q)), factor1, flip1);
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
    [MethodImpl(MethodImplOptions.NoInlining)]
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
