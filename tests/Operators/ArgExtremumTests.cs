using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ArgExtremumTests
{
    [Theory]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(false, false, false)]
    public void Names_the_first_or_last_extremum_along_any_axis(bool isMax, bool keepDims, bool isLast)
    {
        var random = new Random(49);
        for (var i = 0; i < 60; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 6));
            var axis = random.Next(shape.Length);
            shape[axis] = random.Next(1, 9);
            Check(Nd.Random<float>(random, shape, least: -3, most: 3), axis, isMax, keepDims, isLast);
            Check(Nd.Random<double>(random, shape, least: -3, most: 3), axis, isMax, keepDims, isLast);
            Check(Nd.Random<int>(random, shape, least: -3, most: 3), axis, isMax, keepDims, isLast);
            Check(Nd.Random<long>(random, shape, least: -3, most: 3), axis, isMax, keepDims, isLast);
            Check(Nd.Random<sbyte>(random, shape, least: -3, most: 3), axis, isMax, keepDims, isLast);
            Check(Nd.Random<byte>(random, shape, least: 0, most: 3), axis, isMax, keepDims, isLast);
        }
    }

    [Fact]
    public void An_axis_without_elements_is_refused_where_a_result_is_asked()
    {
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([2, 0]).Run(new ArgExtremum(new Attributes().Set(AttributeKey.Axis, 1), isMax: true)));
        Assert.Equal([1, 0], new OperatorHarness().Dense<float>([2, 0]).Run(new ArgExtremum(new Attributes(), isMax: true))[0].Shape);
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([], 1).Run(new ArgExtremum(new Attributes(), isMax: true)));
    }

    private static void Check<T>(Nd<T> x, int axis, bool isMax, bool keepDims, bool isLast)
        where T : unmanaged, INumber<T>
    {
        var attributes = new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.KeepDims, keepDims).Set(AttributeKey.SelectLastIndex, isLast);
        var expected = Nd.Build(Nd.With(x.Shape, axis, 1), i =>
        {
            var line = Enumerable.Range(0, x.Shape[axis]).Select(p => x[Nd.With(i, axis, p)]).ToArray();
            var extremum = isMax ? line.Max() : line.Min();
            return (long)(isLast ? Array.LastIndexOf(line, extremum) : Array.IndexOf(line, extremum));
        });
        if (!keepDims) expected = new Nd<long>([.. x.Shape[..axis], .. x.Shape[(axis + 1)..]], expected.Data);
        Nd.Same(expected, new OperatorHarness().Dense(x).Run(new ArgExtremum(attributes, isMax))[0]);
    }
}
