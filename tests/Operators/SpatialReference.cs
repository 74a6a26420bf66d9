using SeqRuntime.Format;

namespace SeqRuntime.Tests.Operators;

/// <summary>Random sliding-window settings and index arithmetic for naive convolutions and pools of any rank.</summary>
internal sealed class SpatialCase
{
    public SpatialCase(Random random, int rank, bool pads)
    {
        Rank = rank;
        Kernel = Sizes(random, rank, least: 1, most: 4);
        Strides = Sizes(random, rank, least: 1, most: 3);
        Dilations = Sizes(random, rank, least: 1, most: 3);
        Pads = new int[2 * rank];
        if (pads)
        {
            for (var i = 0; i < 2 * rank; i++) Pads[i] = random.Next(0, Kernel[i % rank]);
        }

        Input = [.. Enumerable.Range(0, rank).Select(i => (Kernel[i] - 1) * Dilations[i] + 1 + random.Next(rank == 1 ? 100 : 9))];
    }

    public int Rank { get; }

    public int[] Kernel { get; }

    public int[] Strides { get; }

    public int[] Dilations { get; }

    public int[] Pads { get; }

    public int[] Input { get; }

    public int Taps => Numbers.Count(Kernel);

    public Attributes Attributes => new Attributes().Set(AttributeKey.KernelShape, Kernel).Set(AttributeKey.Strides, Strides)
        .Set(AttributeKey.Pads, Pads).Set(AttributeKey.Dilations, Dilations);

    /// <summary>The multi-index of a flat one.</summary>
    public static int[] Unflatten(int flat, int[] sizes)
    {
        var index = new int[sizes.Length];
        for (var i = sizes.Length - 1; i >= 0; i--)
        {
            index[i] = flat % sizes[i];
            flat /= sizes[i];
        }

        return index;
    }

    /// <summary>Flat input index of a window's tap. -1 for padding.</summary>
    public int InputIndex(int[] window, int[] tap, int[] input)
    {
        var flat = 0;
        for (var i = 0; i < Rank; i++)
        {
            var at = window[i] * Strides[i] + tap[i] * Dilations[i] - Pads[i];
            if (at < 0 || at >= input[i]) return -1;
            flat = flat * input[i] + at;
        }

        return flat;
    }

    private static int[] Sizes(Random random, int rank, int least, int most) => [.. Enumerable.Range(0, rank).Select(_ => random.Next(least, most + 1))];
}
