using System.Runtime.CompilerServices;

namespace SeqRuntime.Decoding;

/// <summary>
/// Searches for the best token sequences of one source, step by step. Its caller scores the next tokens of all live hypotheses, in adjacent rows; the best of these
/// go on, and each that ends is offered to the results; where the search is cut short, those still open compete with them.
/// With a width of 1 it is greedy (or draws): it takes one token, and stops where that is the end.
/// </summary>
internal sealed class BeamSearch
{
    private readonly ITokenScores _step;
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
    private DecodeRequest? _request;
    private int _sourceLength;
    private int _firstRow;

    /// <param name="model">The model.</param>
    /// <param name="step">Gives the scores of the next token.</param>
    /// <param name="end">The token that ends a result, if there is one.</param>
    /// <param name="table">Texts of tokens, if the model has them.</param>
    /// <param name="max">Most tokens of a result.</param>
    /// <param name="options">Of the decoder.</param>
    /// <param name="sampler">Draws tokens; null to take the best.</param>
    /// <param name="memory">The decoder's memory.</param>
    public BeamSearch(SeqModel model, ITokenScores step, int? end, TokenTable? table, int max, SeqDecoderOptions options, Sampler? sampler, DecoderMemory memory)
    {
        if (table is not null && table.Count < step.Vocabulary) throw new ArgumentException($"The target table has {DecodingError.Count(table.Count, "token")}; it must have one for each of the step's {step.Vocabulary} scores.");
        (_step, _end, _max) = (step, end ?? -1, max);
        _lattice = new Lattice(options.BeamWidth, max + 1, step.AlignmentStride, memory);
        _results = new Results(_lattice, options.MaxResults, max + 1, options, model.Kernels, memory);
        _sampler = sampler;
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

    /// <summary>Steps taken since the start of the search.</summary>
    public int Step { get; private set; }

    /// <summary>Hypotheses that go on.</summary>
    public int Live { get; private set; }

    /// <summary>Their last tokens, from the second step on.</summary>
    public ReadOnlySpan<int> Tokens => _lattice.Tokens(Step - 1, Live);

    /// <summary>The row of the run before that each goes on from, from the second step on.</summary>
    public ReadOnlySpan<int> Parents => _lattice.Parents(Step - 1, Live);

    /// <summary>The place of the alignments of this step's rows.</summary>
    public Span<float> Alignments => _lattice.Alignments(Step);

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

    /// <summary>Searches to the end over steps of its own.</summary>
    /// <param name="step">Gives the scores.</param>
    /// <param name="first">The token whose successors are searched; empty if the step has their scores already.</param>
    /// <param name="request">Settings of this search, which <see cref="Take"/> has checked.</param>
    /// <param name="cancellation">Checked before each node of each step.</param>
    public void Run(StepRows step, ReadOnlySpan<int> first, DecodeRequest? request, CancellationToken cancellation)
    {
        step.Begin();
        Start(request, 0);
        do
        {
            cancellation.ThrowIfCancellationRequested();
            var tokens = Step == 0 ? first : Tokens;
            ReadOnlySpan<int> parents = Step == 0 ? [0] : Parents;
            if (!tokens.IsEmpty) step.Run(tokens, parents, Step, Alignments, _lattice.AlignmentStride, cancellation);
        }
        while (GoOn(0));
    }

    /// <summary>Starts a search with one empty hypothesis.</summary>
    /// <param name="request">Settings of this search, which <see cref="Take"/> has checked.</param>
    /// <param name="sourceLength">Alignment weights of a row.</param>
    public void Start(DecodeRequest? request, int sourceLength)
    {
        (_request, _sourceLength) = (request, sourceLength);
        (Step, Live) = (0, 1);
        (_scores[0], _places[0]) = (0, 0);
    }

    /// <summary>Takes the next tokens of the live hypotheses, whose scores the step has computed.</summary>
    /// <param name="firstRow">The row of the first of them; the others follow.</param>
    /// <returns>False where the search has ended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool GoOn(int firstRow)
    {
        var (allowed, onToken, step) = (_request?.AllowedSequences, _request?.OnToken, Step);
        _firstRow = firstRow;
        // A call that is refused, or fails before it draws, leaves the sampler as it was.
        if (step == 0 && _request?.Seed is { } seed) _sampler?.Seed(seed);
        _next.Clear();
        if (_scores.Length == 1) TakeOne(step, allowed, step == _most, _sourceLength);
        else TakeBest(step, Live, allowed, step == _most, _sourceLength);
        if (_next.Count == 0 || (_stopEarly && _results.IsFull)) return false;
        Live = Continue(step);
        if (onToken is not null && !onToken(step, _next[0].Token, ScoresOf(_next[0].Row)[_next[0].Token]))
        {
            for (var row = 0; row < Live; row++) _results.Offer(row, step + 1, _scores[row], isComplete: false, _sourceLength);
            return false;
        }

        Step = step + 1;
        return CanImprove(Live, Step);
    }

    private Span<float> ScoresOf(int row) => _step.LogProbabilities(_firstRow + row);

    /// <summary>Makes the continuations that were taken the live hypotheses; returns their number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Continue(int step)
    {
        for (var row = 0; row < _next.Count; row++)
        {
            _lattice.Take(step, row, _next[row].Token, _next[row].Row);
            (_scores[row], _places[row]) = (_next.Rank(row), _next[row].Place);
        }

        return _next.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TakeOne(int step, TokenTrie? allowed, bool isLast, int sourceLength)
    {
        var scores = ScoresOf(0);
        var taken = -1;
        if (_sampler is null && allowed is null && step >= _prefixLength)
        {
            taken = IndexOfLargest(scores);
        }
        else if (_sampler is null)
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

    /// <summary>The first token of the largest score; -1 if all are -∞ or NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int IndexOfLargest(ReadOnlySpan<float> scores)
    {
        var (taken, largest) = (-1, float.NegativeInfinity);
        for (var token = 0; token < scores.Length; token++)
        {
            if (scores[token] > largest) (taken, largest) = (token, scores[token]);
        }

        return taken;
    }

    private bool IsAllowed(TokenTrie? allowed, int token, int step) => token == _end ? MayEnd(allowed, _places[0], step) : Follow(allowed, _places[0], token, step) >= 0;

    /// <summary>The best continuations of all rows, best first. Ties go to the lower row, then to the lower token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TakeBest(int step, int live, TokenTrie? allowed, bool isLast, int sourceLength)
    {
        for (var row = 0; row < live; row++)
        {
            var scores = ScoresOf(row);
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
