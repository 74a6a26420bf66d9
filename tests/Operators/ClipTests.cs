using System.Numerics;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ClipTests
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Keeps_every_type_within_its_bounds(bool hasLow, bool hasHigh)
    {
        Check<float>(hasLow, hasHigh);
        Check<double>(hasLow, hasHigh);
        Check<int>(hasLow, hasHigh);
        Check<long>(hasLow, hasHigh);
        Check<sbyte>(hasLow, hasHigh);
        Check<byte>(hasLow, hasHigh);
    }

    [Fact]
    public void NaN_stays_and_the_maximum_wins_over_the_minimum()
    {
        Assert.True(float.IsNaN(new OperatorHarness().Dense<float>([1], float.NaN).Scalar(0f).Scalar(1f).Run(new Clip())[0].As<float>()[0]));
        Assert.True(double.IsNaN(new OperatorHarness().Dense<double>([1], double.NaN).Scalar(0.0).Scalar(1.0).Run(new Clip())[0].As<double>()[0]));
        Assert.Equal([1f], new OperatorHarness().Dense<float>([1], 5).Scalar(3f).Scalar(1f).Run(new Clip())[0].As<float>());
        Assert.Equal([1], new OperatorHarness().Dense([1], 5).Scalar(3).Scalar(1).Run(new Clip())[0].As<int>());
    }

    [Fact]
    public void Wrong_bounds_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([2], 1, 2);
        Assert.Throws<ArgumentException>(() => X().Scalar(1).Run(new Clip()));
        Assert.Throws<ArgumentException>(() => X().Dense<float>([2], 1, 2).Run(new Clip()));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1], true).Run(new Clip()));
    }

    private static void Check<T>(bool hasLow, bool hasHigh)
        where T : unmanaged, INumber<T>
    {
        T low = T.CreateTruncating(20), high = T.CreateTruncating(90);
        foreach (var shape in new int[][] { [], [0], [37], [2, 3, 4] })
        {
            var x = Nd.Random<T>(new Random(50), shape, least: 0, most: 120);
            var harness = new OperatorHarness().Dense(x);
            if (hasLow) harness.Scalar(low);
            else harness.Absent();
            if (hasHigh) harness.Dense([1], high);
            Nd.Same(x.Map(v => hasLow && v < low ? low : hasHigh && v > high ? high : v), harness.Run(new Clip())[0]);
        }
    }
}
