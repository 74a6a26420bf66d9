namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Spectra. A complex value has its real and imaginary parts along one more axis, the last.</summary>
internal static class TfliteSpectral
{
    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["RFFT2D"] = Transform,
        ["COMPLEX_ABS"] = call => call.Graph.Op("ReduceL2", [call.Value(0), call.Graph.Axes(-1)], ("keepdims", 0L)),
        ["REAL"] = call => Part(call, 0),
        ["IMAG"] = call => Part(call, 1),
    };

    /// <summary>Operators that take complex values.</summary>
    public static HashSet<string> TakeComplex { get; } = ["COMPLEX_ABS", "REAL", "IMAG", "SQUEEZE", "RESHAPE", "EXPAND_DIMS"];

    /// <summary>The transform along the last axis. Along the one before, it must have one element.</summary>
    private static string Transform(TfliteCall call)
    {
        if (call.Integers(1) is not [1, var length] || call.Tensor(0).Shape is not [.., 1, _]) throw call.Fault("a transform along two axes is not supported");
        var x = call.Graph.Unsqueeze(call.Value(0), -1);
        return call.Graph.Op("DFT", [x, call.Graph.Number(length), call.Graph.Number(-2)], ("onesided", 1L));
    }

    private static string Part(TfliteCall call, long part)
    {
        if (call.Tensor(0).Type != TfliteType.Complex64) return part == 0 ? call.Value(0) : throw call.Fault("its input is not complex");
        return call.Graph.Op("Gather", [call.Value(0), call.Graph.Number(part)], ("axis", -1L));
    }
}
