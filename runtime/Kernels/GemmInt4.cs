using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>int4 matrix products over packed tiles, exact in int32, then scaled to fp32.</summary>
/// <remarks>
/// One row of X takes panels of 4 vectors; 2 and 4 rows share the nibbles they unpack, by 2 vectors. A group's sums stay in
/// registers; with 4 rows the int32 sums between groups lie in memory, since together they would not fit. No method holds
/// accumulators across a call.
/// </remarks>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums has.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="Q">int4 products.</typeparam>
/// <typeparam name="G">Their sums within a group.</typeparam>
internal readonly unsafe struct GemmInt4<S, F, I, Q, G> : IInt4Product
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where Q : struct, IInt4Dot<I, G>
    where G : unmanaged
{
    /// <summary>Bytes of one tile for one group.</summary>
    private const int GroupBytes = WeightLayout.TileRows * WeightLayout.GroupInt4 / 2;

    /// <summary>Bytes of one tile for 8 inputs.</summary>
    private const int StepBytes = WeightLayout.TileRows * 4;

    /// <summary>Bytes of a row's 8 inputs.</summary>
    private const int RowBytes = 4;

    /// <summary>Most groups a matrix may have, times 4 rows and more: rows that share one walk over the weights are as many as have room here.</summary>
    private const int MaxStarts = 4096;
    private const int MaxRows = 128;
    private const int MaxSums = 128;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* w, WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n)
    {
        var sums = stackalloc int[MaxSums];
        var starts = stackalloc int[MaxStarts];
        nint groups = layout.Groups;
        var matrix = new Matrix
        {
            Sums = sums,
            Nibbles = w + layout.GroupScalesBytes,
            GroupScales = -(nint)layout.GroupScalesBytes,
            Scales = (float*)(w + layout.ScalesOffset),
            TileBytes = (nint)layout.TileBytes,
            Groups = groups,
            From = from,
            N = n,
        };
        var most = MaxStarts / groups;
        most = most > MaxRows ? MaxRows : most & ~3;
        for (nint first = 0; first < m;)
        {
            var rows = m - first < most ? m - first : most;
            for (nint i = 0; i < rows; i++)
            {
                var x = xq + (first + i) * ldxq;
                for (nint g = 0; g < groups; g++) starts[i * groups + g] = Q.Start(x + g * WeightLayout.GroupInt4);
            }

            for (nint i = 0; i < rows;)
            {
                var row = first + i;
                var count = rows - i >= 4 ? (rows - i) & ~3 : rows - i >= 2 ? 2 : 1;
                var part = new Block(xq + row * ldxq, ldxq, xscale + row, starts + i * groups, init == null ? null : init + row * ldinit, ldinit, y + row * ldy, ldy);
                if (count >= 4)
                {
                    Fours(&matrix, part, count);
                }
                else
                {
                    for (nint c = from; c < n; c += (count == 1 ? 4 : 2) * S.Lanes)
                    {
                        if (count == 1) Rows1(&matrix, c, part);
                        else Rows2(&matrix, c, part);
                    }
                }

                i += count;
            }

            first += rows;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fours(Matrix* matrix, in Block block, nint count)
    {
        for (var c = matrix->From; c < matrix->N; c += 2 * S.Lanes)
        {
            for (nint i = 0; i < count; i += 4)
            {
                Rows4(matrix, c, block.X + i * block.Stride, block.Stride, block.Starts + i * matrix->Groups);
                for (nint r = 0; r < 4; r++)
                {
                    var row = i + r;
                    PutStored(matrix, matrix->Sums + r * 2 * S.Lanes, 2 * S.Lanes, c, block.Scales[row], block.InitOf(row), block.Y + row * block.YStride);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(Matrix* matrix, nint c, in Block block)
    {
        var x = block.X;
        var start = block.Starts;
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        var p2 = matrix->Tile(c, 2);
        var p3 = matrix->Tile(c, 3);
        I a0 = default, a1 = default, a2 = default, a3 = default;
        var scales = matrix->ScalesFrom(c);
        var end = matrix->Groups * GroupBytes;
        for (nint o = 0; o < end;)
        {
            G s0 = Q.Begin(start), s1 = Q.Begin(start), s2 = Q.Begin(start), s3 = Q.Begin(start);
            var x0 = Q.LoadInputs(x);
            var x1 = Q.LoadInputs(x + 4);
            s0 = Step(s0, p0 + o, x0, x1);
            s1 = Step(s1, Pick(1, p0, p0, p1, RowBytes) + o, x0, x1);
            s2 = Step(s2, Pick(2, p0, p1, p2, RowBytes) + o, x0, x1);
            s3 = Step(s3, Pick(3, p0, p1, p3, RowBytes) + o, x0, x1);
            x0 = Q.LoadInputs(x + 8);
            x1 = Q.LoadInputs(x + 12);
            s0 = Step(s0, p0 + o + StepBytes, x0, x1);
            s1 = Step(s1, Pick(1, p0, p0, p1, RowBytes) + o + StepBytes, x0, x1);
            s2 = Step(s2, Pick(2, p0, p1, p2, RowBytes) + o + StepBytes, x0, x1);
            s3 = Step(s3, Pick(3, p0, p1, p3, RowBytes) + o + StepBytes, x0, x1);
            x0 = Q.LoadInputs(x + 16);
            x1 = Q.LoadInputs(x + 20);
            s0 = Step(s0, p0 + o + 2 * StepBytes, x0, x1);
            s1 = Step(s1, Pick(1, p0, p0, p1, RowBytes) + o + 2 * StepBytes, x0, x1);
            s2 = Step(s2, Pick(2, p0, p1, p2, RowBytes) + o + 2 * StepBytes, x0, x1);
            s3 = Step(s3, Pick(3, p0, p1, p3, RowBytes) + o + 2 * StepBytes, x0, x1);
            x0 = Q.LoadInputs(x + 24);
            x1 = Q.LoadInputs(x + 28);
            s0 = Step(s0, p0 + o + 3 * StepBytes, x0, x1);
            s1 = Step(s1, Pick(1, p0, p0, p1, RowBytes) + o + 3 * StepBytes, x0, x1);
            s2 = Step(s2, Pick(2, p0, p1, p2, RowBytes) + o + 3 * StepBytes, x0, x1);
            s3 = Step(s3, Pick(3, p0, p1, p3, RowBytes) + o + 3 * StepBytes, x0, x1);
            o += GroupBytes;
            x += WeightLayout.GroupInt4;
            a0 = Q.End(a0, s0, start, Q.LoadScales((sbyte*)p0 + scales));
            a1 = Q.End(a1, s1, start, Q.LoadScales((sbyte*)Pick(1, p0, p0, p1, 1) + scales));
            a2 = Q.End(a2, s2, start, Q.LoadScales((sbyte*)Pick(2, p0, p1, p2, 1) + scales));
            a3 = Q.End(a3, s3, start, Q.LoadScales((sbyte*)Pick(3, p0, p1, p3, 1) + scales));
            scales += WeightLayout.TileRows;
            start++;
        }

        float* init = block.Init, y = block.Y;
        if (c + 4 * S.Lanes <= matrix->N)
        {
            var scale = S.Broadcast(*block.Scales);
            Put(matrix, a0, c, scale, init, y);
            Put(matrix, a1, c + S.Lanes, scale, init, y);
            Put(matrix, a2, c + 2 * S.Lanes, scale, init, y);
            Put(matrix, a3, c + 3 * S.Lanes, scale, init, y);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, a0);
        S.StoreInt(sums + S.Lanes, a1);
        S.StoreInt(sums + 2 * S.Lanes, a2);
        S.StoreInt(sums + 3 * S.Lanes, a3);
        PutStored(matrix, sums, 4 * S.Lanes, c, *block.Scales, init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2(Matrix* matrix, nint c, in Block block)
    {
        var x = block.X;
        var ldx = block.Stride;
        var start = block.Starts;
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        I a0 = default, a1 = default, b0 = default, b1 = default;
        var scales = matrix->ScalesFrom(c);
        var groups = matrix->Groups;
        var end = groups * GroupBytes;
        for (nint o = 0; o < end;)
        {
            G s0 = Q.Begin(start), s1 = Q.Begin(start);
            G t0 = Q.Begin(start + groups), t1 = Q.Begin(start + groups);
            for (var last = o + GroupBytes; o < last; o += StepBytes)
            {
                var w = Q.LoadNibbles(p0 + o);
                I low0 = Q.Low(w), high0 = Q.High(w);
                w = Q.LoadNibbles(Pick(1, p0, p0, p1, RowBytes) + o);
                I low1 = Q.Low(w), high1 = Q.High(w);
                I x0 = Q.LoadInputs(x), x1 = Q.LoadInputs(x + 4);
                s0 = Q.MulAdd(Q.MulAdd(s0, low0, x0), high0, x1);
                s1 = Q.MulAdd(Q.MulAdd(s1, low1, x0), high1, x1);
                x0 = Q.LoadInputs(x + ldx);
                x1 = Q.LoadInputs(x + ldx + 4);
                t0 = Q.MulAdd(Q.MulAdd(t0, low0, x0), high0, x1);
                t1 = Q.MulAdd(Q.MulAdd(t1, low1, x0), high1, x1);
                x += 8;
            }

            var scale = Q.LoadScales((sbyte*)p0 + scales);
            a0 = Q.End(a0, s0, start, scale);
            b0 = Q.End(b0, t0, start + groups, scale);
            scale = Q.LoadScales((sbyte*)Pick(1, p0, p0, p1, 1) + scales);
            a1 = Q.End(a1, s1, start, scale);
            b1 = Q.End(b1, t1, start + groups, scale);
            scales += WeightLayout.TileRows;
            start++;
        }

        float* init = block.Init, init1 = block.InitOf(1), y = block.Y, y1 = y + block.YStride;
        if (c + 2 * S.Lanes <= matrix->N)
        {
            var scale = S.Broadcast(*block.Scales);
            Put(matrix, a0, c, scale, init, y);
            Put(matrix, a1, c + S.Lanes, scale, init, y);
            scale = S.Broadcast(block.Scales[1]);
            Put(matrix, b0, c, scale, init1, y1);
            Put(matrix, b1, c + S.Lanes, scale, init1, y1);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, a0);
        S.StoreInt(sums + S.Lanes, a1);
        S.StoreInt(sums + 2 * S.Lanes, b0);
        S.StoreInt(sums + 3 * S.Lanes, b1);
        PutStored(matrix, sums, 2 * S.Lanes, c, *block.Scales, init, y);
        PutStored(matrix, sums + 2 * S.Lanes, 2 * S.Lanes, c, block.Scales[1], init1, y1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(Matrix* matrix, nint c, sbyte* x, nint ldx, int* start)
    {
        var p0 = matrix->Tile(c, 0);
        var p1 = matrix->Tile(c, 1);
        var x2 = x + 2 * ldx;
        var sums = matrix->Sums;
        for (nint i = 0; i < 8; i++) S.StoreInt(sums + i * S.Lanes, default);
        var scales = matrix->ScalesFrom(c);
        var groups = matrix->Groups;
        var start2 = start + 2 * groups;
        var end = groups * GroupBytes;
        for (nint o = 0; o < end;)
        {
            G s0 = Q.Begin(start), s1 = Q.Begin(start);
            G t0 = Q.Begin(start + groups), t1 = Q.Begin(start + groups);
            G u0 = Q.Begin(start2), u1 = Q.Begin(start2);
            G v0 = Q.Begin(start2 + groups), v1 = Q.Begin(start2 + groups);
            for (var last = o + GroupBytes; o < last; o += StepBytes)
            {
                var w = Q.LoadNibbles(p0 + o);
                I low0 = Q.Low(w), high0 = Q.High(w);
                w = Q.LoadNibbles(Pick(1, p0, p0, p1, RowBytes) + o);
                I low1 = Q.Low(w), high1 = Q.High(w);
                var b = Q.LoadInputs(x);
                s0 = Q.MulAdd(s0, low0, b);
                s1 = Q.MulAdd(s1, low1, b);
                b = Q.LoadInputs(x + 4);
                s0 = Q.MulAdd(s0, high0, b);
                s1 = Q.MulAdd(s1, high1, b);
                b = Q.LoadInputs(x + ldx);
                t0 = Q.MulAdd(t0, low0, b);
                t1 = Q.MulAdd(t1, low1, b);
                b = Q.LoadInputs(x + ldx + 4);
                t0 = Q.MulAdd(t0, high0, b);
                t1 = Q.MulAdd(t1, high1, b);
                b = Q.LoadInputs(x2);
                u0 = Q.MulAdd(u0, low0, b);
                u1 = Q.MulAdd(u1, low1, b);
                b = Q.LoadInputs(x2 + 4);
                u0 = Q.MulAdd(u0, high0, b);
                u1 = Q.MulAdd(u1, high1, b);
                b = Q.LoadInputs(x2 + ldx);
                v0 = Q.MulAdd(v0, low0, b);
                v1 = Q.MulAdd(v1, low1, b);
                b = Q.LoadInputs(x2 + ldx + 4);
                v0 = Q.MulAdd(v0, high0, b);
                v1 = Q.MulAdd(v1, high1, b);
                x += 8;
                x2 += 8;
            }

            var scale = Q.LoadScales((sbyte*)p0 + scales);
            Add(sums, s0, start, scale);
            Add(sums + 2 * S.Lanes, t0, start + groups, scale);
            Add(sums + 4 * S.Lanes, u0, start2, scale);
            Add(sums + 6 * S.Lanes, v0, start2 + groups, scale);
            scale = Q.LoadScales((sbyte*)Pick(1, p0, p0, p1, 1) + scales);
            Add(sums + S.Lanes, s1, start, scale);
            Add(sums + 3 * S.Lanes, t1, start + groups, scale);
            Add(sums + 5 * S.Lanes, u1, start2, scale);
            Add(sums + 7 * S.Lanes, v1, start2 + groups, scale);
            scales += WeightLayout.TileRows;
            start++;
            start2++;
        }
    }

    /// <summary>sums + Σ n·x over 8 inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static G Step(G sums, byte* w, I x0, I x1)
    {
        var nibbles = Q.LoadNibbles(w);
        return Q.MulAdd(Q.MulAdd(sums, Q.Low(nibbles), x0), Q.High(nibbles), x1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(int* sums, G group, int* start, I scale) => S.StoreInt(sums, Q.End(S.LoadInt(sums), group, start, scale));

    /// <summary>
    /// Where vector j (a constant) of a panel begins, j·Lanes outputs on, where an output has <paramref name="size"/> bytes. With 16
    /// or 8 rows a vector that is tile j or j/2; with fewer the panel lies in one tile.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Pick(int j, byte* first, byte* half, byte* own, int size)
    {
        if (S.Lanes == 16) return own;
        return S.Lanes == 8 ? (j < 2 ? first : half) + (j & 1) * 8 * size : first + j * S.Lanes * size;
    }

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Matrix* matrix, I sum, nint c, F xscale, float* init, float* y) =>
        S.Store(y + c, ScaledSums<S, F, I>.Value(sum, matrix->Scales, xscale, init, c));

    /// <summary>The same for a row of a panel whose sums are stored; they make room for the outputs that do not fill a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutStored(Matrix* matrix, int* sums, nint width, nint c, float xscale, float* init, float* y)
    {
        var n = matrix->N < c + width ? matrix->N : c + width;
        var scale = S.Broadcast(xscale);
        for (; c + S.Lanes <= n; c += S.Lanes, sums += S.Lanes) Put(matrix, S.LoadInt(sums), c, scale, init, y);
        if (c >= n) return;
        var rest = S.LoadInt(sums);
        Put(matrix, rest, c, scale, init, (float*)sums - c);
        for (; c < n; c++, sums++) y[c] = *(float*)sums;
    }

    private struct Matrix
    {
        /// <summary>Nibbles of the first tile; <see cref="GroupScales"/> bytes from there begin its group scales.</summary>
        public byte* Nibbles;
        public nint GroupScales;
        public float* Scales;
        public int* Sums;
        public nint TileBytes;
        public nint Groups;
        public nint From;
        public nint N;

        /// <summary>Where the nibbles of tile number <paramref name="tile"/> of the panel at output c begin; those of the panel's first if there is no such output.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly byte* Tile(nint c, nint tile)
        {
            var row = c + tile * WeightLayout.TileRows;
            if (row >= N) row = c;
            return Nibbles + (row >> 4) * TileBytes + (row & 15) * RowBytes;
        }

        /// <summary>From the nibbles of output c to its first group's scale.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly nint ScalesFrom(nint c) => GroupScales - (c & 15) * (RowBytes - 1);
    }

    /// <summary>Some rows of X and of what belongs to them.</summary>
    private readonly ref struct Block(sbyte* x, nint stride, float* scales, int* starts, float* init, nint initStride, float* y, nint yStride)
    {
        public readonly sbyte* X = x;
        public readonly nint Stride = stride;
        public readonly float* Scales = scales;
        public readonly int* Starts = starts;
        public readonly float* Init = init;
        public readonly nint InitStride = initStride;
        public readonly float* Y = y;
        public readonly nint YStride = yStride;

        public float* InitOf(nint row) => Init == null ? null : Init + row * InitStride;
    }
}
