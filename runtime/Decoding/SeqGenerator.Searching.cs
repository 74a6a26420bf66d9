namespace SeqRuntime.Decoding;

/// <content>What a call does: tokens to their place, the room in caches, the search, and the source of results.</content>
public sealed partial class SeqGenerator
{
    int IResultSource.Version => _version;

    int IResultSource.ResultCount => _results.Count;

    TokenTable? IResultSource.TargetTable => Table;

    ReadOnlySpan<int> IResultSource.Tokens(int rank) => Found.Tokens(rank);

    float IResultSource.Score(int rank) => Found[rank].Score;

    float IResultSource.LogProbability(int rank) => Found[rank].LogProbability;

    bool IResultSource.IsComplete(int rank) => Found[rank].IsComplete;

    ReadOnlySpan<int> IResultSource.Frames(int rank) => [];

    int IResultSource.AlignmentCount(int rank) => 0;

    ReadOnlySpan<float> IResultSource.Alignment(int rank, int step) => Found.Alignment(rank, step, 0);

    private Results Found
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _results;
        }
    }

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_turn.TryTake()) throw DecodingError.AtWork(nameof(DecodeRequest.OnToken));
    }

    /// <summary>The place of new tokens, behind one for the begin token or the last result's last token.</summary>
    private Span<int> Room => _prompt.AsSpan(1);

    private int Copy(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            if (token < 0 || token >= (Table?.Count ?? int.MaxValue)) throw new ArgumentException($"The prompt has token {token}; tokens must be {(Table is null ? "at least 0" : $"from 0 to {Table.Count - 1}")}.");
        }

        if (tokens.Length > MaxPromptLength) throw new ArgumentException($"The prompt has {tokens.Length} tokens; the generator takes at most {MaxPromptLength} ({nameof(SeqDecoderOptions)}.{nameof(SeqDecoderOptions.MaxSourceLength)}).");
        tokens.CopyTo(Room);
        return tokens.Length;
    }

    private int Split(ReadOnlySpan<char> text) =>
        (Table ?? throw new InvalidOperationException("The model has no table of tokens; give token indices.")).Split(text, Room, _unknown);

    /// <summary>Forgets what was read and goes on with the prompt in its place.</summary>
    private DecodeResultCollection Start(int count, DecodeRequest? request, CancellationToken cancellationToken)
    {
        var isBegun = _begin is null || (count > 0 && Room[0] == _begin);
        if (count == 0 && isBegun) throw new ArgumentException("The prompt is empty, and the model names no token that begins a text (\"begin\" in its description of decoding); give at least one token.");
        if (!isBegun) _prompt[0] = _begin!.Value;
        var prompt = isBegun ? Room[..count] : _prompt.AsSpan(0, count + 1);
        if (prompt.Length > MaxPromptLength) throw new ArgumentException($"The prompt has {prompt.Length} tokens with its begin token; the generator takes at most {MaxPromptLength} ({nameof(SeqDecoderOptions)}.{nameof(SeqDecoderOptions.MaxSourceLength)}).");
        TakeRoom(0, prompt.Length, request);
        _graph.Reset();
        return Search(prompt, request, cancellationToken);
    }

    /// <summary>Goes on after the last result with the tokens in their place.</summary>
    private DecodeResultCollection GoOn(int count, DecodeRequest? request, CancellationToken cancellationToken)
    {
        if (!_isGreedy) throw new InvalidOperationException($"{nameof(Continue)} needs {nameof(SeqDecoderOptions.BeamWidth)} 1: a wider beam does not keep what the best result has read. Give the whole text to {nameof(Generate)}.");
        if (!_canContinue) throw new InvalidOperationException($"There is no result to go on after: {nameof(Generate)} has not been called, or the last call failed.");
        if (_hasPending) _prompt[0] = _pending;
        var tokens = _hasPending ? _prompt.AsSpan(0, count + 1) : Room[..count];
        TakeRoom(_graph.Count, tokens.Length, request);
        return Search(tokens, request, cancellationToken);
    }

    /// <summary>Applies a request, and refuses one whose longest result does not fit. Where nobody named a number of tokens, a result ends where the model is full.</summary>
    private void TakeRoom(int read, int tokens, DecodeRequest? request)
    {
        var left = (MaxContextLength ?? long.MaxValue) - read - tokens;
        var max = _search.Take(request, _endsWhereFull && left > 0 ? left : long.MaxValue);
        if (max <= left) return;
        var (before, way) = read > 0 ? ($"{DecodingError.Count(read, "token")} {(read == 1 ? "has" : "have")} been read. ", $"Give {nameof(Generate)} the last part of the text alone") : ("", "Give a shorter prompt");
        throw new ArgumentException($"{before}The prompt has {DecodingError.Count(tokens, "token")}, and a result up to {max}: together {read + (long)tokens + max}, but the model holds {MaxContextLength}. {way}{(left > 0 ? $", or set {nameof(DecodeRequest)}.{nameof(DecodeRequest.MaxTokens)} to at most {left}" : "")}.");
    }

    /// <summary>Reads tokens, and searches what follows the last of them; without tokens, what follows those read before.</summary>
    private DecodeResultCollection Search(ReadOnlySpan<int> tokens, DecodeRequest? request, CancellationToken cancellationToken)
    {
        _version++;
        _results.Clear();
        _canContinue = false;
        var context = _graph.Count + tokens.Length;
        try
        {
            if (tokens.Length > 1) _graph.Feed(tokens[..^1], cancellationToken);
            _search.Run(_graph, tokens.IsEmpty ? [] : tokens[^1..], request, cancellationToken);
            _results.Finish(0);
        }
        catch
        {
            _results.Clear();
            throw;
        }

        // The last token has not been read where the search ended with it.
        if (_isGreedy && _results.Count > 0)
        {
            var result = _results.Tokens(0);
            _hasPending = _graph.Count < context + result.Length;
            if (_hasPending) _pending = result[^1];
            _canContinue = true;
        }

        return Results;
    }
}
