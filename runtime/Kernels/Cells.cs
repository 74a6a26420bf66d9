using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>Cell updates of recurrent layers over gate-interleaved tiles.</summary>
internal static unsafe class Cells<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>c' = fma(σ(f), c, σ(i)·tanh(g)), h' = σ(o)·tanh(c').</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* gates, float* cell, float* cellOut, float* hiddenOut, nint hidden)
    {
        for (nint unit = 0; unit < hidden; unit += S.Lanes)
        {
            var block = gates + (unit / WeightLayout.TileRows) * 4 * WeightLayout.TileRows + unit % WeightLayout.TileRows;
            var input = LaneMath<S, F, I>.Sigmoid(S.Load(block));
            var forget = LaneMath<S, F, I>.Sigmoid(S.Load(block + 16));
            var candidate = LaneMath<S, F, I>.Tanh(S.Load(block + 32));
            var output = LaneMath<S, F, I>.Sigmoid(S.Load(block + 48));
            var next = S.Fma(forget, S.Load(cell + unit), S.Mul(input, candidate));
            var h = S.Mul(output, LaneMath<S, F, I>.Tanh(next));
            Store(cellOut, unit, hidden, next);
            Store(hiddenOut, unit, hidden, h);
        }
    }

    /// <summary>r = σ(xr + hr), z = σ(xz + hz), n = tanh(fma(r, hn, xn)), h' = fma(z, h - n, n).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gru(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, nint units)
    {
        for (nint unit = 0; unit < units; unit += S.Lanes)
        {
            var offset = (unit / WeightLayout.TileRows) * 3 * WeightLayout.TileRows + unit % WeightLayout.TileRows;
            var x = gatesX + offset;
            var h = gatesH + offset;
            var reset = LaneMath<S, F, I>.Sigmoid(S.Add(S.Load(x), S.Load(h)));
            var update = LaneMath<S, F, I>.Sigmoid(S.Add(S.Load(x + 16), S.Load(h + 16)));
            var candidate = LaneMath<S, F, I>.Tanh(S.Fma(reset, S.Load(h + 32), S.Load(x + 32)));
            Store(hiddenOut, unit, units, S.Fma(update, S.Sub(S.Load(hidden + unit), candidate), candidate));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* p, nint unit, nint units, F value)
    {
        if (unit + S.Lanes <= units) S.Store(p + unit, value);
        else Lanes<S, F, I>.StorePartial(p + unit, value, units - unit);
    }
}
