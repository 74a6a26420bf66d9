using SeqRuntime.Decoding;
using SeqRuntime.Tests.Sessions.Sharing;

namespace SeqRuntime.Tests.Decoding;

/// <summary>
/// Random encoder-decoders, greedily and by beam search, batched and one by one. They give the same bits as decoders whose sessions share
/// no memory between values and compute everything at every step, one sentence after the other or all at once.
/// </summary>
/// <remarks>A long run: SEQRUNTIME_CASES=20000 dotnet test tests -c Release --filter Cases=Random</remarks>
[Trait("Cases", "Random")]
public class SharedDecodingTests
{
    private const int Usual = 300;
    private const int LongestSource = 7;

    [Fact]
    public void Decoders_have_the_bits_of_ones_in_which_nothing_shares_memory() => LongRuns.ForEach(Usual, Run);

    private static void Run(int seed)
    {
        var random = new Random(seed);
        int[][] sentences = [.. Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, random.Next(1, LongestSource + 1)).Select(_ => random.Next(RandomDecoder.Tokens)).ToArray())];
        var width = random.Next(2, 5);
        foreach (var (beam, best) in new[] { (1, 1), (width, random.Next(1, 4)) })
        {
            var found = new[] { true, false }.Select(batched => Both(seed, batched, beam, best, sentences)).OfType<List<string>>().ToArray();
            if (found.Length == 2) Assert.Equal(found[0], found[1]);
        }
    }

    /// <summary>Decodes with and without sharing. Null if memory planned for the largest sizes does not fit other sizes.</summary>
    private static List<string>? Both(int seed, bool batched, int beam, int best, int[][] sentences)
    {
        using var model = SeqModel.Load(RandomDecoder.Make(seed, batched));
        var found = new[] { true, false }.Select(shares =>
        {
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = best, MaxSourceLength = LongestSource, SharesMemory = shares });
            return Decode(decoder, sentences);
        }).ToArray();
        if (found[0] is null) return null;
        Assert.Equal(found[1]!, found[0]!);
        using var together = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = best, MaxSourceLength = LongestSource, BatchSize = sentences.Length });
        try
        {
            var batch = together.DecodeBatch([.. sentences.Select(sentence => new ReadOnlyMemory<int>(sentence))]);
            Assert.Equal(found[0]!, [.. batch.ToArray().SelectMany(BatchDecodingTests.Describe)]);
        }
        catch (ArgumentException fault) when (SharingCase.IsRefusal(fault))
        {
        }

        return found[0];
    }

    private static List<string>? Decode(SeqDecoder decoder, int[][] sentences)
    {
        var results = new List<string>();
        foreach (var sentence in sentences)
        {
            try
            {
                decoder.Decode(sentence);
            }
            catch (ArgumentException fault) when (SharingCase.IsRefusal(fault))
            {
                return null;
            }

            results.AddRange(BatchDecodingTests.Describe(decoder.Results));
        }

        return results;
    }
}
