using System.Globalization;
using System.Text;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>Operators on numbers and types, which are computed while the code is followed.</summary>
internal static class ScriptScalars
{
    private const int MostText = 4096;

    /// <summary>Whether a list has an item. Not known if items of it are not.</summary>
    public static object Contains(IList<object?> list, object item) =>
        list.Any(other => Known(other, item) == true) ? true : list.All(other => IsPlain(other) && Known(other, item) is not null) ? false : new ScriptUnknown();

    /// <summary>Computes an operator. False for others.</summary>
    public static bool Call(string name, ScriptArguments args, ScriptRun run, out object? result)
    {
        var (a, b) = (args[0, "self"], args[1, "other"]);
        result = null;
        switch (name)
        {
            case "range":
                result = a;
                return true;
            case "__is__" when b is null || a is null:
                result = a is null && b is null;
                return true;
            case "__isnot__" when b is null || a is null:
                result = !(a is null && b is null);
                return true;
            case "__not__" when a is not ScriptTensor:
                result = a is ScriptComparison comparison ? comparison with { IsEqual = !comparison.IsEqual } : ScriptRun.Truth(a) is { } truth ? !truth : new ScriptUnknown();
                return true;
            case "__and__" or "__or__" when a is bool or ScriptComparison or ScriptUnknown && b is bool or ScriptComparison or ScriptUnknown:
                var deciding = name == "__or__";
                result = a is bool p ? p == deciding ? p : b : b is bool q ? q == deciding ? q : a : new ScriptUnknown();
                return true;
            case "len" when a is ScriptTensor { Rank: > 0 } tensor:
                result = Plain(tensor.Sizes[0]);
                return true;
            case "len" when a is string text:
                result = (long)text.Length;
                return true;
            case "eq" or "ne" when a is not ScriptTensor && b is not ScriptTensor:
                result = Compared(a, b, name == "eq", run);
                return true;
            case "lt" or "le" or "gt" or "ge" when Number(a) is { } x && Number(b) is { } y:
                result = name switch { "lt" => x < y, "le" => x <= y, "gt" => x > y, _ => x >= y };
                return true;
            case "lt" or "le" or "gt" or "ge" when IsNumber(a) && IsNumber(b):
                result = new ScriptUnknown();
                return true;
            case "add" or "sub" or "mul" or "floordiv" or "remainder" or "div" or "truediv" or "pow" or "min" or "max" when Number(a) is { } x && Number(b) is { } y:
                result = Computed(name, a, b, x, y, run);
                return true;
            case "add" or "sub" or "mul" or "floordiv" or "remainder" or "div" or "truediv" or "pow" or "min" or "max" when IsNumber(a) && IsNumber(b):
                result = Unknown(name, a, b, run);
                return true;
            case "__range_length" when a is long low && b is ScriptSize high && args.Int(2, "step", 1) == 1:
                result = low == 0 ? high : Unknown("sub", high, a, run);
                return true;
            case "__range_length" when a is long low && b is long high:
                var stride = args.Int(2, "step", 1);
                if (stride is 0 or < int.MinValue or > int.MaxValue || low is < int.MinValue or > int.MaxValue || high is < int.MinValue or > int.MaxValue) throw run.Fault("a range is too long");
                result = Math.Max(0, stride > 0 ? (high - low + stride - 1) / stride : (low - high - stride - 1) / -stride);
                return true;
            case "__range_length" when a is ScriptSize && b is -1L && args.Int(2, "step", 1) == -1:
                result = Unknown("add", a, 1L, run);
                return true;
            case "__derive_index":
                result = Of("add", Of("mul", a, args[2, "step"], run), b, run);
                return true;
            case "neg" or "abs" when a is long number:
                result = name == "abs" && number >= 0 ? number : unchecked(-number);
                return true;
            case "neg" when a is ScriptSize or ScriptIndex:
                result = Of("mul", a, -1L, run);
                return true;
            case "neg" or "sqrt" or "exp" or "log" or "floor" or "ceil" or "round" or "abs" when Number(a) is { } x && a is not ScriptTensor:
                result = name switch { "neg" => -x, "sqrt" => Math.Sqrt(x), "exp" => Math.Exp(x), "log" => Math.Log(x), "abs" => Math.Abs(x), "floor" => Whole(Math.Floor(x)), "ceil" => Whole(Math.Ceiling(x)), _ => Whole(Math.Round(x, MidpointRounding.ToEven)) };
                return true;
            case "int" or "Int" or "ops.prim.NumToTensor" or "IntImplicit" or "ScalarImplicit" or "item" when a is long or ScriptSize or ScriptIndex or ScriptUnknown:
                result = a;
                return true;
            case "int" or "Int" when a is double or bool:
                result = a is bool flag ? flag ? 1L : 0L : Whole(Math.Truncate((double)a!));
                return true;
            case "int" or "Int" or "IntImplicit" or "float" or "Float" or "FloatImplicit" or "ScalarImplicit" or "item" or "bool" or "Bool" when a is ScriptTensor tensor && run.NumberOf(tensor) is { } element:
                result = name is "float" or "Float" or "FloatImplicit" ? Convert.ToDouble(element, CultureInfo.InvariantCulture) : name is "bool" or "Bool" ? Number(element) != 0 : name is "int" or "Int" or "IntImplicit" && element is double real ? Whole(Math.Truncate(real)) : element;
                return true;
            case "unchecked_unwrap_optional" or "ops.prim.unchecked_unwrap_optional" or "ops.prim.data" or "ops.prim.tolist":
                result = a;
                return true;
            case "bool" or "Bool":
                result = ScriptRun.Truth(a) is { } known ? known : a is ScriptTensor or ScriptComparison ? a : new ScriptUnknown();
                return true;
            case "float" or "Float" or "FloatImplicit" when a is long or double or string:
                result = a is string said ? said switch { "inf" => double.PositiveInfinity, "-inf" => double.NegativeInfinity, "nan" => double.NaN, _ => throw run.Fault($"'{said}' is no number") } : a is long whole ? (double)whole : a;
                return true;
            case "dim":
                result = a is ScriptPacked packed ? packed.IsSizes ? 1L : 2L : (long)Sized().Rank;
                return true;
            case "size" when a is ScriptPacked { Padded: var padded, IsSizes: var isSizes } && b is long which && which is -1 or 0:
                result = Plain(isSizes ? padded.Sizes[1] : which == -1 ? padded.Sizes[2] : new ScriptSize());
                return true;
            case "size" when args[1, "dim"] is null:
                result = Sized().Sizes.Select(Plain).ToList();
                return true;
            case "size":
                var of = Sized();
                result = Plain(of.Sizes[args.Axis(1, "dim", of.Rank, 0)]);
                return true;
            case "numel" when a is ScriptOrder order:
                result = Plain(order.Count);
                return true;
            case "numel":
                result = Sized().Sizes.Select(Plain).Aggregate((object)1L, (x, y) => Of("mul", x, y, run));
                return true;
            case "format" when a is string template:
                result = Formatted(template, args, run);
                return true;
            case "str":
                result = Text(a) is { } shown ? shown : new ScriptUnknown();
                return true;
            case "join" when a is string between && b is IList<object?> { Count: <= MostText } texts:
                result = texts.All(text => text is string) && texts.Sum(text => ((string)text!).Length + between.Length) <= MostText ? string.Join(between, texts) : new ScriptUnknown();
                return true;
            case "add" when a is string or ScriptUnknown && b is string or ScriptUnknown:
                result = a is string left && b is string right && left.Length + right.Length <= MostText ? left + right : new ScriptUnknown(a as string ?? b as string);
                return true;
            case "warn" or "warnings.warn" or "print":
                return true;
            case "device" or "ops.prim.dtype" or "ops.prim.device" or "ops.prim.layout" or "ops.prim.type" or "dtype" or "get_device" or "promote_types" or "result_type":
                result = a is ScriptTensor typed && name == "ops.prim.dtype" ? TypeNumber(typed.Type) : new ScriptOther(name);
                return true;
            case "ops.prim.is_cuda" or "ops.prim.is_quantized" or "is_floating_point" or "is_complex" or "is_scripting" or "ops.prim.is_nested" or "is_grad_enabled" or "is_autocast_enabled" or "ops.prim.requires_grad" or "ops.prim.is_sparse":
                result = name is "is_floating_point" && a is ScriptTensor { Type: ElementType.Float32 };
                return true;
            case "set_grad_enabled":
                return true;
            case "ops.prim.RaiseException":
                throw run.Fault((a as string ?? (a as ScriptUnknown)?.Text) is { Length: > 0 } why ? $"the code raises an error here: \"{why}\"" : "the code raises an error here");
            case "copy_":
                var target = args.Tensor(0, "self");
                if ((target.Buffer ?? target.Weight) is null) throw run.Fault("a part of a tensor is overwritten, and only whole buffers are known here");
                run.Overwrite(target, args.Tensor(1, "src"));
                result = target;
                return true;
            default:
                return false;
        }

        ScriptTensor Sized() => a is ScriptComplex complex ? complex.Real : args.Tensor(0, "self");
    }

    /// <summary>PyTorch's number of a type.</summary>
    private static object TypeNumber(ElementType type) => type switch { ElementType.Float32 => 6L, ElementType.Int64 => 4L, ElementType.Bool => 11L, _ => new ScriptOther("dtype") };

    private static object Whole(double value)
    {
        object whole = value;
        if (Math.Abs(value) <= long.MaxValue / 2) whole = (long)value;
        return whole;
    }

    private static bool IsNumber(object? value) => value is long or double or bool or ScriptSize or ScriptIndex or ScriptUnknown;

    private static object Of(string name, object? a, object? b, ScriptRun run) => Number(a) is { } x && Number(b) is { } y ? Computed(name, a, b, x, y, run) : Unknown(name, a, b, run);

    /// <summary>A number that only the graph knows.</summary>
    private static object Unknown(string name, object? a, object? b, ScriptRun run)
    {
        if (a is ScriptUnknown or double || b is ScriptUnknown or double || name is "div" or "truediv" or "pow" or "remainder") return new ScriptUnknown();
        if (name == "mul" && (a is 1L || b is 1L)) return (a is 1L ? b : a)!;
        if (name is "add" or "sub" && b is 0L) return a!;
        if (a is ScriptIndex moved && b is long and > int.MinValue and < int.MaxValue and var by && name is "add" or "sub" && moved.Offset is > int.MinValue and < int.MaxValue) return moved with { Offset = moved.Offset + (name == "add" ? by : -by) };
        if (a is long and > int.MinValue and < int.MaxValue and var first && b is ScriptIndex { Offset: > int.MinValue and < int.MaxValue } last && name == "add") return last with { Offset = last.Offset + first };
        var op = name switch { "add" => "Add", "sub" => "Sub", "mul" => "Mul", "min" => "Min", "max" => "Max", _ => "Div" };
        if (op == "Div" && Number(b) == 0) throw run.Fault("a division by zero");
        var (p, q) = (IsSigned(a), IsSigned(b));
        var isSigned = name switch { "sub" => true, "max" => p && q, _ => p || q };
        if (a is ScriptIndex || b is ScriptIndex) return new ScriptIndex(Emit(), 0, isSigned);
        var size = new ScriptSize(isSigned: isSigned);
        size.Tell(run.Level, Emit);
        return size;

        string Emit()
        {
            var (x, y) = (run.Integer(a), run.Integer(b));
            // Div rounds to 0, and floor division down.
            if (op == "Div" && isSigned) x = run.Graph.Op("Sub", [x, run.Graph.Op("Mod", [x, y])]);
            return run.Graph.Op(op, [x, y]);
        }
    }

    /// <summary>Whether a number may be below 0. Sizes of tensors are not.</summary>
    private static bool IsSigned(object? value) => value is long and < 0 or ScriptSize { IsSigned: true } or ScriptIndex { IsSigned: true } or ScriptIndex { Offset: < 0 };

    /// <summary>A size as a number, if it is known.</summary>
    public static object Plain(ScriptSize size) => size.Number is { } number ? (long)number : size;

    private static double? Number(object? value) => value switch { long number => number, double number => number, bool truth => truth ? 1 : 0, ScriptSize { Number: { } number } => number, _ => null };

    private static object Computed(string name, object? a, object? b, double x, double y, ScriptRun run)
    {
        if (name is "div" or "truediv") return y == 0 ? throw run.Fault("a division by zero") : x / y;
        if (name is "min" or "max") return (name == "min") == (x < y) ? a ?? x : b ?? y;
        if (a is double || b is double || (name == "pow" && y < 0))
        {
            return name switch { "add" => x + y, "sub" => x - y, "mul" => x * y, "pow" => Math.Pow(x, y), "floordiv" when y != 0 => Math.Floor(x / y), "remainder" when y != 0 => x - y * Math.Floor(x / y), _ => throw run.Fault($"{name} of these numbers is not known here") };
        }

        var (p, q) = ((long)x, (long)y);
        try
        {
            return name switch
            {
                "add" => checked(p + q),
                "sub" => checked(p - q),
                "mul" => checked(p * q),
                "pow" => Math.Pow(x, y) is < long.MaxValue and var power ? (long)power : throw run.Fault("a number is too large"),
                _ when q is 0 or -1 => throw run.Fault("a division by zero or by -1"),
                "floordiv" => Math.DivRem(p, q) is var (quotient, rest) && rest != 0 && (rest < 0) != (q < 0) ? quotient - 1 : p / q,
                _ => p % q is var left && left != 0 && (left < 0) != (q < 0) ? left + q : left,
            };
        }
        catch (OverflowException)
        {
            throw run.Fault("a number is too large");
        }
    }

    /// <summary>A text with values in the places of {}, as PyTorch prints them.</summary>
    private static object Formatted(string template, ScriptArguments args, ScriptRun run)
    {
        if (template.Length > MostText) return new ScriptUnknown(template);
        var parts = template.Split("{}");
        if (args.Count < parts.Length) throw run.Fault("a text is formatted with too few values");
        var (text, isKnown) = (new StringBuilder(parts[0]), true);
        for (var i = 1; i < parts.Length && text.Length <= MostText; i++)
        {
            var value = Text(args[i, ""]);
            isKnown &= value is not null;
            text.Append(value ?? "{}").Append(parts[i]);
        }

        return isKnown && text.Length <= MostText ? text.ToString() : new ScriptUnknown(template);
    }

    /// <summary>A value as PyTorch prints it. Null if that is not known.</summary>
    private static string? Text(object? value) => value switch
    {
        string text => text,
        null => "None",
        bool truth => truth ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        ScriptSize { Number: { } number } => number.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };

    /// <summary>Whether a value can be compared: others depend on what is not known.</summary>
    private static bool IsPlain(object? value) => value is null or long or double or bool or string or ScriptSize;

    private static object Compared(object? a, object? b, bool isEqual, ScriptRun run)
    {
        if (a is IList<object?> x && b is IList<object?> y)
        {
            if (x.Count != y.Count) return !isEqual;
            if (!x.All(IsPlain) || !y.All(IsPlain)) return new ScriptUnknown();
            var pairs = new List<(ScriptSize, ScriptSize)>();
            foreach (var (p, q) in x.Zip(y))
            {
                if (Known(p, q) is { } known)
                {
                    if (!known) return !isEqual;
                    continue;
                }

                pairs.Add((Size(p, run), Size(q, run)));
            }

            return pairs.Count == 0 ? isEqual : new ScriptComparison(pairs, isEqual);
        }

        if ((a is not IList<object?> && !IsPlain(a)) || (b is not IList<object?> && !IsPlain(b))) return new ScriptUnknown();
        return Known(a, b) is { } same ? same == isEqual : new ScriptComparison([(Size(a, run), Size(b, run))], isEqual);
    }

    /// <summary>Whether two values are equal. Null if a size of them is not known.</summary>
    private static bool? Known(object? a, object? b)
    {
        if (a is ScriptSize p && b is ScriptSize q && p.Is(q)) return true;
        if (a is ScriptSize { Number: null } || b is ScriptSize { Number: null }) return null;
        if (Number(a) is { } x && Number(b) is { } y) return x == y;
        return Equals(a, b);
    }

    private static ScriptSize Size(object? value, ScriptRun run) => value switch
    {
        ScriptSize size => size,
        long number and >= 0 and <= int.MaxValue => new ScriptSize((int)number),
        _ => throw run.Fault("a size is compared with something that is no size"),
    };
}
