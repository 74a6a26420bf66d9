namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>The activations that operators apply to their result, and the range of the integers that a file keeps it in.</summary>
internal static class TfliteActivations
{
    public const int None = 0, Relu = 1, ReluN1To1 = 2, Relu6 = 3, Tanh = 4, SignBit = 5;

    /// <summary>Operators whose results cannot leave their inputs' range.</summary>
    private static readonly HashSet<string> s_moves =
    [
        "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CONCATENATION", "SPLIT", "SPLIT_V", "PACK", "UNPACK", "SLICE", "STRIDED_SLICE", "DYNAMIC_UPDATE_SLICE", "PAD", "PADV2", "MIRROR_PAD", "TILE", "GATHER", "GATHER_ND", "EMBEDDING_LOOKUP",
        "BROADCAST_TO", "FILL", "REVERSE_V2", "REVERSE_SEQUENCE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "REDUCE_MAX",
        "REDUCE_MIN", "MAXIMUM", "MINIMUM", "SELECT", "SELECT_V2", "TOPK_V2", "READ_VARIABLE", "IF", "WHILE", "CALL", "STABLEHLO_COMPOSITE",
    ];

    /// <summary>Operators whose integers reach as far as the function does.</summary>
    private static readonly HashSet<string> s_bounded = ["LOGISTIC", "TANH", "SOFTMAX", "L2_NORMALIZATION", "SIN", "COS", "ONE_HOT", "ZEROS_LIKE"];

    /// <summary>A result with the operator's activation.</summary>
    public static string Apply(TfliteCall call, string value, int function)
    {
        // Limits of the integers that begin at zero do what these activations do.
        if (function is Relu or Relu6 && call.Outputs > 0 && Limits(call, 0) is (0, var most) && (function == Relu || most <= 6)) return value;
        return Of(call, value, function);
    }

    public static string Of(TfliteCall call, string value, int function) => function switch
    {
        None => value,
        Relu => call.Graph.Op("Relu", [value]),
        ReluN1To1 => Clip(call, value, -1, 1),
        Relu6 => Clip(call, value, 0, 6),
        Tanh => call.Graph.Op("Tanh", [value]),
        _ => throw call.Fault($"its activation {(function == SignBit ? "SIGN_BIT" : $"{function}")} is not supported"),
    };

    public static string Clip(TfliteCall call, string value, float least, float most) => call.Graph.Op("Clip", [value, call.Graph.Scalar(least), call.Graph.Scalar(most)]);

    /// <summary>
    /// Clips the results that the file keeps in integers to what these can stand for, as TensorFlow Lite's kernels do. The range is often that of a
    /// Relu which the converter of TensorFlow removed.
    /// </summary>
    public static void Limit(TfliteCall call)
    {
        for (var i = 0; i < call.Outputs; i++)
        {
            if (Limits(call, i) is var (least, most) && call.Find(i) is { } value && !call.IsKnown(value)) call.Set(i, Clip(call, value, least, most));
        }
    }

    /// <summary>The least and largest numbers of a result. Null if it is not kept in integers, or cannot leave their range.</summary>
    private static (float Least, float Most)? Limits(TfliteCall call, int output)
    {
        if (call.Result(output) is not { Steps: { Scales.Length: 1 } steps } result || result.Type is not (TfliteType.Int8 or TfliteType.UInt8 or TfliteType.Int16)) return null;
        if (s_bounded.Contains(call.Op) || (s_moves.Contains(call.Op) && Enumerable.Range(0, call.Inputs).All(i => !call.Has(i) || call.Tensor(i) is not { IsReal: true } input || IsSame(input, result, steps)))) return null;
        var ((first, last), zero) = (result.Range, steps.Zero(0));
        // In a loop only what stands for a Relu is clipped: other limits would hide the layer that the loop is.
        if (call.Scope.IsInner && zero != first) return null;
        return (steps.Scale(0) * (first - zero), steps.Scale(0) * (last - zero));
    }

    private static bool IsSame(TfliteTensor input, TfliteTensor result, TfliteSteps steps) => input.Type == result.Type && input.Steps is { Scales.Length: 1 } other && other.Scale(0) == steps.Scale(0) && other.Zero(0) == steps.Zero(0);
}
