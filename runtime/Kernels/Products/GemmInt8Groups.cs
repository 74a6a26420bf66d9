using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// Products of int8 weights with a scale for each group of 32 inputs: sums are exact in int32 within a group, then summed in fp32 over groups in
/// ascending order, <c>acc = fma((float)sum, scale, acc)</c> from 0, then scaled: <c>y = fma(acc, xscale, init)</c>.
/// </summary>
/// <remarks>
/// A group's sum has at most 20 bits, so that it is exact as fp32. One row of X takes pieces of 4 vectors, two rows share pieces of 2; their
/// sums stay in registers. No method holds accumulators across a call.
/// </remarks>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="D">int8 products, which need no sums of weights.</typeparam>
/// <typeparam name="A">Running sums of the products.</typeparam>
internal readonly unsafe struct GemmInt8Groups<S, F, I, D, A> : IQuantizedProduct
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<I, A>
    where A : unmanaged
{
    private const int Inner = Int8GroupFormat.Inner;

    /// <summary>Twice the most groups that a matrix may have: rows that share one walk over the weights are as many as have room here.</summary>
    private const int MaxStarts = 2 * Int8GroupFormat.MostColumns / Int8GroupFormat.Group;
    private const int MaxRows = 128;
    private const int MaxSums = 64;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
    {
        var sums = stackalloc float[MaxSums];
        var starts = stackalloc int[MaxStarts];
        nint groups = w.Layout.Groups, count = x.Count;
        var matrix = new Matrix
        {
            Weights = Panels<byte>.Packed(w.Panels, w.Layout, Int8GroupFormat.RowGroupBytes),
            Sums = sums,
            Groups = groups,
            From = y.From,
            End = y.End,
        };
        var most = MaxStarts / groups;
        most = most > MaxRows ? MaxRows : most & ~1;
        for (nint first = 0; first < count;)
        {
            var end = count - first < most ? count : first + most;
            var start = starts;
            for (var row = first; row < end; row++)
            {
                for (nint g = 0; g < groups; g++) *start++ = D.Start(x.At(row) + g * Int8GroupFormat.Group, Int8GroupFormat.Group);
            }

            for (start = starts; first < end;)
            {
                var rows = end - first >= 2 ? (end - first) & ~1 : 1;
                Walk(&matrix, x.Slice(first, rows), start, y.Skip(first));
                start += rows * groups;
                first += rows;
            }
        }
    }

    /// <summary>One row, or an even number of rows, over all pieces of the panels.</summary>
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
            else
            {
                for (nint i = 0; i < count; i += 2)
                {
                    if (S.Lanes == KernelSet.Tile && piece.Taken == KernelSet.Tile) Rows2<OneTile>(matrix, piece, x.Slice(i, 2), starts + i * matrix->Groups, y.Skip(i));
                    else Rows2<TwoTiles>(matrix, piece, x.Slice(i, 2), starts + i * matrix->Groups, y.Skip(i));
                }
            }

            c += piece.Left < piece.Taken ? piece.Left : piece.Taken;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<N>(Matrix* matrix, in Piece piece, in QuantizedRows rows, int* start, in OutputRange outputs)
        where N : struct, ITiles
    {
        var x = rows.First;
        var p = piece.Weights;
        var scales = piece.Scales;
        nint step = piece.Step, next = piece.Next;
        F f0 = default, f1 = default, f2 = default, f3 = default;
        for (var end = start + matrix->Groups; start < end; start++)
        {
            A a0 = D.Begin(*start, null), a1 = a0, a2 = a0, a3 = a0;
            for (var last = x + Int8GroupFormat.Group; x < last; x += 2 * Inner)
            {
                var q = p + step;
                var b = D.LoadInputs(x);
                I factor0 = D.Factor(b), flip0 = D.Flip(b);
                b = D.LoadInputs(x + Inner);
                I factor1 = D.Factor(b), flip1 = D.Flip(b);
                D.MulAdd(ref a0, ref a1, 0, p, factor0, flip0, q, factor1, flip1);
                if (Pieces<S, F, I>.Has<N>(2, 4)) D.MulAdd(ref a2, ref a3, 2 * S.Lanes * Inner, p, factor0, flip0, q, factor1, flip1);
                p = q + step;
            }

            f0 = End(f0, a0, scales);
            if (Pieces<S, F, I>.Has<N>(1, 4)) f1 = End(f1, a1, scales + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(2, 4)) f2 = End(f2, a2, scales + 2 * S.Lanes);
            if (Pieces<S, F, I>.Has<N>(3, 4)) f3 = End(f3, a3, scales + 3 * S.Lanes);
            p += next;
            scales = (short*)((byte*)scales + piece.Group);
        }

        var c = piece.C;
        var scale = S.Broadcast(*rows.Scales);
        float* init = outputs.Init, y = outputs.First;
        if (piece.Left >= piece.Taken)
        {
            Put(f0, c, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, 4)) Put(f1, c + S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(2, 4)) Put(f2, c + 2 * S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(3, 4)) Put(f3, c + 3 * S.Lanes, scale, init, y);
            return;
        }

        var sums = matrix->Sums;
        S.Store(sums, f0);
        if (Pieces<S, F, I>.Has<N>(1, 4)) S.Store(sums + S.Lanes, f1);
        if (Pieces<S, F, I>.Has<N>(2, 4)) S.Store(sums + 2 * S.Lanes, f2);
        if (Pieces<S, F, I>.Has<N>(3, 4)) S.Store(sums + 3 * S.Lanes, f3);
        PutStored(sums, piece, scale, init, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<N>(Matrix* matrix, in Piece piece, in QuantizedRows rows, int* start, in OutputRange outputs)
        where N : struct, ITiles
    {
        var x = rows.First;
        var ldx = rows.Stride;
        var p = piece.Weights;
        var scales = piece.Scales;
        nint step = piece.Step, next = piece.Next, groups = matrix->Groups;
        F f0 = default, f1 = default, g0 = default, g1 = default;
        for (var end = start + groups; start < end; start++)
        {
            A a0 = D.Begin(*start, null), a1 = a0;
            A b0 = D.Begin(start[groups], null), b1 = b0;
            for (var last = x + Int8GroupFormat.Group; x < last; x += 2 * Inner)
            {
                var q = p + step;
                I w0 = D.LoadWeights(p), v0 = D.LoadWeights(q);
                I w1 = Pieces<S, F, I>.Has<N>(1, 2) ? D.LoadWeights(p + S.Lanes * Inner) : w0, v1 = Pieces<S, F, I>.Has<N>(1, 2) ? D.LoadWeights(q + S.Lanes * Inner) : v0;
                var b = D.LoadInputs(x);
                I factor0 = D.Factor(b), flip0 = D.Flip(b);
                b = D.LoadInputs(x + Inner);
                I factor1 = D.Factor(b), flip1 = D.Flip(b);
                a0 = D.MulAdd(a0, w0, factor0, flip0, v0, factor1, flip1);
                if (Pieces<S, F, I>.Has<N>(1, 2)) a1 = D.MulAdd(a1, w1, factor0, flip0, v1, factor1, flip1);
                b = D.LoadInputs(x + ldx);
                (factor0, flip0) = (D.Factor(b), D.Flip(b));
                b = D.LoadInputs(x + ldx + Inner);
                (factor1, flip1) = (D.Factor(b), D.Flip(b));
                b0 = D.MulAdd(b0, w0, factor0, flip0, v0, factor1, flip1);
                if (Pieces<S, F, I>.Has<N>(1, 2)) b1 = D.MulAdd(b1, w1, factor0, flip0, v1, factor1, flip1);
                p = q + step;
            }

            f0 = End(f0, a0, scales);
            g0 = End(g0, b0, scales);
            if (Pieces<S, F, I>.Has<N>(1, 2)) f1 = End(f1, a1, scales + S.Lanes);
            if (Pieces<S, F, I>.Has<N>(1, 2)) g1 = End(g1, b1, scales + S.Lanes);
            p += next;
            scales = (short*)((byte*)scales + piece.Group);
        }

        var c = piece.C;
        F scale = S.Broadcast(rows.Scales[0]), scale1 = S.Broadcast(rows.Scales[1]);
        float* init = outputs.Init, init1 = outputs.InitAt(1), y = outputs.First, y1 = outputs.At(1);
        if (piece.Left >= piece.Taken)
        {
            Put(f0, c, scale, init, y);
            Put(g0, c, scale1, init1, y1);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Put(f1, c + S.Lanes, scale, init, y);
            if (Pieces<S, F, I>.Has<N>(1, 2)) Put(g1, c + S.Lanes, scale1, init1, y1);
            return;
        }

        var sums = matrix->Sums;
        var sums1 = sums + 2 * S.Lanes;
        S.Store(sums, f0);
        S.Store(sums1, g0);
        if (Pieces<S, F, I>.Has<N>(1, 2)) S.Store(sums + S.Lanes, f1);
        if (Pieces<S, F, I>.Has<N>(1, 2)) S.Store(sums1 + S.Lanes, g1);
        PutStored(sums, piece, scale, init, y);
        PutStored(sums1, piece, scale1, init1, y1);
    }

    /// <summary>acc + scale · the group's sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F End(F acc, A sum, short* scales) => S.Fma(S.ToFloat(D.Finish(sum)), S.AsFloat(S.LoadShorts(scales, 16)), acc);

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(F sum, nint c, F xscale, float* init, float* y) => S.Store(y + c, S.Fma(sum, xscale, init == null ? default : S.Load(init + c)));

    /// <summary>Outputs from sums that were kept, of a piece of which only some are wanted.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void PutStored(float* sums, in Piece piece, F xscale, float* init, float* y)
    {
        var c = piece.C;
        for (var end = c + piece.Left; c < end; c += S.Lanes, sums += S.Lanes)
        {
            if (c + S.Lanes <= end)
            {
                Put(S.Load(sums), c, xscale, init, y);
                continue;
            }

            Put(S.Load(sums), c, xscale, init, sums - c);
            for (nint i = 0; c + i < end; i++) y[c + i] = sums[i];
        }
    }

    private struct Matrix
    {
        public Panels<byte> Weights;
        public float* Sums;
        public nint Groups;
        public nint From;
        public nint End;

        /// <summary>The piece of a panel that begins with output c, at most <paramref name="vectors"/> vectors.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Piece At(nint c, nint vectors)
        {
            var p = Weights.At(c, out var stride, out var left);
            var width = stride / Int8GroupFormat.RowGroupBytes;
            var inPanel = width - left;
            p -= inPanel;
            if (left > End - c) left = End - c;
            return new Piece(p + inPanel * Inner, (short*)(p + width * Int8GroupFormat.Group) + inPanel, width * Inner, stride, c, left, Pieces<S, F, I>.Taken(left, vectors));
        }
    }

    /// <summary>Some rows of a panel.</summary>
    [method: MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly struct Piece(byte* weights, short* scales, nint step, nint group, nint c, nint left, nint taken)
    {
        /// <summary>Weights of the first row by the first 4 inputs; <see cref="Step"/> bytes on those by the next 4.</summary>
        public readonly byte* Weights = weights;

        /// <summary>Scale of the first row's first group.</summary>
        public readonly short* Scales = scales;
        public readonly nint Step = step;

        /// <summary>Bytes from one group to the next.</summary>
        public readonly nint Group = group;

        /// <summary>The first row.</summary>
        public readonly nint C = c;

        /// <summary>Rows to compute, from the first one to the end of the panel.</summary>
        public readonly nint Left = left;

        /// <summary>Rows that are read.</summary>
        public readonly nint Taken = taken;

        /// <summary>Bytes from the end of a group's weights to the next group.</summary>
        public nint Next => Group - 8 * Step;
    }
}
