using System.Numerics;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class WhereTests
{
    [Fact]
    public void Chooses_with_broadcasting_of_all_three()
    {
        var random = new Random(43);
        for (var i = 0; i < 150; i++)
        {
            var full = Nd.Shape(random, random.Next(0, 6));
            int[] condition = Nd.Narrowed(random, full), a = Nd.Narrowed(random, full), b = Nd.Narrowed(random, full);
            Check<byte>(random, condition, a, b);
            Check<float>(random, condition, a, b);
            Check<long>(random, condition, a, b);
        }
    }

    [Fact]
    public void Wrong_types_and_shapes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<byte>([1], 1).Dense<float>([1], 1).Dense<float>([1], 1).Run(new Where()));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1], true).Dense<float>([1], 1).Dense<int>([1], 1).Run(new Where()));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([2], true, true).Dense<float>([3], 1, 2, 3).Dense<float>([1], 1).Run(new Where()));
    }

    private static void Check<T>(Random random, int[] conditionShape, int[] shapeA, int[] shapeB)
        where T : unmanaged, INumber<T>
    {
        var condition = Nd.Build(conditionShape, _ => random.Next(2) == 0);
        Nd<T> a = Nd.Random<T>(random, shapeA, least: 0, most: 50), b = Nd.Random<T>(random, shapeB, least: 51, most: 99);
        var expected = Nd.Build(Nd.Broadcast(conditionShape, shapeA, shapeB), i => condition.At(i) ? a.At(i) : b.At(i));
        Nd.Same(expected, new OperatorHarness().Dense(condition).Dense(a).Dense(b).Run(new Where())[0]);
    }
}
