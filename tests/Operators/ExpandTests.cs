using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ExpandTests
{
    [Fact]
    public void Repeats_random_shapes_by_broadcasting()
    {
        var random = new Random(36);
        for (var i = 0; i < 100; i++)
        {
            var full = Nd.Shape(random, random.Next(0, 6));
            int[] from = Nd.Narrowed(random, full), to = Nd.Narrowed(random, full);
            Check<byte>(from, to);
            Check<float>(from, to);
            Check<long>(from, to);
        }
    }

    [Fact]
    public void Shapes_that_do_not_broadcast_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([2], 1, 2);
        Assert.Throws<ArgumentException>(() => X().Integers(3).Run(new Expand()));
        Assert.Throws<ArgumentException>(() => X().Integers(-1, 2).Run(new Expand()));
        Assert.Throws<ArgumentException>(() => X().Integers(1, 1, 1, 1, 1, 1, 1, 1, 2).Run(new Expand()));
        Assert.Throws<TooLargeException>(() => X().Integers(65536, 65536, 2).Run(new Expand()));
    }

    private static void Check<T>(int[] from, int[] to)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(from);
        Nd.Same(Nd.Build(Nd.Broadcast(from, to), i => x.At(i)), new OperatorHarness().Dense(x).Integers(to).Run(new Expand())[0]);
    }
}
