using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class SplitTests
{
    [Fact]
    public void Splits_into_parts_of_any_sizes()
    {
        var random = new Random(33);
        for (var i = 0; i < 60; i++)
        {
            var sizes = Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(4)).ToArray();
            var shape = Nd.Shape(random, random.Next(1, 5));
            var axis = random.Next(shape.Length);
            shape[axis] = sizes.Sum();
            var x = Nd.Random<int>(random, shape, least: -99, most: 99);
            Check(x, axis, sizes, new OperatorHarness().Dense(x).Integers(sizes));
        }
    }

    [Theory]
    [InlineData(6, 3, new[] { 2, 2, 2 })]
    [InlineData(7, 3, new[] { 3, 3, 1 })]
    [InlineData(4, 3, new[] { 2, 2, 0 })]
    public void Equal_parts_with_a_smaller_last(int size, int count, int[] sizes)
    {
        var x = Nd.Numbered<float>(2, size);
        Check(x, 1, sizes, new OperatorHarness().Dense(x));
        Assert.Equal(count, sizes.Length);
    }

    [Fact]
    public void Parts_that_nothing_reads_are_left_out()
    {
        var parts = new OperatorHarness().Dense<float>([4], 1, 2, 3, 4).Omit(0).Run(new Split(new Attributes()), 2);
        Assert.Equal([3f, 4], parts[1].As<float>());
    }

    [Theory]
    [InlineData(new[] { 1, 2 })]
    [InlineData(new[] { 5, -1 })]
    [InlineData(new[] { 3, 2 })]
    [InlineData(new[] { 4 })]
    public void Parts_that_do_not_add_up_are_refused(int[] sizes) =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([4], 1, 2, 3, 4).Integers(sizes).Run(new Split(new Attributes()), 2));

    private static void Check<T>(Nd<T> x, int axis, int[] sizes, OperatorHarness harness)
        where T : unmanaged
    {
        var parts = harness.Run(new Split(new Attributes().Set(AttributeKey.Axis, axis)), sizes.Length);
        var start = 0;
        for (var part = 0; part < sizes.Length; part++)
        {
            var from = start;
            Nd.Same(Nd.Build(Nd.With(x.Shape, axis, sizes[part]), i => x[Nd.With(i, axis, i[axis] + from)]), parts[part]);
            start += sizes[part];
        }
    }
}
