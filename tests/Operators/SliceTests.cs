using System.Numerics;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class SliceTests
{
    [Fact]
    public void Cuts_as_Python_does_for_random_starts_ends_and_steps()
    {
        var random = new Random(34);
        for (var i = 0; i < 200; i++)
        {
            var shape = Nd.Shape(random, random.Next(1, 6));
            int[] axes = [.. Enumerable.Range(0, shape.Length).Where(_ => random.Next(2) == 0)];
            random.Shuffle(axes);
            int[] starts = [.. axes.Select(_ => random.Next(-8, 9))], ends = [.. axes.Select(_ => random.Next(-8, 9))];
            int[] steps = [.. axes.Select(_ => random.Next(1, 4) * (random.Next(2) * 2 - 1))];
            Check<byte>(shape, starts, ends, axes, steps);
            Check<int>(shape, starts, ends, axes, steps);
            Check<double>(shape, starts, ends, axes, steps);
        }
    }

    [Fact]
    public void Huge_ends_mean_the_end()
    {
        var x = new OperatorHarness().Dense<float>([3], 1, 2, 3);
        Assert.Equal([2f, 3], new OperatorHarness().Dense<float>([3], 1, 2, 3).Dense<long>([1], 1).Dense([1], long.MaxValue).Run(new Slice())[0].As<float>());
        Assert.Equal([3f, 2, 1], x.Dense<long>([1], -1).Dense([1], long.MinValue).Dense<long>([1], 0).Dense<long>([1], -1).Run(new Slice())[0].As<float>());
    }

    [Fact]
    public void Impossible_slices_are_refused()
    {
        OperatorHarness X() => new OperatorHarness().Dense<float>([3], 1, 2, 3);
        Assert.Throws<ArgumentException>(() => X().Integers(0).Integers(1, 2).Run(new Slice()));
        Assert.Throws<ArgumentException>(() => X().Integers(0).Integers(1).Integers(1).Run(new Slice()));
        Assert.Throws<ArgumentException>(() => X().Integers(0).Integers(1).Integers(0).Integers(0).Run(new Slice()));
        Assert.Throws<ArgumentException>(() => X().Integers(0, 0).Integers(1, 1).Integers(0, -1).Run(new Slice()));
        Assert.Throws<ArgumentException>(() => X().Dense<float>([1], 0).Integers(1).Run(new Slice()));
    }

    private static void Check<T>(int[] shape, int[] starts, int[] ends, int[] axes, int[] steps)
        where T : unmanaged, INumber<T>
    {
        var x = Nd.Numbered<T>(shape);
        var picked = shape.Select(size => Enumerable.Range(0, size).ToArray()).ToArray();
        for (var i = 0; i < axes.Length; i++) picked[axes[i]] = Python(shape[axes[i]], starts[i], ends[i], steps[i]);
        var expected = Nd.Build([.. picked.Select(p => p.Length)], index => x[[.. index.Select((place, axis) => picked[axis][place])]]);
        Nd.Same(expected, new OperatorHarness().Dense(x).Integers(starts).Integers(ends).Integers(axes).Integers(steps).Run(new Slice())[0]);
    }

    private static int[] Python(int size, int start, int end, int step)
    {
        start = start < 0 ? start + size : start;
        end = end < 0 ? end + size : end;
        var result = new List<int>();
        if (step > 0)
        {
            for (var i = Math.Max(start, 0); i < Math.Min(end, size); i += step) result.Add(i);
        }
        else
        {
            for (var i = Math.Min(start, size - 1); i > Math.Max(end, -1); i += step) result.Add(i);
        }

        return [.. result];
    }
}
