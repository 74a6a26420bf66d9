namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Operators that compute each element by itself.</summary>
internal static class TfliteElementwise
{
    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["ADD"] = call => Fused(call, "Add"),
        ["SUB"] = call => Fused(call, "Sub"),
        ["MUL"] = call => Fused(call, "Mul"),
        ["DIV"] = call => Fused(call, "Div"),
        ["ADD_N"] = Sum,
        ["MAXIMUM"] = call => Binary(call, "Max"),
        ["MINIMUM"] = call => Binary(call, "Min"),
        ["POW"] = call => Binary(call, "Pow"),
        ["SQUARED_DIFFERENCE"] = call => Binary(call, "Sub") is var d ? call.Graph.Op("Mul", [d, d]) : "",
        ["FLOOR_DIV"] = FloorDiv,
        ["FLOOR_MOD"] = FloorMod,
        ["EQUAL"] = call => Binary(call, "Equal"),
        ["NOT_EQUAL"] = call => call.Graph.Op("Not", [Binary(call, "Equal")]),
        ["LESS"] = call => Binary(call, "Less"),
        ["LESS_EQUAL"] = call => Binary(call, "LessOrEqual"),
        ["GREATER"] = call => Binary(call, "Greater"),
        ["GREATER_EQUAL"] = call => Binary(call, "GreaterOrEqual"),
        ["LOGICAL_AND"] = call => Binary(call, "And"),
        ["LOGICAL_OR"] = call => Binary(call, "Or"),
        ["LOGICAL_NOT"] = call => Unary(call, "Not"),
        ["LOGISTIC"] = call => Unary(call, "Sigmoid"),
        ["TANH"] = call => Unary(call, "Tanh"),
        ["RELU"] = call => Unary(call, "Relu"),
        ["RELU6"] = call => TfliteActivations.Clip(call, call.Value(0), 0, 6),
        ["RELU_N1_TO_1"] = call => TfliteActivations.Clip(call, call.Value(0), -1, 1),
        ["RELU_0_TO_1"] = call => TfliteActivations.Clip(call, call.Value(0), 0, 1),
        ["ELU"] = call => Unary(call, "Elu"),
        ["LEAKY_RELU"] = call => call.Graph.Op("LeakyRelu", [call.Value(0)], ("alpha", call.Options.Float(0))),
        ["PRELU"] = call => Binary(call, "PRelu"),
        ["HARD_SWISH"] = call => Unary(call, "HardSwish"),
        ["GELU"] = call => call.Graph.Op("Gelu", [call.Value(0)], ("approximate", call.Options.Flag(0) ? "tanh" : "none")),
        ["EXP"] = call => Unary(call, "Exp"),
        ["LOG"] = call => Unary(call, "Log"),
        ["SQRT"] = call => Unary(call, "Sqrt"),
        ["RSQRT"] = call => call.Graph.Op("Reciprocal", [Unary(call, "Sqrt")]),
        ["ABS"] = call => Unary(call, "Abs"),
        ["NEG"] = call => Unary(call, "Neg"),
        ["SQUARE"] = call => call.Graph.Op("Mul", [call.Value(0), call.Value(0)]),
        ["SIN"] = call => Unary(call, "Sin"),
        ["COS"] = call => Unary(call, "Cos"),
        ["FLOOR"] = call => Unary(call, "Floor"),
        ["CEIL"] = call => Unary(call, "Ceil"),
        ["ROUND"] = call => Unary(call, "Round"),
        ["SIGN"] = call => Unary(call, "Sign"),
        ["CAST"] = Cast,
        ["QUANTIZE"] = call => call.Value(0),
        ["DEQUANTIZE"] = call => call.Value(0),
        ["FAKE_QUANT"] = FakeQuant,
        ["SELECT"] = Select,
        ["SELECT_V2"] = call => call.Graph.Op("Where", [call.Value(0), call.Value(1), call.Value(2)]),
        ["ZEROS_LIKE"] = call => call.Graph.Op("Expand", [call.Cast(call.Graph.Number(0), call.Result().Element), call.Graph.Op("Shape", [call.Value(0)])]),
    };

    private static string Unary(TfliteCall call, string op) => call.Graph.Op(op, [call.Value(0)]);

    private static string Binary(TfliteCall call, string op) => call.Graph.Op(op, [call.Value(0), call.Value(1)]);

    private static string Fused(TfliteCall call, string op) => TfliteActivations.Apply(call, Binary(call, op), call.Options.Byte(0));

    private static string Sum(TfliteCall call)
    {
        var sum = call.Value(0);
        for (var i = 1; i < call.Inputs; i++) sum = call.Graph.Op("Add", [sum, call.Value(i)]);
        return sum;
    }

    /// <summary>Rounds towards minus infinity.</summary>
    private static string FloorDiv(TfliteCall call)
    {
        var (a, b) = (call.Value(0), call.Value(1));
        if (call.Result().IsReal) return call.Graph.Op("Floor", [call.Graph.Op("Div", [a, b])]);
        return call.Graph.Op("Div", [call.Graph.Op("Sub", [a, call.Graph.Op("Mod", [a, b])]), b]);
    }

    /// <summary>The remainder has the sign of the divisor.</summary>
    private static string FloorMod(TfliteCall call)
    {
        var (a, b) = (call.Value(0), call.Value(1));
        if (!call.Result().IsReal) return call.Graph.Op("Mod", [a, b]);
        return call.Graph.Op("Sub", [a, call.Graph.Op("Mul", [b, call.Graph.Op("Floor", [call.Graph.Op("Div", [a, b])])])]);
    }

    private static string Cast(TfliteCall call)
    {
        if (call.Result().Element is var type && type == 0) throw call.Fault($"it makes values that are {TfliteConstants.NameOf(call.Result().Type)}, which is not supported");
        return call.Tensor(0).Element == type ? call.Value(0) : call.Cast(call.Value(0), type);
    }

    /// <summary>Values rounded as in training are only clipped to their range, which is moved so that zero is a step.</summary>
    private static string FakeQuant(TfliteCall call)
    {
        var (least, most) = (call.Options.Float(0), call.Options.Float(1));
        var (bits, isNarrow) = (call.Options.Int(2), call.Options.Flag(3));
        if (bits is < 2 or > 16 || !(least < most) || !float.IsFinite(most - least)) throw call.Fault($"its range from {least} to {most} of {bits} bits is not one");
        var (first, last) = (isNarrow ? 1 : 0, (1 << bits) - 1);
        var scale = (most - least) / (last - first);
        var zero = Math.Clamp(MathF.Round(first - least / scale), first, last);
        call.Scope.Context.Notes.Value(call.Result() with { Steps = new TfliteSteps([scale], [], 0) });
        return TfliteActivations.Clip(call, call.Value(0), (first - zero) * scale, (last - zero) * scale);
    }

    /// <summary>A condition of one dimension selects whole rows.</summary>
    private static string Select(TfliteCall call)
    {
        var (condition, rank) = (call.Value(0), call.Tensor(1).Rank);
        if (call.Tensor(0).Rank == 1 && rank > 1) condition = call.Graph.Op("Unsqueeze", [condition, call.Graph.Axes([.. Enumerable.Range(1, rank - 1).Select(a => (long)a)])]);
        return call.Graph.Op("Where", [condition, call.Value(1), call.Value(2)]);
    }
}
