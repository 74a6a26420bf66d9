using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ScatterNDTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("add")]
    [InlineData("mul")]
    [InlineData("max")]
    [InlineData("min")]
    public void Slices_are_updated_in_order_of_the_tuples(string reduction)
    {
        var random = new Random(42);
        for (var i = 0; i < 60; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 5), withEmpty: false);
            var length = random.Next(0, shape.Length + 1);
            int[] tuples = [.. Nd.Shape(random, random.Next(0, 3)), length];
            var indices = Nd.Build(tuples, t => (long)random.Next(-shape[t[^1]], shape[t[^1]]));
            Check<float>(random, shape, indices, reduction);
            Check<long>(random, shape, indices, reduction);
            Check<byte>(random, shape, indices, reduction);
        }
    }

    /// <summary>The box of a slice assignment, whose runs are longer than one slice.</summary>
    [Theory]
    [InlineData(0, 4)]
    [InlineData(2, 3)]
    [InlineData(4, 1)]
    public void A_box_of_elements_is_replaced(int from, int rows)
    {
        var data = Nd.Numbered<float>(3, 5, 7);
        var updates = Nd.Build([3, rows, 7], i => 1000f + i[0] * 100 + i[1] * 10 + i[2]);
        var indices = Nd.Build([3, rows, 7, 3], i => i[3] switch { 0 => (long)i[0], 1 => i[1] + from, _ => i[2] });
        var expected = data with { Data = [.. data.Data] };
        foreach (var i in Nd.Indices(updates.Shape)) expected.Data[Nd.Offset(data.Shape, [i[0], i[1] + from, i[2]])] = updates[i];
        Nd.Same(expected, new OperatorHarness().Dense(data).Dense(indices).Dense(updates).Run(new ScatterND(new Attributes()))[0]);
    }

    [Fact]
    public void Shapes_and_indices_that_do_not_fit_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense(Nd.Numbered<float>(2, 2));
        var op = new ScatterND(new Attributes());
        Assert.Throws<ArgumentException>(() => X().Dense<long>([3], 0, 0, 0).Dense<float>([], 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([1], 0).Dense<float>([1], 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([1], 2).Dense<float>([2], 1, 1).Run(op));
        Assert.Throws<ArgumentException>(() => X().Dense<long>([], 0).Dense<float>([2], 1, 1).Run(op));
    }

    internal static T Join<T>(string reduction, T old, T update)
        where T : unmanaged, INumber<T> => reduction switch
        {
            "add" => unchecked(old + update),
            "mul" => unchecked(old * update),
            "max" => T.Max(old, update),
            "min" => T.Min(old, update),
            _ => update,
        };

    private static void Check<T>(Random random, int[] shape, Nd<long> indices, string reduction)
        where T : unmanaged, INumber<T>
    {
        var length = indices.Shape[^1];
        var data = Nd.Random<T>(random, shape, least: 0, most: 9);
        var updates = Nd.Random<T>(random, [.. indices.Shape[..^1], .. shape[length..]], least: 0, most: 9);
        var expected = data with { Data = [.. data.Data] };
        foreach (var i in Nd.Indices(updates.Shape))
        {
            var outer = indices.Rank - 1;
            var tuple = Enumerable.Range(0, length).Select(k => (int)(indices[[.. i[..outer], k]] + shape[k]) % shape[k]);
            var offset = Nd.Offset(shape, [.. tuple, .. i[outer..]]);
            expected.Data[offset] = Join(reduction, expected.Data[offset], updates[i]);
        }

        var harness = new OperatorHarness().Dense(data).Dense(indices).Dense(updates);
        var op = new ScatterND(new Attributes().Set(AttributeKey.Reduction, reduction));
        Nd.Same(expected, harness.Run(op)[0]);
        Nd.Same(expected, new OperatorHarness().Dense(data).Dense(indices).Computed().Dense(updates).Run(op)[0]);
    }
}
