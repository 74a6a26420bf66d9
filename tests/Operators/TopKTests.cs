using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class TopKTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Finds_the_first_of_the_order_along_any_axis(bool isLargest)
    {
        var random = new Random(48);
        for (var i = 0; i < 50; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 5));
            var axis = random.Next(shape.Length);
            shape[axis] = random.Next(0, 40);
            var k = random.Next(shape[axis] + 1);
            Check(Nd.Random<float>(random, shape, least: -9, most: 9), axis, k, isLargest);
            Check(Nd.Random<double>(random, shape, least: -9, most: 9), axis, k, isLargest);
            Check(Nd.Random<int>(random, shape, least: -9, most: 9), axis, k, isLargest);
            Check(Nd.Random<long>(random, shape, least: -9, most: 9), axis, k, isLargest);
            Check(Nd.Random<sbyte>(random, shape, least: -9, most: 9), axis, k, isLargest);
            Check(Nd.Random<byte>(random, shape, least: 0, most: 9), axis, k, isLargest);
        }
    }

    [Fact]
    public void NaN_counts_as_largest()
    {
        float[] x = [1, float.NaN, float.PositiveInfinity, -1, float.NaN];
        Assert.Equal([1L, 4, 2], new OperatorHarness().Dense([5], x).Integers(3).Run(new TopK(new Attributes()), 2)[1].As<long>());
        Assert.Equal([3L, 0, 2, 1], new OperatorHarness().Dense([5], x).Integers(4).Run(new TopK(new Attributes().Set(AttributeKey.Largest, 0)), 2)[1].As<long>());
    }

    [Fact]
    public void Either_output_may_be_left_out()
    {
        Assert.Equal([2L], new OperatorHarness().Dense<float>([3], 1, 2, 3).Integers(1).Omit(0).Run(new TopK(new Attributes()), 2)[1].As<long>());
        Assert.Equal([3f], new OperatorHarness().Dense<float>([3], 1, 2, 3).Integers(1).Omit(1).Run(new TopK(new Attributes()), 2)[0].As<float>());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void A_K_larger_than_the_axis_is_refused(int k) =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([3], 1, 2, 3).Integers(k).Run(new TopK(new Attributes()), 2));

    private static void Check<T>(Nd<T> x, int axis, int k, bool isLargest)
        where T : unmanaged, INumber<T>
    {
        var results = new OperatorHarness().Dense(x).Integers(k).Run(new TopK(new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.Largest, isLargest)), 2);
        var shape = Nd.With(x.Shape, axis, k);
        var order = Nd.Build(shape, i =>
        {
            var line = Enumerable.Range(0, x.Shape[axis]);
            T Value(int p) => x[Nd.With(i, axis, p)];
            return (long)(isLargest ? line.OrderByDescending(Value) : line.OrderBy(Value)).ElementAt(i[axis]);
        });
        Nd.Same(order, results[1]);
        Nd.Same(Nd.Build(shape, i => x[Nd.With(i, axis, (int)order[i])]), results[0]);
    }
}
