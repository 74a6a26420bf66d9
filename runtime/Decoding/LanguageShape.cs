namespace SeqRuntime.Decoding;

/// <summary>What the symbolic dimensions of a language model's graph count.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Batch">Counts hypotheses; null where the graph takes one at a time.</param>
/// <param name="Time">Counts the tokens of a run; null where a run takes one token.</param>
/// <param name="Mask">Counts all tokens so far, in the mask; null where the graph has no such mask.</param>
/// <param name="MostSteps">Tokens that the caches hold, or a cap that the file names; null where nothing limits them.</param>
/// <param name="HasStates">Whether states keep what earlier tokens said. Otherwise each run reads all tokens again.</param>
internal sealed record LanguageShape(SeqGraphInfo Graph, string? Batch, string? Time, string? Mask, int? MostSteps, bool HasStates)
{
    /// <exception cref="ArgumentException">The graph cannot be a language model's.</exception>
    public static LanguageShape Of(SeqModel model, DecodingInfo info)
    {
        var graph = info.GraphOrOnly(DecodingKeys.Step);
        var token = StepRows.TokenOf(info, graph);
        if (token.Dimensions!.Any(d => d.Size > 1)) throw new ArgumentException($"Input '{token.Name}' of graph '{graph.Name}' holds several tokens at once; it must hold one token, or a symbolic number of tokens.");
        var hasStates = graph.States.Count > 0;
        var symbols = Symbols(token);
        var batch = symbols.Find(symbol => graph.States.Any(state => Symbols(state).Contains(symbol)));
        symbols.RemoveAll(symbol => symbol == batch);
        if (hasStates && symbols.Count > 1) throw new ArgumentException($"Graph '{graph.Name}': the states have none of the dimensions '{string.Join("' and '", symbols)}' of '{token.Name}', so none counts hypotheses; fix one when converting (--dim {symbols[0]}=1).");
        if (batch is not null && graph.States.FirstOrDefault(state => !Symbols(state).Contains(batch)) is { } shared) throw new ArgumentException($"State '{shared.Name}' of graph '{graph.Name}' has no dimension '{batch}', which counts hypotheses in other states; fix it when converting (--dim {batch}=1).");
        if (!hasStates && symbols.Count == 0) throw new ArgumentException($"Graph '{graph.Name}' has no states, and '{token.Name}' takes one token, so it forgets all tokens before. Convert it with states (--state INPUT=OUTPUT, --cache STEPS), or let it take a symbolic number of tokens.");
        var loaded = model.Loaded.Graphs.First(g => g.Name == graph.Name);
        var caches = loaded.Symbols.Index().Where(s => loaded.MostSteps(s.Index) > 0).ToArray();
        var masked = info.Text(DecodingKeys.Mask) is { } name ? graph.Inputs.FirstOrDefault(i => i.Name == name) : null;
        if (masked?.Dimensions!.Any(d => d.Size > 1) == true) throw new ArgumentException($"Mask '{masked.Name}' of graph '{graph.Name}' has {masked.Dimensions!.First(d => d.Size > 1).Size} places in each run, and a text may have fewer tokens; it must have a symbolic number of them. Places that no token has taken yet must be masked inside the graph, by the position.");
        var mask = masked is null ? null : Symbols(masked).Find(symbol => symbol != batch && !symbols.Contains(symbol) && !caches.Any(c => c.Item == symbol));
        int[] limits = [.. caches.Select(c => loaded.MostSteps(c.Index)), .. info.Number(DecodingKeys.Context) is { } context ? [context] : Array.Empty<int>()];
        if (limits.Length > 0 && limits.Min() < 2) throw new ArgumentException($"Graph '{graph.Name}' holds {DecodingError.Count(limits.Min(), "token")}, prompt and result together; it must hold at least 2.");
        return new LanguageShape(graph, batch, symbols.LastOrDefault(), mask, limits.Length == 0 ? null : limits.Min(), hasStates);
    }

    /// <summary>Whether an input has a place for each token of a run.</summary>
    public bool IsOverTime(SeqPortInfo input) => Time is not null && Symbols(input).Contains(Time);

    private static List<string> Symbols(SeqPortInfo value) => [.. value.Dimensions!.Select(d => d.Symbol).OfType<string>().Distinct()];
}
