using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>int8 matrix products over packed tiles, exact in int32, then scaled to fp32.</summary>
/// <remarks>
/// Blocked as <see cref="GemmFloat32{S,F,I,W,T}"/>: 8 accumulators in flight, 1×8 or 2×4 rows by vectors, and none live across a call.
/// A whole panel is scaled in registers; one that is wider than what is left goes through memory.
/// </remarks>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums has.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="D">int8 products.</typeparam>
internal readonly unsafe struct GemmInt8<S, F, I, D> : IInt8Product
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<I>
{
    /// <summary>Bytes of one tile for one group of 4 inputs.</summary>
    private const int GroupBytes = WeightLayout.TileRows * WeightLayout.InnerInt8;

    /// <summary>Rows of X that share one walk over the weights.</summary>
    private const int MaxRows = 128;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* w, float* scales, int* rowSums, WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n)
    {
        var sums = stackalloc int[8 * WeightLayout.TileRows];
        var starts = stackalloc int[MaxRows];
        var matrix = new Matrix
        {
            Sums = sums,
            Weights = w,
            Scales = scales,
            RowSums = rowSums,
            TileBytes = (nint)layout.TileBytes,
            N = n,
        };
        if (m == 1)
        {
            var start = D.Start(xq, layout.Columns);
            for (nint c = from; c < n; c += 8 * S.Lanes) Rows1(&matrix, c, xq, *xscale, start, init, y);
            return;
        }

        for (nint first = 0; first < m; first += MaxRows)
        {
            var rows = m - first < MaxRows ? m - first : MaxRows;
            for (nint i = 0; i < rows; i++) starts[i] = D.Start(xq + (first + i) * ldxq, layout.Columns);
            var even = rows & ~1;
            for (nint c = from; c < n && even > 0; c += 4 * S.Lanes)
            {
                for (nint i = 0; i < even; i += 2)
                {
                    var row = first + i;
                    Rows2(&matrix, c, xq + row * ldxq, ldxq, xscale + row, starts + i, init == null ? null : init + row * ldinit, ldinit, y + row * ldy, ldy);
                }
            }

            if (even == rows) continue;
            var last = first + even;
            for (nint c = from; c < n; c += 8 * S.Lanes)
                Rows1(&matrix, c, xq + last * ldxq, xscale[last], starts[even], init == null ? null : init + last * ldinit, y + last * ldy);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(Matrix* matrix, nint c, sbyte* x, float xscale, int start, float* init, float* y)
    {
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        var p2 = matrix->Tile(c, 2);
        var p3 = matrix->Tile(c, 3);
        var a0 = S.Broadcast(start);
        I a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
        var end = matrix->TileBytes;
        for (nint o = 0; o < end; o += GroupBytes)
        {
            var b = D.LoadInputs(x);
            var factor = D.Factor(b);
            var flip = D.Flip(b);
            x += WeightLayout.InnerInt8;
            a0 = D.MulAdd(a0, D.LoadWeights(p0 + o), factor, flip);
            a1 = D.MulAdd(a1, D.LoadWeights(Pick(1, p0, p0, p0) + o), factor, flip);
            a2 = D.MulAdd(a2, D.LoadWeights(Pick(2, p0, p1, p1) + o), factor, flip);
            a3 = D.MulAdd(a3, D.LoadWeights(Pick(3, p0, p1, p1) + o), factor, flip);
            a4 = D.MulAdd(a4, D.LoadWeights(Pick(4, p0, p1, p2) + o), factor, flip);
            a5 = D.MulAdd(a5, D.LoadWeights(Pick(5, p0, p1, p2) + o), factor, flip);
            a6 = D.MulAdd(a6, D.LoadWeights(Pick(6, p0, p1, p3) + o), factor, flip);
            a7 = D.MulAdd(a7, D.LoadWeights(Pick(7, p0, p1, p3) + o), factor, flip);
        }

        if (c + 8 * S.Lanes <= matrix->N)
        {
            var scale = S.Broadcast(xscale);
            Put(matrix, a0, c, scale, init, y);
            Put(matrix, a1, c + S.Lanes, scale, init, y);
            Put(matrix, a2, c + 2 * S.Lanes, scale, init, y);
            Put(matrix, a3, c + 3 * S.Lanes, scale, init, y);
            Put(matrix, a4, c + 4 * S.Lanes, scale, init, y);
            Put(matrix, a5, c + 5 * S.Lanes, scale, init, y);
            Put(matrix, a6, c + 6 * S.Lanes, scale, init, y);
            Put(matrix, a7, c + 7 * S.Lanes, scale, init, y);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, a0);
        S.StoreInt(sums + S.Lanes, a1);
        S.StoreInt(sums + 2 * S.Lanes, a2);
        S.StoreInt(sums + 3 * S.Lanes, a3);
        S.StoreInt(sums + 4 * S.Lanes, a4);
        S.StoreInt(sums + 5 * S.Lanes, a5);
        S.StoreInt(sums + 6 * S.Lanes, a6);
        S.StoreInt(sums + 7 * S.Lanes, a7);
        PutRest(matrix, sums, c, xscale, init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2(Matrix* matrix, nint c, sbyte* x, nint ldx, float* xscale, int* starts, float* init, nint ldinit, float* y, nint ldy)
    {
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        var a0 = S.Broadcast(starts[0]);
        var b0 = S.Broadcast(starts[1]);
        I a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0;
        var end = matrix->TileBytes;
        for (nint o = 0; o < end; o += GroupBytes)
        {
            var w0 = D.LoadWeights(p0 + o);
            var w1 = D.LoadWeights(Pick(1, p0, p0, p0) + o);
            var w2 = D.LoadWeights(Pick(2, p0, p1, p1) + o);
            var w3 = D.LoadWeights(Pick(3, p0, p1, p1) + o);
            var b = D.LoadInputs(x);
            var factor = D.Factor(b);
            var flip = D.Flip(b);
            a0 = D.MulAdd(a0, w0, factor, flip);
            a1 = D.MulAdd(a1, w1, factor, flip);
            a2 = D.MulAdd(a2, w2, factor, flip);
            a3 = D.MulAdd(a3, w3, factor, flip);
            b = D.LoadInputs(x + ldx);
            factor = D.Factor(b);
            flip = D.Flip(b);
            b0 = D.MulAdd(b0, w0, factor, flip);
            b1 = D.MulAdd(b1, w1, factor, flip);
            b2 = D.MulAdd(b2, w2, factor, flip);
            b3 = D.MulAdd(b3, w3, factor, flip);
            x += WeightLayout.InnerInt8;
        }

        var init1 = init == null ? null : init + ldinit;
        if (c + 4 * S.Lanes <= matrix->N)
        {
            var scale = S.Broadcast(xscale[0]);
            Put(matrix, a0, c, scale, init, y);
            Put(matrix, a1, c + S.Lanes, scale, init, y);
            Put(matrix, a2, c + 2 * S.Lanes, scale, init, y);
            Put(matrix, a3, c + 3 * S.Lanes, scale, init, y);
            scale = S.Broadcast(xscale[1]);
            y += ldy;
            Put(matrix, b0, c, scale, init1, y);
            Put(matrix, b1, c + S.Lanes, scale, init1, y);
            Put(matrix, b2, c + 2 * S.Lanes, scale, init1, y);
            Put(matrix, b3, c + 3 * S.Lanes, scale, init1, y);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, a0);
        S.StoreInt(sums + S.Lanes, a1);
        S.StoreInt(sums + 2 * S.Lanes, a2);
        S.StoreInt(sums + 3 * S.Lanes, a3);
        sums += 4 * S.Lanes;
        S.StoreInt(sums, b0);
        S.StoreInt(sums + S.Lanes, b1);
        S.StoreInt(sums + 2 * S.Lanes, b2);
        S.StoreInt(sums + 3 * S.Lanes, b3);
        PutRest(matrix, matrix->Sums, c, xscale[0], init, y);
        PutRest(matrix, sums, c, xscale[1], init1, y + ldy);
    }

    /// <summary>
    /// Where vector j (a constant) of a panel begins: j·Lanes outputs on. The vectors of one tile share its pointer.
    /// With 8 or 4 lanes that is tile j/2 or j/4.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Pick(int j, byte* first, byte* second, byte* half)
    {
        if (S.Lanes == 8) return (j < 2 ? first : j < 4 ? second : half) + (j & 1) * 8 * WeightLayout.InnerInt8;
        return S.Lanes == 4 ? (j < 4 ? first : second) + (j & 3) * 4 * WeightLayout.InnerInt8 : first + j * WeightLayout.InnerInt8;
    }

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Matrix* matrix, I sum, nint c, F xscale, float* init, float* y) =>
        S.Store(y + c, ScaledSums<S, F, I>.Value(D.Finish(sum, matrix->RowSums + c), matrix->Scales, xscale, init, c));

    /// <summary>The same for the outputs that are left of a panel whose sums are stored.</summary>
    private static void PutRest(Matrix* matrix, int* sums, nint c, float xscale, float* init, float* y)
    {
        var beside = stackalloc float[WeightLayout.TileRows];
        for (; c < matrix->N; c += S.Lanes, sums += S.Lanes)
        {
            var value = ScaledSums<S, F, I>.Value(D.Finish(S.LoadInt(sums), matrix->RowSums + c), matrix->Scales, S.Broadcast(xscale), init, c);
            S.Store(Lanes<S, F, I>.Target(y, c, matrix->N, beside), value);
        }

        Lanes<S, F, I>.Flush(y, matrix->N, beside);
    }

    private struct Matrix
    {
        public byte* Weights;
        public float* Scales;
        public int* RowSums;
        public int* Sums;
        public nint TileBytes;
        public nint N;

        /// <summary>Where tile number <paramref name="tile"/> of the panel at output c begins; the panel's first if there is no such output.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly byte* Tile(nint c, nint tile)
        {
            var row = c + tile * WeightLayout.TileRows;
            if (row >= N) row = c;
            return Weights + (row >> 4) * TileBytes + (row & 15) * WeightLayout.InnerInt8;
        }
    }
}
