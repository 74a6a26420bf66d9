using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>All operators, one row for each kind.</summary>
internal static class OperatorTable
{
    /// <summary>Makes the operator of a node.</summary>
    /// <exception cref="SeqFormatException">The kind is unknown to this version, or an attribute is invalid.</exception>
    public static Operator Create(OpKind kind, Attributes attributes) => kind switch
    {
        OpKind.Identity => new Reshape(attributes, ReshapeForm.Identity),
        OpKind.Reshape => new Reshape(attributes, ReshapeForm.Reshape),
        OpKind.Squeeze => new Reshape(attributes, ReshapeForm.Squeeze),
        OpKind.Unsqueeze => new Reshape(attributes, ReshapeForm.Unsqueeze),
        OpKind.Flatten => new Reshape(attributes, ReshapeForm.Flatten),
        OpKind.Transpose => new Transpose(attributes),
        OpKind.Concat => new Concat(attributes),
        OpKind.Split => new Split(attributes),
        OpKind.Slice => new Slice(),
        OpKind.Pad => new Pad(attributes),
        OpKind.Expand => new Expand(),
        OpKind.Tile => new Tile(),
        OpKind.Gather => new Gather(attributes),
        OpKind.GatherElements => new GatherElements(attributes),
        OpKind.GatherND => new GatherND(attributes),
        OpKind.ScatterElements => new ScatterElements(attributes),
        OpKind.ScatterND => new ScatterND(attributes),
        OpKind.Shape => new ShapeOf(attributes),
        OpKind.Size => new SizeOf(),
        OpKind.ConstantOfShape => new ConstantOfShape(attributes),
        OpKind.Range => new NumberRange(),
        OpKind.Cast => new Cast(attributes),
        OpKind.Where => new Where(),
        OpKind.OneHot => new OneHot(attributes),
        OpKind.ReverseSequence => new ReverseSequence(attributes),
        OpKind.Trilu => new Trilu(attributes),
        OpKind.CumSum => new CumSum(attributes),
        OpKind.TopK => new TopK(attributes),
        OpKind.ArgMax => new ArgExtremum(attributes, isMax: true),
        OpKind.ArgMin => new ArgExtremum(attributes, isMax: false),
        OpKind.Unary => new Unary(attributes),
        OpKind.Binary => new Binary(attributes),
        OpKind.Reduce => new Reduce(attributes),
        OpKind.Clip => new Clip(),
        OpKind.Softmax => new Softmax(attributes, SoftmaxKind.Softmax),
        OpKind.LogSoftmax => new Softmax(attributes, SoftmaxKind.LogSoftmax),
        OpKind.Hardmax => new Softmax(attributes, SoftmaxKind.Hardmax),
        OpKind.LayerNormalization => new LayerNormalization(attributes, rms: false),
        OpKind.RmsNormalization => new LayerNormalization(attributes, rms: true),
        OpKind.InstanceNormalization => new GroupNormalization(attributes, isInstance: true),
        OpKind.GroupNormalization => new GroupNormalization(attributes, isInstance: false),
        OpKind.LpNormalization => new LpNormalization(attributes),
        OpKind.Pool => new Pool(attributes),
        OpKind.MatMul => new MatMul(),
        OpKind.Linear => new Linear(),
        OpKind.Conv => new Conv(attributes),
        OpKind.ConvTranspose => new ConvTranspose(attributes),
        OpKind.Embedding => new Embedding(),
        OpKind.ColumnEmbedding => new ColumnEmbedding(),
        OpKind.Rnn => new Rnn(attributes),
        OpKind.Lstm => new Lstm(attributes),
        OpKind.Gru => new Gru(attributes),
        OpKind.Mgu => new Mgu(attributes),
        OpKind.Sru => new Sru(attributes, isProjected: false),
        OpKind.ProjectedSru => new Sru(attributes, isProjected: true),
        _ => throw OperatorError.Attribute($"Operator {(int)kind} is unknown to this version of the runtime; convert the model again with a converter of this version."),
    };

    /// <summary>
    /// ONNX's name of an operator: its kind's name, except for the rows here. Null if the operator stands for several of ONNX's or for none. The
    /// runtime itself does not use it, so trimming removes the names.
    /// </summary>
    public static string? OnnxName(OpKind kind) => kind switch
    {
        OpKind.RmsNormalization => "RMSNormalization",
        OpKind.Rnn => "RNN",
        OpKind.Lstm => "LSTM",
        OpKind.Gru => "GRU",
        OpKind.Unary or OpKind.Binary or OpKind.Reduce or OpKind.Pool or OpKind.Linear or OpKind.Embedding or OpKind.ColumnEmbedding or OpKind.Mgu or OpKind.Sru or OpKind.ProjectedSru => null,
        _ => kind.ToString(),
    };
}
