using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ReshapeTests
{
    [Theory]
    [InlineData(new[] { 4, 6 }, new[] { 4, 6 })]
    [InlineData(new[] { -1, 8 }, new[] { 3, 8 })]
    [InlineData(new[] { 0, -1 }, new[] { 2, 12 })]
    [InlineData(new[] { 0, 0, 0 }, new[] { 2, 3, 4 })]
    [InlineData(new[] { 24 }, new[] { 24 })]
    [InlineData(new[] { 1, 2, 1, -1, 1 }, new[] { 1, 2, 1, 12, 1 })]
    public void Reshape_takes_sizes_copies_zeros_and_fills_in_one_free_size(int[] target, int[] expected)
    {
        var x = Nd.Numbered<float>(2, 3, 4);
        var y = new OperatorHarness().Dense(x).Integers(target).Run(new Reshape(new Attributes(), ReshapeForm.Reshape))[0];
        Nd.Same(new Nd<float>(expected, x.Data), y);
    }

    [Fact]
    public void Reshape_of_nothing_takes_zeros_as_they_are_where_allowed()
    {
        var y = new OperatorHarness().Dense<float>([0, 3]).Integers(3, 0).Run(new Reshape(new Attributes().Set(AttributeKey.AllowZero, 1), ReshapeForm.Reshape))[0];
        Assert.Equal([3, 0], y.Shape);
    }

    [Fact]
    public void Reshape_to_a_scalar_and_back()
    {
        Assert.Empty(new OperatorHarness().Dense<float>([1, 1], 3).Integers().Run(new Reshape(new Attributes(), ReshapeForm.Reshape))[0].Shape);
        Assert.Equal([1], new OperatorHarness().Dense<float>([], 3).Integers(-1).Run(new Reshape(new Attributes(), ReshapeForm.Reshape))[0].Shape);
    }

    [Theory]
    [InlineData(new[] { 5, 5 })]
    [InlineData(new[] { -1, -1 })]
    [InlineData(new[] { -1, 5 })]
    [InlineData(new[] { -2 })]
    [InlineData(new[] { 2, 3, 4, 0 })]
    [InlineData(new[] { 1, 1, 1, 1, 1, 1, 1, 1, 24 })]
    public void Reshape_refuses_shapes_of_other_counts(int[] target) =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(Nd.Numbered<float>(2, 3, 4)).Integers(target).Run(new Reshape(new Attributes(), ReshapeForm.Reshape)));

    [Fact]
    public void Squeeze_takes_named_axes_or_all_of_size_one()
    {
        var x = Nd.Numbered<int>(1, 3, 1, 2);
        Assert.Equal([3, 1, 2], new OperatorHarness().Dense(x).Integers(0).Run(Op(ReshapeForm.Squeeze))[0].Shape);
        Assert.Equal([3, 2], new OperatorHarness().Dense(x).Integers(-2, 0).Run(Op(ReshapeForm.Squeeze))[0].Shape);
        Nd.Same(new Nd<int>([3, 2], x.Data), new OperatorHarness().Dense(x).Run(Op(ReshapeForm.Squeeze))[0]);
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(x).Integers(1).Run(Op(ReshapeForm.Squeeze)));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(x).Integers(4).Run(Op(ReshapeForm.Squeeze)));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(x).Integers(0, -4).Run(Op(ReshapeForm.Squeeze)));
    }

    [Fact]
    public void Unsqueeze_puts_new_axes_where_the_output_has_them()
    {
        var x = Nd.Numbered<byte>(3, 2);
        Nd.Same(new Nd<byte>([1, 3, 1, 2], x.Data), new OperatorHarness().Dense(x).Integers(2, 0).Run(Op(ReshapeForm.Unsqueeze))[0]);
        Assert.Equal([3, 2, 1], new OperatorHarness().Dense(x).Integers(-1).Run(Op(ReshapeForm.Unsqueeze))[0].Shape);
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(x).Integers(3).Run(Op(ReshapeForm.Unsqueeze)));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(x).Integers(0, 1, 2, 3, 4, 5, 6).Run(Op(ReshapeForm.Unsqueeze)));
    }

    [Theory]
    [InlineData(0, 1, 24)]
    [InlineData(1, 2, 12)]
    [InlineData(3, 24, 1)]
    [InlineData(-1, 6, 4)]
    [InlineData(-3, 1, 24)]
    public void Flatten_gives_a_matrix(int axis, int rows, int columns)
    {
        var x = Nd.Numbered<float>(2, 3, 4);
        Nd.Same(new Nd<float>([rows, columns], x.Data), new OperatorHarness().Dense(x).Run(new Reshape(new Attributes().Set(AttributeKey.Axis, axis), ReshapeForm.Flatten))[0]);
    }

    [Fact]
    public void Flatten_refuses_an_axis_that_is_not_there() =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(Nd.Numbered<float>(2)).Run(new Reshape(new Attributes().Set(AttributeKey.Axis, 2), ReshapeForm.Flatten)));

    [Fact]
    public void Identity_is_its_input() => Nd.Same(Nd.Numbered<long>(2, 0, 3), new OperatorHarness().Dense(Nd.Numbered<long>(2, 0, 3)).Run(Op(ReshapeForm.Identity))[0]);

    private static Reshape Op(ReshapeForm form) => new(new Attributes(), form);
}
