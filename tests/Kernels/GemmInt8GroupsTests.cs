using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Tests.Kernels;

/// <summary>int8g32 products: every set against plain sums, exact within a group, then one chain over groups, bit for bit.</summary>
public sealed unsafe class GemmInt8GroupsTests
{
    private const int Group = Int8GroupFormat.Group;

    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 120)]
    [InlineData(3, 60)]
    [InlineData(17, 60)]
    [InlineData(150, 6)]
    public void Exact_sums_of_groups_go_through_one_fma_chain(int maxRows, int cases)
    {
        var random = new Random(400 + maxRows);
        for (var i = 0; i < cases; i++)
        {
            var extreme = i % 7 == 0;
            var m = random.Next(1, maxRows + 1);
            var rows = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            var columns = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            Check(random, m, rows, columns, random.Next(3) == 0 ? random.Next(1, rows + 1) : rows, _ => extreme ? (sbyte)(random.Next(2) * 254 - 127) : (sbyte)random.Next(-127, 128), _ => extreme ? (sbyte)(random.Next(2) * 254 - 127) : (sbyte)random.Next(-127, 128), i % 5 == 0 ? 12 : 0);
        }
    }

    /// <summary>The largest sums of pairs and groups: nothing saturates, -128 neither, which no writer stores.</summary>
    [Fact]
    public void Extremes_are_exact()
    {
        var random = new Random(15);
        foreach (sbyte w in (sbyte[])[127, -127, -128, 0])
        {
            foreach (sbyte x in (sbyte[])[127, -127, 0])
            {
                foreach (var period in (int[])[1, 2, 4, 1000])
                {
                    foreach (var m in (int[])[1, 2, 3]) Check(random, m, rows: 48, columns: 77, 48, k => k % 77 / period % 2 == 0 || w == -128 ? w : (sbyte)-w, k => (sbyte)(k % 77 / period % 2 == 0 ? x : -x), oneIn: 0);
                }
            }
        }
    }

    /// <summary>As many groups as a matrix may have: few rows share a walk.</summary>
    [Fact]
    public void The_longest_rows_are_summed()
    {
        var random = new Random(16);
        foreach (var m in (int[])[1, 2, 5]) Check(random, m, rows: 6, Int8GroupFormat.MostColumns, 6, _ => (sbyte)random.Next(-127, 128), _ => (sbyte)random.Next(-127, 128), oneIn: 0);
    }

    /// <summary>m rows of inputs by the first n rows of a matrix, on every kernel set.</summary>
    private static void Check(Random random, int m, int rows, int columns, int n, Func<int, sbyte> weight, Func<int, sbyte> input, int oneIn)
    {
        var stride = (int)KernelSet.QuantizedStride(columns);
        var ldy = n + random.Next(3);
        var layout = new WeightLayout(TensorFormat.GroupedInt8, rows, columns);
        sbyte[] weights = [.. Enumerable.Range(0, rows * columns).Select(weight)];
        float[] scales = [.. KernelTesting.Values(random, rows * layout.Groups, oneIn).Select(NarrowRows.Nearest)];
        using var w = new GuardedMemory<byte>(Int8GroupFormat.Pack(weights, scales, rows, columns));
        using var x = new GuardedMemory<sbyte>(new sbyte[m * stride]);
        for (var i = 0; i < m * columns; i++) x.Span[i / columns * stride + i % columns] = input(i);
        using var xscale = new GuardedMemory<float>(KernelTesting.Values(random, m));
        using var init = new GuardedMemory<float>(KernelTesting.Values(random, m * ldy));
        var kind = random.Next(3);
        var from = random.Next(2) * random.Next((n + 3) / 4) * 4;
        var start = kind == 0 ? null : init.Pointer;
        var ldinit = kind == 1 ? 0 : ldy;
        using var expected = new GuardedMemory<float>(new float[m * ldy]);
        for (var i = 0; i < m; i++)
        {
            for (var r = from; r < n; r++)
            {
                var sum = 0f;
                for (var first = 0; first < columns; first += Group)
                {
                    long exact = 0;
                    for (var k = first; k < Math.Min(first + Group, columns); k++) exact += weights[r * columns + k] * x.Span[i * stride + k];
                    sum = MathF.FusedMultiplyAdd(exact, scales[r * layout.Groups + first / Group], sum);
                }

                expected.Pointer[i * ldy + r] = MathF.FusedMultiplyAdd(sum, xscale.Pointer[i], start == null ? 0 : start[i * ldinit + r]);
            }
        }

        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(new float[m * ldy], random.Next(4));
            kernels.Multiply(PackedMatrix.Whole(w.Pointer, layout), new QuantizedRows(x.Pointer, stride, xscale.Pointer, m), new OutputRange(y.Pointer, ldy, n, start, ldinit, from));
            Numbers.AssertSameBits(expected.Span, y.Span, $"{kernels.Name} int8g32 {m}×{columns}→{from}..{n} of {rows}");
            y.Check($"{kernels.Name} int8g32 {m}×{columns}→{from}..{n} of {rows}");
        }
    }
}
