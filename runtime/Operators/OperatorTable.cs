using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>All operators, a row each.</summary>
internal static class OperatorTable
{
    /// <exception cref="SeqFormatException">The kind is unknown to this version.</exception>
    public static OperatorRow Of(OpKind kind) => kind switch
    {
        OpKind.Identity => new("Identity", static a => new Reshape(a, ReshapeForm.Identity)),
        OpKind.Reshape => new("Reshape", static a => new Reshape(a, ReshapeForm.Reshape)),
        OpKind.Squeeze => new("Squeeze", static a => new Reshape(a, ReshapeForm.Squeeze)),
        OpKind.Unsqueeze => new("Unsqueeze", static a => new Reshape(a, ReshapeForm.Unsqueeze)),
        OpKind.Flatten => new("Flatten", static a => new Reshape(a, ReshapeForm.Flatten)),
        OpKind.Transpose => new("Transpose", static a => new Transpose(a)),
        OpKind.Concat => new("Concat", static a => new Concat(a)),
        OpKind.Split => new("Split", static a => new Split(a)),
        OpKind.Slice => new("Slice", static _ => new Slice()),
        OpKind.Pad => new("Pad", static a => new Pad(a)),
        OpKind.Expand => new("Expand", static _ => new Expand()),
        OpKind.Tile => new("Tile", static _ => new Tile()),
        OpKind.Gather => new("Gather", static a => new Gather(a)),
        OpKind.GatherElements => new("GatherElements", static a => new GatherElements(a)),
        OpKind.GatherND => new("GatherND", static a => new GatherND(a)),
        OpKind.ScatterElements => new("ScatterElements", static a => new ScatterElements(a)),
        OpKind.ScatterND => new("ScatterND", static a => new ScatterND(a)),
        OpKind.Shape => new("Shape", static a => new ShapeOf(a)),
        OpKind.Size => new("Size", static _ => new SizeOf()),
        OpKind.ConstantOfShape => new("ConstantOfShape", static a => new ConstantOfShape(a)),
        OpKind.Range => new("Range", static _ => new NumberRange()),
        OpKind.Cast => new("Cast", static a => new Cast(a)),
        OpKind.Where => new("Where", static _ => new Where()),
        OpKind.OneHot => new("OneHot", static a => new OneHot(a)),
        OpKind.ReverseSequence => new("ReverseSequence", static a => new ReverseSequence(a)),
        OpKind.Trilu => new("Trilu", static a => new Trilu(a)),
        OpKind.CumSum => new("CumSum", static a => new CumSum(a)),
        OpKind.TopK => new("TopK", static a => new TopK(a)),
        OpKind.ArgMax => new("ArgMax", static a => new ArgExtremum(a, isMax: true)),
        OpKind.ArgMin => new("ArgMin", static a => new ArgExtremum(a, isMax: false)),
        OpKind.Unary => new(null, static a => new Unary(a)),
        OpKind.Binary => new(null, static a => new Binary(a)),
        OpKind.Reduce => new(null, static a => new Reduce(a)),
        OpKind.Clip => new("Clip", static _ => new Clip()),
        OpKind.Softmax => new("Softmax", static a => new Softmax(a, SoftmaxKind.Softmax)),
        OpKind.LogSoftmax => new("LogSoftmax", static a => new Softmax(a, SoftmaxKind.LogSoftmax)),
        OpKind.Hardmax => new("Hardmax", static a => new Softmax(a, SoftmaxKind.Hardmax)),
        OpKind.LayerNormalization => new("LayerNormalization", static a => new LayerNormalization(a, rms: false)),
        OpKind.RmsNormalization => new("RMSNormalization", static a => new LayerNormalization(a, rms: true)),
        OpKind.InstanceNormalization => new("InstanceNormalization", static a => new GroupNormalization(a, isInstance: true)),
        OpKind.GroupNormalization => new("GroupNormalization", static a => new GroupNormalization(a, isInstance: false)),
        OpKind.LpNormalization => new("LpNormalization", static a => new LpNormalization(a)),
        OpKind.Pool => new(null, static a => new Pool(a)),
        OpKind.MatMul => new("MatMul", static _ => new MatMul()),
        OpKind.Linear => new(null, static _ => new Linear()),
        OpKind.Conv => new("Conv", static a => new Conv(a)),
        OpKind.ConvTranspose => new("ConvTranspose", static a => new ConvTranspose(a)),
        OpKind.Embedding => new(null, static _ => new Embedding()),
        OpKind.ColumnEmbedding => new(null, static _ => new ColumnEmbedding()),
        OpKind.Rnn => new("RNN", static a => new Rnn(a)),
        OpKind.Lstm => new("LSTM", static a => new Lstm(a)),
        OpKind.Gru => new("GRU", static a => new Gru(a)),
        _ => throw OperatorError.Attribute($"Operator {(int)kind} is unknown to this version of the runtime; convert the model again with a converter of this version."),
    };
}

/// <summary>What is known of an operator before it is made.</summary>
/// <param name="onnx">ONNX's name of it; null where one operator is many of ONNX's, or none.</param>
/// <param name="create">Makes the operator of a node.</param>
internal readonly struct OperatorRow(string? onnx, Func<Attributes, Operator> create)
{
    /// <summary>ONNX's name of it; null where one operator is many of ONNX's, or none.</summary>
    public string? Onnx => onnx;

    /// <exception cref="SeqFormatException">An attribute is not valid.</exception>
    public Operator Create(Attributes attributes) => create(attributes);
}
