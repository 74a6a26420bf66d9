using System.Text.Json.Serialization;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// A layer: its kind, the values that it reads, the value that it computes, and its weights. A weight <c>x</c> is the tensor
/// <c>weights.x</c>, unless <see cref="Tensors"/> gives another name.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(EmbeddingLayer), "embedding")]
[JsonDerivedType(typeof(LinearLayer), "linear")]
[JsonDerivedType(typeof(RnnLayer), "rnn")]
[JsonDerivedType(typeof(GruLayer), "gru")]
[JsonDerivedType(typeof(LstmLayer), "lstm")]
[JsonDerivedType(typeof(MguLayer), "mgu")]
[JsonDerivedType(typeof(SruLayer), "sru")]
[JsonDerivedType(typeof(RnnCellLayer), "rnn_cell")]
[JsonDerivedType(typeof(GruCellLayer), "gru_cell")]
[JsonDerivedType(typeof(LstmCellLayer), "lstm_cell")]
[JsonDerivedType(typeof(AttentionLayer), "attention")]
[JsonDerivedType(typeof(MultiHeadAttentionLayer), "multi_head_attention")]
[JsonDerivedType(typeof(TransformerEncoderLayer), "transformer_encoder_layer")]
[JsonDerivedType(typeof(LayerNormLayer), "layer_norm")]
[JsonDerivedType(typeof(BatchNormLayer), "batch_norm")]
[JsonDerivedType(typeof(RmsNormLayer), "rms_norm")]
[JsonDerivedType(typeof(GroupNormLayer), "group_norm")]
[JsonDerivedType(typeof(Conv1dLayer), "conv1d")]
[JsonDerivedType(typeof(Conv2dLayer), "conv2d")]
[JsonDerivedType(typeof(ConvTranspose1dLayer), "conv_transpose1d")]
[JsonDerivedType(typeof(MaxPoolLayer), "max_pool")]
[JsonDerivedType(typeof(AveragePoolLayer), "average_pool")]
[JsonDerivedType(typeof(ActivationLayer), "activation")]
[JsonDerivedType(typeof(PreluLayer), "prelu")]
[JsonDerivedType(typeof(AddLayer), "add")]
[JsonDerivedType(typeof(SubtractLayer), "subtract")]
[JsonDerivedType(typeof(MultiplyLayer), "multiply")]
[JsonDerivedType(typeof(DivideLayer), "divide")]
[JsonDerivedType(typeof(MaximumLayer), "maximum")]
[JsonDerivedType(typeof(MinimumLayer), "minimum")]
[JsonDerivedType(typeof(MatmulLayer), "matmul")]
[JsonDerivedType(typeof(MeanLayer), "mean")]
[JsonDerivedType(typeof(SumLayer), "sum")]
[JsonDerivedType(typeof(MaxLayer), "max")]
[JsonDerivedType(typeof(MinLayer), "min")]
[JsonDerivedType(typeof(ArgmaxLayer), "argmax")]
[JsonDerivedType(typeof(ConcatLayer), "concat")]
[JsonDerivedType(typeof(SliceLayer), "slice")]
[JsonDerivedType(typeof(ReshapeLayer), "reshape")]
[JsonDerivedType(typeof(TransposeLayer), "transpose")]
[JsonDerivedType(typeof(GatherLayer), "gather")]
[JsonDerivedType(typeof(ReverseLayer), "reverse")]
[JsonDerivedType(typeof(RepeatLayer), "repeat")]
[JsonDerivedType(typeof(OneHotLayer), "one_hot")]
[JsonDerivedType(typeof(ConstantLayer), "constant")]
[JsonDerivedType(typeof(RotaryLayer), "rotary")]
[JsonDerivedType(typeof(PositionsLayer), "positions")]
[JsonDerivedType(typeof(DropoutLayer), "dropout")]
internal abstract record LayerDescription
{
    /// <summary>The value that it computes.</summary>
    public required string Output { get; init; }

    /// <summary>The prefix of its tensors' names, without the last dot.</summary>
    public string? Weights { get; set; }

    /// <summary>Tensors with other names: the layer's name of a weight, and its name in the file or a part of it (<see cref="TensorSlice"/>).</summary>
    public Dictionary<string, string> Tensors { get; set; } = [];

    /// <summary>The factor for the layer's integer tensors, if it differs from the document's.</summary>
    public float? Scale { get; set; }

    /// <summary>The layers that this one stands for: itself, or those that it is made of.</summary>
    public virtual IEnumerable<LayerDescription> Parts(GraphComposer graph) => [this];

    /// <summary>Adds the layer's nodes.</summary>
    public abstract void Emit(GraphComposer graph);
}

/// <summary>A layer over one value.</summary>
internal abstract record UnaryLayer : LayerDescription
{
    public required string Input { get; init; }
}

/// <summary>A layer over several values.</summary>
internal abstract record ManyLayer : LayerDescription
{
    public required string[] Inputs { get; init; }
}
