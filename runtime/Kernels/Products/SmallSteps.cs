using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// Steps of layers of few units: first all products, then all cells, as in <see cref="QuantizedSteps{S,F,I,B}"/>. It uses the same sums and formulas, in
/// the same order, as <see cref="WholeSteps{S,F,I}"/>, which takes all other layers.
/// </summary>
/// <remarks>
/// For processors with 16 vector registers. Gates that stayed in them until the cells would be moved to memory and back in the middle of the cells'
/// chains. One loop takes a block of units, or two where one alone has too few chains to hide the latency of an FMA: a partial block beside the block
/// before it, and small blocks of a GRU.
/// </remarks>
internal readonly unsafe struct SmallSteps<S, F, I> : IWholeSteps
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = GateRows.BlockUnits;

    /// <summary>Layers of as many units or more gain nothing: their products take most of the time, and reading two places at once is slower.</summary>
    private const int Fewest = 64;

    /// <summary>Floats of the gates of an LSTM, which has the most, with what vectors write behind them.</summary>
    private const int Place = 4 * Fewest + Tile;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in RecurrentStep step, nint first, nint end)
    {
        if (step.Units >= Fewest)
        {
            WholeSteps<S, F, I>.Run(step, first, end);
            return;
        }

        var memory = stackalloc float[2 * Place + Tile];
        var gates = (float*)(((nuint)memory + (Tile * sizeof(float) - 1)) & ~(nuint)(Tile * sizeof(float) - 1));
        var gatesH = gates + Place;
        Multiply(step, first, end - first, gates, gatesH);
        if (step.Cell != null) Cells<S, F, I>.Lstm(gates, step.Cell + first, step.CellOut + first, step.HiddenOut + first, end - first);
        else Cells<S, F, I>.Gru(gates, gatesH, step.Hidden + first, step.HiddenOut + first, end - first);
    }

    /// <summary>The gates: of an LSTM all sums in <paramref name="gates"/>, of a GRU those of R·h in <paramref name="gatesH"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(in RecurrentStep step, nint first, nint units, float* gates, float* gatesH)
    {
        var isLstm = step.Cell != null;
        nint count = isLstm ? 4 : 3, blocks = (nint)((nuint)(units + Tile - 1) / Tile);
        var lastWidth = Cells<S, F, I>.Width(first + units - 1, step.Units);
        var sides = stackalloc Side[2];
        var paired = !isLstm;
        var items = paired ? (nint)((nuint)(blocks + 1) / 2) : blocks > 1 && lastWidth < Tile ? blocks - 1 : blocks;
        for (nint i = 0; i < items; i++)
        {
            // Of an odd number of small blocks the first is alone.
            var item = step.IsDescending ? items - 1 - i : i;
            var block = !paired ? item : item == 0 ? 0 : 2 * item - (blocks & 1);
            var isPair = paired ? item > 0 || (blocks & 1) == 0 : item == items - 1 && items < blocks;
            var isLast = block + (isPair ? 2 : 1) == blocks;
            var row = count * (first + block * Tile);
            var to = count * block * Tile;
            var side = sides;
            if (step.Inputs > 0 || !isLstm)
            {
                side->Set((float*)step.Weights.Panels + row * step.Inputs, step.X, step.Inputs);
                side->Begin(step.Bias == null ? null : step.Bias + row);
                side->To = isLstm ? null : gates + to;
                side++;
            }

            side->Set((float*)step.Recurrence.Panels + row * step.Units, step.Hidden, step.Units);
            side->Begins = false;
            side->To = (isLstm ? gates : gatesH) + to;
            var bias = isLstm ? step.Bias : step.RecurrentBias;
            if (!isLstm || side == sides) side->Begin(bias == null ? null : bias + row);
            var rows = count * (isLast ? lastWidth : Tile);
            Multiply(isLstm, isPair, rows, sides, side);
        }
    }

    /// <summary>One or two blocks by the loop for them. The last of them has so many rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(bool isLstm, bool isPair, nint rows, Side* sides, Side* last)
    {
        var tiles = (nint)((nuint)(rows + Tile - 1) / Tile);
        switch (isPair ? isLstm ? 4 + tiles : 8 + tiles : tiles)
        {
            case 1: Sums<NoTiles, OneTile>(sides, last, rows); break;
            case 2: Sums<NoTiles, TwoTiles>(sides, last, rows); break;
            case 3: Sums<NoTiles, ThreeTiles>(sides, last, rows); break;
            case 4: Sums<FourTiles, NoTiles>(sides, last, rows); break;
            case 5: Sums<FourTiles, OneTile>(sides, last, rows); break;
            case 6: Sums<FourTiles, TwoTiles>(sides, last, rows); break;
            case 7: Sums<FourTiles, ThreeTiles>(sides, last, rows); break;
            case 9: Sums<ThreeTiles, OneTile>(sides, last, rows); break;
            case 10: Sums<ThreeTiles, TwoTiles>(sides, last, rows); break;
            default: Sums<ThreeTiles, ThreeTiles>(sides, last, rows); break;
        }
    }

    /// <summary>Sums of N tiles of rows, which are a whole panel, and of M tiles of the panel behind it.</summary>
    /// <param name="side">The first factor.</param>
    /// <param name="last">The last factor.</param>
    /// <param name="rows">Rows of the second panel.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Sums<N, M>(Side* side, Side* last, nint rows)
        where N : struct, ITiles
        where M : struct, ITiles
    {
        F a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        F b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        for (; side <= last; side++)
        {
            if (side->Begins)
            {
                var start = side->Start;
                Start<N>(0, ref a0, ref a1, start);
                Start<N>(2, ref a2, ref a3, start);
                Start<N>(4, ref a4, ref a5, start);
                Start<N>(6, ref a6, ref a7, start);
                start = start == null ? null : start + N.Count * Tile;
                Start<M>(0, ref b0, ref b1, start);
                Start<M>(2, ref b2, ref b3, start);
                Start<M>(4, ref b4, ref b5, start);
            }

            float* p = side->Weights, x = side->X, q = p + N.Count * Tile * side->Count;
            for (var end = x + side->Count; x < end; x++)
            {
                var value = S.LoadBroadcast(x);
                Add<N>(0, ref a0, ref a1, p, value);
                Add<N>(2, ref a2, ref a3, p, value);
                Add<N>(4, ref a4, ref a5, p, value);
                Add<N>(6, ref a6, ref a7, p, value);
                if (N.Count > 0) p += N.Count * Tile;
                Add<M>(0, ref b0, ref b1, q, value);
                Add<M>(2, ref b2, ref b3, q, value);
                Add<M>(4, ref b4, ref b5, q, value);
                if (M.Count > 0) q += rows;
            }

            var to = side->To;
            if (to == null) continue;
            Store<N>(0, a0, a1, to);
            Store<N>(2, a2, a3, to);
            Store<N>(4, a4, a5, to);
            Store<N>(6, a6, a7, to);
            to += N.Count * Tile;
            Store<M>(0, b0, b1, to);
            Store<M>(2, b2, b3, to);
            Store<M>(4, b4, b5, to);
        }
    }

    /// <summary>Whether so many tiles have a vector j, and with it the next one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Has<N>(int j)
        where N : struct, ITiles => j * S.Lanes < N.Count * Tile;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Start<N>(int j, ref F a, ref F b, float* start)
        where N : struct, ITiles
    {
        if (Has<N>(j)) (a, b) = start == null ? (default, default) : (S.Load(start + j * S.Lanes), S.Load(start + (j + 1) * S.Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<N>(int j, ref F a, ref F b, float* p, F value)
        where N : struct, ITiles
    {
        if (!Has<N>(j)) return;
        a = S.Fma(value, S.Load(p + j * S.Lanes), a);
        b = S.Fma(value, S.Load(p + (j + 1) * S.Lanes), b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<N>(int j, F a, F b, float* to)
        where N : struct, ITiles
    {
        if (!Has<N>(j)) return;
        S.Store(to + j * S.Lanes, a);
        S.Store(to + (j + 1) * S.Lanes, b);
    }

    /// <summary>A factor of some blocks: W and the inputs, or R and the state.</summary>
    private struct Side
    {
        public float* Weights;
        public float* X;
        public nint Count;

        /// <summary>Biases to start from, or null for zeros.</summary>
        public float* Start;

        /// <summary>Place of the sums; null if the next side goes on from them.</summary>
        public float* To;

        /// <summary>Whether new sums start here.</summary>
        public bool Begins;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Set(float* weights, float* x, nint count)
        {
            Weights = weights;
            X = x;
            Count = count;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Begin(float* start)
        {
            Begins = true;
            Start = start;
        }
    }

    private readonly struct NoTiles : ITiles
    {
        public static int Count => 0;
    }
}
