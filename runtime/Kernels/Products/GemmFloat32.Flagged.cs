using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// The loop of sets whose multiply-add is many instructions, and rarely a call. Nothing is called in it, since the compiler would write all sums to memory at
/// every input: at the first input with a flagged sum it ends, and that input goes through memory.
/// </summary>
internal static unsafe partial class GemmFloat32<S, F, I, W, T>
{
    /// <summary>A tile of one row.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FlaggedRow(T* p, nint stride, nint k, float* x, float* init, nint left, float* to)
    {
        F a0 = default, a1 = default, a2 = default, a3 = default;
        Start<OneTile>(0, ref a0, ref a1, ref a2, ref a3, init, left);
        Store<OneTile>(0, a0, a1, a2, a3, to);
        for (var end = x + k; x < end; x++, p += stride)
        {
            var next = FlaggedRows1(p, stride, x, end, left, to);
            p += (next - x) * stride;
            x = next;
            if (x == end) return;
            for (nint i = 0; i < KernelSet.Tile; i += S.Lanes) S.Store(to + i, S.FmaAside(S.LoadBroadcast(x), W.Load(p + i, W.Kept(left)), S.Load(to + i)));
        }
    }

    /// <summary>Adds the products by the next inputs to the sums at <paramref name="to"/>.</summary>
    /// <returns>The first input that is left: one with a flagged sum, or the end.</returns>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static float* FlaggedRows1(T* p, nint stride, float* x, float* end, nint left, float* to)
    {
        var kept = W.Kept(left);
        F a0 = S.Load(to), a1 = S.Load(to + S.Lanes), a2 = S.Load(to + 2 * S.Lanes), a3 = S.Load(to + 3 * S.Lanes);
        for (; x < end; x++)
        {
            I flags = default;
            var b0 = S.FmaFlagged(*x, W.Load(p, kept), a0, ref flags);
            var b1 = S.FmaFlagged(*x, W.Load(p + S.Lanes, kept), a1, ref flags);
            var b2 = S.FmaFlagged(*x, W.Load(p + 2 * S.Lanes, kept), a2, ref flags);
            var b3 = S.FmaFlagged(*x, W.Load(p + 3 * S.Lanes, kept), a3, ref flags);
            if (S.Any(flags)) break;
            a0 = b0;
            a1 = b1;
            a2 = b2;
            a3 = b3;
            p += stride;
        }

        Store<OneTile>(0, a0, a1, a2, a3, to);
        return x;
    }
}
