using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>The runtime operator and attributes of a node whose inputs need no change. Operators with packed weights are lowered elsewhere.</summary>
internal static class OperatorMap
{
    private static readonly Dictionary<string, UnaryFunction> UnaryFunctions = new()
    {
        ["Abs"] = UnaryFunction.Abs,
        ["Neg"] = UnaryFunction.Neg,
        ["Exp"] = UnaryFunction.Exp,
        ["Log"] = UnaryFunction.Log,
        ["Sqrt"] = UnaryFunction.Sqrt,
        ["Reciprocal"] = UnaryFunction.Reciprocal,
        ["Relu"] = UnaryFunction.Relu,
        ["LeakyRelu"] = UnaryFunction.LeakyRelu,
        ["Elu"] = UnaryFunction.Elu,
        ["Selu"] = UnaryFunction.Selu,
        ["Celu"] = UnaryFunction.Celu,
        ["ThresholdedRelu"] = UnaryFunction.ThresholdedRelu,
        ["Sigmoid"] = UnaryFunction.Sigmoid,
        ["HardSigmoid"] = UnaryFunction.HardSigmoid,
        ["HardSwish"] = UnaryFunction.HardSwish,
        ["Softplus"] = UnaryFunction.Softplus,
        ["Softsign"] = UnaryFunction.Softsign,
        ["Tanh"] = UnaryFunction.Tanh,
        ["Erf"] = UnaryFunction.Erf,
        ["Gelu"] = UnaryFunction.Gelu,
        ["Swish"] = UnaryFunction.Swish,
        ["Mish"] = UnaryFunction.Mish,
        ["Sin"] = UnaryFunction.Sin,
        ["Cos"] = UnaryFunction.Cos,
        ["Tan"] = UnaryFunction.Tan,
        ["Asin"] = UnaryFunction.Asin,
        ["Acos"] = UnaryFunction.Acos,
        ["Atan"] = UnaryFunction.Atan,
        ["Sinh"] = UnaryFunction.Sinh,
        ["Cosh"] = UnaryFunction.Cosh,
        ["Asinh"] = UnaryFunction.Asinh,
        ["Acosh"] = UnaryFunction.Acosh,
        ["Atanh"] = UnaryFunction.Atanh,
        ["Ceil"] = UnaryFunction.Ceil,
        ["Floor"] = UnaryFunction.Floor,
        ["Round"] = UnaryFunction.Round,
        ["Sign"] = UnaryFunction.Sign,
        ["Not"] = UnaryFunction.Not,
        ["IsNaN"] = UnaryFunction.IsNaN,
        ["IsInf"] = UnaryFunction.IsInf,
        ["BitwiseNot"] = UnaryFunction.BitwiseNot,
    };

    /// <summary>ONNX's default constants. Selu's second constant is its attribute gamma.</summary>
    private static readonly Dictionary<UnaryFunction, (float Alpha, float Beta)> Defaults = new()
    {
        [UnaryFunction.LeakyRelu] = (0.01f, 0),
        [UnaryFunction.Elu] = (1, 0),
        [UnaryFunction.Celu] = (1, 0),
        [UnaryFunction.ThresholdedRelu] = (1, 0),
        [UnaryFunction.Swish] = (1, 0),
        [UnaryFunction.HardSigmoid] = (0.2f, 0.5f),
        [UnaryFunction.Selu] = (1.67326319217681884765625f, 1.05070102214813232421875f),
    };

    private static readonly Dictionary<string, BinaryFunction> BinaryFunctions = new()
    {
        ["Add"] = BinaryFunction.Add,
        ["Sub"] = BinaryFunction.Sub,
        ["Mul"] = BinaryFunction.Mul,
        ["Div"] = BinaryFunction.Div,
        ["Pow"] = BinaryFunction.Pow,
        ["Min"] = BinaryFunction.Min,
        ["Max"] = BinaryFunction.Max,
        ["Mod"] = BinaryFunction.Mod,
        ["PRelu"] = BinaryFunction.PRelu,
        ["Equal"] = BinaryFunction.Equal,
        ["Less"] = BinaryFunction.Less,
        ["LessOrEqual"] = BinaryFunction.LessOrEqual,
        ["Greater"] = BinaryFunction.Greater,
        ["GreaterOrEqual"] = BinaryFunction.GreaterOrEqual,
        ["And"] = BinaryFunction.And,
        ["Or"] = BinaryFunction.Or,
        ["Xor"] = BinaryFunction.Xor,
    };

    private static readonly Dictionary<string, ReduceFunction> ReduceFunctions = new()
    {
        ["ReduceSum"] = ReduceFunction.Sum,
        ["ReduceMean"] = ReduceFunction.Mean,
        ["ReduceMax"] = ReduceFunction.Max,
        ["ReduceMin"] = ReduceFunction.Min,
        ["ReduceProd"] = ReduceFunction.Prod,
        ["ReduceL1"] = ReduceFunction.L1,
        ["ReduceL2"] = ReduceFunction.L2,
        ["ReduceSumSquare"] = ReduceFunction.SumSquare,
        ["ReduceLogSum"] = ReduceFunction.LogSum,
        ["ReduceLogSumExp"] = ReduceFunction.LogSumExp,
    };

    private static readonly Dictionary<string, PoolFunction> PoolFunctions = new()
    {
        ["MaxPool"] = PoolFunction.Max,
        ["AveragePool"] = PoolFunction.Average,
        ["GlobalMaxPool"] = PoolFunction.GlobalMax,
        ["GlobalAveragePool"] = PoolFunction.GlobalAverage,
    };

    /// <summary>ONNX's attribute names and the runtime's keys, for attributes whose values need no change.</summary>
    private static readonly Dictionary<string, AttributeKey> Keys = new()
    {
        ["axis"] = AttributeKey.Axis,
        ["perm"] = AttributeKey.Perm,
        ["keepdims"] = AttributeKey.KeepDims,
        ["noop_with_empty_axes"] = AttributeKey.NoopWithEmptyAxes,
        ["allowzero"] = AttributeKey.AllowZero,
        ["mode"] = AttributeKey.Mode,
        ["start"] = AttributeKey.Start,
        ["end"] = AttributeKey.End,
        ["alpha"] = AttributeKey.Alpha,
        ["beta"] = AttributeKey.Beta,
        ["epsilon"] = AttributeKey.Epsilon,
        ["kernel_shape"] = AttributeKey.KernelShape,
        ["strides"] = AttributeKey.Strides,
        ["pads"] = AttributeKey.Pads,
        ["dilations"] = AttributeKey.Dilations,
        ["group"] = AttributeKey.Group,
        ["output_padding"] = AttributeKey.OutputPadding,
        ["ceil_mode"] = AttributeKey.CeilMode,
        ["count_include_pad"] = AttributeKey.CountIncludePad,
        ["batch_dims"] = AttributeKey.BatchDims,
        ["batch_axis"] = AttributeKey.BatchAxis,
        ["time_axis"] = AttributeKey.TimeAxis,
        ["upper"] = AttributeKey.Upper,
        ["exclusive"] = AttributeKey.Exclusive,
        ["reverse"] = AttributeKey.Reverse,
        ["largest"] = AttributeKey.Largest,
        ["sorted"] = AttributeKey.Sorted,
        ["select_last_index"] = AttributeKey.SelectLastIndex,
        ["reduction"] = AttributeKey.Reduction,
        ["num_groups"] = AttributeKey.NumGroups,
        ["p"] = AttributeKey.P,
        ["num_outputs"] = AttributeKey.NumOutputs,
        ["detect_negative"] = AttributeKey.DetectNegative,
        ["detect_positive"] = AttributeKey.DetectPositive,
    };

    /// <summary>Kinds by ONNX's name, except those that <see cref="ShapeRules"/> and lowering handle.</summary>
    private static readonly Dictionary<string, OpKind> Kinds =
        Enum.GetValues<OpKind>().Select(kind => (Kind: kind, Name: OperatorTable.OnnxName(kind))).Where(row => row.Name is not null && !ShapeRules.Has(row.Name)).ToDictionary(row => row.Name!, row => row.Kind);

    /// <summary>ONNX's names of the operators that the runtime has.</summary>
    public static HashSet<string> Names { get; } =
        [.. UnaryFunctions.Keys, .. BinaryFunctions.Keys, .. ReduceFunctions.Keys, .. PoolFunctions.Keys, .. Kinds.Keys];

    /// <summary>Whether each element of the output depends on one element of each input only.</summary>
    public static bool IsElementwise(string op) => UnaryFunctions.ContainsKey(op) || BinaryFunctions.ContainsKey(op);

    public static (OpKind Kind, Attributes Attributes) Map(IrNode node)
    {
        var attributes = new Attributes();
        foreach (var (name, value) in node.Attributes)
        {
            if (Keys.TryGetValue(name, out var key)) attributes.Set(key, value);
        }

        if (UnaryFunctions.TryGetValue(node.Op, out var unary))
        {
            if (Defaults.TryGetValue(unary, out var defaults))
            {
                if (!attributes.Has(AttributeKey.Alpha)) attributes.Set(AttributeKey.Alpha, defaults.Alpha);
                if (!attributes.Has(AttributeKey.Beta)) attributes.Set(AttributeKey.Beta, node.Float("gamma", defaults.Beta));
            }

            if (unary == UnaryFunction.Gelu && node.String("approximate", "none") == "tanh") unary = UnaryFunction.GeluTanh;
            return (OpKind.Unary, attributes.Set(AttributeKey.Function, unary));
        }

        if (BinaryFunctions.TryGetValue(node.Op, out var binary))
        {
            if (binary == BinaryFunction.Mod && node.Int("fmod", 0) != 0) binary = BinaryFunction.FMod;
            return (OpKind.Binary, attributes.Set(AttributeKey.Function, binary));
        }

        if (ReduceFunctions.TryGetValue(node.Op, out var reduce)) return (OpKind.Reduce, attributes.Set(AttributeKey.Function, reduce));
        if (PoolFunctions.TryGetValue(node.Op, out var pool)) return (OpKind.Pool, attributes.Set(AttributeKey.Function, pool));
        var kind = Kinds.TryGetValue(node.Op, out var known) ? known : throw new ArgumentException($"The runtime has no operator '{node.Op}'.");
        switch (kind)
        {
            case OpKind.Cast:
                var to = OnnxNumbers.TypeOf(node.Int32("to", 0));
                if (to == 0) throw new UnsupportedException($"the type {OnnxNumbers.NameOf(node.Int32("to", 0))} is not supported");
                attributes.Set(AttributeKey.To, (long)to);
                break;
            case OpKind.ConstantOfShape:
                var value = node.Attributes.GetValueOrDefault("value") as IrTensor ?? IrTensor.Of([1], 0f);
                attributes.Set(AttributeKey.To, (long)value.Type);
                if (value.Type is ElementType.Float32 or ElementType.Float64) attributes.Set(AttributeKey.Value, value.ToFloats()[0]);
                else attributes.Set(AttributeKey.Value, value.Integers()[0]);
                break;
        }

        return (kind, attributes);
    }
}
