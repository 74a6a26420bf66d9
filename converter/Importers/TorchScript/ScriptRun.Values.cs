using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <content>Expressions.</content>
internal sealed partial class ScriptRun
{
    private object? Value(ScriptExpression expression, Dictionary<string, object?> names)
    {
        switch (expression)
        {
            case LiteralExpression literal: return literal.Value;
            case NameExpression { Name: var name }: return names.TryGetValue(name, out var value) ? value : new ScriptReference(name);
            case ListExpression list: return list.IsTuple ? list.Items.Select(item => Value(item, names)).ToArray() : list.Items.Select(item => Value(item, names)).ToList();
            case DictExpression dict: return new ScriptRecord([.. dict.Items.Select(item => Value(item.Key, names) as string ?? throw Fault("a dict has a key that is no text"))], dict.Items.Select(item => Value(item.Value, names)));
            case ChoiceExpression choice:
                return Truth(Value(choice.Condition, names)) is { } truth ? Value(truth ? choice.Then : choice.Else, names) : throw Fault("a decision depends on values that are computed");
            case MemberExpression member: return Member(Value(member.Of, names), member.Name);
            case IndexExpression index: return Index(Value(index.Of, names), index, names);
            case CallExpression call: return Call(call, names);
            default: throw Fault("an expression is not understood");
        }
    }

    private object? Member(object? of, string name)
    {
        switch (of)
        {
            case ScriptReference { Qualified: TorchScriptFile.Constants }:
                return new ScriptTensor(Array.ConvertAll([.. (_code.File.Weights.Read($"{TorchScriptFile.Constants}.{name}") ?? throw Fault($"the constant '{name}' is missing")).Shape], size => new ScriptSize(size))) { Weight = $"{TorchScriptFile.Constants}.{name}" };
            case ScriptReference reference: return new ScriptReference($"{reference.Qualified}.{name}");
            case PickledModule module:
                // Converted models do not train.
                if (name == "training") return false;
                if (_attributes.TryGetValue((module, name), out var set)) return set;
                if (!module.Has(name)) throw Fault($"the module has no attribute '{name}'");
                return FromFile(module[name], 0);
            case ScriptRecord record when record.Has(name): return record[name];
            case ScriptOther other: return other;
            default: throw Fault($"'.{name}' is taken of a value that is no module");
        }
    }

    /// <summary>An attribute. A pickle's lists may hold themselves, or one another many times.</summary>
    private object? FromFile(object? value, int depth)
    {
        if (depth > MostNested) throw Fault($"an attribute is nested more than {MostNested} lists deep");
        if (++Statements > MostStatements) throw Fault($"more than {MostStatements} statements and attributes are read");
        return value switch
        {
            TorchTensor tensor => Tensor(tensor),
            List<object?> list => list.ConvertAll(item => FromFile(item, depth + 1)),
            object?[] tuple => Array.ConvertAll(tuple, item => FromFile(item, depth + 1)),
            _ => value,
        };
    }

    private object? Index(object? of, IndexExpression index, Dictionary<string, object?> names)
    {
        if (of is ScriptReference type) return type;
        if (of is null) throw Fault("an element is taken of None");
        var at = Value(index.Index, names);
        if (of is ScriptRecord record && at is string key && record.Has(key)) return record[key];
        if (ScriptLists.Element(of, at, this, out var element)) return element;
        throw Fault("an element is taken of something that is no list");
    }

    private object? Call(CallExpression call, Dictionary<string, object?> names)
    {
        if (call.Function is NameExpression { Name: "annotate" or "unchecked_cast" } && call.Arguments is [_, var cast]) return Value(cast, names);
        if (call.Function is NameExpression { Name: "uninitialized" }) return null;
        if (call.Function is NameExpression { Name: "isinstance" } && call.Arguments is [var asked, var type]) return IsOf(Value(asked, names), type);
        // Objects of classes that are no modules: their attributes are kept as they are set.
        if (call.Function is MemberExpression { Name: "__new__" }) return new ScriptRecord([], []);
        object? self = null;
        string? method = null;
        object? function;
        if (call.Function is MemberExpression member)
        {
            self = Value(member.Of, names);
            method = member.Name;
            function = self is PickledModule or ScriptRecord ? null : Member(self, method);
        }
        else
        {
            function = Value(call.Function, names);
        }

        object?[] arguments = [.. call.Arguments.Select(argument => Value(argument, names))];
        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in call.Named)
        {
            if (!named.TryAdd(name, Value(value, names))) throw Fault($"'{name}' is given twice");
        }

        if (self is PickledModule module) return Call(_code.Method(module, method!) ?? throw Fault($"the class '{module.Class}' has no method '{method}'"), module, arguments, named);
        if (self is ScriptRecord && method == "__init__") return null;
        if (function is not ScriptReference { Qualified: var qualified }) throw Fault("a value is called that is no function");
        if (qualified == "getattr" && arguments is [PickledModule owner, string attribute]) return Member(owner, attribute);
        if (qualified.StartsWith("__torch__.", StringComparison.Ordinal)) return _code.Tuple(qualified) is { } fields
            ? arguments.Length > fields.Count ? throw Fault($"'{qualified}' is made of {arguments.Length} values") : new ScriptRecord([.. fields.Select(field => field.Name)], [.. arguments, .. fields.Skip(arguments.Length).Select(field => named.GetValueOrDefault(field.Name))])
            : Call(_code.Function(qualified) ?? throw Fault($"the function '{qualified}' is not in the archive"), null, arguments, named);
        return _operators.Call(qualified, arguments, named);
    }

    /// <summary>Whether a value is of a type. Types that are not told apart are not known.</summary>
    private object IsOf(object? value, ScriptExpression type)
    {
        if (type is ListExpression list) return list.Items.Select(item => IsOf(value, item)).Aggregate((object)false, (a, b) => a is true || b is true ? true : a is ScriptUnknown || b is ScriptUnknown ? new ScriptUnknown() : (object)false);
        var name = type switch { NameExpression plain => plain.Name, IndexExpression { Of: NameExpression outer } => outer.Name, _ => "" };
        return name switch
        {
            "Tensor" => value is ScriptTensor,
            "int" => value is long or ScriptSize or ScriptIndex,
            "float" => value is double,
            "bool" => value is bool,
            "str" => value is string,
            "NoneType" => value is null,
            "List" or "Tuple" or "list" or "tuple" => value is IList<object?> or ScriptSeries or ScriptSteps,
            _ => throw Fault($"isinstance of the type '{name}' is not known here"),
        };
    }
}
