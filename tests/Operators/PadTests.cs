using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class PadTests
{
    [Theory]
    [InlineData("constant")]
    [InlineData("reflect")]
    [InlineData("edge")]
    [InlineData("wrap")]
    public void Every_mode_fills_random_pads(string mode)
    {
        var random = new Random(35);
        for (var i = 0; i < 80; i++)
        {
            var shape = Nd.Shape(random, random.Next(0, 6), withEmpty: mode == "constant");
            var most = shape.Length < 3 ? 12 : 3;
            int[] before = [.. shape.Select(size => random.Next(-Math.Min(1, size), most))], after = [.. shape.Select((size, axis) => Math.Max(random.Next(-1, most), -size - before[axis]))];
            Check<byte>(mode, shape, before, after);
            Check<float>(mode, shape, before, after);
            Check<long>(mode, shape, before, after);
        }
    }

    [Fact]
    public void Axes_name_what_is_padded()
    {
        var x = Nd.Numbered<float>(2, 2);
        var y = new OperatorHarness().Dense(x).Integers(1, 0).Absent().Integers(-1).Run(new Pad(new Attributes()))[0];
        Nd.Same(new Nd<float>([2, 3], [0, 1, 2, 0, 3, 4]), y);
    }

    [Fact]
    public void Impossible_pads_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([2], 1, 2);
        Assert.Throws<ArgumentException>(() => X().Integers(1).Run(new Pad(new Attributes())));
        Assert.Throws<ArgumentException>(() => X().Integers(-2, -1).Run(new Pad(new Attributes())));
        Assert.Throws<ArgumentException>(() => X().Integers(1, 1, 1, 1).Absent().Integers(0, 0).Run(new Pad(new Attributes())));
        Assert.Throws<ArgumentException>(() => X().Integers(1, 1).Dense<int>([], 1).Run(new Pad(new Attributes())));
        Assert.Throws<TooLargeException>(() => X().Dense([2], long.MaxValue, long.MaxValue).Run(new Pad(new Attributes())));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([0]).Integers(1, 1).Run(new Pad(new Attributes().Set(AttributeKey.Mode, "edge"))));
        Assert.Throws<SeqFormatException>(() => new Pad(new Attributes().Set(AttributeKey.Mode, "mirror")));
    }

    private static void Check<T>(string mode, int[] shape, int[] before, int[] after)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var fill = T.CreateTruncating(77);
        var expected = Nd.Build([.. shape.Select((size, axis) => size + before[axis] + after[axis])], index =>
        {
            int[] source = [.. index.Select((place, axis) => Source(mode, place - before[axis], shape[axis]))];
            return source.Contains(-1) ? fill : x[source];
        });
        var harness = new OperatorHarness().Dense(x).Integers([.. before, .. after]).Scalar(fill);
        Nd.Same(expected, harness.Run(new Pad(new Attributes().Set(AttributeKey.Mode, mode)))[0]);
    }

    /// <summary>Walks back step by step. The mode decides what each step beyond an end becomes.</summary>
    private static int Source(string mode, int place, int size)
    {
        while (place < 0 || place >= size)
        {
            switch (mode)
            {
                case "constant": return -1;
                case "edge": place = place < 0 ? 0 : size - 1; break;
                case "wrap": place += place < 0 ? size : -size; break;
                default: place = size == 1 ? 0 : place < 0 ? -place : 2 * (size - 1) - place; break;
            }
        }

        return place;
    }
}
