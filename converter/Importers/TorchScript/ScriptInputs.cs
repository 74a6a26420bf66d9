namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>What forward takes: tensors, tuples and lists of them, which become several inputs, numbers that the user gives, and what may be left out.</summary>
internal sealed class ScriptInputs
{
    private const int MostInputs = 4;
    private const int MostInList = 8;
    private const int MostAttempts = 512;
    private static readonly int[] s_ranks = [3, 2, 1, 4];

    private readonly ScriptCode _code;
    private readonly ScriptFunction _forward;
    private readonly IReadOnlyDictionary<string, string> _sets;

    public ScriptInputs(ScriptCode code, ScriptFunction forward, IReadOnlyDictionary<string, string> sets)
    {
        (_code, _forward, _sets) = (code, forward, sets);
        foreach (var parameter in forward.Parameters.Skip(1))
        {
            if (NameOf(parameter.Type) is "int" or "float" or "bool" or "str" && (parameter.Default is null || sets.ContainsKey(parameter.Name))) Numbers[parameter.Name] = Number(parameter);
            else if (NameOf(parameter.Type) == "Optional" && parameter.Default is null or LiteralExpression { Value: null } && NameOf(Inner(parameter.Type)) is not ("int" or "float" or "bool" or "str" or "List")) Optional.Add(parameter);
            else if (parameter.Default is null && NameOf(parameter.Type) is not ("int" or "float" or "bool" or "str" or "Optional")) Tensors.Add(parameter);
        }

        if (Tensors.Count is 0 or > MostInputs) throw code.Fault(forward.File, forward.Line, $"forward takes {Tensors.Count} inputs, and 1 to {MostInputs} are known here");
    }

    /// <summary>Parameters that are tensors, or tuples or lists of them.</summary>
    public List<ScriptParameter> Tensors { get; } = [];

    /// <summary>Parameters that may be None.</summary>
    public List<ScriptParameter> Optional { get; } = [];

    /// <summary>Numbers that the user has given.</summary>
    public Dictionary<string, object?> Numbers { get; } = new(StringComparer.Ordinal);

    /// <summary>The ranks of the parameters' tensors, and the lengths of lists, that are tried.</summary>
    public IEnumerable<(int Rank, int Count)[]> Arrangements() => Arrangements(Tensors.Count).Take(MostAttempts);

    private IEnumerable<(int Rank, int Count)[]> Arrangements(int count)
    {
        if (count == 0) return [[]];
        var counts = NameOf(Tensors[count - 1].Type) is "List" ? Enumerable.Range(1, MostInList) : [1];
        return Arrangements(count - 1).SelectMany(_ => s_ranks.SelectMany(_ => counts, (rank, length) => (rank, length)), (rest, own) => ((int Rank, int Count)[])[.. rest, own]);
    }

    /// <summary>A parameter's value, whose tensors are named after it.</summary>
    public object? Value(ScriptParameter parameter, int count, Func<string, ScriptTensor> tensor) => Value(parameter.Type, parameter.Name, count, tensor, 0);

    private object? Value(ScriptExpression? type, string name, int count, Func<string, ScriptTensor> tensor, int depth)
    {
        const int mostNested = 4, mostParts = 64;
        if (depth > mostNested) throw _code.Fault(_forward.File, _forward.Line, $"the type of '{name}' is nested more than {mostNested} levels deep");
        switch (NameOf(type))
        {
            case "Tensor" or "": return tensor(name);
            case "Optional": return Value(Inner(type), name, count, tensor, depth + 1);
            case "List": return Enumerable.Range(1, count).Select(i => Value(Inner(type), $"{name}_{i}", count, tensor, depth + 1)).ToList();
            case "Tuple":
                IReadOnlyList<ScriptExpression> parts = Inner(type) is ListExpression list ? list.Items : [Inner(type)!];
                if (parts.Count > mostParts) break;
                return parts.Select((part, i) => Value(part, $"{name}_{i + 1}", count, tensor, depth + 1)).ToArray();
            default:
                if (QualifiedOf(type) is { } qualified && _code.Tuple(qualified) is { Count: <= mostParts } fields) return new ScriptRecord([.. fields.Select(field => field.Name)], [.. fields.Select(field => Value(field.Type, $"{name}_{field.Name}", count, tensor, depth + 1))]);
                break;
        }

        throw _code.Fault(_forward.File, _forward.Line, $"the input '{name}' of forward is no tensor, tuple or list of tensors; export a module whose forward takes tensors");
    }

    /// <summary>Tensors in a value, in order.</summary>
    public static IReadOnlyList<ScriptTensor> In(object? value)
    {
        const int most = 4096, mostDeep = 16;
        var (tensors, visited) = (new List<ScriptTensor>(), 0);
        Visit(value, 0);
        return tensors;

        void Visit(object? item, int depth)
        {
            // Lists may hold one another many times.
            if (++visited > most || depth > mostDeep) throw new ConversionException("the code of the TorchScript model makes lists that are nested deeper than 16 levels, or hold more than 4096 values");
            if (item is ScriptTensor tensor) tensors.Add(tensor);
            if (item is not IList<object?> list) return;
            foreach (var inner in list) Visit(inner, depth + 1);
        }
    }

    /// <summary>Whether a parameter's type and a value have tensors at the same places.</summary>
    public static bool Fits(ScriptParameter parameter, object? value) => Fits(parameter.Type, value);

    private static bool Fits(ScriptExpression? type, object? value) => NameOf(type) switch
    {
        "Optional" => Fits(Inner(type), value),
        "Tensor" or "" => value is ScriptTensor,
        "Tuple" => value is object?[] parts && (Inner(type) is ListExpression list ? list.Items : [Inner(type)!]) is var types && types.Count == parts.Length && types.Zip(parts).All(pair => Fits(pair.First, pair.Second)),
        _ => false,
    };

    private object Number(ScriptParameter parameter)
    {
        var type = NameOf(parameter.Type);
        if (!_sets.TryGetValue(parameter.Name, out var text)) throw _code.Fault(_forward.File, _forward.Line, $"forward takes '{parameter.Name}', {(type == "int" ? "a whole number" : type == "float" ? "a number" : type == "bool" ? "true or false" : "a text")}, and the model depends on it: give it by --set {parameter.Name}=VALUE");
        return type switch
        {
            "int" when long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var whole) => whole,
            "float" when double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) => number,
            "bool" when bool.TryParse(text, out var truth) => truth,
            "bool" when text is "0" or "1" => text == "1",
            "str" => text,
            _ => throw new ConversionException($"--set {parameter.Name}={text}: the model takes {(type == "int" ? "a whole number" : type == "bool" ? "true or false" : "a number")} there."),
        };
    }

    private static string NameOf(ScriptExpression? type) => type switch
    {
        null => "Tensor",
        NameExpression name => name.Name,
        IndexExpression { Of: NameExpression outer } => outer.Name,
        _ => "?",
    };

    private static string? QualifiedOf(ScriptExpression? type) => type switch
    {
        NameExpression name => name.Name,
        MemberExpression { Of: var of, Name: var name } => $"{QualifiedOf(of)}.{name}",
        _ => null,
    };

    private static ScriptExpression? Inner(ScriptExpression? type) => (type as IndexExpression)?.Index;
}
