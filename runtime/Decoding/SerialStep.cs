namespace SeqRuntime.Decoding;

/// <summary>One hypothesis after the other, for a step whose batch is fixed to 1: states are kept beside and brought back.</summary>
internal sealed class SerialStep : StepGraph
{
    private readonly int _stateBytes;
    private byte[] _now;
    private byte[] _next;

    public SerialStep(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options)
        : base(model, info, encoder, options)
    {
        _stateBytes = Session.StateBytes;
        _now = new byte[Width > 1 ? checked(Width * _stateBytes) : 0];
        _next = new byte[_now.Length];
    }

    public override long MemoryBytes => base.MemoryBytes + 2L * _now.Length;

    public override void Begin()
    {
        base.Begin();
        FillLinks(1, states: true);
        if (Width > 1) Session.SaveState(_now);
    }

    public override void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, int position, Span<float> alignment, int alignmentStride)
    {
        FillPosition(position);
        for (var row = 0; row < tokens.Length; row++)
        {
            if (Width > 1) Session.RestoreState(_now.AsSpan(parents[row] * _stateBytes));
            PortIO.Write(Session, Token, tokens.Slice(row, 1));
            Session.Run();
            if (Width > 1) Session.SaveState(_next.AsSpan(row * _stateBytes));
            Score(row, Session.Output<float>(Logits));
            if (Alignment >= 0 && !alignment.IsEmpty) Session.Output<float>(Alignment).CopyTo(alignment[(row * alignmentStride)..]);
        }

        (_now, _next) = (_next, _now);
    }
}
