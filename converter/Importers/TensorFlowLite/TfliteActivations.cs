namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>The activations that operators apply to their result.</summary>
internal static class TfliteActivations
{
    public const int None = 0, Relu = 1, ReluN1To1 = 2, Relu6 = 3, Tanh = 4, SignBit = 5;

    /// <summary>
    /// A result with the operator's activation. Integers that begin at zero may stand for a Relu that was removed because they cannot be negative,
    /// so they clip the result as in the file.
    /// </summary>
    public static string Apply(TfliteCall call, string value, int function)
    {
        if (function != None || call.Outputs == 0 || call.Result() is not { Steps: { Scales.Length: 1 } steps } result) return Of(call, value, function);
        var (least, most) = result.Range;
        return steps.Zero(0) == least && most < int.MaxValue ? Clip(call, value, 0, steps.Scale(0) * (most - least)) : value;
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
}
