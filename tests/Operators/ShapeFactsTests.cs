using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ShapeFactsTests
{
    [Theory]
    [InlineData(0, int.MaxValue, new long[] { 2, 0, 5 })]
    [InlineData(1, int.MaxValue, new long[] { 0, 5 })]
    [InlineData(-1, int.MaxValue, new long[] { 5 })]
    [InlineData(0, -1, new long[] { 2, 0 })]
    [InlineData(-9, 2, new long[] { 2, 0 })]
    [InlineData(2, 1, new long[0])]
    public void Shape_takes_a_start_and_an_end(int start, int end, long[] expected)
    {
        var op = new ShapeOf(new Attributes().Set(AttributeKey.Start, start).Set(AttributeKey.End, end));
        Nd.Same(new Nd<long>([expected.Length], expected), new OperatorHarness().Dense<float>([2, 0, 5]).Run(op)[0]);
        Assert.True(op.DependsOnShapesOnly);
    }

    [Fact]
    public void Size_is_the_number_of_elements()
    {
        Nd.Same(new Nd<long>([], [6]), new OperatorHarness().Dense(Nd.Numbered<float>(2, 3)).Run(new SizeOf())[0]);
        Nd.Same(new Nd<long>([], [1]), new OperatorHarness().Dense<byte>([], 7).Run(new SizeOf())[0]);
        Assert.True(new SizeOf().DependsOnShapesOnly);
    }
}
