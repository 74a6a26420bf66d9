using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class GatherTests
{
    [Fact]
    public void Takes_slices_by_index_along_any_axis()
    {
        var random = new Random(38);
        for (var i = 0; i < 100; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 5));
            var axis = random.Next(shape.Length);
            shape[axis] = random.Next(1, 6);
            var indices = Nd.Random<int>(random, Nd.Shape(random, random.Next(0, 3)), -shape[axis], shape[axis] - 1);
            Check<byte>(shape, axis, indices);
            Check<float>(shape, axis, indices);
            Check<double>(shape, axis, indices);
        }
    }

    [Fact]
    public void Indices_outside_and_wrong_types_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([2], 1, 2);
        var op = new Gather(new Attributes());
        Assert.Contains("index 2; expected -2 to 1", Assert.Throws<ArgumentException>(() => X().Integers(2).Run(op)).Message);
        Assert.Throws<ArgumentException>(() => X().Integers(-3).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense([1], long.MinValue).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<float>([1], 0).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([0]).Integers(0).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([], 1).Integers(0).Run(op));
    }

    private static void Check<T>(int[] shape, int axis, Nd<int> indices)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var expected = Nd.Build([.. shape[..axis], .. indices.Shape, .. shape[(axis + 1)..]], i =>
        {
            var index = indices[i[axis..(axis + indices.Rank)]];
            return x[[.. i[..axis], index < 0 ? index + shape[axis] : index, .. i[(axis + indices.Rank)..]]];
        });
        Nd.Same(expected, new OperatorHarness().Dense(x).Dense(indices).Run(new Gather(new Attributes().Set(AttributeKey.Axis, axis)))[0]);
        Nd.Same(expected, new OperatorHarness().Dense(x).Dense(indices.Map(v => (long)v)).Computed().Run(new Gather(new Attributes().Set(AttributeKey.Axis, axis - shape.Length)))[0]);
    }
}
