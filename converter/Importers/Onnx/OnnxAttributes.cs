using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>The attributes of each operator that are read or have no effect. All other attributes in a file are reported.</summary>
internal static class OnnxAttributes
{
    private const string Microsoft = "com.microsoft.";
    private const string Window = "auto_pad ceil_mode dilations kernel_shape pads strides";
    private const string Convolution = "auto_pad dilations group kernel_shape pads strides";
    private const string Recurrent = "activation_alpha activation_beta activations clip direction hidden_size layout";
    private const string Heads = "do_rotary mask_filter_value num_heads past_present_share_buffer qkv_hidden_sizes rotary_embedding_dim scale unidirectional";

    /// <summary>Operators and their attributes in all opsets from 7 on. Types of intermediate sums and of rounded integers have no effect here.</summary>
    private static readonly (string Operators, string Attributes)[] s_table =
    [
        ("Abs Acos Acosh Add And Asin Asinh Atan Atanh BitwiseNot Ceil Cos Cosh Div DynamicQuantizeLinear Equal Erf Exp Expand Floor GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSwish Identity IsNaN", ""),
        ("Less LessOrEqual Log MatMul MatMulInteger Max Mean Min Mish Mul Neg NonZero Not OptionalGetElement OptionalHasElement Or PRelu Pow QLinearMatMul Range Reciprocal Relu Round SequenceAt SequenceConstruct SequenceErase", ""),
        ("SequenceInsert SequenceLength Sigmoid Sign Sin Sinh Size Softplus Softsign Sqrt Sub Sum Tan Tanh Tile Where Xor", ""),
        ("ArgMax ArgMin", "axis keepdims select_last_index"),
        ("Attention", "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap softmax_precision"),
        ("AveragePool", Window + " count_include_pad"),
        ("BatchNormalization", "epsilon momentum spatial training_mode"),
        ("BlackmanWindow HammingWindow HannWindow", "output_datatype periodic"),
        ("Cast", "round_mode saturate to"),
        ("CastLike", "round_mode saturate"),
        ("Celu Elu LeakyRelu Swish ThresholdedRelu", "alpha"),
        ("Clip", "max min"),
        ("Compress Concat Flatten Gather GatherElements Hardmax LogSoftmax OneHot Scatter Softmax", "axis"),
        ("ConcatFromSequence", "axis new_axis"),
        ("Constant", "sparse_value value value_float value_floats value_int value_ints value_string value_strings"),
        ("ConstantOfShape", "value"),
        ("Conv ConvInteger QLinearConv", Convolution),
        ("ConvTranspose", Convolution + " output_padding output_shape"),
        ("CumSum", "exclusive reverse"),
        ("DFT", "axis inverse onesided"),
        ("DepthToSpace", "blocksize mode"),
        ("DequantizeLinear", "axis block_size output_dtype"),
        ("Dropout", "ratio seed"),
        ("Einsum", "equation"),
        ("EyeLike", "dtype k"),
        (RecurrentOp.Gru.Name, Recurrent + " linear_before_reset"),
        ("GatherND", "batch_dims"),
        ("Gelu", "approximate"),
        ("Gemm", "alpha beta transA transB"),
        ("GroupNormalization", "epsilon num_groups stash_type"),
        ("HardSigmoid", "alpha beta"),
        ("If", "else_branch then_branch"),
        ("InstanceNormalization", "epsilon"),
        ("IsInf", "detect_negative detect_positive"),
        (RecurrentOp.Lstm.Name, Recurrent + " input_forget"),
        ("LayerNormalization RMSNormalization SimplifiedLayerNormalization", "axis epsilon stash_type"),
        ("Loop", "body"),
        ("LpNormalization", "axis p"),
        ("MaxPool", Window + " storage_order"),
        ("MeanVarianceNormalization Squeeze Unsqueeze", "axes"),
        ("MelWeightMatrix", "output_datatype"),
        ("Mod", "fmod"),
        ("Optional", "type"),
        ("Pad", "mode pads value"),
        ("QuantizeLinear", "axis block_size output_dtype precision saturate"),
        (RecurrentOp.Rnn.Name, Recurrent),
        ("ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare", "axes keepdims noop_with_empty_axes"),
        ("Reshape", "allowzero"),
        ("Resize", "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value keep_aspect_ratio_policy mode nearest_mode scales"),
        ("ReverseSequence", "batch_axis time_axis"),
        ("STFT", "onesided"),
        ("Scan", "body num_scan_inputs scan_input_axes scan_input_directions scan_output_axes scan_output_directions"),
        ("ScatterElements", "axis reduction"),
        ("ScatterND", "reduction"),
        ("Selu", "alpha gamma"),
        ("SequenceEmpty", "dtype"),
        ("Shape", "end start"),
        ("Shrink", "bias lambd"),
        ("Slice", "axes ends starts"),
        ("SpaceToDepth", "blocksize"),
        ("Split", "axis num_outputs split"),
        ("SplitToSequence", "axis keepdims"),
        ("TopK", "axis k largest sorted"),
        ("Transpose", "perm"),
        ("Trilu", "upper"),
        ("Upsample", "mode scales"),
    ];

    private static readonly (string Operators, string Attributes)[] s_microsoft =
    [
        ("BiasGelu DynamicQuantizeMatMul ExpandDims FastGelu Gelu MatMulIntegerToFloat QLinearAdd QLinearMul QLinearSigmoid QLinearWhere", ""),
        ("Attention MultiHeadAttention QAttention", Heads),
        ("DequantizeLinear QuantizeLinear", "axis"),
        ("DynamicQuantizeLSTM", Recurrent + " input_forget"),
        ("EmbedLayerNormalization", "epsilon mask_index_type"),
        ("FusedConv", Convolution + " activation activation_params"),
        ("FusedGemm", "activation activation_alpha activation_beta activation_gamma alpha beta transA transB"),
        ("FusedMatMul", "alpha transA transB transBatchA transBatchB"),
        ("MatMulNBits", "K N accuracy_level bits block_size"),
        ("QGemm", "alpha transA transB"),
        ("QLinearAveragePool", Window + " channels_last count_include_pad"),
        ("QLinearConcat", "axis"),
        ("QLinearGlobalAveragePool", "channels_last"),
        ("QLinearLeakyRelu QuickGelu", "alpha"),
        ("QLinearSoftmax", "axis opset"),
        ("SimplifiedLayerNormalization", "axis epsilon stash_type"),
        ("SkipLayerNormalization SkipSimplifiedLayerNormalization", "epsilon"),
    ];

    private static readonly Dictionary<string, HashSet<string>> s_known = Table();

    /// <summary>The operators of the table.</summary>
    public static IReadOnlyCollection<string> Operators => s_known.Keys;

    /// <summary>Whether an attribute is unknown: neither read nor without effect. False for operators that are not converted.</summary>
    public static bool IsUnknown(string op, string attribute) => s_known.TryGetValue(op, out var known) && !known.Contains(attribute);

    private static Dictionary<string, HashSet<string>> Table()
    {
        var table = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        void Add(string prefix, (string Operators, string Attributes)[] rows)
        {
            foreach (var (operators, attributes) in rows)
            {
                foreach (var op in operators.Split(' ')) table[prefix + op] = [.. attributes.Split(' ')];
            }
        }

        Add("", s_table);
        Add(Microsoft, s_microsoft);
        return table;
    }
}
