using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Matrix products in fp32 with outputs in lanes, over packed panels or dense rows.</summary>
/// <remarks>
/// <para>Every output is one chain of FMA over ascending inputs, so blocking never changes the bits.</para>
/// <para>One row of X takes a whole panel at a time, in 8 chains of 8 lanes, 4 of 16 or 16 of 4, and reads its weights strictly in order. Small
/// panels of a GRU have too few chains and are taken in pairs. More rows share each weight load: 2 rows by 4 vectors, 4 or 6 rows by 2. Each number of
/// tiles has its own loop. A partial vector goes through a buffer.</para>
/// <para>Where a multiply-add is not one instruction, rows are taken one by one, a tile at a time (<see cref="FlaggedRow"/>).</para>
/// <para>Where loops interleave, they take four inputs at a time, and load four vectors of weights before they multiply by them.</para>
/// <para>No method holds accumulators across a call: the compiler would write each one to memory at every step.</para>
/// </remarks>
/// <typeparam name="S">Lanes of fp32.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
/// <typeparam name="W">Conversion of weights to lanes of fp32.</typeparam>
/// <typeparam name="T">One weight as stored.</typeparam>
internal static unsafe partial class GemmFloat32<S, F, I, W, T>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where W : struct, IWeights<T, F, I>
    where T : unmanaged
{
    /// <summary>Buffer size in fp32 values for the partial pieces of one walk.</summary>
    private const int Room = 12 * KernelSet.Tile;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in Panels<T> w, nint k, in FloatRows x, in OutputRange y)
    {
        var beside = stackalloc float[Room];
        if (x.Count == 1)
        {
            One(w, k, x.First, y, beside);
            return;
        }

        if (!S.IsFused)
        {
            for (nint i = 0; i < x.Count; i++) One(w, k, x.At(i), y.Skip(i), beside);
            return;
        }

        // An even number of at least 4 rows is a sum of sixes and fours.
        var even = x.Count & ~1;
        if (even >= 4) Many(w, k, x.Slice(0, even), y, beside);
        else if (even == 2) Two(w, k, x, y, beside);
        if (even < x.Count) One(w, k, x.At(even), y.Skip(even), beside);
    }

    /// <summary>One row of X.</summary>
    /// <param name="w">Weights.</param>
    /// <param name="k">Inputs.</param>
    /// <param name="x">The row.</param>
    /// <param name="y">Outputs of the first row.</param>
    /// <param name="beside">Buffer for a panel of outputs.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(in Panels<T> w, nint k, float* x, in OutputRange y, float* beside)
    {
        float* init = y.Init, outputs = y.First;
        var end = y.End;
        for (var c = y.From; c < end;)
        {
            var p = w.At(c, out var stride, out var left);
            if (left > end - c) left = end - c;
            var start = init == null ? null : init + c;
            var taken = Pieces<S, F, I>.Taken(left, S.Chains);
            var to = left >= taken ? outputs + c : beside;
            switch (Pieces<S, F, I>.Tiles(taken))
            {
                case 1: Row<OneTile>(p, stride, 0, k, x, start, left, to); break;
                case 2: Row<TwoTiles>(p, stride, 0, k, x, start, left, to); break;
                case 3 when HasPairs && w.StartsPair(c, end, out var second):
                    taken = left = 6 * KernelSet.Tile;
                    Row<SixTiles>(p, stride, second, k, x, start, left, to);
                    break;
                case 3: Row<ThreeTiles>(p, stride, 0, k, x, start, left, to); break;
                default: Row<FourTiles>(p, stride, 0, k, x, start, left, to); break;
            }

            if (to == beside) Lanes<S, F, I>.Copy(beside, outputs + c, left);
            c += left < taken ? left : taken;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two(in Panels<T> w, nint k, in FloatRows x, in OutputRange y, float* beside)
    {
        float* init = y.Init, outputs = y.First, rows = x.First;
        nint end = y.End, ldx = x.Stride, ldinit = y.InitStride, ldy = y.Stride;
        for (var c = y.From; c < end;)
        {
            var p = w.At(c, out var stride, out var left);
            if (left > end - c) left = end - c;
            var start = init == null ? null : init + c;
            var taken = Pieces<S, F, I>.Taken(left, 4);
            if (taken == 3 * KernelSet.Tile) taken -= KernelSet.Tile; // too rare for its own loop
            var isWhole = left >= taken;
            var to = isWhole ? outputs + c : beside;
            var ldto = isWhole ? ldy : 4 * S.Lanes;
            switch (Pieces<S, F, I>.Tiles(taken))
            {
                case 1: Rows2<OneTile>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto); break;
                case 2: Rows2<TwoTiles>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto); break;
                default: Rows2<FourTiles>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto); break;
            }

            if (!isWhole)
            {
                Lanes<S, F, I>.Copy(beside, outputs + c, left);
                Lanes<S, F, I>.Copy(beside + ldto, outputs + ldy + c, left);
            }

            c += left < taken ? left : taken;
        }
    }

    /// <summary>At least 4 rows, an even number. Each piece of two vectors is computed for all rows, so that weights are read once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Many(in Panels<T> w, nint k, in FloatRows x, in OutputRange y, float* beside)
    {
        nint end = y.End, m = x.Count, ldx = x.Stride, ldinit = y.InitStride, ldy = y.Stride;
        for (var c = y.From; c < end;)
        {
            var p = w.At(c, out var stride, out var left);
            if (left > end - c) left = end - c;
            var taken = Pieces<S, F, I>.Taken(left, 2);
            var isWhole = left >= taken;
            for (nint i = 0; i < m;)
            {
                var count = (m - i) % 6 == 0 ? 6 : 4;
                float* rows = x.At(i), outputs = y.At(i) + c;
                var start = y.Init == null ? null : y.InitAt(i) + c;
                var to = isWhole ? outputs : beside;
                var ldto = isWhole ? ldy : 2 * S.Lanes;
                if (S.Lanes == KernelSet.Tile && taken == KernelSet.Tile)
                {
                    if (count == 6) Rows6<OneTile>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto);
                    else Rows4<OneTile>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto);
                }
                else
                {
                    if (count == 6) Rows6<TwoTiles>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto);
                    else Rows4<TwoTiles>(p, stride, k, rows, ldx, start, ldinit, left, to, ldto);
                }

                for (var row = 0; row < count && !isWhole; row++) Lanes<S, F, I>.Copy(beside + row * ldto, outputs + row * ldy, left);
                i += count;
            }

            c += left < taken ? left : taken;
        }
    }

    /// <summary>Whether vectors are so wide that two panels of a GRU fit the registers. The chains of one are then too few to hide the latency of an FMA.</summary>
    private static bool HasPairs
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 6 * KernelSet.Tile / S.Lanes <= 12;
    }

    /// <summary>Whether one row's piece has a vector j.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Has<N>(int j)
        where N : struct, ITiles => Pieces<S, F, I>.Has<N>(j, N.Count == 6 ? 12 : S.Chains);

    /// <summary>Weights from p to vector j; <paramref name="second"/> to the second panel if the piece is two panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Place<N>(int j, nint second)
        where N : struct, ITiles => N.Count == 6 && j * S.Lanes >= 3 * KernelSet.Tile ? second + (j * S.Lanes - 3 * KernelSet.Tile) : j * S.Lanes;

    /// <summary>A piece of one row.</summary>
    /// <remarks>
    /// Two methods: a loop that a set does not take would still be inlined, and leave too little of the compiler's limits to the other. Inputs that
    /// do not fill a group of four go on from the stored sums.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Row<N>(T* p, nint stride, nint second, nint k, float* x, float* init, nint left, float* to)
        where N : struct, ITiles
    {
        if (!S.IsFused)
        {
            for (nint i = 0; i < N.Count * KernelSet.Tile; i += KernelSet.Tile) FlaggedRow(p + i, stride, k, x, init == null ? null : init + i, left - i, to + i);
            return;
        }

        var fours = S.Interleaves ? k & -4 : 0;
        if (fours > 0) Rows1<N>(p, stride, fours, x, init, left, to);
        if (fours == 0 || fours < k) PlainRows1<N>(p + fours * stride, stride, second, k - fours, x + fours, fours == 0 ? init : to, left, to);
    }

    /// <summary>A piece of one row, an input at a time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void PlainRows1<N>(T* p, nint stride, nint second, nint k, float* x, float* init, nint left, float* to)
        where N : struct, ITiles
    {
        var kept = W.Kept(left);
        F a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        F a8 = default, a9 = default, a10 = default, a11 = default, a12 = default, a13 = default, a14 = default, a15 = default;
        Start<N>(0, ref a0, ref a1, ref a2, ref a3, init, left);
        if (Has<N>(4)) Start<N>(4, ref a4, ref a5, ref a6, ref a7, init, left);
        if (Has<N>(8)) Start<N>(8, ref a8, ref a9, ref a10, ref a11, init, left);
        if (Has<N>(12)) Start<N>(12, ref a12, ref a13, ref a14, ref a15, init, left);
        for (var end = x + k; x < end; x++)
        {
            var b = S.LoadBroadcast(x);
            Single<N>(0, ref a0, ref a1, ref a2, ref a3, p, second, kept, b);
            if (Has<N>(4)) Single<N>(4, ref a4, ref a5, ref a6, ref a7, p, second, kept, b);
            if (Has<N>(8)) Single<N>(8, ref a8, ref a9, ref a10, ref a11, p, second, kept, b);
            if (Has<N>(12)) Single<N>(12, ref a12, ref a13, ref a14, ref a15, p, second, kept, b);
            p += stride;
        }

        Store<N>(0, a0, a1, a2, a3, to);
        if (Has<N>(4)) Store<N>(4, a4, a5, a6, a7, to);
        if (Has<N>(8)) Store<N>(8, a8, a9, a10, a11, to);
        if (Has<N>(12)) Store<N>(12, a12, a13, a14, a15, to);
    }

    /// <summary>A piece of one row, four inputs at a time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<N>(T* p, nint stride, nint k, float* x, float* init, nint left, float* to)
        where N : struct, ITiles
    {
        var kept = W.Kept(left);
        F a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        F a8 = default, a9 = default, a10 = default, a11 = default, a12 = default, a13 = default, a14 = default, a15 = default;
        Start<N>(0, ref a0, ref a1, ref a2, ref a3, init, left);
        if (Has<N>(4)) Start<N>(4, ref a4, ref a5, ref a6, ref a7, init, left);
        if (Has<N>(8)) Start<N>(8, ref a8, ref a9, ref a10, ref a11, init, left);
        if (Has<N>(12)) Start<N>(12, ref a12, ref a13, ref a14, ref a15, init, left);
        for (var end = x + k; x < end; x += 4)
        {
            var inputs = S.Load(x);
            Step<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, p, kept, inputs, 0);
            p += stride;
            Step<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, p, kept, inputs, 1);
            p += stride;
            Step<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, p, kept, inputs, 2);
            p += stride;
            Step<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11, ref a12, ref a13, ref a14, ref a15, p, kept, inputs, 3);
            p += stride;
        }

        Store<N>(0, a0, a1, a2, a3, to);
        if (Has<N>(4)) Store<N>(4, a4, a5, a6, a7, to);
        if (Has<N>(8)) Store<N>(8, a8, a9, a10, a11, to);
        if (Has<N>(12)) Store<N>(12, a12, a13, a14, a15, to);
    }

    /// <summary>Initial values of four vectors from <paramref name="first"/> on, those that the piece has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Start<N>(int first, ref F a0, ref F a1, ref F a2, ref F a3, float* init, nint left)
        where N : struct, ITiles
    {
        a0 = Start(init, first, left);
        if (Has<N>(first + 1)) a1 = Start(init, first + 1, left);
        if (Has<N>(first + 2)) a2 = Start(init, first + 2, left);
        if (Has<N>(first + 3)) a3 = Start(init, first + 3, left);
    }

    /// <summary>Products of four vectors of weights from <paramref name="first"/> on by one input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single<N>(int first, ref F a0, ref F a1, ref F a2, ref F a3, T* p, nint second, I kept, F input)
        where N : struct, ITiles
    {
        a0 = S.Fma(input, W.Load(p + Place<N>(first, second), kept), a0);
        if (Has<N>(first + 1)) a1 = S.Fma(input, W.Load(p + Place<N>(first + 1, second), kept), a1);
        if (Has<N>(first + 2)) a2 = S.Fma(input, W.Load(p + Place<N>(first + 2, second), kept), a2);
        if (Has<N>(first + 3)) a3 = S.Fma(input, W.Load(p + Place<N>(first + 3, second), kept), a3);
    }

    /// <summary>Outputs of four vectors from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<N>(int first, F a0, F a1, F a2, F a3, float* to)
        where N : struct, ITiles
    {
        S.Store(to + first * S.Lanes, a0);
        if (Has<N>(first + 1)) S.Store(to + (first + 1) * S.Lanes, a1);
        if (Has<N>(first + 2)) S.Store(to + (first + 2) * S.Lanes, a2);
        if (Has<N>(first + 3)) S.Store(to + (first + 3) * S.Lanes, a3);
    }

    /// <summary>The products of one row's piece by one of four inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<N>(
        ref F a0, ref F a1, ref F a2, ref F a3, ref F a4, ref F a5, ref F a6, ref F a7,
        ref F a8, ref F a9, ref F a10, ref F a11, ref F a12, ref F a13, ref F a14, ref F a15,
        T* p, I kept, F inputs, [ConstantExpected(Max = (byte)3)] byte element)
        where N : struct, ITiles
    {
        Four(ref a0, ref a1, ref a2, ref a3, p, 0, kept, inputs, element);
        if (Has<N>(4)) Four(ref a4, ref a5, ref a6, ref a7, p, 4 * S.Lanes, kept, inputs, element);
        if (Has<N>(8)) Four(ref a8, ref a9, ref a10, ref a11, p, 8 * S.Lanes, kept, inputs, element);
        if (Has<N>(12)) Four(ref a12, ref a13, ref a14, ref a15, p, 12 * S.Lanes, kept, inputs, element);
    }

    /// <summary>The products of four vectors of weights, from p + first on, by one of four inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(ref F a0, ref F a1, ref F a2, ref F a3, T* p, nint first, I kept, F inputs, [ConstantExpected(Max = (byte)3)] byte element)
    {
        W.LoadFour(p, first, p, first + 2 * S.Lanes, kept, out var w0, out var w1, out var w2, out var w3);
        Two(ref a0, ref a1, w0, w1, inputs, element);
        Two(ref a2, ref a3, w2, w3, inputs, element);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(ref F a0, ref F a1, F w0, F w1, F inputs, [ConstantExpected(Max = (byte)3)] byte element)
    {
        a0 = S.FmaElement(w0, inputs, element, a0);
        a1 = S.FmaElement(w1, inputs, element, a1);
    }

    /// <summary>Initial values of vector j, if any of its outputs is used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Start(float* init, int j, nint left) => init == null || j * S.Lanes >= left ? default : S.Load(init + j * S.Lanes);
}
