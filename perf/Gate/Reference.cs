using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Perf.Gate;

/// <summary>
/// Plain loops that the gate divides by: what one would write in a minute with <see cref="Vector{T}"/>. They read as many bytes and
/// multiply as often as the work they stand beside, so that the machine's speed, its caches and its neighbours meet both alike.
/// </summary>
internal static class Reference
{
    /// <summary>y = W·x in fp32, for a matrix of about so many elements.</summary>
    public static Action Float32(long elements)
    {
        var columns = Columns(elements);
        var rows = (int)(elements / columns);
        var (w, x, y) = (Filled<float>(rows * columns, 0.01f), Filled<float>(columns, 0.5f), new float[rows]);
        return () => MultiplyFloat32(w, x, y);
    }

    /// <summary>y = W·x in int8.</summary>
    public static Action Int8(long elements)
    {
        var columns = Columns(elements);
        var rows = (int)(elements / columns);
        var (w, x, y) = (Filled<sbyte>(rows * columns, 3), Filled<sbyte>(columns, 5), new int[rows]);
        return () => MultiplyInt8(w, x, y);
    }

    /// <summary>A polynomial of degree 12 over a row: as much arithmetic as an activation.</summary>
    public static Action Polynomial(int elements)
    {
        var (x, y) = (Filled<float>(elements, 0.3f), new float[elements]);
        return () => Horner(x, y);
    }

    private static int Columns(long elements) => elements >= 1 << 16 ? 512 : 128;

    private static T[] Filled<T>(int count, T value)
    {
        var array = GC.AllocateUninitializedArray<T>(count, pinned: true);
        Array.Fill(array, value);
        return array;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyFloat32(float[] w, float[] x, float[] y)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(x.AsSpan());
        var weights = MemoryMarshal.Cast<float, Vector<float>>(w.AsSpan());
        for (var row = 0; row < y.Length; row++)
        {
            var line = weights.Slice(row * vectors.Length, vectors.Length);
            Vector<float> a = default, b = default, c = default, d = default;
            for (var k = 0; k + 3 < line.Length; k += 4)
            {
                a = Vector.FusedMultiplyAdd(line[k], vectors[k], a);
                b = Vector.FusedMultiplyAdd(line[k + 1], vectors[k + 1], b);
                c = Vector.FusedMultiplyAdd(line[k + 2], vectors[k + 2], c);
                d = Vector.FusedMultiplyAdd(line[k + 3], vectors[k + 3], d);
            }

            y[row] = Vector.Sum(a + b + c + d);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyInt8(sbyte[] w, sbyte[] x, int[] y)
    {
        var vectors = MemoryMarshal.Cast<sbyte, Vector<sbyte>>(x.AsSpan());
        var weights = MemoryMarshal.Cast<sbyte, Vector<sbyte>>(w.AsSpan());
        for (var row = 0; row < y.Length; row++)
        {
            var line = weights.Slice(row * vectors.Length, vectors.Length);
            Vector<int> a = default, b = default;
            for (var k = 0; k < line.Length; k++)
            {
                Vector.Widen(line[k], out var low, out var high);
                Vector.Widen(vectors[k], out var lowX, out var highX);
                Vector.Widen(low * lowX + high * highX, out var even, out var odd);
                a += even;
                b += odd;
            }

            y[row] = Vector.Sum(a + b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Horner(float[] x, float[] y)
    {
        var from = MemoryMarshal.Cast<float, Vector<float>>(x.AsSpan());
        var to = MemoryMarshal.Cast<float, Vector<float>>(y.AsSpan());
        for (var i = 0; i < to.Length; i++)
        {
            var value = from[i];
            var sum = value;
            for (var degree = 0; degree < 12; degree++) sum = Vector.FusedMultiplyAdd(sum, value, new Vector<float>(0.25f));
            to[i] = sum;
        }
    }
}
