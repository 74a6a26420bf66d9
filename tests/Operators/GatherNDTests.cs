using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class GatherNDTests
{
    [Fact]
    public void Takes_slices_by_tuples_behind_batch_dimensions()
    {
        var random = new Random(40);
        for (var i = 0; i < 150; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 5), withEmpty: false);
            var batch = random.Next(shape.Length);
            var length = random.Next(1, shape.Length - batch + 1);
            int[] tuples = [.. shape[..batch], .. Nd.Shape(random, random.Next(0, 3)), length];
            var indices = Nd.Build(tuples, t => (long)random.Next(-shape[batch + t[^1]], shape[batch + t[^1]]));
            var x = Nd.Numbered<float>(shape);
            var outer = tuples.Length - 1;
            var expected = Nd.Build([.. tuples[..^1], .. shape[(batch + length)..]], index =>
            {
                var tuple = Enumerable.Range(0, length).Select(k => (int)(indices[[.. index[..outer], k]] + shape[batch + k]) % shape[batch + k]);
                return x[[.. index[..batch], .. tuple, .. index[outer..]]];
            });
            var op = new GatherND(new Attributes().Set(AttributeKey.BatchDims, batch));
            Nd.Same(expected, new OperatorHarness().Dense(x).Dense(indices).Run(op)[0]);
            Nd.Same(expected, new OperatorHarness().Dense(x).Dense(indices).Computed().Run(op)[0]);
        }
    }

    [Fact]
    public void Tuples_that_do_not_fit_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense(Nd.Numbered<float>(2, 2));
        var op = new GatherND(new Attributes());
        Assert.Throws<ArgumentException>(() => X().Dense<long>([3], 0, 0, 0).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([], 0).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([2], 0, 2).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([3, 1], 0, 0, 0).Run(new GatherND(new Attributes().Set(AttributeKey.BatchDims, 1))));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([2, 1], 0, 0).Run(new GatherND(new Attributes().Set(AttributeKey.BatchDims, -1))));
    }
}
