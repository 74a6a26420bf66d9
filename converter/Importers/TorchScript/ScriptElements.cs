using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's operators that compute element by element.</summary>
internal sealed class ScriptElements(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>Functions of one tensor that the graph has under another name.</summary>
    private static readonly Dictionary<string, string> s_unary = new(StringComparer.Ordinal)
    {
        ["relu"] = "Relu",
        ["tanh"] = "Tanh",
        ["sigmoid"] = "Sigmoid",
        ["exp"] = "Exp",
        ["log"] = "Log",
        ["sqrt"] = "Sqrt",
        ["abs"] = "Abs",
        ["neg"] = "Neg",
        ["negative"] = "Neg",
        ["selu"] = "Selu",
        ["silu"] = "Swish",
        ["mish"] = "Mish",
        ["hardswish"] = "HardSwish",
        ["sin"] = "Sin",
        ["cos"] = "Cos",
        ["tan"] = "Tan",
        ["asin"] = "Asin",
        ["acos"] = "Acos",
        ["atan"] = "Atan",
        ["sinh"] = "Sinh",
        ["cosh"] = "Cosh",
        ["asinh"] = "Asinh",
        ["acosh"] = "Acosh",
        ["atanh"] = "Atanh",
        ["ceil"] = "Ceil",
        ["floor"] = "Floor",
        ["round"] = "Round",
        ["sign"] = "Sign",
        ["erf"] = "Erf",
        ["reciprocal"] = "Reciprocal",
    };

    private static readonly Dictionary<string, string> s_comparisons = new(StringComparer.Ordinal)
    {
        ["eq"] = "Equal",
        ["lt"] = "Less",
        ["le"] = "LessOrEqual",
        ["gt"] = "Greater",
        ["ge"] = "GreaterOrEqual",
        ["less"] = "Less",
        ["greater"] = "Greater",
    };

    private static readonly Dictionary<string, string> s_logic = new(StringComparer.Ordinal)
    {
        ["logical_and"] = "And",
        ["logical_or"] = "Or",
        ["logical_xor"] = "Xor",
        ["__and__"] = "And",
        ["__or__"] = "Or",
        ["bitwise_and"] = "And",
        ["bitwise_or"] = "Or",
    };

    /// <summary>The result. Null for other operators. An underscore at the end of a name computes in place.</summary>
    public ScriptTensor? Call(string name, ScriptArguments args)
    {
        var plain = name.TrimEnd('_') is { Length: > 0 } stem && !name.StartsWith("__", StringComparison.Ordinal) ? stem : name;
        ScriptTensor X() => args.Tensor(0, args[0, "input"] is ScriptTensor ? "input" : "self");
        ScriptTensor One(string op, params (string, object)[] attributes) => Unary(op, X(), attributes);
        if (s_unary.TryGetValue(plain, out var function) && args.Count <= 1) return One(function);
        if (s_comparisons.TryGetValue(plain, out var comparison)) return Compared(comparison, args);
        if (s_logic.TryGetValue(plain, out var logic)) return Both(logic, Operand(args[0, "self"], args), Operand(args[1, "other"], args));
        switch (plain)
        {
            case "ne" or "not_equal": return Not(Compared("Equal", args));
            case "logical_not" or "bitwise_not" or "__not__": return Not(X());
            case "hardsigmoid": return One("HardSigmoid", ("alpha", 1f / 6), ("beta", 0.5f));
            case "elu" when args.Number(2, "scale", 1) == 1 && args.Number(3, "input_scale", 1) == 1: return One("Elu", ("alpha", (float)args.Number(1, "alpha", 1)));
            case "celu": return One("Celu", ("alpha", (float)args.Number(1, "alpha", 1)));
            case "leaky_relu": return One("LeakyRelu", ("alpha", (float)args.Number(1, "negative_slope", 0.01)));
            case "gelu": return One("Gelu", ("approximate", args[1, "approximate"] as string ?? "none"));
            case "softplus" when args.Number(1, "beta", 1) == 1: return One("Softplus");
            case "log_sigmoid": return Unary("Neg", Unary("Softplus", One("Neg")));
            case "rsqrt": return Unary("Reciprocal", One("Sqrt"));
            case "square": return Binary("Mul", X(), X());
            case "expm1": return Binary("Sub", One("Exp"), Number(1));
            case "log1p": return Unary("Log", Binary("Add", X(), Number(1)));
            case "log2": return Binary("Mul", One("Log"), Number(1 / Math.Log(2)));
            case "log10": return Binary("Mul", One("Log"), Number(1 / Math.Log(10)));
            case "erfc": return Binary("Sub", Number(1), One("Erf"));
            case "threshold": return operators.Node("Where", X().Sizes, [graph.Op("Greater", [operators.Use(X()), graph.Scalar((float)args.Number(1, "threshold", 0))]), operators.Use(X()), graph.Scalar((float)args.Number(2, "value", 0))]);
            case "relu6": return Clip(X(), 0, 6);
            case "hardtanh": return Clip(X(), args.Number(1, "min_val", -1), args.Number(2, "max_val", 1));
            case "clamp" or "clip" when args[1, "min"] is not ScriptTensor && args[2, "max"] is not ScriptTensor: return Clip(X(), args.Number(1, "min", float.MinValue), args.Number(2, "max", float.MaxValue));
            case "clamp_min" when args[1, "min"] is not ScriptTensor: return Clip(X(), args.Number(1, "min", 0), float.MaxValue);
            case "clamp_max" when args[1, "max"] is not ScriptTensor: return Clip(X(), float.MinValue, args.Number(1, "max", 0));
            case "prelu" when args.Tensor(1, "weight") is { Rank: 1 } slope: return Slopes(X(), slope);
            case "dropout" or "feature_dropout" or "alpha_dropout" when !args.Flag(2, "train"): return X();
            // A tensor of its own, which operations in place on the other do not change.
            case "clone": return One("Identity") with { Type = X().Type };
            case "contiguous" or "detach" or "alias" or "cpu" or "requires_grad" or "lift_fresh": return X();
            case "float" or "double" or "half": return operators.Cast(X(), ElementType.Float32);
            case "bool": return operators.Cast(X(), ElementType.Bool);
            case "type_as" when args[1, "other"] is ScriptTensor like: return operators.Cast(X(), like.Type);
            case "to" or "long" or "int": return Typed(plain, X(), args);
            case "add" or "sub" or "rsub" or "mul" or "div" or "true_divide" or "multiply" or "subtract": return Arithmetic(plain, args);
            case "pow": return Binary("Pow", Operand(args[0, "self"], args), Operand(args[1, "exponent"], args));
            case "maximum": return Binary("Max", X(), Operand(args[1, "other"], args));
            case "minimum": return Binary("Min", X(), Operand(args[1, "other"], args));
            case "max" or "min" when args[1, "other"] is ScriptTensor second: return Binary(plain == "max" ? "Max" : "Min", X(), second);
            case "addcmul": return Binary("Add", X(), Scaled(Binary("Mul", args.Tensor(1, "tensor1"), args.Tensor(2, "tensor2")), args.Number(3, "value", 1)));
            case "lerp" when args[2, "weight"] is double or long or ScriptTensor: return Binary("Add", X(), Binary("Mul", Binary("Sub", args.Tensor(1, "end"), X()), Operand(args[2, "weight"], args)));
            case "where" when args.Count == 3: return Where(args.Tensor(0, "condition"), Operand(args[1, "self"], args), Operand(args[2, "other"], args));
            case "masked_fill": return Where(args.Tensor(1, "mask"), Operand(args[2, "value"], args), X());
            case "fill" or "zero" when name.EndsWith('_'): return new ScriptTensor(X().Sizes) { Filled = plain == "zero" ? 0 : (float)args.Number(1, "value", 0), Type = X().Type };
            case "glu":
                var (x, axis) = (X(), args.Axis(1, "dim", X().Rank, -1));
                if (x.Sizes[axis].Number is not { } all || all % 2 != 0) throw run.Fault("glu halves an axis of a size that is not known or odd");
                var (first, gate) = graph.Halves(operators.Use(x), axis);
                ScriptSize[] sizes = [.. x.Sizes];
                sizes[axis] = new ScriptSize(all / 2);
                return operators.Node("Mul", sizes, [first, graph.Op("Sigmoid", [gate])]);
            default: return null;
        }
    }

    public ScriptTensor Unary(string op, ScriptTensor x, params (string, object)[] attributes) => operators.Node(op, x.Sizes, [operators.Use(op == "Identity" ? x : operators.Cast(x, ElementType.Float32))], attributes);

    /// <summary>A function of two tensors. Numbers that are no real numbers become some, if the other are.</summary>
    public ScriptTensor Binary(string op, ScriptTensor a, ScriptTensor b)
    {
        var type = a.Type == ElementType.Int64 && b.Type == ElementType.Int64 && op != "Div" && op != "Pow" ? ElementType.Int64 : ElementType.Float32;
        (a, b) = (operators.Cast(a, type), operators.Cast(b, type));
        return operators.Node(op, operators.Broadcast(a, b), [operators.Use(a), operators.Use(b)]) with { Type = type };
    }

    public ScriptTensor Number(double number) => new([]) { Value = graph.Scalar((float)number) };

    private ScriptTensor Scaled(ScriptTensor x, double by) => by == 1 ? x : Binary("Mul", x, Number(by));

    private ScriptTensor Compared(string op, ScriptArguments args)
    {
        var (a, b) = (Operand(args[0, "self"], args), Operand(args[1, "other"], args));
        var type = a.Type == b.Type ? a.Type : ElementType.Float32;
        if (type == ElementType.Bool) type = ElementType.Int64;
        (a, b) = (operators.Cast(a, type), operators.Cast(b, type));
        return operators.Node(op, operators.Broadcast(a, b), [operators.Use(a), operators.Use(b)]) with { Type = ElementType.Bool };
    }

    private ScriptTensor Both(string op, ScriptTensor a, ScriptTensor b)
    {
        (a, b) = (operators.Cast(a, ElementType.Bool), operators.Cast(b, ElementType.Bool));
        return operators.Node(op, operators.Broadcast(a, b), [operators.Use(a), operators.Use(b)]) with { Type = ElementType.Bool };
    }

    private ScriptTensor Not(ScriptTensor x) => operators.Node("Not", x.Sizes, [operators.Use(operators.Cast(x, ElementType.Bool))]) with { Type = ElementType.Bool };

    private ScriptTensor Where(ScriptTensor condition, ScriptTensor a, ScriptTensor b)
    {
        var type = a.Type == b.Type ? a.Type : ElementType.Float32;
        (condition, a, b) = (operators.Cast(condition, ElementType.Bool), operators.Cast(a, type), operators.Cast(b, type));
        var sizes = operators.Broadcast(new ScriptTensor(operators.Broadcast(condition, a)), b);
        return operators.Node("Where", sizes, [operators.Use(condition), operators.Use(a), operators.Use(b)]) with { Type = type };
    }

    private ScriptTensor Slopes(ScriptTensor x, ScriptTensor slope)
    {
        if (slope.Sizes[0].Number == 1) return operators.Node("PRelu", x.Sizes, [operators.Use(x), operators.Use(slope)]);
        var wide = operators.Read(slope);
        return operators.Node("PRelu", x.Sizes, [operators.Use(x), graph.Constant(slope.Weight!, wide.Reshaped([wide.Count, .. Enumerable.Repeat(1, Math.Max(0, x.Rank - 2))]))]);
    }

    /// <summary>A tensor in another type or on another device. Real numbers stay float32; of those, only inputs may become indices.</summary>
    private ScriptTensor Typed(string name, ScriptTensor x, ScriptArguments args)
    {
        const long half = 5, single = 6, doubled = 7, brain = 15, integer = 4, small = 3, truth = 11;
        if (args[1, "other"] is ScriptTensor like) return like.Type == ElementType.Float32 && x.Input is null ? operators.Cast(x, like.Type) : x;
        var given = Enumerable.Range(1, Math.Max(0, args.Count - 1)).Select(i => args[i, ""]).OfType<long>().ToList();
        if (args[99, "dtype"] is long named) given.Add(named);
        if (name != "to") given = [integer];
        // On another device, the type stays.
        if (given.Count == 0) return x;
        if (given.TrueForAll(type => type is half or single or doubled or brain)) return operators.Cast(x, ElementType.Float32);
        if (given is [truth]) return operators.Cast(x, ElementType.Bool);
        if (!given.TrueForAll(type => type is integer or small or single)) throw run.Fault($"{args.Function} makes other numbers, which is not known here");
        if (x.Type != ElementType.Float32) return operators.Cast(x, ElementType.Int64);
        if (x.Input is not { } input) throw run.Fault($"{args.Function} makes other numbers, which is not known here");
        operators.Indices.Add(input);
        return x;
    }

    private ScriptTensor Clip(ScriptTensor x, double least, double most) => operators.Node("Clip", x.Sizes, [operators.Use(operators.Cast(x, ElementType.Float32)), graph.Scalar((float)least), graph.Scalar((float)most)]);

    private ScriptTensor Arithmetic(string name, ScriptArguments args)
    {
        var (first, second) = (Operand(args[0, "self"], args), Operand(args[1, "other"], args));
        var rounding = name == "div" ? args[2, "rounding_mode"] as string : null;
        // rsub is other - alpha · self.
        if (name == "rsub") (first, second) = (second, first);
        if (name is "add" or "sub" or "rsub" or "subtract" && args.Number(2, "alpha", 1) is var alpha && alpha != 1) second = Binary("Mul", second, Number(alpha));
        var result = Binary(name switch { "add" => "Add", "mul" or "multiply" => "Mul", "div" or "true_divide" => "Div", _ => "Sub" }, first, second);
        return rounding switch { null => result, "floor" => Unary("Floor", result), _ => throw run.Fault($"{args.Function} with a rounding mode is not known here") };
    }

    private ScriptTensor Operand(object? value, ScriptArguments args) => value switch
    {
        ScriptTensor tensor => tensor,
        long number => Number(number),
        double number => Number(number),
        bool truth => Number(truth ? 1 : 0),
        ScriptSize { Number: { } number } => Number(number),
        ScriptSize or ScriptIndex => operators.Cast(new ScriptTensor([]) { Value = operators.Integer(value), Type = ElementType.Int64 }, ElementType.Float32),
        _ => throw run.Fault($"{args.Function} takes something that is no number or tensor"),
    };
}
