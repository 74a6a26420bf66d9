using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class NumberRangeTests
{
    [Fact]
    public void Numbers_up_to_the_limit()
    {
        Assert.Equal([1f, 3], Run(1f, 5, 2).As<float>());
        Assert.Equal([0.5f, 0.75f, 1, 1.25f], Run(0.5f, 1.3f, 0.25f).As<float>());
        Assert.Equal([10.0, 7, 4], Run(10.0, 2, -3).As<double>());
        Assert.Equal([10, 7, 4], Run(10, 2, -3).As<int>());
        Assert.Equal([10, 8], Run(10, 6, -2).As<int>());
        Assert.Empty(Run(3, 3, 1).As<int>());
        Assert.Empty(Run(3L, 9, -1).As<long>());
        Assert.Equal([long.MaxValue - 3, long.MaxValue - 1], Run(long.MaxValue - 3, long.MaxValue, 2).As<long>());
        Assert.Equal([long.MinValue, -1, long.MaxValue - 1], Run(long.MinValue, long.MaxValue, long.MaxValue).As<long>());
    }

    [Fact]
    public void Ranges_without_end_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Run(0f, 1, 0));
        Assert.Throws<ArgumentException>(() => Run(0f, float.PositiveInfinity, 1));
        Assert.Throws<ArgumentException>(() => Run(float.NaN, 1, 1));
        Assert.Throws<ArgumentException>(() => Run(0L, 1, 0));
        Assert.Throws<TooLargeException>(() => Run(long.MinValue, long.MaxValue, 1));
        Assert.Throws<ArgumentException>(() => Run<byte>(0, 1, 1));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Scalar(1).Scalar(2L).Scalar(1).Run(new NumberRange()));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Integers(1, 2).Scalar(2L).Scalar(1L).Run(new NumberRange()));
    }

    private static OperatorHarness.Result Run<T>(T start, T limit, T delta)
        where T : unmanaged => new OperatorHarness().Scalar(start).Scalar(limit).Scalar(delta).Run(new NumberRange())[0];
}
