using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>int4 matrix products over packed panels, exact in int32, then scaled to fp32.</summary>
/// <remarks>
/// One row of X takes pieces of 4 vectors. 2 or 4 rows take pieces of 2 vectors and share the unpacked nibbles. A group's sums stay in
/// registers. With 4 rows the int32 sums of earlier groups lie in memory, because registers cannot hold both. No method holds
/// accumulators across a call.
/// </remarks>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="Q">int4 products.</typeparam>
/// <typeparam name="G">Sums of the products within a group.</typeparam>
internal readonly unsafe struct GemmInt4<S, F, I, Q, G> : IQuantizedProduct
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where Q : struct, IInt4Dot<I, G>
    where G : unmanaged
{
    /// <summary>Bytes of 8 weights of a row.</summary>
    private const int RowBytes = 4;

    /// <summary>Capacity of the group buffer: the most groups of a matrix, times at least 4 rows. It limits the rows that share one walk over the weights.</summary>
    private const int MaxStarts = 4096;
    private const int MaxRows = 128;
    private const int MaxSums = 128;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
    {
        var sums = stackalloc int[MaxSums];
        var starts = stackalloc int[MaxStarts];
        var layout = w.Layout;
        nint groups = layout.Groups, count = x.Count;
        var matrix = new Matrix
        {
            Weights = Panels<byte>.Packed(w.Panels, layout, Int4Format.NibbleBytes + 1),
            Sums = sums,
            Scales = w.Scales,
            Groups = groups,
            From = y.From,
            End = y.End,
        };
        var most = MaxStarts / groups;
        most = most > MaxRows ? MaxRows : most & ~3;
        for (nint first = 0; first < count;)
        {
            var end = count - first < most ? count : first + most;
            var start = starts;
            for (var row = first; row < end; row++)
            {
                for (nint g = 0; g < groups; g++) *start++ = Q.StartGroup(x.At(row) + g * Int4Format.Group);
            }

            for (start = starts; first < end;)
            {
                var rows = end - first >= 4 ? (end - first) & ~3 : end - first >= 2 ? 2 : 1;
                Walk(&matrix, x.Slice(first, rows), start, y.Skip(first));
                start += rows * groups;
                first += rows;
            }
        }
    }

    /// <summary>1 or 2 rows, or a multiple of 4, over all pieces of the panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk(Matrix* matrix, in QuantizedRows x, int* starts, in OutputRange y)
    {
        var count = x.Count;
        for (var c = matrix->From; c < matrix->End;)
        {
            var piece = matrix->At(c, count == 1 ? 4 : 2);
            if (count == 1)
            {
                switch (Pieces<S, F, I>.Tiles(piece.Taken))
                {
                    case 1: Rows1<OneTile>(matrix, piece, x, starts, y); break;
                    case 2: Rows1<TwoTiles>(matrix, piece, x, starts, y); break;
                    case 3: Rows1<ThreeTiles>(matrix, piece, x, starts, y); break;
                    default: Rows1<FourTiles>(matrix, piece, x, starts, y); break;
                }
            }
            else if (count == 2)
            {
                if (IsOne(piece)) Rows2<OneTile>(matrix, piece, x, starts, y);
                else Rows2<TwoTiles>(matrix, piece, x, starts, y);
            }
            else
            {
                for (nint i = 0; i < count; i += 4)
                {
                    if (IsOne(piece)) Rows4<OneTile>(matrix, piece, x.At(i), x.Stride, starts + i * matrix->Groups);
                    else Rows4<TwoTiles>(matrix, piece, x.At(i), x.Stride, starts + i * matrix->Groups);
                    for (var row = i; row < i + 4; row++) PutStored(matrix, matrix->Sums + (row - i) * 2 * S.Lanes, 2 * S.Lanes, piece, x.Scales[row], y.InitAt(row), y.At(row));
                }
            }

            c += piece.Left < piece.Taken ? piece.Left : piece.Taken;
        }
    }

    /// <summary>Whether a piece is one vector of the widest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOne(in Piece piece) => S.Lanes == KernelSet.Tile && piece.Taken == KernelSet.Tile;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<N>(Matrix* matrix, in Piece piece, in QuantizedRows rows, int* start, in OutputRange outputs)
        where N : struct, ITiles
    {
        var x = rows.First;
        var p = piece.Nibbles;
        var scales = piece.GroupScales;
        nint step = piece.Step, next = piece.Next;
        I a0 = default, a1 = default, a2 = default, a3 = default;
        for (var end = start + matrix->Groups; start < end; start++)
        {
            G s0 = Q.BeginGroup(start), s1 = s0, s2 = s0, s3 = s0;
            var x0 = Q.LoadInputs(x);
            var x1 = Q.LoadInputs(x + 4);
            Step<N>(ref s0, ref s1, ref s2, ref s3, p, x0, x1);
            p += step;
            x0 = Q.LoadInputs(x + 8);
            x1 = Q.LoadInputs(x + 12);
            Step<N>(ref s0, ref s1, ref s2, ref s3, p, x0, x1);
            p += step;
            x0 = Q.LoadInputs(x + 16);
            x1 = Q.LoadInputs(x + 20);
            Step<N>(ref s0, ref s1, ref s2, ref s3, p, x0, x1);
            p += step;
            x0 = Q.LoadInputs(x + 24);
            x1 = Q.LoadInputs(x + 28);
            Step<N>(ref s0, ref s1, ref s2, ref s3, p, x0, x1);
            p += step + next;
            x += Int4Format.Group;
            a0 = Q.EndGroup(a0, s0, start, Q.LoadGroupScales(scales));
            if (Pieces<S, F, I>.Has<N>(1, 4)) a1 = Q.EndGroup(a1, s1, start, Q.LoadGroupScales(scales + S.Lanes));
            if (Pieces<S, F, I>.Has<N>(2, 4)) a2 = Q.EndGroup(a2, s2, start, Q.LoadGroupScales(scales + 2 * S.Lanes));
            if (Pieces<S, F, I>.Has<N>(3, 4)) a3 = Q.EndGroup(a3, s3, start, Q.LoadGroupScales(scales + 3 * S.Lanes));
            scales += 4 * step + next;
        }

        if (piece.Left >= piece.Taken)
        {
            var (c, scale) = (piece.C, S.Broadcast(*rows.Scales));
            float* init = outputs.Init, y = outputs.First;
            Put(matrix, a0, c, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, 4)) Put(matrix, a1, c + S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(2, 4)) Put(matrix, a2, c + 2 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(3, 4)) Put(matrix, a3, c + 3 * S.Lanes, scale, init, y);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, a0);
        if (Pieces<S, F, I>.Has<N>(1, 4)) S.StoreInt(sums + S.Lanes, a1);
        if (Pieces<S, F, I>.Has<N>(2, 4)) S.StoreInt(sums + 2 * S.Lanes, a2);
        if (Pieces<S, F, I>.Has<N>(3, 4)) S.StoreInt(sums + 3 * S.Lanes, a3);
        PutStored(matrix, sums, 4 * S.Lanes, piece, *rows.Scales, outputs.Init, outputs.First);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<N>(Matrix* matrix, in Piece piece, in QuantizedRows rows, int* start, in OutputRange outputs)
        where N : struct, ITiles
    {
        var x = rows.First;
        var ldx = rows.Stride;
        var p = piece.Nibbles;
        var scales = piece.GroupScales;
        nint step = piece.Step, next = piece.Next;
        I a0 = default, a1 = default, b0 = default, b1 = default;
        var groups = matrix->Groups;
        for (var end = start + groups; start < end; start++)
        {
            G s0 = Q.BeginGroup(start), s1 = s0;
            G t0 = Q.BeginGroup(start + groups), t1 = t0;
            for (var last = x + Int4Format.Group; x < last; x += 8)
            {
                var w = Q.LoadNibbles(p);
                I low0 = Q.LowNibbles(w), high0 = Q.HighNibbles(w);
                if (Pieces<S, F, I>.Has<N>(1, 2)) w = Q.LoadNibbles(p + S.Lanes * RowBytes);
                I low1 = Q.LowNibbles(w), high1 = Q.HighNibbles(w);
                I x0 = Q.LoadInputs(x), x1 = Q.LoadInputs(x + 4);
                s0 = Q.MulAddNibbles(Q.MulAddNibbles(s0, low0, x0), high0, x1);
                if (Pieces<S, F, I>.Has<N>(1, 2)) s1 = Q.MulAddNibbles(Q.MulAddNibbles(s1, low1, x0), high1, x1);
                x0 = Q.LoadInputs(x + ldx);
                x1 = Q.LoadInputs(x + ldx + 4);
                t0 = Q.MulAddNibbles(Q.MulAddNibbles(t0, low0, x0), high0, x1);
                if (Pieces<S, F, I>.Has<N>(1, 2)) t1 = Q.MulAddNibbles(Q.MulAddNibbles(t1, low1, x0), high1, x1);
                p += step;
            }

            p += next;
            var scale = Q.LoadGroupScales(scales);
            a0 = Q.EndGroup(a0, s0, start, scale);
            b0 = Q.EndGroup(b0, t0, start + groups, scale);
            if (Pieces<S, F, I>.Has<N>(1, 2)) scale = Q.LoadGroupScales(scales + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(1, 2)) a1 = Q.EndGroup(a1, s1, start, scale);
            if (Pieces<S, F, I>.Has<N>(1, 2)) b1 = Q.EndGroup(b1, t1, start + groups, scale);
            scales += 4 * step + next;
        }

        float* init = outputs.Init, init1 = outputs.InitAt(1), y = outputs.First, y1 = outputs.At(1);
        if (piece.Left >= (Pieces<S, F, I>.Has<N>(1, 2) ? 2 * S.Lanes : S.Lanes))
        {
            var c = piece.C;
            var scale = S.Broadcast(*rows.Scales);
            Put(matrix, a0, c, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Put(matrix, a1, c + S.Lanes, scale, init, y);
            scale = S.Broadcast(rows.Scales[1]);
            Put(matrix, b0, c, scale, init1, y1);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Put(matrix, b1, c + S.Lanes, scale, init1, y1);
            return;
        }

        var sums = matrix->Sums;
        S.StoreInt(sums, a0);
        if (Pieces<S, F, I>.Has<N>(1, 2)) S.StoreInt(sums + S.Lanes, a1);
        S.StoreInt(sums + 2 * S.Lanes, b0);
        if (Pieces<S, F, I>.Has<N>(1, 2)) S.StoreInt(sums + 3 * S.Lanes, b1);
        PutStored(matrix, sums, 2 * S.Lanes, piece, *rows.Scales, init, y);
        PutStored(matrix, sums + 2 * S.Lanes, 2 * S.Lanes, piece, rows.Scales[1], init1, y1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<N>(Matrix* matrix, in Piece piece, sbyte* x, nint ldx, int* start)
        where N : struct, ITiles
    {
        var p = piece.Nibbles;
        var scales = piece.GroupScales;
        nint step = piece.Step, next = piece.Next;
        var x2 = x + 2 * ldx;
        var sums = matrix->Sums;
        for (nint i = 0; i < 8; i++) S.StoreInt(sums + i * S.Lanes, default);
        var groups = matrix->Groups;
        var start2 = start + 2 * groups;
        for (var end = start + groups; start < end; start++)
        {
            G s0 = Q.BeginGroup(start), s1 = s0;
            G t0 = Q.BeginGroup(start + groups), t1 = t0;
            G u0 = Q.BeginGroup(start2), u1 = u0;
            G v0 = Q.BeginGroup(start2 + groups), v1 = v0;
            for (var last = x + Int4Format.Group; x < last;)
            {
                var w = Q.LoadNibbles(p);
                I low0 = Q.LowNibbles(w), high0 = Q.HighNibbles(w);
                if (Pieces<S, F, I>.Has<N>(1, 2)) w = Q.LoadNibbles(p + S.Lanes * RowBytes);
                I low1 = Q.LowNibbles(w), high1 = Q.HighNibbles(w);
                var b = Q.LoadInputs(x);
                s0 = Q.MulAddNibbles(s0, low0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) s1 = Q.MulAddNibbles(s1, low1, b);
                b = Q.LoadInputs(x + 4);
                s0 = Q.MulAddNibbles(s0, high0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) s1 = Q.MulAddNibbles(s1, high1, b);
                b = Q.LoadInputs(x + ldx);
                t0 = Q.MulAddNibbles(t0, low0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) t1 = Q.MulAddNibbles(t1, low1, b);
                b = Q.LoadInputs(x + ldx + 4);
                t0 = Q.MulAddNibbles(t0, high0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) t1 = Q.MulAddNibbles(t1, high1, b);
                b = Q.LoadInputs(x2);
                u0 = Q.MulAddNibbles(u0, low0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) u1 = Q.MulAddNibbles(u1, low1, b);
                b = Q.LoadInputs(x2 + 4);
                u0 = Q.MulAddNibbles(u0, high0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) u1 = Q.MulAddNibbles(u1, high1, b);
                b = Q.LoadInputs(x2 + ldx);
                v0 = Q.MulAddNibbles(v0, low0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) v1 = Q.MulAddNibbles(v1, low1, b);
                b = Q.LoadInputs(x2 + ldx + 4);
                v0 = Q.MulAddNibbles(v0, high0, b);
                if (Pieces<S, F, I>.Has<N>(1, 2)) v1 = Q.MulAddNibbles(v1, high1, b);
                x += 8;
                x2 += 8;
                p += step;
            }

            p += next;
            var scale = Q.LoadGroupScales(scales);
            Add(sums, s0, start, scale);
            Add(sums + 2 * S.Lanes, t0, start + groups, scale);
            Add(sums + 4 * S.Lanes, u0, start2, scale);
            Add(sums + 6 * S.Lanes, v0, start2 + groups, scale);
            if (Pieces<S, F, I>.Has<N>(1, 2)) scale = Q.LoadGroupScales(scales + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Add(sums + S.Lanes, s1, start, scale);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Add(sums + 3 * S.Lanes, t1, start + groups, scale);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Add(sums + 5 * S.Lanes, u1, start2, scale);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Add(sums + 7 * S.Lanes, v1, start2 + groups, scale);
            scales += 4 * step + next;
            start2++;
        }
    }

    /// <summary>sums + Σ n·x over 8 inputs of all vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<N>(ref G s0, ref G s1, ref G s2, ref G s3, byte* p, I x0, I x1)
        where N : struct, ITiles
    {
        if (S.Interleaves)
        {
            I n0 = Q.LoadNibbles(p), n1 = Q.LoadNibbles(p + S.Lanes * RowBytes), n2 = Q.LoadNibbles(p + 2 * S.Lanes * RowBytes), n3 = Q.LoadNibbles(p + 3 * S.Lanes * RowBytes);
            I low0 = Q.LowNibbles(n0), low1 = Q.LowNibbles(n1), low2 = Q.LowNibbles(n2), low3 = Q.LowNibbles(n3);
            s0 = Q.MulAddNibbles(s0, low0, x0);
            s1 = Q.MulAddNibbles(s1, low1, x0);
            s2 = Q.MulAddNibbles(s2, low2, x0);
            s3 = Q.MulAddNibbles(s3, low3, x0);
            n0 = Q.HighNibbles(n0);
            n1 = Q.HighNibbles(n1);
            n2 = Q.HighNibbles(n2);
            n3 = Q.HighNibbles(n3);
            s0 = Q.MulAddNibbles(s0, n0, x1);
            s1 = Q.MulAddNibbles(s1, n1, x1);
            s2 = Q.MulAddNibbles(s2, n2, x1);
            s3 = Q.MulAddNibbles(s3, n3, x1);
            return;
        }

        s0 = Step(s0, p, x0, x1);
        if (Pieces<S, F, I>.Has<N>(1, 4)) s1 = Step(s1, p + S.Lanes * RowBytes, x0, x1);
        if (Pieces<S, F, I>.Has<N>(2, 4)) s2 = Step(s2, p + 2 * S.Lanes * RowBytes, x0, x1);
        if (Pieces<S, F, I>.Has<N>(3, 4)) s3 = Step(s3, p + 3 * S.Lanes * RowBytes, x0, x1);
    }

    /// <summary>sums + Σ n·x over 8 inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static G Step(G sums, byte* w, I x0, I x1)
    {
        var nibbles = Q.LoadNibbles(w);
        return Q.MulAddNibbles(Q.MulAddNibbles(sums, Q.LowNibbles(nibbles), x0), Q.HighNibbles(nibbles), x1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(int* sums, G group, int* start, I scale) => S.StoreInt(sums, Q.EndGroup(S.LoadInt(sums), group, start, scale));

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Matrix* matrix, I sum, nint c, F xscale, float* init, float* y) =>
        S.Store(y + c, ScaledSums<S, F, I>.Value(sum, matrix->Scales, xscale, init, c));

    /// <summary>The same for a row whose sums are stored. The stored sums become the buffer for outputs that do not fill a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutStored(Matrix* matrix, int* sums, nint width, in Piece piece, float xscale, float* init, float* y)
    {
        var c = piece.C;
        var n = c + (piece.Left < width ? piece.Left : width);
        var scale = S.Broadcast(xscale);
        for (; c + S.Lanes <= n; c += S.Lanes, sums += S.Lanes) Put(matrix, S.LoadInt(sums), c, scale, init, y);
        if (c >= n) return;
        var rest = S.LoadInt(sums);
        Put(matrix, rest, c, scale, init, (float*)sums - c);
        for (; c < n; c++, sums++) y[c] = *(float*)sums;
    }

    private struct Matrix
    {
        public Panels<byte> Weights;
        public float* Scales;
        public int* Sums;
        public nint Groups;
        public nint From;
        public nint End;

        /// <summary>The piece of a panel that begins with output c, at most <paramref name="vectors"/> vectors.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Piece At(nint c, nint vectors)
        {
            const int GroupBytes = Int4Format.NibbleBytes + 1;
            var p = Weights.At(c, out var stride, out var left);
            var width = stride / GroupBytes;
            var inPanel = width - left;
            p -= inPanel;
            if (left > End - c) left = End - c;
            var taken = Pieces<S, F, I>.Taken(left, vectors);
            return new Piece(p + inPanel * RowBytes, (sbyte*)p + width * Int4Format.NibbleBytes + inPanel, width * RowBytes, width, c, left, taken);
        }
    }

    /// <summary>Some rows of a panel.</summary>
    [method: MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly struct Piece(byte* nibbles, sbyte* groupScales, nint step, nint next, nint c, nint left, nint taken)
    {
        /// <summary>Nibbles of the first row's first 8 inputs. The next 8 are <see cref="Step"/> bytes further.</summary>
        public readonly byte* Nibbles = nibbles;

        /// <summary>Scale of the first row's first group.</summary>
        public readonly sbyte* GroupScales = groupScales;
        public readonly nint Step = step;

        /// <summary>Bytes from the end of a group's nibbles to the next group.</summary>
        public readonly nint Next = next;

        /// <summary>The first row.</summary>
        public readonly nint C = c;

        /// <summary>Rows to compute, from the first one to the end of the panel.</summary>
        public readonly nint Left = left;

        /// <summary>Rows that are read.</summary>
        public readonly nint Taken = taken;
    }
}
