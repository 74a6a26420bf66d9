using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ReverseSequenceTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Reverses_the_first_steps_of_each_sequence(int timeAxis)
    {
        var random = new Random(45);
        var attributes = new Attributes().Set(AttributeKey.TimeAxis, timeAxis).Set(AttributeKey.BatchAxis, 1 - timeAxis);
        for (var i = 0; i < 60; i++)
        {
            var x = Nd.Numbered<float>(Nd.Shape(random, random.Next(2, 5)));
            var lengths = Nd.Random<long>(random, [x.Shape[1 - timeAxis]], 0, x.Shape[timeAxis]);
            var expected = Nd.Build(x.Shape, index =>
            {
                var length = (int)lengths[index[1 - timeAxis]];
                return index[timeAxis] < length ? x[Nd.With(index, timeAxis, length - 1 - index[timeAxis])] : x[index];
            });
            Nd.Same(expected, new OperatorHarness().Dense(x).Dense(lengths).Run(new ReverseSequence(attributes))[0]);
        }
    }

    [Fact]
    public void Impossible_lengths_and_axes_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense(Nd.Numbered<float>(3, 2));
        var op = new ReverseSequence(new Attributes());
        Assert.Throws<ArgumentException>(() => X().Integers(1, 4).Run(op));
        Assert.Throws<ArgumentException>(() => X().Integers(-1, 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Integers(1, 1, 1).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Integers(1).Run(op));
        Assert.Throws<SeqFormatException>(() => new ReverseSequence(new Attributes().Set(AttributeKey.TimeAxis, 1)));
    }
}
