using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>
/// Makes a generator of a converted language model, and checks what generation relies on: a graph that takes many tokens must give the
/// same logits when it reads them one by one, and without states its logits must depend on earlier tokens and not on later ones.
/// </summary>
internal static class LanguageCheck
{
    private const int Tokens = 6;

    /// <summary>Most operations of a run for the check of logits.</summary>
    private const double MostWork = 3e8;

    private const float Tolerance = 1e-3f;

    /// <exception cref="ConversionException">The graph cannot generate; the message says why.</exception>
    public static void Run(SeqModel model, List<string> notes)
    {
        var info = DecodingInfo.Of(model, DecodingKeys.LanguageModel);
        var shape = LanguageShape.Of(model, info);

        // Without states, memory grows with the longest text.
        var most = shape.HasStates ? null : (int?)Math.Max(1, Math.Min(Tokens, shape.MostSteps - 1 ?? Tokens));
        model.CreateGenerator(new SeqDecoderOptions { MaxTokens = most, MaxSourceLength = Tokens }).Dispose();
        if (shape.Time is null) return;
        try
        {
            var (many, one) = shape.HasStates ? (Read(model, info, shape, Tokens), Read(model, info, shape, 1)) : Cut(model, info, shape);
            if (many is null || one is null) notes.Add($"graph '{shape.Graph.Name}' is too large to check here that it reads tokens one by one as it reads them at once");
            else if (!AreEqual(many, one)) throw new ConversionException(shape.HasStates
                ? $"graph '{shape.Graph.Name}' gives other logits when it reads tokens one by one than when it reads them at once, so it cannot generate: besides its states it needs tokens of other runs (a convolution, attention without a cache, a bidirectional layer). For layers that run forwards --stateful keeps what they need."
                : $"the logits of graph '{shape.Graph.Name}' depend on later tokens (a bidirectional layer, attention that is not causal), so it is no language model that can generate.");
        }
        catch (SeqDataException fault)
        {
            // Not every token that is scored has a row in the table of embeddings; generation says so where it meets one.
            notes.Add($"it was not checked here that graph '{shape.Graph.Name}' reads tokens one by one as it reads them at once, because it cannot read the tokens of the check: {fault.Message}");
        }
    }

    /// <summary>Log probabilities after a few tokens, of which a run reads at most some; null if that takes too long.</summary>
    private static float[]? Read(SeqModel model, DecodingInfo info, LanguageShape shape, int most)
    {
        var memory = new DecoderMemory(long.MaxValue);
        using var graph = new LanguageGraph(model, info, shape, new SeqDecoderOptions { MaxSourceLength = most, MemoryLimitBytes = long.MaxValue }, 1, memory);
        if (graph.WorkOfRun > MostWork) return null;
        int[] tokens = [.. Enumerable.Range(0, Math.Min(Tokens, (graph.MaxContext ?? Tokens) - 1) + 1).Select(i => i * 7 % Math.Max(graph.Vocabulary, 1))];
        graph.Reset();
        graph.Feed(tokens.AsSpan()[..^1], CancellationToken.None);
        graph.Begin();
        graph.Run(tokens.AsSpan()[^1..], [0], 0, [], 0, CancellationToken.None);
        return graph.LogProbabilities(0).ToArray();
    }

    /// <summary>The logits of a token in the middle of a sequence, and the same at the end of one.</summary>
    private static (float[]? InMiddle, float[]? AtEnd) Cut(SeqModel model, DecodingInfo info, LanguageShape shape)
    {
        var memory = new DecoderMemory(long.MaxValue);
        var most = Math.Min(Tokens, shape.MostSteps ?? Tokens);
        using var graph = new LanguageGraph(model, info, shape, new SeqDecoderOptions { MaxSourceLength = most, MemoryLimitBytes = long.MaxValue }, 1, memory);
        if (graph.WorkOfRun > MostWork) return default;
        int[] tokens = [.. Enumerable.Range(0, most).Select(i => i * 7 % Math.Max(graph.Vocabulary, 1))];
        if (graph.Vocabulary > 1 && most > 1 && graph.LogitsOf([0, 0])[^graph.Vocabulary..].AsSpan().SequenceEqual(graph.LogitsOf([1, 0]).AsSpan()[^graph.Vocabulary..]))
            throw new ConversionException($"the logits of graph '{shape.Graph.Name}' do not depend on tokens before the last, so it forgets the text. Convert it with states (--state INPUT=OUTPUT, --cache STEPS); if '{shape.Time}' counts texts and not their tokens, fix it (--dim {shape.Time}=1).");
        var half = (most + 1) / 2;
        return graph.LogitsOf(tokens) is { } all && all.Length == most * graph.Vocabulary
            ? (all[((half - 1) * graph.Vocabulary)..(half * graph.Vocabulary)], graph.LogitsOf(tokens.AsSpan(0, half))[^graph.Vocabulary..])
            : ([], []);
    }

    private static bool AreEqual(float[] many, float[] one)
    {
        // Probabilities of many tokens are small numbers.
        var scale = many.Append(0).Where(float.IsFinite).Max(Math.Abs);
        for (var i = 0; i < many.Length; i++)
        {
            if (float.IsFinite(many[i]) && !(Math.Abs(many[i] - one[i]) <= Tolerance * scale)) return false;
        }

        return true;
    }
}
