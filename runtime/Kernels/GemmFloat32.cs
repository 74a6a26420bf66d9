using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>Matrix products in fp32 with outputs in lanes, over packed tiles and dense rows alike.</summary>
/// <remarks>
/// <para>A tile of 16 outputs starts at <c>w + tile·tileStride</c> and moves on by kStride for each input. A packed matrix has
/// tileStride 16·columns and kStride 16; a dense one tileStride 16 and kStride its row stride.</para>
/// <para>Every output is one chain of FMA over ascending inputs, whatever the blocking, so blocking never shows in the bits.
/// One row keeps 8 chains in flight (two FMA ports times four cycles), or 4 of 16 lanes; more rows share each weight load: 2×4, 4×2 or 6×2
/// rows by vectors. Where a panel is wider than what is left, its surplus tiles repeat the first one: the chains' latency
/// hides them. Panels that do not fit are stored beside and copied.</para>
/// <para>No method holds accumulators across a call: the compiler would write each one to memory at every step.</para>
/// </remarks>
/// <typeparam name="S">Lanes of fp32.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
/// <typeparam name="W">How weights become lanes of fp32.</typeparam>
/// <typeparam name="T">One weight as stored.</typeparam>
internal static unsafe class GemmFloat32<S, F, I, W, T>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where W : struct, IWeights<T, F>
    where T : unmanaged
{
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* w, nint tileStride, nint kStride, int k, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n)
    {
        var beside = stackalloc float[12 * 16];
        if (m == 1)
        {
            Rows1(w, tileStride, kStride, k, x, init, y, from, n, beside);
            return;
        }

        while (m > 0)
        {
            // An even number of rows from 4 up is made of sixes and fours.
            var rows = m >= 4 ? m & ~1 : m == 1 ? 1 : 2;
            if (rows == 1) Rows1(w, tileStride, kStride, k, x, init, y, from, n, beside);
            else if (rows == 2) Rows2(w, tileStride, kStride, k, x, ldx, init, ldinit, y, ldy, from, n, beside);
            else Rows46(w, tileStride, kStride, k, x, ldx, rows, init, ldinit, y, ldy, from, n, beside);
            x += rows * ldx;
            if (init != null) init += rows * ldinit;
            y += rows * ldy;
            m -= rows;
        }
    }

    /// <summary>
    /// Panels of 8 vectors; of 4 with 16 lanes, which take a cycle each from the level-2 cache, so that 4 chains hide the latency and the
    /// weights come in 4 streams.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(T* w, nint tileStride, nint kStride, nint k, float* x, float* init, float* y, nint from, nint n, float* beside)
    {
        var end = x + k;
        nint width = S.Lanes == 16 ? 4 * S.Lanes : 8 * S.Lanes;
        for (var c = from; c < n; c += width)
        {
            var p0 = Tile(w, c, 0, n, tileStride);
            var p1 = Tile(w, c, 1, n, tileStride);
            var p2 = Tile(w, c, 2, n, tileStride);
            var p3 = Tile(w, c, 3, n, tileStride);
            var a0 = Start(init, c, n);
            var a1 = Start(init, c + S.Lanes, n);
            var a2 = Start(init, c + 2 * S.Lanes, n);
            var a3 = Start(init, c + 3 * S.Lanes, n);
            var a4 = S.Lanes == 16 ? default : Start(init, c + 4 * S.Lanes, n);
            var a5 = S.Lanes == 16 ? default : Start(init, c + 5 * S.Lanes, n);
            var a6 = S.Lanes == 16 ? default : Start(init, c + 6 * S.Lanes, n);
            var a7 = S.Lanes == 16 ? default : Start(init, c + 7 * S.Lanes, n);
            nint o = 0;
            for (var xi = x; xi < end; xi++)
            {
                var b = S.Broadcast(*xi);
                a0 = S.Fma(b, W.Load(p0 + o), a0);
                a1 = S.Fma(b, W.Load(Pick(1, p0, p1, p1, p1) + o), a1);
                a2 = S.Fma(b, W.Load(Pick(2, p0, p1, p2, p2) + o), a2);
                a3 = S.Fma(b, W.Load(Pick(3, p0, p1, p3, p3) + o), a3);
                if (S.Lanes != 16)
                {
                    a4 = S.Fma(b, W.Load(Pick(4, p0, p1, p2, p2) + o), a4);
                    a5 = S.Fma(b, W.Load(Pick(5, p0, p1, p2, p2) + o), a5);
                    a6 = S.Fma(b, W.Load(Pick(6, p0, p1, p3, p3) + o), a6);
                    a7 = S.Fma(b, W.Load(Pick(7, p0, p1, p3, p3) + o), a7);
                }

                o += kStride;
            }

            var to = c + width <= n ? y + c : beside;
            S.Store(to, a0);
            S.Store(to + S.Lanes, a1);
            S.Store(to + 2 * S.Lanes, a2);
            S.Store(to + 3 * S.Lanes, a3);
            if (S.Lanes != 16)
            {
                S.Store(to + 4 * S.Lanes, a4);
                S.Store(to + 5 * S.Lanes, a5);
                S.Store(to + 6 * S.Lanes, a6);
                S.Store(to + 7 * S.Lanes, a7);
            }

            if (to == beside) Copy(beside, y, c, n);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2(T* w, nint tileStride, nint kStride, nint k, float* x, nint ldx, float* init, nint ldinit, float* y, nint ldy, nint from, nint n, float* beside)
    {
        var end = x + k;
        var init1 = init == null ? null : init + ldinit;
        for (var c = from; c < n; c += 4 * S.Lanes)
        {
            var p0 = Tile(w, c, 0, n, tileStride);
            var p1 = Tile(w, c, 1, n, tileStride);
            var p2 = Tile(w, c, 2, n, tileStride);
            var p3 = Tile(w, c, 3, n, tileStride);
            F a0 = Start(init, c, n), b0 = Start(init1, c, n);
            F a1 = Start(init, c + S.Lanes, n), b1 = Start(init1, c + S.Lanes, n);
            F a2 = Start(init, c + 2 * S.Lanes, n), b2 = Start(init1, c + 2 * S.Lanes, n);
            F a3 = Start(init, c + 3 * S.Lanes, n), b3 = Start(init1, c + 3 * S.Lanes, n);
            nint o = 0;
            for (var xi = x; xi < end; xi++)
            {
                var w0 = W.Load(p0 + o);
                var w1 = W.Load(Pick(1, p0, p1, p1, p1) + o);
                var w2 = W.Load(Pick(2, p0, p1, p2, p2) + o);
                var w3 = W.Load(Pick(3, p0, p1, p3, p3) + o);
                var b = S.Broadcast(*xi);
                a0 = S.Fma(b, w0, a0);
                a1 = S.Fma(b, w1, a1);
                a2 = S.Fma(b, w2, a2);
                a3 = S.Fma(b, w3, a3);
                b = S.Broadcast(xi[ldx]);
                b0 = S.Fma(b, w0, b0);
                b1 = S.Fma(b, w1, b1);
                b2 = S.Fma(b, w2, b2);
                b3 = S.Fma(b, w3, b3);
                o += kStride;
            }

            var whole = c + 4 * S.Lanes <= n;
            var to = whole ? y + c : beside;
            S.Store(to, a0);
            S.Store(to + S.Lanes, a1);
            S.Store(to + 2 * S.Lanes, a2);
            S.Store(to + 3 * S.Lanes, a3);
            to = whole ? y + ldy + c : beside + 4 * S.Lanes;
            S.Store(to, b0);
            S.Store(to + S.Lanes, b1);
            S.Store(to + 2 * S.Lanes, b2);
            S.Store(to + 3 * S.Lanes, b3);
            if (whole) continue;
            Copy(beside, y, c, n);
            Copy(beside + 4 * S.Lanes, y + ldy, c, n);
        }
    }

    /// <summary>An even number of rows from 4 up: for each panel of two vectors all rows, so that weights are read once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows46(T* w, nint tileStride, nint kStride, nint k, float* x, nint ldx, nint m, float* init, nint ldinit, float* y, nint ldy, nint from, nint n, float* beside)
    {
        for (var c = from; c < n; c += 2 * S.Lanes)
        {
            var p0 = Tile(w, c, 0, n, tileStride);
            var p1 = Tile(w, c, 1, n, tileStride);
            var whole = c + 2 * S.Lanes <= n;
            for (nint i = 0; i < m;)
            {
                var rows = (m - i) % 6 == 0 ? 6 : 4;
                var start = init == null ? null : init + i * ldinit;
                var to = whole ? y + i * ldy + c : beside;
                var ldto = whole ? ldy : 2 * S.Lanes;
                if (rows == 6) Rows6(p0, p1, kStride, k, x + i * ldx, ldx, start, ldinit, to, ldto, c, n);
                else Rows4(p0, p1, kStride, k, x + i * ldx, ldx, start, ldinit, to, ldto, c, n);
                for (var row = 0; row < rows && !whole; row++) Copy(beside + row * ldto, y + (i + row) * ldy, c, n);
                i += rows;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(T* p0, T* p1, nint kStride, nint k, float* x, nint ldx, float* init, nint ldinit, float* to, nint ldto, nint c, nint n)
    {
        var x2 = x + 2 * ldx;
        F a0 = Start(init, c, n), a1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F b0 = Start(init, c, n), b1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F c0 = Start(init, c, n), c1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F d0 = Start(init, c, n), d1 = Start(init, c + S.Lanes, n);
        nint o = 0;
        for (var end = x + k; x < end; x++)
        {
            var w0 = W.Load(p0 + o);
            var w1 = W.Load(Pick(1, p0, p1, p1, p1) + o);
            var b = S.Broadcast(*x);
            a0 = S.Fma(b, w0, a0);
            a1 = S.Fma(b, w1, a1);
            b = S.Broadcast(x[ldx]);
            b0 = S.Fma(b, w0, b0);
            b1 = S.Fma(b, w1, b1);
            b = S.Broadcast(*x2);
            c0 = S.Fma(b, w0, c0);
            c1 = S.Fma(b, w1, c1);
            b = S.Broadcast(x2[ldx]);
            d0 = S.Fma(b, w0, d0);
            d1 = S.Fma(b, w1, d1);
            x2++;
            o += kStride;
        }

        Store2(to, a0, a1);
        Store2(to + ldto, b0, b1);
        Store2(to + 2 * ldto, c0, c1);
        Store2(to + 3 * ldto, d0, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6(T* p0, T* p1, nint kStride, nint k, float* x, nint ldx, float* init, nint ldinit, float* to, nint ldto, nint c, nint n)
    {
        var x3 = x + 3 * ldx;
        var ldx2 = 2 * ldx;
        F a0 = Start(init, c, n), a1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F b0 = Start(init, c, n), b1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F c0 = Start(init, c, n), c1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F d0 = Start(init, c, n), d1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F e0 = Start(init, c, n), e1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F f0 = Start(init, c, n), f1 = Start(init, c + S.Lanes, n);
        nint o = 0;
        for (var end = x + k; x < end; x++)
        {
            var w0 = W.Load(p0 + o);
            var w1 = W.Load(Pick(1, p0, p1, p1, p1) + o);
            var b = S.Broadcast(*x);
            a0 = S.Fma(b, w0, a0);
            a1 = S.Fma(b, w1, a1);
            b = S.Broadcast(x[ldx]);
            b0 = S.Fma(b, w0, b0);
            b1 = S.Fma(b, w1, b1);
            b = S.Broadcast(x[ldx2]);
            c0 = S.Fma(b, w0, c0);
            c1 = S.Fma(b, w1, c1);
            b = S.Broadcast(*x3);
            d0 = S.Fma(b, w0, d0);
            d1 = S.Fma(b, w1, d1);
            b = S.Broadcast(x3[ldx]);
            e0 = S.Fma(b, w0, e0);
            e1 = S.Fma(b, w1, e1);
            b = S.Broadcast(x3[ldx2]);
            f0 = S.Fma(b, w0, f0);
            f1 = S.Fma(b, w1, f1);
            x3++;
            o += kStride;
        }

        Store2(to, a0, a1);
        Store2(to + ldto, b0, b1);
        Store2(to + 2 * ldto, c0, c1);
        to += 3 * ldto;
        Store2(to, d0, d1);
        Store2(to + ldto, e0, e1);
        Store2(to + 2 * ldto, f0, f1);
    }

    /// <summary>Where tile number <paramref name="tile"/> of the panel at output c begins; the panel's first if there is no such output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* Tile(T* w, nint c, nint tile, nint n, nint tileStride)
    {
        var row = c + tile * WeightLayout.TileRows;
        if (row >= n) row = c;
        return w + (row >> 4) * tileStride + (row & 15);
    }

    /// <summary>
    /// Where vector j (a constant) of a panel begins: j·Lanes outputs on. The vectors of one tile share its pointer, which keeps
    /// the loop within the general registers. With 16, 8 or 4 lanes that is tile j, j/2 or j/4.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* Pick(int j, T* first, T* second, T* half, T* own)
    {
        if (S.Lanes == 16) return own;
        if (S.Lanes == 8) return (j < 2 ? first : j < 4 ? second : half) + (j & 1) * 8;
        return S.Lanes == 4 ? (j < 4 ? first : second) + (j & 3) * 4 : first + j;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Start(float* init, nint c, nint n) => init == null || c >= n ? default : S.Load(init + c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store2(float* to, F v0, F v1)
    {
        S.Store(to, v0);
        S.Store(to + S.Lanes, v1);
    }

    /// <summary>The outputs from c on that a panel holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* panel, float* y, nint c, nint n)
    {
        for (; c < n; c++) y[c] = *panel++;
    }
}
