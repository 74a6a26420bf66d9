using System.Runtime.CompilerServices;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Sums over sliding windows (<see cref="WindowRows"/>), windows in lanes: 4 outputs by up to 3 vectors at a time, or one output by up to 4.</summary>
/// <remarks>
/// The last vector of a line ends with the line, so it may compute some windows again, with the same bits. A line shorter than a vector
/// goes through a buffer.
/// </remarks>
/// <typeparam name="S">Lanes of fp32.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
internal static unsafe class WindowSums<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int RowsOfBlock = 4;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in WindowRows rows)
    {
        var beside = stackalloc float[RowsOfBlock * KernelSet.Tile];
        var isShort = rows.Width < S.Lanes;
        for (nint g = 0; g < rows.Groups; g++)
        {
            var weights = rows.Weights == null ? null : rows.Weights + g * rows.WeightGroup;
            for (nint l = 0; l < rows.Lines; l++)
            {
                var source = rows.Source + g * rows.SourceGroup + l * rows.SourceLine;
                for (nint r = 0; r < rows.Rows;)
                {
                    var count = weights != null && rows.Rows - r >= RowsOfBlock ? RowsOfBlock : 1;
                    var init = rows.Init == null ? null : rows.Init + g * rows.Rows + r;
                    var target = rows.Target + g * rows.TargetGroup + r * rows.TargetRow + l * rows.TargetLine;
                    var to = isShort ? beside : target;
                    var stride = isShort ? S.Lanes : rows.TargetRow;
                    if (weights == null) One<Plain>(rows, null, source, init, to);
                    else if (count == 1) One<Weighted>(rows, weights + r * rows.WeightRow, source, init, to);
                    else Four(rows, weights + r * rows.WeightRow, source, init, to, stride);
                    for (nint i = 0; isShort && i < count; i++) Copy(beside + i * S.Lanes, target + i * rows.TargetRow, rows.Width);
                    r += count;
                }
            }
        }
    }

    /// <summary>Vectors of the next piece of a line, at most <paramref name="most"/>, and the place of its last vector, counted from the piece: before it if the piece is short.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Piece(nint width, nint from, nint most, out nint last)
    {
        var left = width - from;
        var vectors = (left + S.Lanes - 1) / S.Lanes;
        if (vectors > most)
        {
            last = (most - 1) * S.Lanes;
            return most;
        }

        last = width < S.Lanes ? 0 : left - S.Lanes;
        return vectors;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(in WindowRows rows, float* weights, float* source, float* init, float* to, nint stride)
    {
        for (nint j = 0; j < rows.Width;)
        {
            var vectors = Piece(rows.Width, j, 3, out var last);
            switch (vectors)
            {
                case 1: Rows4<OneTile>(rows, weights, source + j, last, init, to + j, stride); break;
                case 2: Rows4<TwoTiles>(rows, weights, source + j, last, init, to + j, stride); break;
                default: Rows4<ThreeTiles>(rows, weights, source + j, last, init, to + j, stride); break;
            }

            j += vectors * S.Lanes;
        }
    }

    /// <summary>A line of one output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One<E>(in WindowRows rows, float* weights, float* source, float* init, float* to)
        where E : struct, IElements
    {
        for (nint j = 0; j < rows.Width;)
        {
            var vectors = Piece(rows.Width, j, 4, out var last);
            switch (vectors)
            {
                case 1: Rows1<OneTile, E>(rows, weights, source + j, last, init, to + j); break;
                case 2: Rows1<TwoTiles, E>(rows, weights, source + j, last, init, to + j); break;
                case 3: Rows1<ThreeTiles, E>(rows, weights, source + j, last, init, to + j); break;
                default: Rows1<FourTiles, E>(rows, weights, source + j, last, init, to + j); break;
            }

            j += vectors * S.Lanes;
        }
    }

    /// <summary>The place of vector <paramref name="j"/> of a piece of N vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Place<N>(int j, nint last)
        where N : struct, ITiles => j == N.Count - 1 ? last : j * S.Lanes;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<N>(in WindowRows rows, float* w, float* x, nint last, float* init, float* to, nint stride)
        where N : struct, ITiles
    {
        F a0 = init == null ? default : S.LoadBroadcast(init), b0 = init == null ? default : S.LoadBroadcast(init + 1);
        F c0 = init == null ? default : S.LoadBroadcast(init + 2), d0 = init == null ? default : S.LoadBroadcast(init + 3);
        F a1 = a0, b1 = b0, c1 = c0, d1 = d0;
        F a2 = a0, b2 = b0, c2 = c0, d2 = d0;
        nint ldw = rows.WeightRow, tap = rows.WeightTap;
        var w2 = w + 2 * ldw;
        var taps = rows.Taps;
        for (var end = taps + rows.TapCount; taps < end; taps++)
        {
            var p = x + *taps;
            var x0 = S.Load(p + Place<N>(0, last));
            var x1 = N.Count > 1 ? S.Load(p + Place<N>(1, last)) : default;
            var x2 = N.Count > 2 ? S.Load(p + Place<N>(2, last)) : default;
            var b = S.LoadBroadcast(w);
            a0 = S.Fma(b, x0, a0);
            if (N.Count > 1) a1 = S.Fma(b, x1, a1);
            if (N.Count > 2) a2 = S.Fma(b, x2, a2);
            b = S.LoadBroadcast(w + ldw);
            b0 = S.Fma(b, x0, b0);
            if (N.Count > 1) b1 = S.Fma(b, x1, b1);
            if (N.Count > 2) b2 = S.Fma(b, x2, b2);
            b = S.LoadBroadcast(w2);
            c0 = S.Fma(b, x0, c0);
            if (N.Count > 1) c1 = S.Fma(b, x1, c1);
            if (N.Count > 2) c2 = S.Fma(b, x2, c2);
            b = S.LoadBroadcast(w2 + ldw);
            d0 = S.Fma(b, x0, d0);
            if (N.Count > 1) d1 = S.Fma(b, x1, d1);
            if (N.Count > 2) d2 = S.Fma(b, x2, d2);
            w += tap;
            w2 += tap;
        }

        Store<N>(to, last, a0, a1, a2);
        Store<N>(to + stride, last, b0, b1, b2);
        Store<N>(to + 2 * stride, last, c0, c1, c2);
        Store<N>(to + 3 * stride, last, d0, d1, d2);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<N, E>(in WindowRows rows, float* w, float* x, nint last, float* init, float* to)
        where N : struct, ITiles
        where E : struct, IElements
    {
        F a0 = init == null ? default : S.LoadBroadcast(init);
        F a1 = a0, a2 = a0, a3 = a0;
        var tap = rows.WeightTap;
        var taps = rows.Taps;
        for (var end = taps + rows.TapCount; taps < end; taps++)
        {
            var p = x + *taps;
            var x0 = S.Load(p + Place<N>(0, last));
            var x1 = N.Count > 1 ? S.Load(p + Place<N>(1, last)) : default;
            var x2 = N.Count > 2 ? S.Load(p + Place<N>(2, last)) : default;
            var x3 = N.Count > 3 ? S.Load(p + Place<N>(3, last)) : default;
            var b = E.HasWeights ? S.LoadBroadcast(w) : default;
            a0 = E.HasWeights ? S.Fma(b, x0, a0) : S.Add(a0, x0);
            if (N.Count > 1) a1 = E.HasWeights ? S.Fma(b, x1, a1) : S.Add(a1, x1);
            if (N.Count > 2) a2 = E.HasWeights ? S.Fma(b, x2, a2) : S.Add(a2, x2);
            if (N.Count > 3) a3 = E.HasWeights ? S.Fma(b, x3, a3) : S.Add(a3, x3);
            if (E.HasWeights) w += tap;
        }

        S.Store(to + Place<N>(0, last), a0);
        if (N.Count > 1) S.Store(to + Place<N>(1, last), a1);
        if (N.Count > 2) S.Store(to + Place<N>(2, last), a2);
        if (N.Count > 3) S.Store(to + Place<N>(3, last), a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<N>(float* to, nint last, F v0, F v1, F v2)
        where N : struct, ITiles
    {
        S.Store(to + Place<N>(0, last), v0);
        if (N.Count > 1) S.Store(to + Place<N>(1, last), v1);
        if (N.Count > 2) S.Store(to + Place<N>(2, last), v2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, float* to, nint count)
    {
        for (nint i = 0; i < count; i++) to[i] = from[i];
    }

    /// <summary>Whether elements are multiplied by weights, as a type, so that the compiler makes a loop for each.</summary>
    private interface IElements
    {
        static abstract bool HasWeights { get; }
    }

    private readonly struct Weighted : IElements
    {
        public static bool HasWeights => true;
    }

    private readonly struct Plain : IElements
    {
        public static bool HasWeights => false;
    }
}
