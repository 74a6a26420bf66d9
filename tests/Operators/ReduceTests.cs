using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ReduceTests
{
    [Fact]
    public void Every_function_over_any_axes_in_the_order_of_one_row()
    {
        var random = new Random(55);
        foreach (var function in Enum.GetValues<ReduceFunction>())
        {
            for (var i = 0; i < 40; i++)
            {
                var shape = Nd.Shape(random, random.Next(0, 6), withEmpty: false);
                var x = Nd.Random(random, shape).Map(v => function == ReduceFunction.LogSum ? Math.Abs(v) + 0.1f : v);
                int[] axes = [.. Enumerable.Range(0, shape.Length).Where(_ => random.Next(2) == 0)];
                if (axes.Length == 0) axes = [.. Enumerable.Range(0, shape.Length)];
                var keepDims = random.Next(2) == 0;
                var y = Run(new OperatorHarness().Dense(x).Integers([.. axes.Select(a => random.Next(2) == 0 ? a : a - shape.Length)]), function, keepDims);
                var rows = Rows(x, axes);
                Assert.Equal(keepDims ? rows.Shape : shape.Where((_, axis) => !axes.Contains(axis)), y.Shape);
                Numbers.Close([.. rows.Lines.Select(row => Formula(function, row))], y.As<float>(), 1e-5, function.ToString());
                Assert.Equal(rows.Lines.Select(row => Kernel(function, row)), y.As<float>());
            }
        }
    }

    [Fact]
    public void Integers_and_doubles_in_ascending_order()
    {
        var random = new Random(56);
        foreach (var function in new[] { ReduceFunction.Sum, ReduceFunction.Mean, ReduceFunction.Max, ReduceFunction.Min, ReduceFunction.Prod, ReduceFunction.L1, ReduceFunction.SumSquare })
        {
            for (var i = 0; i < 20; i++)
            {
                var shape = Nd.Shape(random, random.Next(1, 5), withEmpty: false);
                int[] axes = [.. Enumerable.Range(0, shape.Length).Where(a => a == 0 || random.Next(2) == 0)];
                Check(Nd.Random<int>(random, shape, least: -9, most: 9), axes, function);
                Check(Nd.Random<long>(random, shape, least: -9, most: 9), axes, function);
                Check(Nd.Random(random, shape).Map(v => (double)v), axes, function);
                if (function is not (ReduceFunction.Max or ReduceFunction.Min)) continue;
                Check(Nd.Random<sbyte>(random, shape, least: -9, most: 9), axes, function);
                Check(Nd.Random<byte>(random, shape, least: 0, most: 9), axes, function);
            }
        }

        Assert.Equal([5.0], Run(new OperatorHarness().Dense<double>([2], 3, 4), ReduceFunction.L2).As<double>());
        Assert.Equal([true, false], Run(new OperatorHarness().Dense([2, 2], true, false, false, false).Integers(1), ReduceFunction.Max, keepDims: false).As<bool>());
        Assert.Equal([int.MinValue], Run(new OperatorHarness().Dense([2], int.MaxValue, 1), ReduceFunction.Sum).As<int>());
    }

    [Fact]
    public void No_axes_mean_all_or_none()
    {
        var x = Nd.Random(new Random(57), [2, 3]);
        Assert.Equal([1, 1], Run(new OperatorHarness().Dense(x), ReduceFunction.Sum).Shape);
        Assert.Equal([1, 1], Run(new OperatorHarness().Dense(x).Integers(), ReduceFunction.Sum).Shape);
        var noop = new Reduce(new Attributes().Set(AttributeKey.Function, ReduceFunction.SumSquare).Set(AttributeKey.NoopWithEmptyAxes, 1));
        Nd.Same(x, new OperatorHarness().Dense(x).Integers().Run(noop)[0]);
        Nd.Same(x, new OperatorHarness().Dense(x).Run(noop)[0]);
    }

    [Fact]
    public void An_empty_reduction_gives_the_neutral_element()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([0, 2]).Integers(0);
        Assert.Equal([0f, 0], Run(X(), ReduceFunction.Sum).As<float>());
        Assert.Equal([1f, 1], Run(X(), ReduceFunction.Prod).As<float>());
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], Run(X(), ReduceFunction.Max).As<float>());
        Assert.Equal([float.PositiveInfinity, float.PositiveInfinity], Run(X(), ReduceFunction.Min).As<float>());
        Assert.All(Run(X(), ReduceFunction.Mean).As<float>(), v => Assert.True(float.IsNaN(v)));
        Assert.Equal([double.NegativeInfinity], Run(new OperatorHarness().Dense<double>([0]), ReduceFunction.Max).As<double>());
        Assert.Equal([int.MinValue], Run(new OperatorHarness().Dense<int>([0]), ReduceFunction.Max).As<int>());
        Assert.Throws<ArgumentException>(() => Run(new OperatorHarness().Dense<int>([0]), ReduceFunction.Mean));
        Assert.Empty(Run(new OperatorHarness().Dense<float>([0, 2]).Integers(1), ReduceFunction.Sum).As<float>());
    }

    [Fact]
    public void Wrong_axes_and_types_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense(Nd.Numbered<float>(2, 2));
        Assert.Throws<ArgumentException>(() => Run(X().Integers(2), ReduceFunction.Sum));
        Assert.Throws<ArgumentException>(() => Run(X().Integers(0, -2), ReduceFunction.Sum));
        Assert.Throws<ArgumentException>(() => Run(X().Dense<float>([1], 0), ReduceFunction.Sum));
        Assert.Throws<ArgumentException>(() => Run(new OperatorHarness().Dense([1], 1), ReduceFunction.LogSumExp));
        Assert.Throws<ArgumentException>(() => Run(new OperatorHarness().Dense<byte>([1], 1), ReduceFunction.Sum));
    }

    private static OperatorHarness.Result Run(OperatorHarness harness, ReduceFunction function, bool keepDims = true) =>
        harness.Run(new Reduce(new Attributes().Set(AttributeKey.Function, function).Set(AttributeKey.KeepDims, keepDims)))[0];

    /// <summary>The elements of each result, in row-major order of the reduced axes. The shape has size 1 for them.</summary>
    private static (int[] Shape, T[][] Lines) Rows<T>(Nd<T> x, int[] axes)
        where T : unmanaged
    {
        int[] shape = [.. x.Shape.Select((size, axis) => axes.Contains(axis) ? 1 : size)];
        int[] inner = [.. x.Shape.Select((size, axis) => axes.Contains(axis) ? size : 1)];
        return (shape, [.. Nd.Indices(shape).Select(o => Nd.Indices(inner).Select(i => x[[.. o.Zip(i, (a, b) => a + b)]]).ToArray())]);
    }

    private static void Check<T>(Nd<T> x, int[] axes, ReduceFunction function)
        where T : unmanaged, INumber<T>
    {
        var rows = Rows(x, axes);
        var expected = rows.Lines.Select(row => function switch
        {
            ReduceFunction.Max => row.Max(),
            ReduceFunction.Min => row.Min(),
            ReduceFunction.Prod => row.Aggregate(T.One, (a, b) => a * b),
            ReduceFunction.L1 => row.Aggregate(T.Zero, (a, b) => a + T.Abs(b)),
            ReduceFunction.SumSquare => row.Aggregate(T.Zero, (a, b) => a + b * b),
            ReduceFunction.Mean => row.Aggregate(T.Zero, (a, b) => a + b) / T.CreateTruncating(row.Length),
            _ => row.Aggregate(T.Zero, (a, b) => a + b),
        });
        Nd.Same(new Nd<T>(rows.Shape, [.. expected]), Run(new OperatorHarness().Dense(x).Integers(axes), function));
    }

    private static double Formula(ReduceFunction function, float[] row) => function switch
    {
        ReduceFunction.Sum => row.Sum(v => (double)v),
        ReduceFunction.Mean => row.Average(v => (double)v),
        ReduceFunction.Max => row.Max(),
        ReduceFunction.Min => row.Min(),
        ReduceFunction.Prod => row.Aggregate(1.0, (a, b) => a * b),
        ReduceFunction.L1 => row.Sum(v => Math.Abs((double)v)),
        ReduceFunction.L2 => Math.Sqrt(row.Sum(v => (double)v * v)),
        ReduceFunction.SumSquare => row.Sum(v => (double)v * v),
        ReduceFunction.LogSum => Math.Log(row.Sum(v => (double)v)),
        _ => Math.Log(row.Sum(v => Math.Exp(v))),
    };

    private static unsafe float Kernel(ReduceFunction function, float[] row)
    {
        var padded = new float[row.Length + KernelSet.ReadSlack / sizeof(float)];
        row.CopyTo(padded, 0);
        fixed (float* x = padded) return KernelRegistry.Portable.Reduce(function, x, row.Length);
    }
}
