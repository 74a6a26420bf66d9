namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>Operators on numbers, lists and types, which are computed while the code is followed.</summary>
internal static class ScriptScalars
{
    /// <summary>Computes an operator. False for others.</summary>
    public static bool Call(string name, ScriptArguments args, ScriptRun run, out object? result)
    {
        var (a, b) = (args[0, "self"], args[1, "other"]);
        result = null;
        switch (name)
        {
            case "__is__" when b is null || a is null:
                result = a is null && b is null;
                return true;
            case "__isnot__" when b is null || a is null:
                result = !(a is null && b is null);
                return true;
            case "__not__":
                result = a switch { bool truth => !truth, ScriptComparison comparison => comparison with { IsEqual = !comparison.IsEqual }, _ => throw run.Fault("a decision depends on values that are computed") };
                return true;
            case "__and__" when a is bool p && b is bool q:
                result = p && q;
                return true;
            case "__or__" when a is bool p && b is bool q:
                result = p || q;
                return true;
            case "__contains__" when a is IList<object?> list && b is long or string:
                result = list.Contains(b);
                return true;
            case "__getitem__" when a is IList<object?> list && b is long place && place >= -list.Count && place < list.Count:
                result = list[(int)(place < 0 ? place + list.Count : place)];
                return true;
            case "len" when a is IList<object?> list:
                result = (long)list.Count;
                return true;
            case "len" when a is ScriptTensor { Rank: > 0 } tensor:
                result = Plain(tensor.Sizes[0]);
                return true;
            case "dim":
                result = (long)args.Tensor(0, "self").Rank;
                return true;
            case "size" when args[1, "dim"] is null:
                result = args.Tensor(0, "self").Sizes.Select(Plain).ToList();
                return true;
            case "size":
                var of = args.Tensor(0, "self");
                result = Plain(of.Sizes[args.Axis(1, "dim", of.Rank, 0)]);
                return true;
            case "eq" or "ne" when a is not ScriptTensor && b is not ScriptTensor:
                result = Compared(a, b, name == "eq", run);
                return true;
            case "lt" or "le" or "gt" or "ge" when Number(a) is { } x && Number(b) is { } y:
                result = name switch { "lt" => x < y, "le" => x <= y, "gt" => x > y, _ => x >= y };
                return true;
            case "add" or "sub" or "mul" or "floordiv" or "remainder" when Number(a) is { } x && Number(b) is { } y:
                result = Computed(name, a, b, x, y, run);
                return true;
            case "neg" when a is long number:
                result = unchecked(-number);
                return true;
            case "int" or "Int" or "ops.prim.NumToTensor" or "IntImplicit" or "ScalarImplicit" when a is long or ScriptSize:
                result = a;
                return true;
            case "unchecked_unwrap_optional" or "ops.prim.unchecked_unwrap_optional":
                result = a;
                return true;
            case "bool" or "Bool" when a is bool or ScriptComparison:
                result = a;
                return true;
            case "float" or "Float" when a is long or double:
                result = a is long whole ? (double)whole : a;
                return true;
            case "format" or "list" or "str":
                result = name == "list" ? a : "";
                return true;
            case "warn":
                return true;
            case "device" or "ops.prim.dtype" or "ops.prim.device" or "ops.prim.layout" or "ops.prim.type" or "dtype":
                result = new ScriptOther(name);
                return true;
            case "ops.prim.is_cuda" or "ops.prim.is_quantized" or "is_floating_point" or "is_complex" or "is_scripting":
                result = name is "is_floating_point";
                return true;
            case "ops.prim.RaiseException":
                throw run.Fault("the code raises an error here");
            case "copy_":
                var target = args.Tensor(0, "self");
                if ((target.Buffer ?? target.Weight) is null) throw run.Fault("a part of a tensor is overwritten, and only whole buffers are known here");
                run.Overwrite(target, args.Tensor(1, "src"));
                result = target;
                return true;
            default:
                return false;
        }
    }

    /// <summary>A size as a number, if it is known.</summary>
    public static object Plain(ScriptSize size) => size.Number is { } number ? (long)number : size;

    private static double? Number(object? value) => value switch { long number => number, double number => number, ScriptSize { Number: { } number } => number, _ => null };

    private static object Computed(string name, object? a, object? b, double x, double y, ScriptRun run)
    {
        if (a is double || b is double) return name switch { "add" => x + y, "sub" => x - y, "mul" => x * y, _ => throw run.Fault($"{name} of these numbers is not known here") };
        var (p, q) = ((long)x, (long)y);
        try
        {
            return name switch
            {
                "add" => checked(p + q),
                "sub" => checked(p - q),
                "mul" => checked(p * q),
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

    private static object Compared(object? a, object? b, bool isEqual, ScriptRun run)
    {
        if (a is IList<object?> x && b is IList<object?> y)
        {
            if (x.Count != y.Count) return !isEqual;
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
