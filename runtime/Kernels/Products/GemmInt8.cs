using System.Diagnostics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>int8 matrix products over packed panels, exact in int32, then scaled to fp32.</summary>
/// <remarks>
/// Blocked like <see cref="GemmFloat32{S,F,I,W,T}"/>: one row of X takes as many vectors as the registers can sum, two rows take half as many where they share vectors of weights. No sum is
/// live across a call. The loops take four groups of inputs a step.
/// Whole pieces are scaled in registers where a multiply-add is one instruction; a piece wider than the remaining outputs goes through memory.
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
        var sums = stackalloc int[(IsWide ? 4 : 1) * WeightLayout.WidestPanel];
        var starts = stackalloc int[MaxRows];
        var zeros = stackalloc float[WeightLayout.WidestPanel];
        if (y.Init == null) new Span<float>(zeros, WeightLayout.WidestPanel).Clear();
        Debug.Assert(!D.SplitsSums || D.Vectors == 8, "Split sums take the places of the vectors after the eighth.");
        Debug.Assert(IsWide || PairVectors * S.Lanes <= 2 * KernelSet.Tile, "Two rows take at most two tiles.");
        Debug.Assert(!IsWide || D.Vectors == 4, "A panel has four vectors.");
        Debug.Assert(!D.TakesOne || (D.Vectors == 8 && 4 * S.Lanes == KernelSet.Tile && !S.IsFused && !D.PairsRows), "Groups are taken one by one for two tiles in eight vectors.");
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
            if (IsWide)
            {
                for (var row = Fours(&matrix, x.Slice(first, rows), starts, y.Skip(first)); row < rows; row++)
                    One(&matrix, x.At(first + row), x.Scales[first + row], starts[row], y.InitAt(first + row), y.At(first + row));
                continue;
            }

            if (!D.PairsRows)
            {
                Singles(&matrix, x.Slice(first, rows), starts, y.Skip(first));
                continue;
            }

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
            if (left > taken) left = taken;
            Piece(taken, matrix, p, stride, c, left, x, xscale, start, init, y);
            c += left;
        }
    }

    /// <summary>A piece of one row by the loop for its tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Piece(nint taken, Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
    {
        if (IsWide)
        {
            switch (Pieces<S, F, I>.Tiles(taken))
            {
                case 1: WideRows1<OneTile>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
                case 2: WideRows1<TwoTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
                case 3: WideRows1<ThreeTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
                default: WideRows1<FourTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            }

            return;
        }

        if (TakesOne(p))
        {
            if (Pieces<S, F, I>.Tiles(taken) == 1) AlignedRows1<OneTile>(matrix, p, stride, c, left, x, xscale, start, init, y);
            else AlignedRows1<TwoTiles>(matrix, p, stride, c, left, x, xscale, start, init, y);
            return;
        }

        switch (Pieces<S, F, I>.Tiles(taken))
        {
            case 1: Rows1<OneTile>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            case 2: Rows1<TwoTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            case 3: Rows1<ThreeTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
            default: Rows1<FourTiles>(matrix, p, stride, c, left, x, xscale, start, init, y); break;
        }
    }

    /// <summary>Rows one by one, each piece for all rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Singles(Matrix* matrix, in QuantizedRows x, int* starts, in OutputRange y)
    {
        for (var c = matrix->From; c < matrix->End;)
        {
            var p = matrix->At(c, out var stride, out var left);
            var taken = Pieces<S, F, I>.Taken(left, D.Vectors);
            if (left > taken) left = taken;
            for (nint row = 0; row < x.Count; row++) Piece(taken, matrix, p, stride, c, left, x.At(row), x.Scales[row], starts[row], y.InitAt(row), y.At(row));
            c += left;
        }
    }

    /// <summary>An even number of rows. Each piece is computed for all rows, so that weights are read once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pairs(Matrix* matrix, in QuantizedRows x, int* starts, in OutputRange y)
    {
        var count = x.Count;
        for (var c = matrix->From; c < matrix->End;)
        {
            var p = matrix->At(c, out var stride, out var left);
            var taken = Pieces<S, F, I>.Taken(left, PairVectors);
            if (left > taken) left = taken;
            nint row = 0;
            for (; HasFours && row + 4 <= count; row += 4)
            {
                Rows4(matrix, p, stride, c, left, row, x, starts, y);
                if (left > KernelSet.Tile) Rows4(matrix, p + KernelSet.Tile, stride, c + KernelSet.Tile, left - KernelSet.Tile, row, x, starts, y);
            }

            for (; row < count; row += 2)
            {
                if (Pieces<S, F, I>.Tiles(taken) == 1) Rows2<OneTile>(matrix, p, stride, c, left, row, x, starts, y);
                else Rows2<TwoTiles>(matrix, p, stride, c, left, row, x, starts, y);
            }

            c += left;
        }
    }

    /// <summary>Outputs of a whole piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Wanted<N>(int most)
        where N : struct, ITiles => Pieces<S, F, I>.Taken(N.Count * KernelSet.Tile, most);

    /// <summary>One vector of outputs from its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(A sum, float* scales, F xscale, float* init, float* y) => S.Store(y, ScaledSums<S, F, I>.Value(D.Finish(sum), S.Load(scales), xscale, S.Load(init)));

    /// <summary>Outputs from stored sums: of a piece that is not whole, and of every piece where a multiply-add is so long that it is better in a loop.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void PutKept(Matrix* matrix, int* sums, nint c, nint left, F xscale, float* init, float* y)
    {
        var scales = matrix->Scales + c;
        init = init == null ? matrix->Zeros : init + c;
        y += c;
        for (nint i = 0; i < left; i += S.Lanes)
        {
            if (left - i >= S.Lanes && S.TryStoreFmaOfWhole(y + i, S.ToFloat(S.LoadInt(sums + i)), S.Mul(S.Load(scales + i), xscale), S.Load(init + i))) continue;
            PutRest(sums + i, scales + i, left - i, xscale, init + i, y + i);
            return;
        }
    }

    /// <summary>The same for the last vectors. A method of its own: values would be stored and loaded at every step of a loop that has a call.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void PutRest(int* sums, float* scales, nint left, F xscale, float* init, float* y)
    {
        for (nint i = 0; i < left; i += S.Lanes)
        {
            var value = S.FmaAside(S.ToFloat(S.LoadInt(sums + i)), S.Mul(S.Load(scales + i), xscale), S.Load(init + i));
            if (left - i >= S.Lanes)
            {
                S.Store(y + i, value);
                continue;
            }

            S.Store((float*)sums, value);
            for (; i < left; i++, sums++) y[i] = *(float*)sums;
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
