namespace SeqRuntime.Decoding;

/// <summary>Which decoder reads a model.</summary>
public enum DecodingKind
{
    /// <summary>An encoder reads a source, a step graph gives one token after the other: <see cref="SeqDecoder"/>.</summary>
    EncoderDecoder = 0,

    /// <summary>Connectionist temporal classification, labels at each frame: <see cref="FrameDecoder"/>.</summary>
    Ctc = 1,

    /// <summary>An RNN transducer, any number of tokens at each frame: <see cref="FrameDecoder"/>.</summary>
    Transducer = 2,
}

/// <summary>How a model says that it is decoded: which graphs do it, and which tokens mean what (<see cref="SeqModelExtensions.GetDecoding"/>).</summary>
public sealed class DecodingDescription
{
    private DecodingDescription(DecodingKind kind, DecodingInfo info)
    {
        Kind = kind;
        EncoderGraph = info.Text(DecodingKeys.Encoder);
        StepGraph = info.Text(DecodingKeys.Step);
        PredictionGraph = info.Text(DecodingKeys.Predict);
        JointGraph = info.Text(DecodingKeys.Joint);
        BeginToken = info.Number(DecodingKeys.Begin);
        EndToken = info.Number(DecodingKeys.End);
        UnknownToken = info.Number(DecodingKeys.Unknown);
        SourceBeginToken = info.Number(DecodingKeys.SourceBegin);
        SourceEndToken = info.Number(DecodingKeys.SourceEnd);
        BlankToken = info.Number(DecodingKeys.Blank);
        MaxTokens = info.Number(DecodingKeys.Max);
        Separator = info.Text(DecodingKeys.Separator);
    }

    /// <summary>Which decoder reads the model.</summary>
    public DecodingKind Kind { get; }

    /// <summary>Name of the graph that reads the source; null for a CTC model of a single graph.</summary>
    public string? EncoderGraph { get; }

    /// <summary>Name of the graph that gives the next token of an encoder-decoder; null for other kinds.</summary>
    public string? StepGraph { get; }

    /// <summary>Name of a transducer's prediction network; null for other kinds.</summary>
    public string? PredictionGraph { get; }

    /// <summary>Name of a transducer's joint network; null for other kinds.</summary>
    public string? JointGraph { get; }

    /// <summary>Target token that sequences begin with; null where the model names none.</summary>
    public int? BeginToken { get; }

    /// <summary>Target token that sequences end with; null where the model names none.</summary>
    public int? EndToken { get; }

    /// <summary>Source token for what the source table does not cover; null where the model has none and refuses it.</summary>
    public int? UnknownToken { get; }

    /// <summary>Token put before each source; null for none.</summary>
    public int? SourceBeginToken { get; }

    /// <summary>Token put behind each source; null for none.</summary>
    public int? SourceEndToken { get; }

    /// <summary>Label that stands for no token in CTC models and transducers; null where the model names none, which is label 0.</summary>
    public int? BlankToken { get; }

    /// <summary>Most tokens of a result; null where the model leaves it to the decoder.</summary>
    public int? MaxTokens { get; }

    /// <summary>What stands between the tokens of a text; null where the table decides (<see cref="TokenTable.Separator"/>).</summary>
    public string? Separator { get; }

    /// <summary>What a model says; null where it says nothing.</summary>
    internal static DecodingDescription? Of(SeqModel model)
    {
        if (!model.Metadata.TryGetValue(DecodingKeys.Kind, out var text)) return null;
        var kind = text switch
        {
            DecodingKeys.EncoderDecoder => DecodingKind.EncoderDecoder,
            DecodingKeys.Ctc => DecodingKind.Ctc,
            DecodingKeys.Transducer => DecodingKind.Transducer,
            _ => throw new ArgumentException($"The model is to be decoded as '{text}', which this runtime does not know. Use a newer runtime."),
        };
        return new DecodingDescription(kind, DecodingInfo.Of(model, text));
    }
}
