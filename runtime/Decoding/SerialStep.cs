namespace SeqRuntime.Decoding;

/// <summary>One hypothesis after the other, for a step whose batch is fixed to 1: states are kept beside and brought back.</summary>
internal sealed class SerialStep : StepGraph
{
    private readonly int _stateBytes;
    private byte[] _now;
    private byte[] _next;

    public SerialStep(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
        : base(model, info, encoder, options, memory)
    {
        _stateBytes = Session.StateBlock.Length;
        _now = memory.Array<byte>("states of hypotheses", Width > 1 ? Width : 0, _stateBytes);
        _next = memory.Array<byte>("states of hypotheses", _now.Length);
    }

    public override double Work => Width * base.Work;

    public override void Begin()
    {
        base.Begin();
        FillLinks(1, states: true);
        if (Width > 1) Session.StateBlock.CopyTo(_now);
    }

    public override void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, int position, Span<float> alignment, int alignmentStride, CancellationToken cancellation)
    {
        FillPosition(position);
        for (var row = 0; row < tokens.Length; row++)
        {
            if (Width > 1) _now.AsSpan(parents[row] * _stateBytes, _stateBytes).CopyTo(Session.StateBlock);
            PortIO.Write(Session, Token, tokens.Slice(row, 1));
            Session.Run(cancellation);
            if (Width > 1) Session.StateBlock.CopyTo(_next.AsSpan(row * _stateBytes));
            Score(row, Session.Output<float>(Logits));
            if (Alignment >= 0 && !alignment.IsEmpty) CopyAlignment(Session.Output<float>(Alignment), alignment.Slice(row * alignmentStride, alignmentStride));
        }

        (_now, _next) = (_next, _now);
    }
}
