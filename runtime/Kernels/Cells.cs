using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>Cell updates of recurrent layers over gate-interleaved tiles.</summary>
/// <remarks>
/// Units are done in chunks of 64, each in two loops: what depends on the gates alone, then what depends on the first
/// loop's result. In one loop the second activation would wait for the first, and the processor's window is too short to
/// fill that wait with the next units.
/// </remarks>
internal static unsafe class Cells<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Chunk = 64;
    private const int Tile = WeightLayout.TileRows;

    /// <summary>
    /// c' = fma(σ(f), c, σ(i)·tanh(g)), h' = σ(o)·tanh(c'), each product of two activations by one division:
    /// σ(a)·tanh(b) = t/((1 + e⁻ᵃ)·(t + 2)) with t = e²ᵇ - 1.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* gates, float* cell, float* cellOut, float* hiddenOut, nint hidden)
    {
        var next = stackalloc float[2 * Chunk + 2 * Tile];
        var output = next + Chunk;
        var beside = output + Chunk;
        var one = S.Broadcast(1f);
        var two = S.Broadcast(2f);
        for (nint first = 0; first < hidden; first += Chunk)
        {
            var end = first + Chunk < hidden ? first + Chunk : hidden;
            for (var unit = first; unit < end; unit += S.Lanes)
            {
                var block = gates + (unit & -Tile) * 4 + (unit & Tile - 1);
                var input = S.Add(one, LaneMath<S, F, I>.ExpOfGate(S.Load(block)));
                var forget = S.Div(one, S.Add(one, LaneMath<S, F, I>.ExpOfGate(S.Load(block + Tile))));
                var candidate = LaneMath<S, F, I>.Expm1OfTwice(S.Load(block + 2 * Tile));
                S.Store(output + unit - first, S.Add(one, LaneMath<S, F, I>.ExpOfGate(S.Load(block + 3 * Tile))));
                var c = S.Fma(forget, S.Load(cell + unit), S.Div(candidate, S.Mul(input, S.Add(candidate, two))));
                S.Store(next + unit - first, c);
                S.Store(Lanes<S, F, I>.Target(cellOut, unit, hidden, beside), c);
            }

            for (var unit = first; unit < end; unit += S.Lanes)
            {
                var t = LaneMath<S, F, I>.Expm1OfTwice(S.Load(next + unit - first));
                var h = S.Div(t, S.Mul(S.Load(output + unit - first), S.Add(t, two)));
                S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, hidden, beside + Tile), h);
            }
        }

        Lanes<S, F, I>.Flush(cellOut, hidden, beside);
        Lanes<S, F, I>.Flush(hiddenOut, hidden, beside + Tile);
    }

    /// <summary>r = σ(xr + hr), z = σ(xz + hz), n = tanh(fma(r, hn, xn)), h' = fma(z, h - n, n).</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gru(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, nint units)
    {
        var candidate = stackalloc float[2 * Chunk + Tile];
        var update = candidate + Chunk;
        var beside = update + Chunk;
        var one = S.Broadcast(1f);
        var two = S.Broadcast(2f);
        for (nint first = 0; first < units; first += Chunk)
        {
            var end = first + Chunk < units ? first + Chunk : units;
            for (var unit = first; unit < end; unit += S.Lanes)
            {
                var offset = (unit & -Tile) * 3 + (unit & Tile - 1);
                var x = gatesX + offset;
                var h = gatesH + offset;
                var reset = S.Div(one, S.Add(one, LaneMath<S, F, I>.ExpOfGate(S.Add(S.Load(x), S.Load(h)))));
                S.Store(candidate + unit - first, S.Fma(reset, S.Load(h + 2 * Tile), S.Load(x + 2 * Tile)));
                S.Store(update + unit - first, S.Div(one, S.Add(one, LaneMath<S, F, I>.ExpOfGate(S.Add(S.Load(x + Tile), S.Load(h + Tile))))));
            }

            for (var unit = first; unit < end; unit += S.Lanes)
            {
                var t = LaneMath<S, F, I>.Expm1OfTwice(S.Load(candidate + unit - first));
                var n = S.Div(t, S.Add(t, two));
                var h = S.Fma(S.Load(update + unit - first), S.Sub(S.Load(hidden + unit), n), n);
                S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, units, beside), h);
            }
        }

        Lanes<S, F, I>.Flush(hiddenOut, units, beside);
    }
}
