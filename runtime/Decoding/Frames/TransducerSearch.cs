using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Decoding;

/// <summary>
/// RNN transducer: at each frame any number of tokens, then a blank that moves to the next frame. The beam follows prefixes, each
/// with the sum over its alignments. Within a frame it extends them by length, so that a prefix has its whole probability,
/// including that from shorter prefixes at this frame, before it is scored. With a width of 1 it takes the best label every time.
/// </summary>
/// <remarks>Graves 2012, "Sequence Transduction with Recurrent Neural Networks", arXiv:1211.3711.</remarks>
internal sealed class TransducerSearch : FrameSearch
{
    private readonly Transducer _networks;
    private readonly int _begin;
    private readonly int _most;
    private readonly SlotPool _slots;
    private readonly RankedList<Item> _level;
    private readonly RankedList<Growth> _growths;
    private readonly int[] _from;
    private readonly int[] _to;
    private readonly RankedList<Item> _next;
    private readonly Item[] _pool;
    private int _count;

    public TransducerSearch(SeqModel model, DecodingInfo info, FrameEncoder encoder, int maxTokens, FrameDecoderOptions options, DecoderMemory memory)
        : base(model, info, maxTokens, 3L * options.BeamWidth * (options.MaxTokensPerFrame + 2), options, memory)
    {
        // Slots: 0 for the start, then the beam, the next beam, the prefixes of one length, and their parents.
        _slots = new SlotPool(4 * Width + 2, memory);
        _networks = new Transducer(model, info, encoder, Width, _slots.Count, options.WorkLimit, memory);
        if ((uint)Blank >= (uint)Vocabulary) throw new ArgumentException($"The blank is label {Blank}; the labels of the joint network are 0 to {Vocabulary - 1}.");
        _begin = info.Number(DecodingKeys.Begin) ?? Blank;
        _most = options.MaxTokensPerFrame;
        _level = new RankedList<Item>("prefixes", Width, memory);
        _growths = new RankedList<Growth>("prefixes", Width, memory);
        _next = new RankedList<Item>("prefixes", Width, memory);
        _pool = memory.Array<Item>("prefixes", Width);
        _from = memory.Array<int>("prefixes", Width);
        _to = memory.Array<int>("prefixes", Width);
    }

    public override int Vocabulary => _networks.Vocabulary;

    /// <summary>The encoder output that holds the frames.</summary>
    public int FrameOutput => _networks.FrameOutput;

    public override void Begin()
    {
        base.Begin();
        _slots.Clear();
        _networks.Begin();
        (_from[0], _to[0]) = (0, _slots.Take());
        FillContext(0, PrefixTree.Root);
        _networks.Predict(_from.AsSpan(0, 1), _to.AsSpan(0, 1));
        Tree.Hold(PrefixTree.Root);
        _pool[0] = new Item(PrefixTree.Root, _to[0], 0, 0);
        _count = 1;
    }

    public override bool Step(FrameEncoder encoder, int row, int frame)
    {
        if (Width == 1) return StepGreedily(encoder, row, frame);
        StepBeam(encoder, row, frame);
        return _count > 0 && Tell(_pool[0].Node);
    }

    public override void Dispose() => _networks.Dispose();

    protected override void OfferAll(bool isEnd)
    {
        for (var i = 0; i < _count; i++) Offer(_pool[i].Node, _pool[i].Score, isEnd);
    }

    private bool StepGreedily(FrameEncoder encoder, int row, int frame)
    {
        ref var item = ref _pool[0];
        for (var given = 0; ; given++)
        {
            _from[0] = item.Slot;
            _networks.Score(encoder, row, _from.AsSpan(0, 1));
            var scores = _networks[0];
            var best = Best(scores);
            if (best != Blank && (given == _most || !MayGrow(item.Node))) best = Blank;
            item.Score += scores[best];
            if (best == Blank) return true;
            var longer = Tree.Take(item.Node, best, frame, scores[best], default);
            Tree.Release(item.Node);
            item.Node = longer;
            FillContext(0, longer);
            _to[0] = item.Slot;
            _networks.Predict(_from.AsSpan(0, 1), _to.AsSpan(0, 1));
            if (!Tell(longer)) return false;
        }
    }

    private void StepBeam(FrameEncoder encoder, int row, int frame)
    {
        SortByLength();
        for (var i = 0; i < _count; i++) Tree.SetRow(_pool[i].Node, i);
        _next.Clear();
        _growths.Clear();
        var done = 0;
        while (done < _count || _growths.Count > 0)
        {
            var length = _growths.Count > 0 ? Tree[_growths[0].Parent].Length + 1 : Tree[_pool[done].Node].Length;
            done = FillLevel(done, length, frame);
            if (_level.Count == 0) continue;
            for (var i = 0; i < _level.Count; i++) _from[i] = _level[i].Slot;
            _networks.Score(encoder, row, _from.AsSpan(0, _level.Count));
            for (var i = 0; i < _level.Count; i++) GoOn(_level[i], _networks[i]);
            for (var i = 0; i < _level.Count; i++) OfferLonger(_level[i], _networks[i]);
            for (var i = 0; i < _level.Count; i++) Release(_level[i]);
        }

        for (var i = 0; i < _next.Count; i++) _pool[i] = _next[i] with { Given = 0 };
        _count = _next.Count;
    }

    /// <summary>Takes all prefixes of one length: those at the start of the frame and those that grew within it. The best go on.</summary>
    /// <returns>Number of beam prefixes already processed.</returns>
    private int FillLevel(int done, int length, int frame)
    {
        _level.Clear();
        for (; done < _count && Tree[_pool[done].Node].Length == length; done++)
        {
            Tree.SetRow(_pool[done].Node, -1);
            Enter(_pool[done]);
        }

        // A grown prefix holds its parent's slot until it is accepted and gets its own.
        for (var i = 0; i < _growths.Count; i++)
        {
            ref readonly var growth = ref _growths[i];
            var node = Tree.Take(growth.Parent, growth.Token, frame, growth.LogProbability, growth.Bias);
            Tree.Release(growth.Parent);
            Enter(new Item(node, growth.Slot, growth.Score, growth.Given) { IsNew = true });
        }

        _growths.Clear();
        var count = 0;
        for (var i = 0; i < _level.Count; i++)
        {
            if (!_level[i].IsNew) continue;
            FillContext(count, _level[i].Node);
            (_from[count], _to[count]) = (_level[i].Slot, _slots.Take());
            count++;
        }

        if (count == 0) return done;
        _networks.Predict(_from.AsSpan(0, count), _to.AsSpan(0, count));
        for (int i = 0, at = 0; i < _level.Count; i++)
        {
            if (!_level[i].IsNew) continue;
            _slots.Release(_level[i].Slot);
            _level[i] = _level[i] with { Slot = _to[at++], IsNew = false };
        }

        return done;
    }

    private void Enter(Item item)
    {
        var rank = item.Score + Tree[item.Node].Bias.Score;
        if (!_level.Takes(rank) || !_next.Takes(rank)) Release(item);
        else if (_level.Add(rank, item, out var dropped)) Release(dropped);
    }

    /// <summary>Takes the blank and moves to the next frame.</summary>
    private void GoOn(Item item, ReadOnlySpan<float> scores)
    {
        var score = item.Score + scores[Blank];
        var rank = score + Tree[item.Node].Bias.Score;
        if (!_next.Takes(rank)) return;
        Tree.Hold(item.Node);
        _slots.Hold(item.Slot);
        if (_next.Add(rank, item with { Score = score }, out var dropped)) Release(dropped);
    }

    /// <summary>Takes one more token: adds to the longer prefix if that was live at the start of the frame, else grows a new one.</summary>
    private void OfferLonger(Item item, ReadOnlySpan<float> scores)
    {
        if (item.Given == _most || !MayGrow(item.Node)) return;
        for (var child = Tree[item.Node].FirstChild; child >= 0; child = Tree[child].NextSibling)
        {
            if (Tree[child].Row is var at and >= 0) _pool[at].Score = ScalarMath.LogAdd(_pool[at].Score, item.Score + scores[Tree[child].Token]);
        }

        var bias = Tree[item.Node].Bias;
        var most = MostOfExtend(bias);
        for (var token = 0; token < scores.Length; token++)
        {
            var score = item.Score + scores[token];
            if (token == Blank || !_growths.Takes(score + most) || !_next.Takes(score + most)) continue;
            if (Tree.Child(item.Node, token) is var child and >= 0 && Tree[child].Row >= 0) continue;
            var longer = Extend(bias, token);
            var rank = score + longer.Score;
            if (!_growths.Takes(rank) || !_next.Takes(rank)) continue;
            Tree.Hold(item.Node);
            _slots.Hold(item.Slot);
            if (!_growths.Add(rank, new Growth(item.Node, token, item.Slot, score, scores[token], item.Given + 1, longer), out var dropped)) continue;
            Tree.Release(dropped.Parent);
            _slots.Release(dropped.Slot);
        }
    }

    private void Release(Item item)
    {
        Tree.Release(item.Node);
        _slots.Release(item.Slot);
    }

    /// <summary>Shorter first; equal lengths keep the order of the beam.</summary>
    private void SortByLength()
    {
        for (var i = 1; i < _count; i++)
        {
            var item = _pool[i];
            var at = i;
            for (; at > 0 && Tree[_pool[at - 1].Node].Length > Tree[item.Node].Length; at--) _pool[at] = _pool[at - 1];
            _pool[at] = item;
        }
    }

    /// <summary>The last tokens of a prefix, filled up with begin tokens in front.</summary>
    private void FillContext(int row, int node)
    {
        var context = _networks.Context(row);
        for (var i = context.Length - 1; i >= 0; i--)
        {
            context[i] = Tree[node].Length > 0 ? Tree[node].Token : _begin;
            if (Tree[node].Length > 0) node = Tree[node].Parent;
        }
    }

    private record struct Item(int Node, int Slot, double Score, int Given)
    {
        /// <summary>Whether it still holds its parent's slot.</summary>
        public bool IsNew { get; set; }
    }

    private readonly record struct Growth(int Parent, int Token, int Slot, double Score, float LogProbability, int Given, Bias Bias);
}
