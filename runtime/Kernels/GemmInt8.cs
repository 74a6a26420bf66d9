using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>int8 matrix products over packed tiles, exact in int32, then scaled to fp32.</summary>
/// <remarks>Blocked as <see cref="GemmFloat32{S,F,I}"/>: 8 accumulators in flight, 1×8, 2×4 or 4×2 rows by vectors, and none live across a call.</remarks>
internal static unsafe class GemmInt8<S, F, I, D, A>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<A>
    where A : unmanaged
{
    /// <summary>Bytes of one tile for one group of 4 inputs.</summary>
    private const int GroupBytes = WeightLayout.TileRows * WeightLayout.InnerInt8;

    [SkipLocalsInit]
    public static void Run(byte* w, WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        var sums = stackalloc int[8 * WeightLayout.TileRows];
        var matrix = new Matrix
        {
            Sums = sums,
            Weights = w,
            Scales = (float*)(w + layout.ScalesOffset),
            RowSums = (int*)(w + layout.RowSumsOffset),
            TileBytes = (nint)layout.TileBytes,
            N = n,
        };
        var fours = m >> 2;
        if (fours > 0)
        {
            for (nint c = 0; c < n; c += 2 * D.Rows)
            {
                for (nint i = 0; i < fours; i++)
                    Rows4(&matrix, c, xq + 4 * i * ldxq, ldxq, xscale + 4 * i, init == null ? null : init + 4 * i * ldinit, ldinit, y + 4 * i * ldy, ldy);
            }
        }

        for (var i = fours * 4; i < m;)
        {
            var start = init == null ? null : init + i * ldinit;
            if (m - i >= 2)
            {
                for (nint c = 0; c < n; c += 4 * D.Rows) Rows2(&matrix, c, xq + i * ldxq, ldxq, xscale + i, start, ldinit, y + i * ldy, ldy);
                i += 2;
            }
            else
            {
                for (nint c = 0; c < n; c += 8 * D.Rows) Rows1(&matrix, c, xq + i * ldxq, xscale + i, start, y + i * ldy);
                i++;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(Matrix* matrix, nint c, sbyte* x, float* xscale, float* init, float* y)
    {
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        var p2 = matrix->Tile(c, 2);
        var p3 = matrix->Tile(c, 3);
        A a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        var end = matrix->TileBytes;
        for (nint o = 0; o < end; o += GroupBytes)
        {
            var b = D.LoadInputs(x);
            var prepared = D.Prepare(b);
            x += WeightLayout.InnerInt8;
            a0 = D.MulAdd(a0, D.LoadWeights(p0 + o), b, prepared);
            a1 = D.MulAdd(a1, D.LoadWeights(Pick(1, p0, p0, p0) + o), b, prepared);
            a2 = D.MulAdd(a2, D.LoadWeights(Pick(2, p0, p1, p1) + o), b, prepared);
            a3 = D.MulAdd(a3, D.LoadWeights(Pick(3, p0, p1, p1) + o), b, prepared);
            a4 = D.MulAdd(a4, D.LoadWeights(Pick(4, p0, p1, p2) + o), b, prepared);
            a5 = D.MulAdd(a5, D.LoadWeights(Pick(5, p0, p1, p2) + o), b, prepared);
            a6 = D.MulAdd(a6, D.LoadWeights(Pick(6, p0, p1, p3) + o), b, prepared);
            a7 = D.MulAdd(a7, D.LoadWeights(Pick(7, p0, p1, p3) + o), b, prepared);
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
        Scale(matrix, sums, 8 * D.Rows, c, *xscale, init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2(Matrix* matrix, nint c, sbyte* x, nint ldx, float* xscale, float* init, nint ldinit, float* y, nint ldy)
    {
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        A a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        var end = matrix->TileBytes;
        for (nint o = 0; o < end; o += GroupBytes)
        {
            var w0 = D.LoadWeights(p0 + o);
            var w1 = D.LoadWeights(Pick(1, p0, p0, p0) + o);
            var w2 = D.LoadWeights(Pick(2, p0, p1, p1) + o);
            var w3 = D.LoadWeights(Pick(3, p0, p1, p1) + o);
            var b = D.LoadInputs(x);
            var prepared = D.Prepare(b);
            a0 = D.MulAdd(a0, w0, b, prepared);
            a1 = D.MulAdd(a1, w1, b, prepared);
            a2 = D.MulAdd(a2, w2, b, prepared);
            a3 = D.MulAdd(a3, w3, b, prepared);
            b = D.LoadInputs(x + ldx);
            prepared = D.Prepare(b);
            b0 = D.MulAdd(b0, w0, b, prepared);
            b1 = D.MulAdd(b1, w1, b, prepared);
            b2 = D.MulAdd(b2, w2, b, prepared);
            b3 = D.MulAdd(b3, w3, b, prepared);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(Matrix* matrix, nint c, sbyte* x, nint ldx, float* xscale, float* init, nint ldinit, float* y, nint ldy)
    {
        var p0 = matrix->Tile(c, 0);
        var x2 = x + 2 * ldx;
        A a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        var end = matrix->TileBytes;
        for (nint o = 0; o < end; o += GroupBytes)
        {
            var w0 = D.LoadWeights(p0 + o);
            var w1 = D.LoadWeights(Pick(1, p0, p0, p0) + o);
            var b = D.LoadInputs(x);
            var prepared = D.Prepare(b);
            a0 = D.MulAdd(a0, w0, b, prepared);
            a1 = D.MulAdd(a1, w1, b, prepared);
            b = D.LoadInputs(x + ldx);
            prepared = D.Prepare(b);
            b0 = D.MulAdd(b0, w0, b, prepared);
            b1 = D.MulAdd(b1, w1, b, prepared);
            b = D.LoadInputs(x2);
            prepared = D.Prepare(b);
            c0 = D.MulAdd(c0, w0, b, prepared);
            c1 = D.MulAdd(c1, w1, b, prepared);
            b = D.LoadInputs(x2 + ldx);
            prepared = D.Prepare(b);
            d0 = D.MulAdd(d0, w0, b, prepared);
            d1 = D.MulAdd(d1, w1, b, prepared);
            x += WeightLayout.InnerInt8;
            x2 += WeightLayout.InnerInt8;
        }

        var sums = matrix->Sums;
        var rowSums = matrix->RowSums + c;
        D.Finish(a0, rowSums, sums);
        D.Finish(b0, rowSums, sums + 32);
        D.Finish(c0, rowSums, sums + 64);
        D.Finish(d0, rowSums, sums + 96);
        if (matrix->N - c > D.Rows)
        {
            rowSums += D.Rows;
            sums += D.Rows;
            D.Finish(a1, rowSums, sums);
            D.Finish(b1, rowSums, sums + 32);
            D.Finish(c1, rowSums, sums + 64);
            D.Finish(d1, rowSums, sums + 96);
            sums -= D.Rows;
        }

        for (nint i = 0; i < 4; i++)
            Scale(matrix, sums + 32 * i, 2 * D.Rows, c, xscale[i], init == null ? null : init + i * ldinit, y + i * ldy);
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
