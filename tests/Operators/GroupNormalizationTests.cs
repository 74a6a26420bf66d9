using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class GroupNormalizationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void Normalizes_groups_then_scales_channels(int groups)
    {
        var random = new Random(4);
        var x = Numbers.Random(random, 2 * 6 * 20, 3);
        float[] scale = Numbers.Random(random, 6), bias = Numbers.Random(random, 6);
        var expected = LayerNormalizationTests.Naive(x, 6 / groups * 20, scale: null, bias: null, rms: false, 1e-5);
        for (var i = 0; i < expected.Length; i++) expected[i] = expected[i] * scale[i / 20 % 6] + bias[i / 20 % 6];
        var harness = new OperatorHarness().Dense([2, 6, 4, 5], x).Dense([6], scale).Dense([6], bias);
        Numbers.Close(expected, harness.Run(new GroupNormalization(new Attributes().Set(AttributeKey.NumGroups, groups), isInstance: false))[0].As<float>(), 1e-5, "Y");
        if (groups == 6) Numbers.Close(expected, harness.Run(new GroupNormalization(new Attributes(), isInstance: true))[0].As<float>(), 1e-5, "instance");
    }

    [Fact]
    public void Groups_that_do_not_divide_the_channels_are_refused() =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 3, 1], new float[3]).Dense([3], new float[3]).Dense([3], new float[3])
            .Run(new GroupNormalization(new Attributes().Set(AttributeKey.NumGroups, 2), isInstance: false)));
}
