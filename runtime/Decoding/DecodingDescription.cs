namespace SeqRuntime.Decoding;

/// <summary>Which decoder reads a model.</summary>
public enum DecodingKind
{
    /// <summary>An encoder reads a source, and a step graph computes one token after the other: <see cref="SeqDecoder"/>.</summary>
    EncoderDecoder = 0,

    /// <summary>Connectionist temporal classification, one label at each frame: <see cref="FrameDecoder"/>.</summary>
    Ctc = 1,

    /// <summary>An RNN transducer, any number of tokens at each frame: <see cref="FrameDecoder"/>.</summary>
    Transducer = 2,

    /// <summary>A language model: a step graph reads a prompt and goes on with it, one token after the other: <see cref="SeqGenerator"/>.</summary>
    LanguageModel = 3,
}

/// <summary>A model's own description of its decoding: the graphs and the special tokens (<see cref="SeqModelExtensions.GetDecoding"/>).</summary>
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
        ContextLength = info.Number(DecodingKeys.Context);
        Separator = info.Text(DecodingKeys.Separator);
    }

    /// <summary>Which decoder reads the model.</summary>
    public DecodingKind Kind { get; }

    /// <summary>Name of the graph that reads the source; null for a CTC model of a single graph, and for a language model.</summary>
    public string? EncoderGraph { get; }

    /// <summary>Name of the graph that gives the next token of an encoder-decoder or a language model; null for other kinds, and for a language model of a single graph.</summary>
    public string? StepGraph { get; }

    /// <summary>Name of a transducer's prediction network; null for other kinds.</summary>
    public string? PredictionGraph { get; }

    /// <summary>Name of a transducer's joint network; null for other kinds.</summary>
    public string? JointGraph { get; }

    /// <summary>Target token at the beginning of sequences; null if the model names none.</summary>
    public int? BeginToken { get; }

    /// <summary>Target token at the end of sequences; null if the model names none.</summary>
    public int? EndToken { get; }

    /// <summary>Source token for text that the source table does not cover; null if such text is an error.</summary>
    public int? UnknownToken { get; }

    /// <summary>Token put before each source; null for none.</summary>
    public int? SourceBeginToken { get; }

    /// <summary>Token put behind each source; null for none.</summary>
    public int? SourceEndToken { get; }

    /// <summary>Blank label of CTC models and transducers; null if the model names none, which means label 0.</summary>
    public int? BlankToken { get; }

    /// <summary>Most tokens of a result; null if the model leaves it to the decoder.</summary>
    public int? MaxTokens { get; }

    /// <summary>Most tokens, prompt and result together, that the caches of a language model hold; null if they set no limit.</summary>
    public int? ContextLength { get; }

    /// <summary>The separator between the tokens of a text; null if the table decides (<see cref="TokenTable.Separator"/>).</summary>
    public string? Separator { get; }

    /// <summary>The description in a model's metadata; null if there is none.</summary>
    internal static DecodingDescription? Of(SeqModel model)
    {
        if (!model.Metadata.TryGetValue(DecodingKeys.Kind, out var text)) return null;
        var kind = text switch
        {
            DecodingKeys.EncoderDecoder => DecodingKind.EncoderDecoder,
            DecodingKeys.Ctc => DecodingKind.Ctc,
            DecodingKeys.Transducer => DecodingKind.Transducer,
            DecodingKeys.LanguageModel => DecodingKind.LanguageModel,
            _ => throw new ArgumentException($"The model's kind of decoding is '{text}', which this runtime does not know. Use a newer runtime."),
        };
        return new DecodingDescription(kind, DecodingInfo.Of(model, text));
    }
}
