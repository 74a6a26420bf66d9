using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class TriluTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Keeps_one_triangle_of_each_matrix(bool isUpper)
    {
        var random = new Random(46);
        for (var i = 0; i < 60; i++)
        {
            var shape = Nd.Shape(random, random.Next(2, 5));
            var k = random.Next(-7, 8);
            Check<byte>(shape, k, isUpper);
            Check<float>(shape, k, isUpper);
            Check<long>(shape, k, isUpper);
        }
    }

    [Fact]
    public void Without_K_the_diagonal_is_the_border_and_any_K_is_possible()
    {
        var x = Nd.Numbered<float>(2, 2);
        Assert.Equal([1f, 2, 0, 4], new OperatorHarness().Dense(x).Run(new Trilu(new Attributes()))[0].As<float>());
        Assert.Equal([0f, 0, 0, 0], new OperatorHarness().Dense(x).Scalar(long.MaxValue).Run(new Trilu(new Attributes()))[0].As<float>());
        Assert.Equal(x.Data, new OperatorHarness().Dense(x).Scalar(long.MinValue).Run(new Trilu(new Attributes()))[0].As<float>());
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([2], 1, 2).Run(new Trilu(new Attributes())));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(x).Scalar(1f).Run(new Trilu(new Attributes())));
    }

    private static void Check<T>(int[] shape, int k, bool isUpper)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var expected = Nd.Build(shape, i => (isUpper ? i[^1] >= i[^2] + k : i[^1] <= i[^2] + k) ? x[i] : T.Zero);
        Nd.Same(expected, new OperatorHarness().Dense(x).Scalar((long)k).Run(new Trilu(new Attributes().Set(AttributeKey.Upper, isUpper)))[0]);
    }
}
