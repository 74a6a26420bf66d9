using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels;

/// <summary>fp32 matrix products with outputs in lanes, over packed tiles and dense rows alike.</summary>
/// <remarks>
/// <para>Vector j of a panel (outputs j·Lanes …) starts at <c>w + (j·Lanes / 16)·tileStride + j·Lanes % 16</c> and moves on by
/// kStride for each input. A packed matrix has tileStride = 16·columns and kStride 16; a dense one tileStride 16 and kStride
/// its row stride.</para>
/// <para>Every output is one chain of FMA over ascending inputs, whatever the blocking, so blocking never shows in the bits.
/// One row keeps 8 chains in flight (two FMA ports times four cycles); more rows share each weight load: 2×4, 4×2 or 6×2
/// accumulators. Where a panel is wider than what is left, its surplus vectors repeat the first one and are not stored:
/// the chains' latency hides them.</para>
/// </remarks>
internal static unsafe class GemmFloat32<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    public static void Run(float* w, nint tileStride, nint kStride, int k, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        while (m > 0)
        {
            // An even number of rows from 4 up is made of sixes and fours.
            var rows = m >= 4 ? m & ~1 : m == 1 ? 1 : 2;
            var done = rows == 1 ? Rows1(w, tileStride, kStride, k, x, init, y, n)
                : rows == 2 ? Rows2(w, tileStride, kStride, k, x, ldx, init, ldinit, y, ldy, n)
                : Rows46(w, tileStride, kStride, k, x, ldx, rows, init, ldinit, y, ldy, n);
            x += done * ldx;
            if (init != null) init += done * ldinit;
            y += done * ldy;
            m -= done;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Rows1(float* w, nint tileStride, nint kStride, int k, float* x, float* init, float* y, int n)
    {
        for (nint c = 0; c < n; c += 8 * S.Lanes)
        {
            var p0 = Vector(w, c, 0, n, tileStride);
            var p1 = Vector(w, c, 1, n, tileStride);
            var p2 = Vector(w, c, 2, n, tileStride);
            var p3 = Vector(w, c, 3, n, tileStride);
            var p4 = Vector(w, c, 4, n, tileStride);
            var p5 = Vector(w, c, 5, n, tileStride);
            var p6 = Vector(w, c, 6, n, tileStride);
            var p7 = Vector(w, c, 7, n, tileStride);
            var a0 = Start(init, c, n);
            var a1 = Start(init, c + S.Lanes, n);
            var a2 = Start(init, c + 2 * S.Lanes, n);
            var a3 = Start(init, c + 3 * S.Lanes, n);
            var a4 = Start(init, c + 4 * S.Lanes, n);
            var a5 = Start(init, c + 5 * S.Lanes, n);
            var a6 = Start(init, c + 6 * S.Lanes, n);
            var a7 = Start(init, c + 7 * S.Lanes, n);
            nint o = 0;
            for (nint i = 0; i < k; i++, o += kStride)
            {
                var b = S.Broadcast(x[i]);
                a0 = S.Fma(b, S.Load(p0 + o), a0);
                a1 = S.Fma(b, S.Load(p1 + o), a1);
                a2 = S.Fma(b, S.Load(p2 + o), a2);
                a3 = S.Fma(b, S.Load(p3 + o), a3);
                a4 = S.Fma(b, S.Load(p4 + o), a4);
                a5 = S.Fma(b, S.Load(p5 + o), a5);
                a6 = S.Fma(b, S.Load(p6 + o), a6);
                a7 = S.Fma(b, S.Load(p7 + o), a7);
            }

            Finish(y, c, n, a0);
            Finish(y, c + S.Lanes, n, a1);
            Finish(y, c + 2 * S.Lanes, n, a2);
            Finish(y, c + 3 * S.Lanes, n, a3);
            Finish(y, c + 4 * S.Lanes, n, a4);
            Finish(y, c + 5 * S.Lanes, n, a5);
            Finish(y, c + 6 * S.Lanes, n, a6);
            Finish(y, c + 7 * S.Lanes, n, a7);
        }

        return 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Rows2(float* w, nint tileStride, nint kStride, int k, float* x, nint ldx, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        var x1 = x + ldx;
        var y1 = y + ldy;
        var init1 = init == null ? null : init + ldinit;
        for (nint c = 0; c < n; c += 4 * S.Lanes)
        {
            var p0 = Vector(w, c, 0, n, tileStride);
            var p1 = Vector(w, c, 1, n, tileStride);
            var p2 = Vector(w, c, 2, n, tileStride);
            var p3 = Vector(w, c, 3, n, tileStride);
            var a0 = Start(init, c, n);
            var a1 = Start(init, c + S.Lanes, n);
            var a2 = Start(init, c + 2 * S.Lanes, n);
            var a3 = Start(init, c + 3 * S.Lanes, n);
            var b0 = Start(init1, c, n);
            var b1 = Start(init1, c + S.Lanes, n);
            var b2 = Start(init1, c + 2 * S.Lanes, n);
            var b3 = Start(init1, c + 3 * S.Lanes, n);
            nint o = 0;
            for (nint i = 0; i < k; i++, o += kStride)
            {
                var w0 = S.Load(p0 + o);
                var w1 = S.Load(p1 + o);
                var w2 = S.Load(p2 + o);
                var w3 = S.Load(p3 + o);
                var b = S.Broadcast(x[i]);
                a0 = S.Fma(b, w0, a0);
                a1 = S.Fma(b, w1, a1);
                a2 = S.Fma(b, w2, a2);
                a3 = S.Fma(b, w3, a3);
                b = S.Broadcast(x1[i]);
                b0 = S.Fma(b, w0, b0);
                b1 = S.Fma(b, w1, b1);
                b2 = S.Fma(b, w2, b2);
                b3 = S.Fma(b, w3, b3);
            }

            Finish(y, c, n, a0);
            Finish(y, c + S.Lanes, n, a1);
            Finish(y, c + 2 * S.Lanes, n, a2);
            Finish(y, c + 3 * S.Lanes, n, a3);
            Finish(y1, c, n, b0);
            Finish(y1, c + S.Lanes, n, b1);
            Finish(y1, c + 2 * S.Lanes, n, b2);
            Finish(y1, c + 3 * S.Lanes, n, b3);
        }

        return 2;
    }

    /// <summary>An even number of rows from 4 up: for each panel of two vectors all rows, so that weights are read once.</summary>
    private static int Rows46(float* w, nint tileStride, nint kStride, int k, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        for (nint c = 0; c < n; c += 2 * S.Lanes)
        {
            var p0 = Vector(w, c, 0, n, tileStride);
            var p1 = Vector(w, c, 1, n, tileStride);
            for (var i = 0; i < m;)
            {
                var start = init == null ? null : init + i * ldinit;
                if ((m - i) % 6 == 0)
                {
                    Rows6(p0, p1, kStride, k, x + i * ldx, ldx, start, ldinit, y + i * ldy, ldy, c, n);
                    i += 6;
                }
                else
                {
                    Rows4(p0, p1, kStride, k, x + i * ldx, ldx, start, ldinit, y + i * ldy, ldy, c, n);
                    i += 4;
                }
            }
        }

        return m;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(float* p0, float* p1, nint kStride, int k, float* x, nint ldx, float* init, nint ldinit, float* y, nint ldy, nint c, int n)
    {
        var ld3 = 3 * ldx;
        F a0 = Start(init, c, n), a1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F b0 = Start(init, c, n), b1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F c0 = Start(init, c, n), c1 = Start(init, c + S.Lanes, n);
        if (init != null) init += ldinit;
        F d0 = Start(init, c, n), d1 = Start(init, c + S.Lanes, n);
        for (nint i = 0; i < k; i++)
        {
            var w0 = S.Load(p0);
            var w1 = S.Load(p1);
            p0 += kStride;
            p1 += kStride;
            var b = S.Broadcast(x[0]);
            a0 = S.Fma(b, w0, a0);
            a1 = S.Fma(b, w1, a1);
            b = S.Broadcast(x[ldx]);
            b0 = S.Fma(b, w0, b0);
            b1 = S.Fma(b, w1, b1);
            b = S.Broadcast(x[2 * ldx]);
            c0 = S.Fma(b, w0, c0);
            c1 = S.Fma(b, w1, c1);
            b = S.Broadcast(x[ld3]);
            d0 = S.Fma(b, w0, d0);
            d1 = S.Fma(b, w1, d1);
            x++;
        }

        Finish2(y, c, n, a0, a1);
        Finish2(y + ldy, c, n, b0, b1);
        Finish2(y + 2 * ldy, c, n, c0, c1);
        Finish2(y + 3 * ldy, c, n, d0, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6(float* p0, float* p1, nint kStride, int k, float* x, nint ldx, float* init, nint ldinit, float* y, nint ldy, nint c, int n)
    {
        var x3 = x + 3 * ldx;
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
        for (nint i = 0; i < k; i++)
        {
            var w0 = S.Load(p0);
            var w1 = S.Load(p1);
            p0 += kStride;
            p1 += kStride;
            var b = S.Broadcast(x[0]);
            a0 = S.Fma(b, w0, a0);
            a1 = S.Fma(b, w1, a1);
            b = S.Broadcast(x[ldx]);
            b0 = S.Fma(b, w0, b0);
            b1 = S.Fma(b, w1, b1);
            b = S.Broadcast(x[2 * ldx]);
            c0 = S.Fma(b, w0, c0);
            c1 = S.Fma(b, w1, c1);
            b = S.Broadcast(x3[0]);
            d0 = S.Fma(b, w0, d0);
            d1 = S.Fma(b, w1, d1);
            b = S.Broadcast(x3[ldx]);
            e0 = S.Fma(b, w0, e0);
            e1 = S.Fma(b, w1, e1);
            b = S.Broadcast(x3[2 * ldx]);
            f0 = S.Fma(b, w0, f0);
            f1 = S.Fma(b, w1, f1);
            x++;
            x3++;
        }

        Finish2(y, c, n, a0, a1);
        Finish2(y + ldy, c, n, b0, b1);
        Finish2(y + 2 * ldy, c, n, c0, c1);
        Finish2(y + 3 * ldy, c, n, d0, d1);
        Finish2(y + 4 * ldy, c, n, e0, e1);
        Finish2(y + 5 * ldy, c, n, f0, f1);
    }

    /// <summary>Where vector j of the panel at output c begins; the panel's first vector if there is no such output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Vector(float* w, nint c, nint j, nint n, nint tileStride)
    {
        var row = c + j * S.Lanes;
        if (row >= n) row = c;
        return w + (row >> 4) * tileStride + (row & 15);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Start(float* init, nint c, nint n) => init == null || c >= n ? default : S.Load(init + c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(float* y, nint c, nint n, F value)
    {
        if (c + S.Lanes <= n) S.Store(y + c, value);
        else if (c < n) Lanes<S, F, I>.StorePartial(y + c, value, n - c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish2(float* y, nint c, nint n, F v0, F v1)
    {
        Finish(y, c, n, v0);
        Finish(y, c + S.Lanes, n, v1);
    }
}
