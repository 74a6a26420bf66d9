using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>int8 matrix products over packed tiles, exact in int32, then scaled to fp32.</summary>
/// <remarks>Blocked as <see cref="GemmFloat32{S,F,I,W,T}"/>: 8 accumulators in flight, 1×8 or 2×4 rows by vectors, and none live across a call.</remarks>
internal static unsafe class GemmInt8<S, F, I, D, A>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<A>
    where A : unmanaged
{
    /// <summary>Bytes of one tile for one group of 4 inputs.</summary>
    private const int GroupBytes = WeightLayout.TileRows * WeightLayout.InnerInt8;

    /// <summary>Rows of X that share one walk over the weights.</summary>
    private const int MaxRows = 128;

    [SkipLocalsInit]
    public static void Run(byte* w, WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        var sums = stackalloc int[8 * WeightLayout.TileRows];
        var starts = stackalloc int[MaxRows];
        var matrix = new Matrix
        {
            Sums = sums,
            Weights = w,
            Scales = (float*)(w + layout.ScalesOffset),
            RowSums = (int*)(w + layout.RowSumsOffset),
            TileBytes = (nint)layout.TileBytes,
            N = n,
        };
        for (nint first = 0; first < m; first += MaxRows)
        {
            var rows = m - first < MaxRows ? m - first : MaxRows;
            for (nint i = 0; i < rows; i++) starts[i] = D.Start(xq + (first + i) * ldxq, layout.Columns);
            var even = rows & ~1;
            for (nint c = 0; c < n && even > 0; c += 4 * D.Rows)
            {
                for (nint i = 0; i < even; i += 2)
                {
                    var row = first + i;
                    Rows2(&matrix, c, xq + row * ldxq, ldxq, xscale + row, starts + i, init == null ? null : init + row * ldinit, ldinit, y + row * ldy, ldy);
                }
            }

            if (even == rows) continue;
            var last = first + even;
            for (nint c = 0; c < n; c += 8 * D.Rows)
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
        var a0 = D.Broadcast(start);
        A a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
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

        var sums = matrix->Sums;
        var rowSums = matrix->RowSums + c;
        var left = matrix->N - c;
        D.Finish(a0, rowSums, sums);
        if (left > D.Rows) D.Finish(a1, rowSums + D.Rows, sums + D.Rows);
        if (left > 2 * D.Rows) D.Finish(a2, rowSums + 2 * D.Rows, sums + 2 * D.Rows);
        if (left > 3 * D.Rows) D.Finish(a3, rowSums + 3 * D.Rows, sums + 3 * D.Rows);
        if (left > 4 * D.Rows) D.Finish(a4, rowSums + 4 * D.Rows, sums + 4 * D.Rows);
        if (left > 5 * D.Rows) D.Finish(a5, rowSums + 5 * D.Rows, sums + 5 * D.Rows);
        if (left > 6 * D.Rows) D.Finish(a6, rowSums + 6 * D.Rows, sums + 6 * D.Rows);
        if (left > 7 * D.Rows) D.Finish(a7, rowSums + 7 * D.Rows, sums + 7 * D.Rows);
        Scale(matrix, sums, 8 * D.Rows, c, xscale, init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2(Matrix* matrix, nint c, sbyte* x, nint ldx, float* xscale, int* starts, float* init, nint ldinit, float* y, nint ldy)
    {
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        var a0 = D.Broadcast(starts[0]);
        var b0 = D.Broadcast(starts[1]);
        A a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0;
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

        var sums = matrix->Sums;
        var left = matrix->N - c;
        var rowSums = matrix->RowSums + c;
        D.Finish(a0, rowSums, sums);
        D.Finish(b0, rowSums, sums + 64);
        if (left > D.Rows)
        {
            D.Finish(a1, rowSums + D.Rows, sums + D.Rows);
            D.Finish(b1, rowSums + D.Rows, sums + 64 + D.Rows);
        }

        if (left > 2 * D.Rows)
        {
            D.Finish(a2, rowSums + 2 * D.Rows, sums + 2 * D.Rows);
            D.Finish(b2, rowSums + 2 * D.Rows, sums + 64 + 2 * D.Rows);
        }

        if (left > 3 * D.Rows)
        {
            D.Finish(a3, rowSums + 3 * D.Rows, sums + 3 * D.Rows);
            D.Finish(b3, rowSums + 3 * D.Rows, sums + 64 + 3 * D.Rows);
        }

        Scale(matrix, sums, 4 * D.Rows, c, xscale[0], init, y);
        Scale(matrix, sums + 64, 4 * D.Rows, c, xscale[1], init == null ? null : init + ldinit, y + ldy);
    }

    /// <summary>
    /// Where vector j (a constant) of a panel begins: j·Rows outputs on. The vectors of one tile share its pointer.
    /// With 8 or 4 rows an accumulator that is tile j/2 or j/4.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Pick(int j, byte* first, byte* second, byte* half)
    {
        if (D.Rows == 8) return (j < 2 ? first : j < 4 ? second : half) + (j & 1) * 8 * WeightLayout.InnerInt8;
        return D.Rows == 4 ? (j < 4 ? first : second) + (j & 3) * 4 * WeightLayout.InnerInt8 : first + j * WeightLayout.InnerInt8;
    }

    /// <summary>y = fma((float)sum, wscale·xscale, init) over one row of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(Matrix* matrix, int* sums, nint width, nint c, float xscale, float* init, float* y)
    {
        var n = matrix->N;
        if (n > c + width) n = c + width;
        var scale = S.Broadcast(xscale);
        for (; c < n; c += S.Lanes, sums += S.Lanes)
        {
            var start = init == null ? default : S.Load(init + c);
            var value = S.Fma(S.ToFloat(S.LoadInt(sums)), S.Mul(S.Load(matrix->Scales + c), scale), start);
            if (c + S.Lanes <= n) S.Store(y + c, value);
            else
            {
                // The sums just read make room for the outputs that do not fill a vector.
                S.Store((float*)sums, value);
                for (nint i = 0; c + i < n; i++) y[c + i] = ((float*)sums)[i];
            }
        }
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
