using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class CumSumTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Sums_along_any_axis_in_any_direction(bool isExclusive, bool isReverse)
    {
        var random = new Random(47);
        var op = new CumSum(new Attributes().Set(AttributeKey.Exclusive, isExclusive).Set(AttributeKey.Reverse, isReverse));
        for (var i = 0; i < 40; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 5));
            var axis = random.Next(shape.Length);
            Check(op, Nd.Random<int>(random, shape, least: -99, most: 99), axis, isExclusive, isReverse);
            Check(op, Nd.Random<long>(random, shape, least: -99, most: 99), axis - shape.Length, isExclusive, isReverse);
            Check(op, Nd.Random<byte>(random, shape, least: 0, most: 255), axis, isExclusive, isReverse);
            Check(op, Nd.Random<sbyte>(random, shape, least: -128, most: 127), axis, isExclusive, isReverse);
            Check(op, Nd.Random(random, shape), axis, isExclusive, isReverse);
            Check(op, Nd.Random(random, shape).Map(v => (double)v), axis, isExclusive, isReverse);
        }
    }

    [Fact]
    public void Axes_that_are_not_there_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Scalar(1).Run(new CumSum(new Attributes())));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([], 1).Scalar(0).Run(new CumSum(new Attributes())));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Scalar(0f).Run(new CumSum(new Attributes())));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1], true).Scalar(0).Run(new CumSum(new Attributes())));
    }

    private static void Check<T>(CumSum op, Nd<T> x, int axis, bool isExclusive, bool isReverse)
        where T : unmanaged, INumber<T>
    {
        var own = axis < 0 ? axis + x.Rank : axis;
        var expected = Nd.Build(x.Shape, i =>
        {
            var places = isReverse ? Enumerable.Range(i[own], x.Shape[own] - i[own]).Reverse() : Enumerable.Range(0, i[own] + 1);
            return places.Where(p => !isExclusive || p != i[own]).Select(p => x[Nd.With(i, own, p)]).Aggregate(T.Zero, (a, b) => unchecked(a + b));
        });
        Nd.Same(expected, new OperatorHarness().Dense(x).Scalar((long)axis).Run(op)[0]);
    }
}
