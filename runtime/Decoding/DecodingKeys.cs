namespace SeqRuntime.Decoding;

/// <summary>Metadata keys of a <c>.seq</c> file for decoders. The converter writes them, <see cref="DecodingInfo"/> reads them.</summary>
internal static class DecodingKeys
{
    /// <summary><see cref="EncoderDecoder"/>, <see cref="Ctc"/>, <see cref="Transducer"/> or <see cref="LanguageModel"/>.</summary>
    public const string Kind = "decoding";

    public const string EncoderDecoder = "encoder-decoder";
    public const string Ctc = "ctc";
    public const string Transducer = "transducer";
    public const string LanguageModel = "language-model";

    /// <summary>Graphs.</summary>
    public const string Encoder = "decoding:encoder";
    public const string Step = "decoding:step";
    public const string Predict = "decoding:predict";
    public const string Joint = "decoding:joint";

    /// <summary>Inputs of the encoder.</summary>
    public const string Source = "decoding:source";
    public const string SourceLength = "decoding:source-length";
    public const string SourcePosition = "decoding:source-position";

    /// <summary>Inputs and outputs of the step.</summary>
    public const string Token = "decoding:token";
    public const string Mask = "decoding:mask";
    public const string Position = "decoding:position";
    public const string Logits = "decoding:logits";
    public const string Alignment = "decoding:alignment";

    /// <summary>What the logits output holds: <see cref="ScoresLogits"/> (the default) or <see cref="ScoresProbabilities"/>.</summary>
    public const string Scores = "decoding:scores";
    public const string ScoresLogits = "logits";
    public const string ScoresProbabilities = "probabilities";

    /// <summary>Followed by an input or state of the step: the encoder's output that fills it.</summary>
    public const string Link = "decoding:link:";

    /// <summary>Token indices.</summary>
    public const string Begin = "decoding:begin";
    public const string End = "decoding:end";
    public const string Unknown = "decoding:unknown";
    public const string SourceBegin = "decoding:source-begin";
    public const string SourceEnd = "decoding:source-end";
    public const string Blank = "decoding:blank";

    /// <summary>Most tokens of a result.</summary>
    public const string Max = "decoding:max";

    /// <summary>Most tokens that the states of a language model's step hold, prompt included.</summary>
    public const string Context = "decoding:context";

    /// <summary>The separator between the tokens of a text.</summary>
    public const string Separator = "decoding:separator";

    /// <summary>Tables.</summary>
    public const string SourceTable = "source";
    public const string TargetTable = "target";
}
