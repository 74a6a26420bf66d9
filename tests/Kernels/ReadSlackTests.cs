using System.Runtime.InteropServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Tests.Format;
using SeqRuntime.Tests.Operators;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Products read at most <see cref="KernelSet.ReadSlack"/> bytes after their weights: an unreadable page follows.</summary>
public sealed unsafe class ReadSlackTests
{
    private const int MostRows = 130;
    private const int MostColumns = 70;
    private static readonly int[] s_rows = [1, 2, 4, 5, 8, 12, 13, 16, 17, 20, 31, 32, 33, 36, 44, 48, 49, 52, 60, 63, 64, 65, 68, 80, 96, 112, 128, MostRows];
    private static readonly int[] s_columns = [1, 4, 5, 32, 33, MostColumns];

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void Of_packed_weights(int kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs mmap and mprotect of Linux");
        var format = (TensorFormat)kind;
        var random = new Random(kind);
        using var guarded = new GuardedFile(1 << 20);
        foreach (var rows in s_rows)
        {
            foreach (var columns in s_columns)
            {
                var layout = new WeightLayout(format, rows, columns);
                byte[] packed = [.. Weights.Pack(format, Numbers.Random(random, rows * columns), rows, columns, out _), .. new byte[KernelSet.ReadSlack]];
                using var memory = guarded.Put(packed).Pin();
                foreach (var m in (int[])[1, 2, 3, 4, 6])
                {
                    float[]? first = null;
                    foreach (var kernels in KernelTesting.Sets)
                    {
                        var y = Product(kernels, layout, (byte*)memory.Pointer, m);
                        first ??= y;
                        Numbers.AssertSameBits(first, y, $"{kernels.Name} {format} {m}×{columns}→{rows}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Of_dense_matrices()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs mmap and mprotect of Linux");
        var random = new Random(7);
        using var guarded = new GuardedFile(1 << 20);
        foreach (var n in s_rows)
        {
            foreach (var k in (int[])[1, 3, 40])
            {
                var b = new float[k * n + KernelSet.ReadSlack / sizeof(float)];
                Numbers.Random(random, k * n).CopyTo(b, 0);
                using var memory = guarded.Put(MemoryMarshal.AsBytes(b.AsSpan())).Pin();
                foreach (var m in (int[])[1, 2, 3, 4, 6])
                {
                    float[]? first = null;
                    using var a = new GuardedMemory<float>(KernelTesting.Values(new Random(m), m * k));
                    foreach (var kernels in KernelTesting.Sets)
                    {
                        using var y = new GuardedMemory<float>(m * n);
                        kernels.GemmDense(new FloatRows(a.Pointer, k, m), new FloatRows((float*)memory.Pointer, n, k), new OutputRange(y.Pointer, n, n));
                        first ??= y.Span.ToArray();
                        Numbers.AssertSameBits(first, y.Span, $"{kernels.Name} dense {m}×{k}→{n}");
                    }
                }
            }
        }
    }

    /// <summary>Windows read weights, input and initial values; each ends before an unreadable page. All outputs, and nothing else, are written.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_windows(bool isWeighted)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs mmap and mprotect of Linux");
        var random = new Random(3);
        using GuardedFile weightPages = new(1 << 16), sourcePages = new(1 << 16), initPages = new(1 << 12);
        foreach (var (rows, taps) in ((int, int)[])[(1, 1), (3, 5), (4, 9), (6, 2), (9, 3)])
        {
            using var places = new GuardedMemory<nint>([.. Enumerable.Range(0, taps).Select(tap => (nint)tap)]);
            using var weights = WithSlack(weightPages, Numbers.Random(random, rows * taps)).Pin();
            using var init = WithSlack(initPages, Numbers.Random(random, rows)).Pin();
            foreach (var width in (int[])[1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 47, 49, 63, 65, 100])
            {
                using var source = WithSlack(sourcePages, Numbers.Random(random, width + taps - 1)).Pin();
                float[]? first = null;
                foreach (var kernels in KernelTesting.Sets)
                {
                    using var y = new GuardedMemory<float>(rows * width);
                    kernels.Windows(new WindowRows
                    {
                        Weights = isWeighted ? (float*)weights.Pointer : null,
                        WeightRow = taps,
                        WeightTap = 1,
                        Source = (float*)source.Pointer,
                        Taps = places.Pointer,
                        TapCount = taps,
                        Init = (float*)init.Pointer,
                        Target = y.Pointer,
                        TargetRow = width,
                        Groups = 1,
                        Rows = rows,
                        Lines = 1,
                        Width = width,
                    });
                    var what = $"{kernels.Name}, {rows} outputs of {taps} taps, {width} windows";
                    y.Check(what);
                    first ??= y.Span.ToArray();
                    Numbers.AssertSameBits(first, y.Span, what);
                }
            }
        }
    }

    [Theory]
    [InlineData((int)TensorFormat.PackedFloat32)]
    [InlineData((int)TensorFormat.PackedFloat16)]
    [InlineData((int)TensorFormat.PackedBFloat16)]
    public void Of_unpacked_weights(int kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs mmap and mprotect of Linux");
        var format = (TensorFormat)kind;
        var random = new Random(kind);
        using var guarded = new GuardedFile(1 << 20);
        foreach (var rows in s_rows)
        {
            foreach (var columns in s_columns)
            {
                var layout = new WeightLayout(format, rows, columns);
                byte[] packed = [.. Weights.Pack(format, Numbers.Random(random, rows * columns), rows, columns, out var stored), .. new byte[KernelSet.ReadSlack]];
                using var memory = guarded.Put(packed).Pin();
                foreach (var kernels in KernelTesting.Sets)
                {
                    using var y = new GuardedMemory<float>(layout.PaddedRows * columns + KernelSet.Tile);
                    kernels.Unpack(new PackedMatrix((byte*)memory.Pointer, layout), y.Pointer);
                    y.Check($"{kernels.Name} {format} {columns}→{rows}");
                    var floats = new WeightLayout(TensorFormat.PackedFloat32, rows, columns);
                    for (var row = 0; row < rows; row++)
                    {
                        for (var column = 0; column < columns; column++) Assert.Equal(stored[row * columns + column], y.Pointer[floats.Offset(row, column) / sizeof(float)]);
                    }
                }
            }
        }
    }

    private static ReadOnlyMemory<byte> WithSlack(GuardedFile pages, float[] numbers) =>
        pages.Put([.. MemoryMarshal.AsBytes(numbers.AsSpan()), .. new byte[KernelSet.ReadSlack]]);

    private static float[] Product(KernelSet kernels, WeightLayout layout, byte* w, int m)
    {
        var (rows, columns, stride) = (layout.Rows, layout.Columns, (int)KernelSet.QuantizedStride(layout.Columns));
        using var y = new GuardedMemory<float>(m * rows);
        if (!layout.IsInteger)
        {
            using var x = new GuardedMemory<float>(KernelTesting.Values(new Random(m), m * columns));
            kernels.Multiply(new PackedMatrix(w, layout), new FloatRows(x.Pointer, columns, m), new OutputRange(y.Pointer, rows, rows));
            return y.Span.ToArray();
        }

        var random = new Random(m);
        using var q = new GuardedMemory<sbyte>(new sbyte[m * stride]);
        for (var i = 0; i < m; i++)
        {
            for (var k = 0; k < columns; k++) q.Pointer[i * stride + k] = (sbyte)random.Next(-127, 128);
        }

        using var scales = new GuardedMemory<float>(KernelTesting.Values(random, m));
        var narrow = layout.Format.Expand(layout, 1, w);
        var matrix = narrow is null ? PackedMatrix.Whole(w, layout) : new PackedMatrix(w, layout, narrow.Scales(0), narrow.Sums(0));
        kernels.Multiply(matrix, new QuantizedRows(q.Pointer, stride, scales.Pointer, m), new OutputRange(y.Pointer, rows, rows));
        GC.KeepAlive(narrow);
        return y.Span.ToArray();
    }
}
