namespace SeqRuntime.Decoding;

/// <summary>The common part of CTC and transducer search: prefixes, their ranks, and the results.</summary>
internal abstract class FrameSearch : IDisposable
{
    private readonly NgramModel? _language;
    private readonly double _languageWeight;
    private readonly double _bonus;
    private readonly RankedList<Result> _results;
    private readonly int[] _tokens;
    private readonly int[] _frames;
    private readonly int _maxTokens;
    private int _told;

    /// <param name="model">The model.</param>
    /// <param name="info">Its metadata.</param>
    /// <param name="maxTokens">Longest prefix.</param>
    /// <param name="spare">Prefixes that may be live besides those of the beam.</param>
    /// <param name="options">Beam and ranking.</param>
    /// <param name="memory">The decoder's memory.</param>
    private protected FrameSearch(SeqModel model, DecodingInfo info, int maxTokens, long spare, FrameDecoderOptions options, DecoderMemory memory)
    {
        _maxTokens = maxTokens;
        Model = model;
        Blank = options.Blank ?? info.Number(DecodingKeys.Blank) ?? 0;
        Width = options.BeamWidth;
        (_language, _languageWeight, _bonus) = (options.LanguageModel, options.LanguageModelWeight, options.TokenBonus);
        Tree = new PrefixTree((long)Width * maxTokens + spare + 1, memory);
        _results = new RankedList<Result>("results", options.MaxResults, memory);
        _tokens = memory.Array<int>("results", options.MaxResults, maxTokens);
        _frames = memory.Array<int>("results", _tokens.Length);
    }

    public int Count => _results.Count;

    public TokenCallback? OnToken { get; set; }

    /// <summary>Index of the blank.</summary>
    public int Blank { get; }

    /// <summary>Number of labels, including the blank.</summary>
    public abstract int Vocabulary { get; }

    protected SeqModel Model { get; }

    protected int Width { get; }

    protected PrefixTree Tree { get; }

    protected Bias FirstBias => new(0, _language?.Start ?? 0);

    /// <summary>Restarts with the empty prefix.</summary>
    public virtual void Begin()
    {
        Tree.Clear();
        Tree.SetBias(PrefixTree.Root, FirstBias);
        _results.Clear();
        _told = 0;
    }

    /// <summary>Reads one row of the encoder's output.</summary>
    /// <returns>False if the callback ends the search.</returns>
    public abstract bool Step(FrameEncoder encoder, int row, int frame);

    /// <summary>Makes the best live prefixes the results.</summary>
    /// <param name="isEnd">Whether the sentence ends here; the language model then scores the end.</param>
    public void Collect(bool isEnd)
    {
        _results.Clear();
        OfferAll(isEnd);
        for (var rank = 0; rank < _results.Count; rank++) Tree.Read(_results[rank].Node, _tokens.AsSpan(rank * _maxTokens), _frames.AsSpan(rank * _maxTokens));
    }

    public ReadOnlySpan<int> Tokens(int rank) => _tokens.AsSpan(rank * _maxTokens, Need(rank).Length);

    public ReadOnlySpan<int> Frames(int rank) => _frames.AsSpan(rank * _maxTokens, Need(rank).Length);

    public double Score(int rank)
    {
        _ = Need(rank);
        return _results.Rank(rank);
    }

    public double LogProbability(int rank) => Need(rank).LogProbability;

    public abstract void Dispose();

    /// <summary>Offers every live prefix by <see cref="Offer"/>.</summary>
    protected abstract void OfferAll(bool isEnd);

    protected void Offer(int node, double logProbability, bool isEnd)
    {
        var bias = Tree[node].Bias;
        var rank = logProbability + bias.Score;
        if (isEnd && _language is not null) rank += _languageWeight * _language.End(bias.State);
        if (_results.Takes(rank)) _results.Add(rank, new Result(node, Tree[node].Length, logProbability), out _);
    }

    /// <summary>The label with the highest score; ties go to the lowest label.</summary>
    protected static int Best(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var label = 1; label < scores.Length; label++)
        {
            if (scores[label] > scores[best]) best = label;
        }

        return best;
    }

    protected bool MayGrow(int node) => Tree[node].Length < _maxTokens;

    /// <summary>The bias of a prefix with one more token.</summary>
    protected Bias Extend(Bias bias, int token)
    {
        if (_language is null) return new Bias(bias.Score + _bonus, 0);
        var state = bias.State;
        var score = bias.Score + _bonus + _languageWeight * _language.Advance(ref state, token);
        return new Bias(score, state);
    }

    /// <summary>An upper bound of what <see cref="Extend"/> adds, without asking the language model.</summary>
    protected double MostOfExtend(Bias bias) => bias.Score + _bonus;

    /// <summary>Calls the callback with the newest token if the best prefix has grown.</summary>
    protected bool Tell(int node)
    {
        ref readonly var best = ref Tree[node];
        if (best.Length <= _told) return true;
        _told = best.Length;
        return OnToken?.Invoke(best.Length - 1, best.Token, best.LogProbability) ?? true;
    }

    private Result Need(int rank)
    {
        if ((uint)rank >= (uint)Count) throw DecodingError.NoRank(rank, Count);
        return _results[rank];
    }

    private readonly record struct Result(int Node, int Length, double LogProbability);
}
