using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class TransposeTests
{
    [Fact]
    public void Moves_every_element_to_its_place_for_random_shapes_and_permutations()
    {
        var random = new Random(31);
        for (var i = 0; i < 120; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 6));
            int[] perm = [.. Enumerable.Range(0, shape.Length)];
            random.Shuffle(perm);
            Check<byte>(shape, perm);
            Check<float>(shape, perm);
            Check<long>(shape, perm);
        }
    }

    [Theory]
    [InlineData(new[] { 257, 130 }, new[] { 1, 0 })]
    [InlineData(new[] { 17, 33, 3 }, new[] { 1, 0, 2 })]
    [InlineData(new[] { 2, 64, 40 }, new[] { 2, 0, 1 })]
    [InlineData(new[] { 3, 20, 4, 18 }, new[] { 0, 3, 2, 1 })]
    public void Blocks_of_large_matrices_meet_without_gaps(int[] shape, int[] perm)
    {
        Check<byte>(shape, perm);
        Check<float>(shape, perm);
        Check<double>(shape, perm);
    }

    [Fact]
    public void Without_permutation_the_axes_are_reversed()
    {
        var x = Nd.Numbered<float>(2, 3, 4);
        var y = new OperatorHarness().Dense(x).Run(new Transpose(new Attributes()))[0];
        Nd.Same(Nd.Build([4, 3, 2], i => x[i[2], i[1], i[0]]), y);
        Nd.Same(new Nd<float>([], [5f]), new OperatorHarness().Dense<float>([], 5).Run(new Transpose(new Attributes()))[0]);
    }

    [Theory]
    [InlineData(new[] { 0 })]
    [InlineData(new[] { 0, 0 })]
    [InlineData(new[] { 0, 2 })]
    public void Invalid_permutations_are_refused(int[] perm) =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense(Nd.Numbered<float>(2, 3)).Run(new Transpose(new Attributes().Set(AttributeKey.Perm, perm))));

    private static void Check<T>(int[] shape, int[] perm)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var expected = Nd.Build([.. perm.Select(p => shape[p])], i =>
        {
            var source = new int[shape.Length];
            for (var axis = 0; axis < perm.Length; axis++) source[perm[axis]] = i[axis];
            return x[source];
        });
        Nd.Same(expected, new OperatorHarness().Dense(x).Run(new Transpose(new Attributes().Set(AttributeKey.Perm, perm)))[0]);
    }
}
