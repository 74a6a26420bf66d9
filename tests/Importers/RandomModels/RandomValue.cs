namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>One axis of a value: its size at each trial of the model. Axes with equal keys are the same.</summary>
internal sealed record RandomAxis(string Key, bool IsFixed, IReadOnlyList<int> Sizes)
{
    public int Least => Sizes.Min();

    public int Most => Sizes.Max();

    /// <summary>The size of a fixed axis.</summary>
    public int Size => IsFixed ? Sizes[0] : throw new InvalidOperationException($"axis {Key} has no fixed size");

    public static RandomAxis Of(int size, int trials) => new($"{size}", IsFixed: true, [.. Enumerable.Repeat(size, trials)]);

    /// <summary>The axis that an operator computes from this one.</summary>
    public RandomAxis Map(string what, Func<int, int> size) =>
        IsFixed ? Of(size(Size), Sizes.Count) : new RandomAxis($"{what}({Key})", IsFixed: false, [.. Sizes.Select(size)]);

    /// <summary>This axis merged with another.</summary>
    public static RandomAxis Join(string what, RandomAxis a, RandomAxis b, Func<int, int, int> size) => a.IsFixed && b.IsFixed
        ? Of(size(a.Size, b.Size), a.Sizes.Count)
        : new RandomAxis($"({a.Key}{what}{b.Key})", IsFixed: false, [.. a.Sizes.Zip(b.Sizes, size)]);

    public bool Same(RandomAxis other) => Key == other.Key;
}

/// <summary>A float32 value of a random model and its shape at each trial.</summary>
internal sealed record RandomValue(string Name, IReadOnlyList<RandomAxis> Axes)
{
    public int Rank => Axes.Count;

    public bool IsFixed => Axes.All(a => a.IsFixed);

    public int[] Shape(int trial) => [.. Axes.Select(a => a.Sizes[trial])];

    /// <summary>Elements at the largest trial.</summary>
    public long Elements => Axes.Aggregate(1L, (n, a) => n * a.Most);

    public bool Same(RandomValue other) => Rank == other.Rank && Axes.Zip(other.Axes).All(pair => pair.First.Same(pair.Second));
}

/// <summary>An input of a random model. <paramref name="Data"/> makes its content, again for each trial and step.</summary>
internal sealed record RandomPort(string Name, IReadOnlyList<RandomAxis> Axes, Func<Random, int[], Array> Data)
{
    public int[] Shape(int trial) => [.. Axes.Select(a => a.Sizes[trial])];
}
