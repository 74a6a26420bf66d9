using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ConcatTests
{
    [Fact]
    public void Puts_random_parts_one_after_the_other()
    {
        var random = new Random(32);
        for (var i = 0; i < 100; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 6));
            var axis = random.Next(shape.Length);
            var parts = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Nd.Random<long>(random, Nd.With(shape, axis, random.Next(4)), least: -9, most: 9)).ToArray();
            var harness = new OperatorHarness();
            foreach (var part in parts) harness.Dense(part);
            var expected = Nd.Build(Nd.With(shape, axis, parts.Sum(p => p.Shape[axis])), index =>
            {
                var place = index[axis];
                var part = 0;
                while (place >= parts[part].Shape[axis]) place -= parts[part++].Shape[axis];
                return parts[part][Nd.With(index, axis, place)];
            });
            var named = random.Next(2) == 0 ? axis : axis - shape.Length;
            Nd.Same(expected, harness.Run(new Concat(new Attributes().Set(AttributeKey.Axis, named)))[0]);
        }
    }

    [Fact]
    public void Other_types_ranks_and_sizes_are_refused()
    {
        var op = new Concat(new Attributes().Set(AttributeKey.Axis, 0));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Dense<int>([1], 1).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Dense<float>([1, 1], 1).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1, 2], 1, 2).Dense<float>([1, 1], 1).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([], 1).Dense<float>([], 1).Run(op));
    }
}
