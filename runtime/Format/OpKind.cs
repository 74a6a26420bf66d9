namespace SeqRuntime.Format;

/// <summary>
/// The computation of a node. The numbers are part of the file format: never change one, only append.
/// </summary>
/// <remarks>
/// Unless a line says otherwise, inputs, outputs and attributes are those of the ONNX operator of the same name in opset 23, in which axes,
/// shapes, pads and splits are inputs instead of attributes. An omitted input is value -1.
/// </remarks>
internal enum OpKind : ushort
{
    /// <summary>Y = X, the same memory.</summary>
    Identity = 1,
    Reshape = 2,
    Squeeze = 3,
    Unsqueeze = 4,
    Flatten = 5,
    Transpose = 6,
    Concat = 7,
    Split = 8,
    Slice = 9,
    Pad = 10,
    Expand = 11,
    Tile = 12,
    Gather = 13,
    GatherElements = 14,
    GatherND = 15,
    ScatterElements = 16,
    ScatterND = 17,
    Shape = 18,
    Size = 19,

    /// <summary>Input shape; every element is the attribute Value (an integer, or a float for float types) in the type To (default fp32).</summary>
    ConstantOfShape = 20,
    Range = 21,
    Cast = 22,
    Where = 23,
    OneHot = 24,
    ReverseSequence = 25,
    Trilu = 26,
    CumSum = 27,
    TopK = 28,
    ArgMax = 29,
    ArgMin = 30,

    /// <summary>Y = f(X). <see cref="AttributeKey.Function"/> is a <see cref="UnaryFunction"/>; Alpha and Beta are ONNX's.</summary>
    Unary = 40,

    /// <summary>Y = f(A, B) with broadcasting, <see cref="AttributeKey.Function"/> is a <see cref="BinaryFunction"/>.</summary>
    Binary = 41,

    /// <summary>Y = reduction of X over axes (input 1, optional), <see cref="AttributeKey.Function"/> is a <see cref="ReduceFunction"/>; KeepDims, NoopWithEmptyAxes.</summary>
    Reduce = 42,

    /// <summary>Inputs X, min (optional), max (optional).</summary>
    Clip = 43,
    Softmax = 44,
    LogSoftmax = 45,
    Hardmax = 46,

    /// <summary>Inputs X, scale, bias (optional); Axis, Epsilon. Output 0 Y only.</summary>
    LayerNormalization = 50,

    /// <summary>Inputs X, scale; Axis, Epsilon.</summary>
    RmsNormalization = 51,
    InstanceNormalization = 52,

    /// <summary>Inputs X, scale [C], bias [C]; NumGroups, Epsilon.</summary>
    GroupNormalization = 53,

    /// <summary>Inputs X; Axis, P (1 or 2).</summary>
    LpNormalization = 54,

    /// <summary>X [N, C, spatial…]; Function is a <see cref="PoolFunction"/>; KernelShape, Strides, Pads, Dilations, CeilMode, CountIncludePad. Global pools have no KernelShape.</summary>
    Pool = 55,

    /// <summary>Dense times dense, NumPy's broadcasting rules.</summary>
    MatMul = 60,

    /// <summary>Y = X · Wᵀ + bias on the last axis. Inputs X […, columns], W (packed [rows, columns]), bias [rows] (dense fp32, optional). Y […, rows].</summary>
    Linear = 61,

    /// <summary>
    /// Inputs X [N, C, spatial…], W, bias [M] (optional), state in (optional, causal only) [N, C, (K-1)·dilation]; outputs Y, state out.
    /// KernelShape, Strides, Pads, Dilations, Group. W is packed: with Group 1 one matrix M × (C·K) in order (channel, tap), otherwise one
    /// packed matrix [M/Group, C/Group·K] for each group; or dense fp32 [M, C/Group, K…] (always for depthwise).
    /// With a state, the state is the left padding (1-D, pads 0).
    /// </summary>
    Conv = 62,

    /// <summary>Inputs X [N, C, spatial…], W dense fp32 [C, M/Group, K…], bias (optional). KernelShape, Strides, Pads, Dilations, OutputPadding, Group.</summary>
    ConvTranspose = 63,

    /// <summary>Rows of an int8 or fp32 packed matrix by index: inputs W (packed [rows, columns]), indices (int32 or int64, any shape). Y [indices…, columns].</summary>
    Embedding = 64,

    /// <summary>Columns of a packed matrix by index, like <see cref="Embedding"/> for rows: a table that is the transpose of a product's weights. Y [indices…, rows].</summary>
    ColumnEmbedding = 65,

    /// <summary>Simple RNN: see <c>Operators/Rnn.cs</c> for inputs and formula.</summary>
    Rnn = 70,

    /// <summary>Long short-term memory: see <c>Operators/Lstm.cs</c>.</summary>
    Lstm = 71,

    /// <summary>Gated recurrent unit: see <c>Operators/Gru.cs</c>.</summary>
    Gru = 72,

    /// <summary>Minimal gated unit: see <c>Operators/Mgu.cs</c>.</summary>
    Mgu = 73,

    /// <summary>Simple recurrent unit, whose highway takes the inputs as they are: see <c>Operators/Sru.cs</c>.</summary>
    Sru = 74,

    /// <summary>Simple recurrent unit, whose highway takes a product of the inputs.</summary>
    ProjectedSru = 75,
}

/// <summary>Elementwise functions of one argument. Numbers are part of the file format: append only, never reorder.</summary>
internal enum UnaryFunction : byte
{
    Abs, Neg, Exp, Log, Sqrt, Reciprocal, Relu, LeakyRelu, Elu, Selu, Celu, ThresholdedRelu, Sigmoid, HardSigmoid,
    HardSwish, Softplus, Softsign, Tanh, Erf, Gelu, GeluTanh, Swish, Mish, Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh,
    Acosh, Atanh, Ceil, Floor, Round, Sign, Not, IsNaN, IsInf, Affine, ScaledTanh, BitwiseNot, Clip,
}

/// <summary>Elementwise functions of two arguments, with broadcasting. Numbers are part of the file format: append only, never reorder.</summary>
internal enum BinaryFunction : byte
{
    Add, Sub, Mul, Div, Pow, Min, Max, Mod, FMod, PRelu, Equal, Less, LessOrEqual, Greater, GreaterOrEqual, And, Or, Xor,
}

/// <summary>Which functions the kernels compute, on fp32. Operators compute the others themselves.</summary>
internal static class ElementwiseFunctions
{
    public static bool IsArithmetic(this UnaryFunction function) => function is not (UnaryFunction.Not or UnaryFunction.IsNaN or UnaryFunction.IsInf or UnaryFunction.BitwiseNot);

    public static bool IsArithmetic(this BinaryFunction function) => function < BinaryFunction.Equal;
}

/// <summary>Reductions over axes.</summary>
internal enum ReduceFunction : byte
{
    Sum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp,
}

/// <summary>Pooling functions.</summary>
internal enum PoolFunction : byte
{
    Max, Average, GlobalMax, GlobalAverage,
}

/// <summary>Direction of a recurrent layer.</summary>
internal enum RecurrentDirection : byte
{
    Forward, Reverse, Bidirectional,
}
