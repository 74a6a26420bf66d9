using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ScatterElementsTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("add")]
    [InlineData("mul")]
    [InlineData("max")]
    [InlineData("min")]
    public void Updates_apply_in_order_for_every_type(string reduction)
    {
        var random = new Random(41);
        for (var i = 0; i < 40; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 5), withEmpty: false);
            var axis = random.Next(shape.Length);
            var indices = Nd.Random<long>(random, [.. shape.Select((size, d) => random.Next(d == axis ? 7 : size + 1))], -shape[axis], shape[axis] - 1);
            Check<float>(random, shape, axis, indices, reduction);
            Check<double>(random, shape, axis, indices, reduction);
            Check<int>(random, shape, axis, indices, reduction);
            Check<long>(random, shape, axis, indices, reduction);
            Check<sbyte>(random, shape, axis, indices, reduction);
            Check<byte>(random, shape, axis, indices, reduction);
        }
    }

    [Fact]
    public void Shapes_and_indices_that_do_not_fit_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([2], 1, 2);
        var op = new ScatterElements(new Attributes());
        Assert.Throws<ArgumentException>(() => X().Integers(2).Dense<float>([1], 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Integers(0).Dense<float>([2], 1, 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Integers(0).Dense<int>([1], 1).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1], true).Integers(0).Dense([1], true).Run(new ScatterElements(new Attributes().Set(AttributeKey.Reduction, "add"))));
        Assert.Throws<SeqFormatException>(() => new ScatterElements(new Attributes().Set(AttributeKey.Reduction, "mean")));
    }

    private static void Check<T>(Random random, int[] shape, int axis, Nd<long> indices, string reduction)
        where T : unmanaged, INumber<T>
    {
        var data = Nd.Random<T>(random, shape, least: 0, most: 9);
        var updates = Nd.Random<T>(random, indices.Shape, least: 0, most: 9);
        var expected = data with { Data = [.. data.Data] };
        foreach (var i in Nd.Indices(indices.Shape))
        {
            var offset = Nd.Offset(shape, Nd.With(i, axis, (int)(indices[i] + shape[axis]) % shape[axis]));
            expected.Data[offset] = ScatterNDTests.Join(reduction, expected.Data[offset], updates[i]);
        }

        var op = new ScatterElements(new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.Reduction, reduction));
        Nd.Same(expected, new OperatorHarness().Dense(data).Dense(indices).Dense(updates).Run(op)[0]);
    }
}
