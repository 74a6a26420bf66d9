namespace SeqRuntime.Decoding;

/// <summary>All hypotheses in one batch: weights are read once for all.</summary>
internal sealed class BatchStep : StepGraph
{
    private readonly Row[] _rows;
    private int _count;

    public BatchStep(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
        : base(model, info, encoder, options, memory)
    {
        _rows = [.. Graph.States.Where(s => AxisOf(s) >= 0).Select(s => new Row(Session.States[s.Name].Index, AxisOf(s), memory.Array<byte>("states of hypotheses", Session.StateContent(Session.States[s.Name].Index).Length)))];
        if (Array.Exists(_rows, r => Session.States[r.State].Type.Size() != sizeof(float))) throw new ArgumentException("A state of the step is neither float32 nor int32.");
        _count = Width;
    }

    public override void Begin()
    {
        Session.SetSize(BatchSymbol!, 1);
        base.Begin();
        _count = 1;
        FillLinks(1, states: true);
    }

    public override void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, int position, Span<float> alignment, int alignmentStride, CancellationToken cancellation)
    {
        if (!IsInPlace(parents)) Move(parents);
        PortIO.Write(Session, Token, tokens);
        FillPosition(position);
        Session.Run(cancellation);
        var logits = Session.Output<float>(Logits);
        if (logits.Length != tokens.Length * (long)Vocabulary) throw new ArgumentException($"The step's logits are not {tokens.Length} rows of {Vocabulary}.");
        for (var row = 0; row < tokens.Length; row++) Score(row, logits.Slice(row * Vocabulary, Vocabulary));
        if (Alignment < 0 || alignment.IsEmpty) return;
        var weights = Session.Output<float>(Alignment);
        var length = weights.Length / tokens.Length;
        for (var row = 0; row < tokens.Length; row++) CopyAlignment(weights.Slice(row * length, length), alignment.Slice(row * alignmentStride, alignmentStride));
    }

    private bool IsInPlace(ReadOnlySpan<int> parents)
    {
        if (parents.Length != _count) return false;
        for (var i = 0; i < parents.Length; i++)
        {
            if (parents[i] != i) return false;
        }

        return true;
    }

    private void Move(ReadOnlySpan<int> parents)
    {
        foreach (var row in _rows)
        {
            var state = Session.StateContent(row.State);
            PortIO.Gather(state, _count, parents, row.Spare, BlockBehind(Session.States[row.State].Shape, row.Axis));
        }

        if (_count != parents.Length)
        {
            _count = parents.Length;
            Session.SetSize(BatchSymbol!, _count);
            FillLinks(_count, states: false);
        }

        foreach (var row in _rows)
        {
            var state = Session.StateContent(row.State);
            row.Spare.AsSpan(0, state.Length).CopyTo(state);
        }
    }

    private readonly record struct Row(int State, int Axis, byte[] Spare);
}
