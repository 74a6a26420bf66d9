using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Follows the code of a module from its forward method and writes what it computes as a graph. Sizes may be unknown, but every decision must be known,
/// or be a check that raises an error on one side: then the other side is taken, and its sizes hold.
/// </summary>
internal sealed class ScriptRun
{
    private const int MostStatements = 200_000;
    private const int MostCalls = 64;
    private const int MostNested = 16;

    private readonly ScriptCode _code;
    private readonly ScriptOperators _operators;
    private readonly Dictionary<string, ScriptTensor> _buffers = new(StringComparer.Ordinal);
    private int _calls;

    public ScriptRun(ScriptCode code, GraphComposer graph)
    {
        (_code, Graph) = (code, graph);
        _operators = new ScriptOperators(this, graph, code.File.Weights);
    }

    public GraphComposer Graph { get; }

    /// <summary>The number of statements that were executed.</summary>
    public int Statements { get; private set; }

    /// <summary>Whether a recurrent layer ran.</summary>
    public bool HasRecurrence => _operators.HasRecurrence;

    /// <summary>Inputs that are indices.</summary>
    public HashSet<string> Indices => _operators.Indices;

    /// <summary>Buffers that the code overwrites, and their last values.</summary>
    public Dictionary<string, ScriptTensor> Written { get; } = new(StringComparer.Ordinal);

    /// <summary>Buffers that are read as states: their values in the graph.</summary>
    public IReadOnlyDictionary<string, ScriptTensor> Buffers => _buffers;

    /// <summary>The line that is executed.</summary>
    public (string File, int Line) Place { get; private set; } = ("", 0);

    /// <summary>A value as data of the graph.</summary>
    public string Use(ScriptTensor tensor) => _operators.Use(tensor);

    public object? Call(ScriptFunction function, PickledModule? self, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?>? named = null)
    {
        if (++_calls > MostCalls) throw Fault($"calls are nested more than {MostCalls} levels deep");
        var before = Place;
        var names = new Dictionary<string, object?>(StringComparer.Ordinal);
        var parameters = function.Parameters;
        var next = 0;
        foreach (var (i, parameter) in parameters.Index())
        {
            if (i == 0 && self is not null) names[parameter.Name] = self;
            else if (next < arguments.Count) names[parameter.Name] = arguments[next++];
            else if (named is not null && named.TryGetValue(parameter.Name, out var value)) names[parameter.Name] = value;
            else if (parameter.Default is { } otherwise) names[parameter.Name] = Value(otherwise, names);
            else throw Fault($"'{function.Name}' is called without '{parameter.Name}'");
        }

        if (next < arguments.Count) throw Fault($"'{function.Name}' is called with {arguments.Count} arguments");
        Execute(function, function.Body, names, out var result);
        if (_calls-- > 1) Place = before;
        return result;
    }

    public ConversionException Fault(string what) => _code.Fault(Place.File, Place.Line, what);

    private bool Execute(ScriptFunction function, IReadOnlyList<ScriptStatement> body, Dictionary<string, object?> names, out object? result)
    {
        result = null;
        foreach (var statement in body)
        {
            if (++Statements > MostStatements) throw Fault($"more than {MostStatements} statements are executed");
            Place = (function.File, statement.Line);
            switch (statement)
            {
                case ReturnStatement { Value: var value }:
                    result = value is null ? null : Value(value, names);
                    return true;
                case IfStatement choice:
                    if (Execute(function, Taken(choice, names), names, out result)) return true;
                    break;
                case AssignStatement assign:
                    Assign(assign, names);
                    break;
                case OtherStatement other:
                    throw Fault($"'{other.Word}' is not understood: only straight code is");
            }
        }

        return false;
    }

    private IReadOnlyList<ScriptStatement> Taken(IfStatement choice, Dictionary<string, object?> names)
    {
        switch (Value(choice.Condition, names))
        {
            case bool truth: return truth ? choice.Then : choice.Else;
            case ScriptComparison comparison:
                var (raises, others) = (Raises(choice.Then), Raises(choice.Else));
                if (raises == others) throw Fault("a decision depends on a size that is not known");
                // The side that does not raise is the one on which all is well.
                if (comparison.IsEqual == others && !comparison.Pairs.All(pair => pair.A.Join(pair.B))) throw Fault("a check fails");
                return raises ? choice.Else : choice.Then;
            default: throw Fault("a decision depends on values that are computed");
        }
    }

    private static bool Raises(IReadOnlyList<ScriptStatement> body) => body.Any(statement => statement is AssignStatement { Value: CallExpression { Function: MemberExpression { Name: "RaiseException" } } });

    private void Assign(AssignStatement assign, Dictionary<string, object?> names)
    {
        var value = Value(assign.Value, names);
        if (!assign.IsTuple)
        {
            if (assign.Targets is [var only]) Set(only, value, names);
            return;
        }

        if (value is not IList<object?> parts || parts.Count != assign.Targets.Count) throw Fault($"{assign.Targets.Count} values are expected");
        foreach (var (target, part) in assign.Targets.Zip(parts)) Set(target, part, names);
    }

    private void Set(ScriptExpression target, object? value, Dictionary<string, object?> names)
    {
        switch (target)
        {
            case NameExpression { Name: var name }:
                names[name] = value;
                break;
            case MemberExpression { Of: var of, Name: var member } when Value(of, names) is PickledModule module && module[member] is TorchTensor tensor && _code.File.NameOf(tensor) is { } buffer && value is ScriptTensor written:
                Write(buffer, written);
                break;
            default: throw Fault("an attribute is set that is no tensor");
        }
    }

    /// <summary>Makes a tensor hold other elements.</summary>
    public void Overwrite(ScriptTensor tensor, ScriptTensor value) => _operators.Overwrite(tensor, value);

    /// <summary>Sets an attribute to another tensor. What was read of it before stays what it was.</summary>
    private void Write(string buffer, ScriptTensor value)
    {
        _ = Fitting(buffer, value);
        Written[buffer] = value;
    }

    /// <summary>Overwrites the elements of a buffer, also for what was read of it before.</summary>
    public void Fill(string buffer, ScriptTensor value) => Written[buffer] = Fitting(buffer, value);

    private ScriptTensor Fitting(string buffer, ScriptTensor value)
    {
        var before = Buffer(buffer);
        if (before.Rank != value.Rank || !before.Sizes.Zip(value.Sizes).All(pair => pair.First.Join(pair.Second))) throw Fault($"the buffer '{buffer}' of shape {before} is overwritten by {value}");
        _code.States.Add(buffer);
        return before;
    }

    /// <summary>The value of a tensor of the file: a buffer that was overwritten, or the tensor.</summary>
    private ScriptTensor Tensor(TorchTensor tensor)
    {
        var name = _code.File.NameOf(tensor) ?? throw Fault("a tensor is used that no module has");
        return Written.TryGetValue(name, out var written) ? written : Buffer(name, tensor.Shape);
    }

    private ScriptTensor Buffer(string name, int[]? shape = null)
    {
        if (_buffers.TryGetValue(name, out var known)) return known;
        shape ??= _code.File.Weights.Read(name)!.Shape;
        var sizes = Array.ConvertAll(shape, size => new ScriptSize(size));
        // Those that are overwritten are states, and the graph reads them by their name.
        if (!_code.States.Contains(name)) return new ScriptTensor(sizes) { Weight = name };
        Graph.Declare(name);
        return _buffers[name] = new ScriptTensor(sizes) { Value = name, Buffer = name };
    }

    private object? Value(ScriptExpression expression, Dictionary<string, object?> names)
    {
        switch (expression)
        {
            case LiteralExpression literal: return literal.Value;
            case NameExpression { Name: var name }: return names.TryGetValue(name, out var value) ? value : new ScriptReference(name);
            case ListExpression list: return list.IsTuple ? list.Items.Select(item => Value(item, names)).ToArray() : list.Items.Select(item => Value(item, names)).ToList();
            case ChoiceExpression choice:
                return Value(choice.Condition, names) is bool truth ? Value(truth ? choice.Then : choice.Else, names) : throw Fault("a decision depends on values that are computed");
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
                if (!module.Has(name)) throw Fault($"the module has no attribute '{name}'");
                return FromFile(module[name], 0);
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
        if (of is IList<object?> list && Value(index.Index, names) is long place && place >= -list.Count && place < list.Count) return list[(int)(place < 0 ? place + list.Count : place)];
        throw Fault("an element is taken of something that is no list");
    }

    private object? Call(CallExpression call, Dictionary<string, object?> names)
    {
        if (call.Function is NameExpression { Name: "annotate" or "unchecked_cast" } && call.Arguments is [_, var cast]) return Value(cast, names);
        if (call.Function is NameExpression { Name: "uninitialized" }) return null;
        object? self = null;
        string? method = null;
        object? function;
        if (call.Function is MemberExpression member)
        {
            self = Value(member.Of, names);
            method = member.Name;
            function = self is PickledModule ? null : Member(self, method);
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
        if (function is not ScriptReference { Qualified: var qualified }) throw Fault("a value is called that is no function");
        if (qualified == "getattr" && arguments is [PickledModule owner, string attribute]) return Member(owner, attribute);
        if (qualified.StartsWith("__torch__.", StringComparison.Ordinal)) return Call(_code.Function(qualified) ?? throw Fault($"the function '{qualified}' is not in the archive"), null, arguments, named);
        return _operators.Call(qualified, arguments, named);
    }
}
