namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>How many inputs ONNX's operators have at most, in any version of theirs.</summary>
internal static class OnnxInputs
{
    private static readonly (int Most, string Operators)[] s_table =
    [
        (0, "Constant SequenceEmpty"),
        (1, "Abs Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BlackmanWindow Cast Ceil Celu ConcatFromSequence ConstantOfShape Cos Cosh DepthToSpace DynamicQuantizeLinear Elu Erf Exp EyeLike Flatten Floor"),
        (1, "Gelu GlobalAveragePool GlobalMaxPool HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If IsInf IsNaN LeakyRelu Log LogSoftmax LpNormalization MaxPool MeanVarianceNormalization Mish Neg NonZero Not"),
        (1, "Optional OptionalGetElement OptionalHasElement Reciprocal Relu Round Selu SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Softmax Softplus Softsign SpaceToDepth Sqrt Swish Tan Tanh ThresholdedRelu Transpose"),
        (2, "Add And CastLike Compress CumSum Div Equal Expand Gather GatherElements GatherND Greater GreaterOrEqual Less LessOrEqual MatMul Mod Mul Or PRelu Pow RMSNormalization"),
        (2, "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape ReverseSequence SequenceAt SequenceErase Split SplitToSequence Squeeze Sub TopK Trilu Unsqueeze Upsample Xor"),
        (3, "Clip Conv ConvTranspose DFT DequantizeLinear Dropout Gemm GroupNormalization InstanceNormalization LayerNormalization OneHot QuantizeLinear Range Scatter ScatterElements ScatterND SequenceInsert Tile Where"),
        (4, "ConvInteger MatMulInteger Pad Resize STFT"),
        (5, "BatchNormalization MelWeightMatrix Slice"),
        (6, "GRU RNN"),
        (7, "Attention"),
        (8, "LSTM QLinearMatMul"),
        (9, "QLinearConv"),
    ];

    private static readonly Dictionary<string, int> s_most = s_table.SelectMany(row => row.Operators.Split(' ').Select(op => (op, row.Most))).ToDictionary();

    /// <summary>The most inputs of an operator; null where there may be any number, or where it is none of ONNX's own.</summary>
    public static int? Most(string op) => s_most.TryGetValue(op, out var most) ? most : null;
}
