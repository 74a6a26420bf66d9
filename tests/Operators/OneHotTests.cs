using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class OneHotTests
{
    [Fact]
    public void Switches_one_element_on_for_each_index()
    {
        var random = new Random(44);
        for (var i = 0; i < 60; i++)
        {
            var shape = Nd.Shape(random, random.Next(0, 4));
            var axis = random.Next(-shape.Length - 1, shape.Length + 1);
            var indices = Nd.Random<long>(random, shape, least: -7, most: 7);
            Check<byte, long>(indices, axis);
            Check<float, float>(indices.Map(v => (float)v), axis);
            Check<double, sbyte>(indices.Map(v => (sbyte)v), axis);
        }
    }

    [Fact]
    public void Depth_may_be_any_number_and_fractions_are_cut_off()
    {
        var y = new OperatorHarness().Dense<float>([2], 1.7f, -0.5f).Scalar(3.9f).Dense([2], false, true).Run(new OneHot(new Attributes()))[0];
        Nd.Same(new Nd<bool>([2, 3], [false, true, false, true, false, false]), y);
        Assert.Equal([1, 0], new OperatorHarness().Integers(0).Scalar((byte)0).Dense<float>([2], 0, 1).Run(new OneHot(new Attributes()))[0].Shape);
        Assert.Equal([1f, 0, 0, 0], new OperatorHarness().Dense<float>([2], float.NaN, float.PositiveInfinity).Scalar(2).Dense<float>([2], 0, 1).Run(new OneHot(new Attributes()))[0].As<float>());
    }

    [Fact]
    public void Impossible_depths_and_values_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Integers(0);
        var op = new OneHot(new Attributes());
        Assert.Throws<ArgumentException>(() => X().Scalar(-1).Dense<float>([2], 0, 1).Run(op));
        Assert.Throws<TooLargeException>(() => X().Scalar(1e30f).Dense<float>([2], 0, 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Scalar(3).Dense<float>([3], 0, 1, 2).Run(op));
        Assert.Throws<ArgumentException>(() => X().Integers(3, 3).Dense<float>([2], 0, 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Scalar(3).Dense<float>([2], 0, 1).Run(new OneHot(new Attributes().Set(AttributeKey.Axis, 2))));
    }

    private static void Check<T, TIndex>(Nd<TIndex> indices, int axis)
        where T : unmanaged, INumber<T>
        where TIndex : unmanaged, INumber<TIndex>
    {
        const int Depth = 5;
        T off = T.CreateTruncating(3), on = T.CreateTruncating(8);
        var place = axis < 0 ? axis + indices.Rank + 1 : axis;
        var expected = Nd.Build([.. indices.Shape[..place], Depth, .. indices.Shape[place..]], i =>
        {
            var index = int.CreateTruncating(indices[[.. i[..place], .. i[(place + 1)..]]]);
            return index == i[place] || index + Depth == i[place] ? on : off;
        });
        Nd.Same(expected, new OperatorHarness().Dense(indices).Scalar(Depth).Dense([2], off, on).Run(new OneHot(new Attributes().Set(AttributeKey.Axis, axis)))[0]);
    }
}
