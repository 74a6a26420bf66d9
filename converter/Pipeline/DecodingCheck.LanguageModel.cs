using SeqRuntime.Converter.Graph;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Pipeline;

/// <content>Language models, and what only they or only encoder-decoders have.</content>
internal sealed partial class DecodingCheck
{
    private static readonly string[] s_ofLanguageModels =
    [
        DecodingKeys.Kind, DecodingKeys.Step, DecodingKeys.Token, DecodingKeys.Mask, DecodingKeys.Position, DecodingKeys.Logits, DecodingKeys.Scores, DecodingKeys.Begin, DecodingKeys.End, DecodingKeys.Unknown, DecodingKeys.Max,
        DecodingKeys.Context, DecodingKeys.Separator,
    ];

    private int? _context;

    private void LanguageModel()
    {
        foreach (var key in _metadata.Keys.Where(key => key.StartsWith(DecodingKeys.Kind, StringComparison.Ordinal) && !s_ofLanguageModels.Contains(key)).Order(StringComparer.Ordinal))
            _faults.Add($"{(key.StartsWith(DecodingKeys.Link, StringComparison.Ordinal) ? "\"links\"" : Member(key))} has no meaning for a language model, which has no source; remove it");
        if (_tables.ContainsKey(DecodingKeys.SourceTable)) _faults.Add($"table '{DecodingKeys.SourceTable}' has no meaning for a language model, whose texts are all of table '{DecodingKeys.TargetTable}'; remove it");
        var step = _metadata.ContainsKey(DecodingKeys.Step) || _graphs.Count > 1 ? Graph(DecodingKeys.Step) : _graphs[0];
        if (step is null || Input(step, DecodingKeys.Token) is not { } token || !IsOfTokens(step, token)) return;
        if (Array.Exists(token.Shape, d => d.Size > 1))
            _faults.Add($"input {Described(token)} of graph '{step.Name}' holds {token.Shape.Aggregate(1L, (a, b) => a * Math.Max(b.Size, 1))} tokens at once; it must hold one token, or a symbolic number of tokens");
        var filled = new HashSet<string> { token.Name };
        foreach (var key in (string[])[DecodingKeys.Mask, DecodingKeys.Position])
        {
            if (_metadata.GetValueOrDefault(key) is not { } name || Port(step.Inputs, step, "input", key, name) is not { } port) continue;
            filled.Add(name);
            if (key == DecodingKeys.Mask && Array.Exists(port.Shape, d => d.Size > 1))
                _faults.Add($"\"mask\": input {Described(port)} of graph '{step.Name}' has a fixed number of places, and a text may have fewer tokens; give it a symbolic number of tokens, or compute it inside the graph from the position, so that places that no token has taken yet are masked");
        }

        Unfilled(step, filled, "\"position\" (the number of previous steps) or \"mask\" (1 for each token), make it a state (--state INPUT=OUTPUT), or fix it (--set)");
        Context(step, token);
        if (Scores(step) is not { } scores) return;
        Within(DecodingKeys.End, scores, step);
        TableHolds(scores, step);
    }

    /// <summary>Finds how many tokens the states hold. The document may say less.</summary>
    private void Context(IrGraph step, IrPort token)
    {
        var found = step.Largest.Values.Select(most => (int?)most).Append(PositionLimit.Of(step, _metadata.GetValueOrDefault(DecodingKeys.Position)))
            .Concat(step.States.Count > 0 ? [] : step.Ranges.Where(range => token.Shape.Any(d => d.Symbol == range.Symbol)).Select(range => range.Most)).Min();
        var given = Number(DecodingKeys.Context);
        if (_metadata.ContainsKey(DecodingKeys.Context) && given is not > 1) _faults.Add($"\"context\" is {_metadata[DecodingKeys.Context]}; it must be a whole number above 1");
        if (found is { } fits && given > fits) _faults.Add($"\"context\" is {given}; graph '{step.Name}' holds at most {DecodingError.Count(fits, "token")}");
        _context = given ?? found;
        if (_context is { } most && Number(DecodingKeys.Max) is { } max && max >= most) _faults.Add($"\"max\" is {max}; graph '{step.Name}' holds {DecodingError.Count(most, "token")}, prompt and result together, so it must be at most {most - 1}");
    }

    /// <summary>Notes that a step cannot count as many positions as results may be long.</summary>
    private void NoteLimit(IrGraph step)
    {
        if (PositionLimit.Of(step, _metadata.GetValueOrDefault(DecodingKeys.Position)) is not { } most || Number(DecodingKeys.Max) < most) return;
        _notes.Add($"graph '{step.Name}' holds {DecodingError.Count(most, "step")}, but a result may have {(Number(DecodingKeys.Max) is { } max ? $"{DecodingError.Count(max, "token")} (\"max\")" : "128 tokens, because \"max\" is missing")}; later tokens would be wrong: give \"max\" of at most {most - 1}");
    }

    /// <summary>Refuses members that other kinds than theirs would ignore.</summary>
    private void OthersHaveNone()
    {
        if (_metadata.GetValueOrDefault(DecodingKeys.Kind) is not { } kind) return;
        if (kind is DecodingKeys.Ctc or DecodingKeys.Transducer && _metadata.ContainsKey(DecodingKeys.SourcePosition)) _faults.Add($"\"source_position\" is for encoder-decoders: frames may come in parts, so nothing numbers them; compute positions inside the graph");
        if (kind != DecodingKeys.LanguageModel && _metadata.ContainsKey(DecodingKeys.Context)) _faults.Add("\"context\" is for language models; remove it");
    }

    /// <summary>Refuses positions that are not one number for each token of the source.</summary>
    private void CheckPositions(IrGraph graph, IrPort positions, IrPort source)
    {
        var time = source.Shape.LastOrDefault(d => d.Symbol is not null).Symbol;
        if (positions.Type is not (ElementType.Int32 or ElementType.Int64 or ElementType.Float32)) _faults.Add($"\"source_position\": input {Described(positions)} of graph '{graph.Name}' holds {positions.Type.Name()}; positions must be int32, int64 or float32");
        else if (positions.Shape.Count(d => d.Symbol == time && time is not null) != (time is null ? 0 : 1) || (time is null ? positions.Shape : positions.Shape.Where(d => d.Symbol is null)).Aggregate(1L, (a, b) => a * b.Size) != (time is null ? source.Shape.Aggregate(1L, (a, b) => a * b.Size) : 1))
            _faults.Add($"\"source_position\": input {Described(positions)} of graph '{graph.Name}' must have one number for each token of '{source.Name}' [{string.Join(", ", source.Shape)}]");
    }
}
