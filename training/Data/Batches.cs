namespace SeqRuntime.Training.Data;

/// <summary>A word and one of its pronunciations, as token indices; the source ends with its end token, the target has none.</summary>
internal readonly record struct Example(long[] Source, long[] Target);

/// <summary>Pairs of the same source length, so that the encoder needs no padding: [N, T] letters; [N, U] phonemes after begin, and the same with end, padded with <see cref="Ignored"/>.</summary>
internal sealed record Batch(int Count, int SourceLength, int TargetLength, long[] Source, long[] Previous, long[] Expected)
{
    /// <summary>Marks an expected token that does not count; cross entropy leaves it out.</summary>
    public const long Ignored = -100;
}

/// <summary>Cuts examples into batches.</summary>
internal static class Batches
{
    public static List<Example> Examples(IEnumerable<Word> words) =>
        [.. words.SelectMany(word => word.Pronunciations.Select(p => new Example(Vocabulary.Letters(word.Text), Vocabulary.Phonemes(p))))];

    /// <summary>Batches of at most <paramref name="size"/> in an order that follows from the seed alone.</summary>
    public static List<Batch> Shuffled(IReadOnlyList<Example> examples, int size, int seed)
    {
        var random = new Random(seed);
        var batches = new List<Batch>();
        foreach (var group in examples.GroupBy(e => e.Source.Length).OrderBy(g => g.Key))
        {
            var members = group.ToArray();
            random.Shuffle(members);
            batches.AddRange(members.Chunk(size).Select(Cut));
        }

        var order = batches.ToArray();
        random.Shuffle(order);
        return [.. order];
    }

    private static Batch Cut(Example[] examples)
    {
        var sourceLength = examples[0].Source.Length;
        var targetLength = examples.Max(e => e.Target.Length) + 1;
        var previous = new long[examples.Length * targetLength];
        var expected = new long[examples.Length * targetLength];
        Array.Fill(expected, Batch.Ignored);
        foreach (var (row, example) in examples.Index())
        {
            var at = row * targetLength;
            previous[at] = Vocabulary.Begin;
            example.Target.CopyTo(previous, at + 1);
            example.Target.CopyTo(expected, at);
            expected[at + example.Target.Length] = Vocabulary.End;
        }

        return new Batch(examples.Length, sourceLength, targetLength, [.. examples.SelectMany(e => e.Source)], previous, expected);
    }
}
