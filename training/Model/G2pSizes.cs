namespace SeqRuntime.Training.Model;

/// <summary>Sizes of the model. Every checkpoint contains them.</summary>
internal sealed record G2pSizes
{
    /// <summary>Features of a letter or phoneme.</summary>
    public int Embedding { get; init; } = 96;

    /// <summary>Units of each direction of the encoder.</summary>
    public int Encoder { get; init; } = 224;

    /// <summary>Units of the decoder.</summary>
    public int Decoder { get; init; } = 288;

    /// <summary>Width of the attention: features of keys and projected queries.</summary>
    public int Attention { get; init; } = 128;

    /// <summary>Features between decoder and logits.</summary>
    public int Readout { get; init; } = 256;

    /// <summary>Share of the features that training drops at random, 0 to 1.</summary>
    public double Dropout { get; init; } = 0.2;
}
