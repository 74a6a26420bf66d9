namespace SeqRuntime.Training.Data;

/// <summary>A word and one of its pronunciations as token indices. The source ends with its end token; the target has no end token.</summary>
internal readonly record struct Example(long[] Source, long[] Target);

/// <summary>Pairs of equal source length, so that the encoder needs no padding: letters [N, T], and phonemes [N, U] once after the begin token and once before the end token, padded with <see cref="Ignored"/>.</summary>
internal sealed record Batch(int Count, int SourceLength, int TargetLength, long[] Source, long[] Previous, long[] Expected)
{
    /// <summary>Marks an expected token that cross entropy ignores.</summary>
    public const long Ignored = -100;
}

/// <summary>Divides examples into batches.</summary>
internal static class Batches
{
    public static List<Example> Examples(IEnumerable<Word> words) =>
        [.. words.SelectMany(word => word.Pronunciations.Select(p => new Example(Vocabulary.Letters(word.Text), Vocabulary.Phonemes(p))))];

    /// <summary>Batches of at most <paramref name="size"/>. Their order depends on the seed only.</summary>
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
