using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Decoding;

/// <summary>
/// Connectionist temporal classification: one label at every frame. Repeated labels are one token, blanks are none. The beam follows
/// prefixes. Each has two sums over its alignments: those that end in a blank, and those that do not. With a width of 1 it takes the best
/// label of each frame.
/// </summary>
/// <remarks>Graves et al. 2006, "Connectionist Temporal Classification"; prefix beam search as in Hannun et al. 2014, arXiv:1408.2873.</remarks>
internal sealed class CtcSearch : FrameSearch
{
    private readonly LogProbabilityRows _scores;
    private readonly int _output;
    private readonly RankedList<Candidate> _candidates;
    private readonly int[] _isLive;
    private Prefix[] _prefixes;
    private Prefix[] _next;
    private int _count;
    private int _stamp;
    private int _lastLabel;

    public CtcSearch(SeqModel model, DecodingInfo info, FrameEncoder encoder, int maxTokens, FrameDecoderOptions options, DecoderMemory memory)
        : base(model, info, maxTokens, options.BeamWidth + 1L, options, memory)
    {
        _output = encoder.RowsOutput(info.Text(DecodingKeys.Logits));
        _scores = new LogProbabilityRows(model.Kernels, info, 1, encoder.RowSize(_output), memory);
        if ((uint)Blank >= (uint)Vocabulary) throw new ArgumentException($"The blank is label {Blank}; the labels of the encoder are 0 to {Vocabulary - 1}.");
        _candidates = new RankedList<Candidate>("prefixes", Width, memory);
        _prefixes = memory.Array<Prefix>("prefixes", Width);
        _next = memory.Array<Prefix>("prefixes", Width);
        _isLive = memory.Array<int>("prefixes", Vocabulary);
    }

    public override int Vocabulary => _scores.Vocabulary;

    public override void Begin()
    {
        base.Begin();
        _prefixes[0] = new Prefix(PrefixTree.Root, 0, double.NegativeInfinity);
        Tree.Hold(PrefixTree.Root);
        _count = 1;
        _lastLabel = Blank;
    }

    public override bool Step(FrameEncoder encoder, int row, int frame)
    {
        _scores.Set(0, encoder.Row(_output, row));
        var scores = _scores[0];
        if (Width == 1) StepGreedily(scores, frame);
        else StepBeam(scores, frame);
        return _count > 0 && Tell(_prefixes[0].Node);
    }

    public override void Dispose()
    {
    }

    protected override void OfferAll(bool isEnd)
    {
        for (var i = 0; i < _count; i++) Offer(_prefixes[i].Node, _prefixes[i].Total, isEnd);
    }

    private void StepGreedily(ReadOnlySpan<float> scores, int frame)
    {
        var best = Best(scores);
        var (node, total) = (_prefixes[0].Node, _prefixes[0].Blank + scores[best]);
        if (best != Blank && best != _lastLabel && MayGrow(node))
        {
            var longer = Tree.Take(node, best, frame, scores[best], default);
            Tree.Release(node);
            node = longer;
        }

        _lastLabel = best;
        _prefixes[0] = new Prefix(node, total, double.NegativeInfinity);
    }

    private void StepBeam(ReadOnlySpan<float> scores, int frame)
    {
        for (var i = 0; i < _count; i++) Tree.SetRow(_prefixes[i].Node, i);
        _candidates.Clear();
        for (var i = 0; i < _count; i++) OfferSame(i, scores);
        for (var i = 0; i < _count; i++)
        {
            if (MayGrow(_prefixes[i].Node)) OfferLonger(i, scores);
        }

        for (var i = 0; i < _candidates.Count; i++)
        {
            ref readonly var chosen = ref _candidates[i];
            var node = _prefixes[chosen.From].Node;
            if (chosen.Token >= 0) node = Tree.Take(node, chosen.Token, frame, scores[chosen.Token], chosen.Bias);
            else Tree.Hold(node);
            _next[i] = new Prefix(node, chosen.Blank, chosen.Last);
        }

        for (var i = 0; i < _count; i++)
        {
            Tree.SetRow(_prefixes[i].Node, -1);
            Tree.Release(_prefixes[i].Node);
        }

        (_prefixes, _next, _count) = (_next, _prefixes, _candidates.Count);
    }

    /// <summary>The prefix stays: by a blank, by its last token again, or because its live parent takes its last token.</summary>
    private void OfferSame(int i, ReadOnlySpan<float> scores)
    {
        ref readonly var prefix = ref _prefixes[i];
        ref readonly var node = ref Tree[prefix.Node];
        var blank = prefix.Total + scores[Blank];
        var last = double.NegativeInfinity;
        if (node.Length > 0)
        {
            last = prefix.Last + scores[node.Token];
            var parent = Tree[node.Parent].Row;
            if (parent >= 0) last = ScalarMath.LogAdd(last, Before(parent, node.Token) + scores[node.Token]);
        }

        var rank = ScalarMath.LogAdd(blank, last) + node.Bias.Score;
        if (_candidates.Takes(rank)) _candidates.Add(rank, new Candidate(i, -1, blank, last, node.Bias), out _);
    }

    /// <summary>The prefix and one more token, if that prefix is not live already.</summary>
    private void OfferLonger(int i, ReadOnlySpan<float> scores)
    {
        _stamp++;
        var at = _prefixes[i].Node;
        var bias = Tree[at].Bias;
        for (var child = Tree[at].FirstChild; child >= 0; child = Tree[child].NextSibling)
        {
            if (Tree[child].Row >= 0) _isLive[Tree[child].Token] = _stamp;
        }

        var most = MostOfExtend(bias);
        for (var token = 0; token < scores.Length; token++)
        {
            if (token == Blank || _isLive[token] == _stamp) continue;
            var last = Before(i, token) + scores[token];
            if (!_candidates.Takes(last + most)) continue;
            var longer = Extend(bias, token);
            if (_candidates.Takes(last + longer.Score)) _candidates.Add(last + longer.Score, new Candidate(i, token, double.NegativeInfinity, last, longer), out _);
        }
    }

    /// <summary>Log probability of a prefix's alignments that a token may follow. A repeat of the last token may follow only a blank.</summary>
    private double Before(int i, int token) => Tree[_prefixes[i].Node].Token == token ? _prefixes[i].Blank : _prefixes[i].Total;

    /// <param name="Node">Node in the tree.</param>
    /// <param name="Blank">Log probability of its alignments that end in a blank.</param>
    /// <param name="Last">Log probability of its alignments that end in its last token.</param>
    private readonly record struct Prefix(int Node, double Blank, double Last)
    {
        public double Total { get; } = ScalarMath.LogAdd(Blank, Last);
    }

    private readonly record struct Candidate(int From, int Token, double Blank, double Last, Bias Bias);
}
