using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class TileTests
{
    [Fact]
    public void Repeats_random_shapes()
    {
        var random = new Random(37);
        for (var i = 0; i < 100; i++)
        {
            var shape = Nd.Shape(random, random.Next(0, 6));
            int[] repeats = [.. shape.Select(_ => random.Next(4))];
            Check<byte>(shape, repeats);
            Check<float>(shape, repeats);
            Check<long>(shape, repeats);
        }
    }

    [Fact]
    public void Impossible_repeats_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([2], 1, 2);
        Assert.Throws<ArgumentException>(() => X().Integers(1, 1).Run(new Tile()));
        Assert.Throws<ArgumentException>(() => X().Integers(-1).Run(new Tile()));
        Assert.Throws<TooLargeException>(() => X().Integers(int.MaxValue).Run(new Tile()));
    }

    private static void Check<T>(int[] shape, int[] repeats)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var expected = Nd.Build([.. shape.Zip(repeats, (size, repeat) => size * repeat)], index => x[[.. index.Select((place, axis) => place % shape[axis])]]);
        Nd.Same(expected, new OperatorHarness().Dense(x).Integers(repeats).Run(new Tile())[0]);
    }
}
