using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Perf.Gate;

/// <summary>
/// Plain loops that the gate divides by, simply written with <see cref="Vector{T}"/>. They read as many bytes and multiply as often as the
/// work that they are compared with. So the machine's speed, its caches and other programs affect both alike.
/// </summary>
internal static class Reference
{
    private const int LineBytes = 64;

    /// <summary>y = W·x in fp32, for a matrix of about this many elements.</summary>
    public static Action Float32(long elements)
    {
        var columns = Columns(elements);
        var rows = (int)(elements / columns);
        var (w, x, y) = (Aligned(rows * columns, 0.01f), Aligned(columns, 0.5f), Aligned(rows, 0f));
        return () => MultiplyFloat32(Vectors(w), Vectors(x), y.Span);
    }

    /// <summary>y = W·x in int8.</summary>
    public static Action Int8(long elements)
    {
        var columns = Columns(elements);
        var rows = (int)(elements / columns);
        var (w, x, y) = (Aligned(rows * columns, (sbyte)3), Aligned(columns, (sbyte)5), Aligned(rows, 0));
        return () => MultiplyInt8(Vectors(w), Vectors(x), y.Span);
    }

    /// <summary>A polynomial of degree 12 over a row: as much arithmetic as an activation.</summary>
    public static Action Polynomial(int elements)
    {
        var (x, y) = (Aligned(elements, 0.3f), Aligned(elements, 0f));
        return () => Horner(Vectors(x), Vectors(y));
    }

    private static int Columns(long elements) => elements >= 1 << 16 ? 512 : 128;

    private static Span<Vector<T>> Vectors<T>(Memory<T> memory)
        where T : unmanaged => MemoryMarshal.Cast<T, Vector<T>>(memory.Span);

    /// <summary>Elements that start at a cache line and do not move. A loop whose vectors straddle cache lines takes twice as long.</summary>
    private static unsafe Memory<T> Aligned<T>(int count, T value)
        where T : unmanaged
    {
        var array = GC.AllocateUninitializedArray<T>(count + LineBytes / sizeof(T), pinned: true);
        Array.Fill(array, value);
        var past = (int)((nint)Unsafe.AsPointer(ref array[0]) % LineBytes);
        return array.AsMemory((LineBytes - past) % LineBytes / sizeof(T), count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyFloat32(ReadOnlySpan<Vector<float>> weights, ReadOnlySpan<Vector<float>> vectors, Span<float> y)
    {
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
    private static void MultiplyInt8(ReadOnlySpan<Vector<sbyte>> weights, ReadOnlySpan<Vector<sbyte>> vectors, Span<int> y)
    {
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
    private static void Horner(ReadOnlySpan<Vector<float>> from, Span<Vector<float>> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            var value = from[i];
            var sum = value;
            for (var degree = 0; degree < 12; degree++) sum = Vector.FusedMultiplyAdd(sum, value, new Vector<float>(0.25f));
            to[i] = sum;
        }
    }
}
