using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class GatherElementsTests
{
    [Fact]
    public void Takes_one_element_for_each_index()
    {
        var random = new Random(39);
        for (var i = 0; i < 100; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 6), withEmpty: false);
            var axis = random.Next(shape.Length);
            var indices = Nd.Random<int>(random, [.. shape.Select((size, d) => random.Next(d == axis ? 7 : size + 1))], -shape[axis], shape[axis] - 1);
            Check<byte>(shape, axis, indices);
            Check<float>(shape, axis, indices);
            Check<long>(shape, axis, indices);
        }
    }

    [Fact]
    public void Shapes_and_indices_that_do_not_fit_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense(Nd.Numbered<float>(2, 2));
        var op = new GatherElements(new Attributes());
        Assert.Throws<ArgumentException>(() => X().Integers(0).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([1, 3], 0, 0, 0).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([1, 1], 2).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<float>([1, 1], 0).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([1, 1], 0).Run(new GatherElements(new Attributes().Set(AttributeKey.Axis, 2))));
    }

    private static void Check<T>(int[] shape, int axis, Nd<int> indices)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var expected = Nd.Build(indices.Shape, i => x[Nd.With(i, axis, (indices[i] + shape[axis]) % shape[axis])]);
        Nd.Same(expected, new OperatorHarness().Dense(x).Dense(indices).Run(new GatherElements(new Attributes().Set(AttributeKey.Axis, axis)))[0]);
    }
}
