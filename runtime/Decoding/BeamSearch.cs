namespace SeqRuntime.Decoding;

/// <summary>
/// Searches for the best token sequences, step by step. Each step scores all live hypotheses in one batch. The best of their
/// the best go on, and each that ends is offered to the results; where the search is cut short, those still open compete with them.
/// With a width of 1 it is greedy (or draws): it takes one token, and stops where that is the end.
/// </summary>
internal sealed class BeamSearch
{
    private readonly StepRows _step;
    private readonly Lattice _lattice;
    private readonly Results _results;
    private readonly Sampler? _sampler;
    private readonly int _end;
    private readonly int _max;
    private readonly bool _stopEarly;
    private readonly int[] _prefix;
    private readonly double[] _scores;
    private readonly int[] _places;
    private readonly RankedList<Continuation> _next;
    private readonly float[] _drawn;
    private int _prefixLength;
    private int _most;

    /// <param name="model">The model.</param>
    /// <param name="step">Gives the scores of the next token.</param>
    /// <param name="end">The token that ends a result, if there is one.</param>
    /// <param name="table">Texts of tokens, if the model has them.</param>
    /// <param name="max">Most tokens of a result.</param>
    /// <param name="options">Of the decoder.</param>
    /// <param name="memory">The decoder's memory.</param>
    public BeamSearch(SeqModel model, StepRows step, int? end, TokenTable? table, int max, SeqDecoderOptions options, DecoderMemory memory)
    {
        if (table is not null && table.Count < step.Vocabulary) throw new ArgumentException($"The target table has {DecodingError.Count(table.Count, "token")}; it must have one for each of the step's {step.Vocabulary} scores.");
        (_step, _end, _max) = (step, end ?? -1, max);
        _lattice = new Lattice(options.BeamWidth, max + 1, step.AlignmentStride, memory);
        _results = new Results(_lattice, options.MaxResults, max + 1, options, model.Kernels, memory);
        _sampler = options.Sampling is { } sampling ? new Sampler(sampling, model.Kernels, step.Vocabulary, memory) : null;
        _stopEarly = options.StopEarly;
        var width = options.BeamWidth;
        const string Beam = "hypotheses";
        _prefix = memory.Array<int>(Beam, max);
        _scores = memory.Array<double>(Beam, width);
        _places = memory.Array<int>(Beam, width);
        _next = new RankedList<Continuation>(Beam, width, memory);
        _drawn = memory.Array<float>(Beam, _sampler is null ? 0 : step.Vocabulary);
    }

    public Results Results => _results;

    /// <summary>Checks a request's settings and applies all but the seed for one search, and returns the most tokens of its results.</summary>
    /// <param name="request">The request, or null.</param>
    /// <param name="most">Most tokens if the request names no number; those of the decoder if they are fewer.</param>
    public int Take(DecodeRequest? request, long most = long.MaxValue)
    {
        _most = request?.MaxTokens ?? (int)Math.Min(most, _max);
        if (_most < 1 || _most > _max) throw new ArgumentException($"{nameof(DecodeRequest)}.{nameof(DecodeRequest.MaxTokens)} is {_most}; it must be from 1 to {_max}, the decoder's {nameof(SeqDecoderOptions.MaxTokens)}.");
        SetPrefix(request is null ? [] : request.Prefix.Span);
        return _most;
    }

    private void SetPrefix(ReadOnlySpan<int> tokens)
    {
        if (tokens.Length > _most) throw new ArgumentException($"The prefix has {tokens.Length} tokens; results have at most {_most}.");
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)_step.Vocabulary || token == _end) throw new ArgumentException($"The prefix has token {token}; its tokens must be from 0 to {_step.Vocabulary - 1}, and not the end token.");
        }

        tokens.CopyTo(_prefix);
        _prefixLength = tokens.Length;
    }

    /// <param name="first">The token whose successors are searched; empty if the step has their scores already.</param>
    /// <param name="request">Settings of this search, which <see cref="Take"/> has checked.</param>
    /// <param name="sourceLength">Alignment weights of a row.</param>
    /// <param name="cancellation">Checked before each node of each step.</param>
    public void Run(ReadOnlySpan<int> first, DecodeRequest? request, int sourceLength, CancellationToken cancellation)
    {
        var (allowed, onToken) = (request?.AllowedSequences, request?.OnToken);
        _step.Begin();
        var live = 1;
        (_scores[0], _places[0]) = (0, 0);
        for (var step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var tokens = step == 0 ? first : _lattice.Tokens(step - 1, live);
            ReadOnlySpan<int> parents = step == 0 ? [0] : _lattice.Parents(step - 1, live);
            if (!tokens.IsEmpty) _step.Run(tokens, parents, step, _lattice.Alignments(step), _lattice.AlignmentStride, cancellation);
            // A call that is refused, or fails before it draws, leaves the sampler as it was.
            if (step == 0 && request?.Seed is { } seed) _sampler?.Seed(seed);
            _next.Clear();
            if (_scores.Length == 1) TakeOne(step, allowed, step == _most, sourceLength);
            else TakeBest(step, live, allowed, step == _most, sourceLength);
            if (_next.Count == 0 || (_stopEarly && _results.IsFull)) return;
            live = GoOn(step);
            if (onToken is not null && !onToken(step, _next[0].Token, _step.LogProbabilities(_next[0].Row)[_next[0].Token]))
            {
                for (var row = 0; row < live; row++) _results.Offer(row, step + 1, _scores[row], isComplete: false, sourceLength);
                return;
            }

            if (!CanImprove(live, step + 1)) return;
        }
    }

    /// <summary>Makes the continuations that were taken the live hypotheses; returns their number.</summary>
    private int GoOn(int step)
    {
        for (var row = 0; row < _next.Count; row++)
        {
            _lattice.Take(step, row, _next[row].Token, _next[row].Row);
            (_scores[row], _places[row]) = (_next.Rank(row), _next[row].Place);
        }

        return _next.Count;
    }

    private bool CanImprove(int live, int length)
    {
        for (var row = 0; row < live; row++)
        {
            if (_results.CanEnter(_scores[row], length)) return true;
        }

        return false;
    }

    /// <summary>Node of the trie after a token, or -1 if the token may not follow.</summary>
    private int Follow(TokenTrie? allowed, int place, int token, int step)
    {
        if (step < _prefixLength && token != _prefix[step]) return -1;
        return allowed is null ? 0 : allowed.Child(place, token);
    }

    private bool MayEnd(TokenTrie? allowed, int place, int step) => _end >= 0 && step >= _prefixLength && (allowed is null || allowed.IsEnd(place));

    /// <summary>Whether the end token is at least as likely as every token that may follow.</summary>
    private bool EndIsNext(ReadOnlySpan<float> scores, TokenTrie? allowed, int place, int step)
    {
        if (!MayEnd(allowed, place, step)) return false;
        for (var token = 0; token < scores.Length; token++)
        {
            if (scores[token] > scores[_end] && Follow(allowed, place, token, step) >= 0) return false;
        }

        return true;
    }

    /// <summary>Takes one token, greedily or by sampling.</summary>
    private void TakeOne(int step, TokenTrie? allowed, bool isLast, int sourceLength)
    {
        var scores = _step.LogProbabilities(0);
        var taken = -1;
        if (_sampler is null)
        {
            for (var token = 0; token < scores.Length; token++)
            {
                if ((taken < 0 ? scores[token] > float.NegativeInfinity : scores[token] > scores[taken]) && IsAllowed(allowed, token, step)) taken = token;
            }
        }
        else
        {
            for (var token = 0; token < scores.Length; token++) _drawn[token] = IsAllowed(allowed, token, step) ? scores[token] : float.NegativeInfinity;
            taken = _sampler.Draw(_drawn);
        }

        if (taken == _end && taken >= 0) _results.Offer(0, step, _scores[0] + scores[taken], isComplete: true, sourceLength);
        else if (taken < 0 || isLast) _results.Offer(0, step, _scores[0], isComplete: false, sourceLength);
        if (taken < 0 || taken == _end || isLast) return;
        _next.Add(_scores[0] + scores[taken], new Continuation(0, taken, Follow(allowed, _places[0], taken, step)), out _);
    }

    private bool IsAllowed(TokenTrie? allowed, int token, int step) => token == _end ? MayEnd(allowed, _places[0], step) : Follow(allowed, _places[0], token, step) >= 0;

    /// <summary>The best continuations of all rows, best first. Ties go to the lower row, then to the lower token.</summary>
    private void TakeBest(int step, int live, TokenTrie? allowed, bool isLast, int sourceLength)
    {
        for (var row = 0; row < live; row++)
        {
            var scores = _step.LogProbabilities(row);
            if (isLast)
            {
                // One result a row, as in greedy decoding: complete if the end token is the most likely next.
                var isEnd = EndIsNext(scores, allowed, _places[row], step);
                _results.Offer(row, step, _scores[row] + (isEnd ? scores[_end] : 0), isEnd, sourceLength);
                continue;
            }

            if (MayEnd(allowed, _places[row], step)) _results.Offer(row, step, _scores[row] + scores[_end], isComplete: true, sourceLength);

            for (var token = 0; token < scores.Length; token++)
            {
                var score = _scores[row] + scores[token];
                if (token == _end || !_next.Takes(score)) continue;
                var place = Follow(allowed, _places[row], token, step);
                if (place >= 0) _next.Add(score, new Continuation(row, token, place), out _);
            }
        }
    }

    /// <param name="Row">The hypothesis that goes on.</param>
    /// <param name="Token">With what.</param>
    /// <param name="Place">Node of the trie behind it.</param>
    private readonly record struct Continuation(int Row, int Token, int Place);
}
