using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Decoding;

/// <summary>A prompt that is read in runs of several lengths.</summary>
internal static class PromptRuns
{
    /// <summary>The scores after the prompt are the same bits, however many tokens each run reads at most.</summary>
    public static void GiveTheSameBits(SeqModel model, int[] prompt, params int[] lengths)
    {
        var info = DecodingInfo.Of(model, DecodingKeys.LanguageModel);
        float[]? expected = null;
        foreach (var most in lengths)
        {
            using var graph = new LanguageGraph(model, info, LanguageShape.Of(model, info), new SeqDecoderOptions { MaxSourceLength = most }, maxTokens: 5, new DecoderMemory(1 << 30));
            graph.Feed(prompt.AsSpan()[..^1], TestContext.Current.CancellationToken);
            graph.Begin();
            graph.Run(prompt.AsSpan()[^1..], [0], 0, [], 0, TestContext.Current.CancellationToken);
            var scores = graph.LogProbabilities(0).ToArray();
            Assert.Equal(expected ??= scores, scores);
        }
    }
}
