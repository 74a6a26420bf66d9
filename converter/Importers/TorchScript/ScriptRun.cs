using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Follows the code of a module from its forward method and writes what it computes as a graph. Sizes may be unknown, but every decision must be known,
/// or be a check that raises an error on one side: then the other side is taken, and its sizes hold.
/// </summary>
internal sealed partial class ScriptRun
{
    private const int MostStatements = 200_000;
    private const int MostSpent = 1_000_000;
    private const int MostNodes = 20_000;
    private const int MostVisited = 1 << 24;
    private const int MostCalls = 64;
    private const int MostNested = 16;

    private readonly ScriptCode _code;
    private readonly ScriptOperators _operators;
    private readonly ScriptLoops _loops;
    private int _calls;

    public ScriptRun(ScriptCode code, GraphComposer graph)
    {
        (_code, Graph) = (code, graph);
        _operators = new ScriptOperators(this, graph, code.File.Weights);
        _loops = new ScriptLoops(this, graph);
    }

    public GraphComposer Graph { get; }

    /// <summary>The number of statements that were executed.</summary>
    public int Statements { get; private set; }

    /// <summary>Whether a recurrent layer ran.</summary>
    public bool HasRecurrence => _operators.HasRecurrence || _loops.HasRun;

    /// <summary>The number of loops of the graph around the statement.</summary>
    public int Level => _loops.Level;

    /// <summary>Inputs whose elements are put in a row, so that nothing depends on their axes.</summary>
    public HashSet<string> Flat { get; } = new(StringComparer.Ordinal);

    /// <summary>Inputs that are indices.</summary>
    public HashSet<string> Indices => _operators.Indices;

    /// <summary>The line that is executed.</summary>
    public (string File, int Line) Place { get; private set; } = ("", 0);

    /// <summary>A value as data of the graph.</summary>
    public string Use(ScriptTensor tensor) => _operators.Use(tensor);

    /// <summary>A part of a tensor along an axis.</summary>
    public ScriptTensor Element(ScriptTensor tensor, int axis, object? place) => _operators.Element(tensor, axis, place);

    /// <summary>A tensor with its first two axes swapped.</summary>
    public ScriptTensor Turned(ScriptTensor tensor) => _operators.Turned(tensor);

    /// <summary>Notes how the graph computes sizes that nothing else tells.</summary>
    public ScriptTensor Told(ScriptTensor tensor) => _operators.Told(tensor);

    /// <summary>A number of the graph.</summary>
    public string Integer(object? value) => _operators.Integer(value);

    /// <summary>The only element of a weight. Null for others.</summary>
    public object? NumberOf(ScriptTensor tensor) => _operators.NumberOf(tensor);

    /// <summary>What stands for the innermost loop.</summary>
    public object? Scope => _loops.Scope;

    /// <summary>Whether values of a loop can be read.</summary>
    public bool IsOpen(object? scope) => _loops.IsOpen(scope);

    /// <summary>Whether a value was computed in the innermost loop.</summary>
    public bool IsOfLoop(string? value) => _loops.IsOfLoop(value);

    /// <summary>Where the code is, for notes.</summary>
    public string Where => $"{Place.File}, line {Place.Line}";

    /// <summary>Adds a note for the user, once.</summary>
    public void Note(string note)
    {
        if (!Graph.Notes.Contains(note)) Graph.Notes.Add(note);
    }

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

    /// <summary>Counts a value of a list that is visited. Lists may hold one another many times.</summary>
    public void Visit()
    {
        if (++_code.Visited > MostVisited) throw Fault($"more than {MostVisited} values of lists are visited");
    }

    /// <summary>Executes statements. True if one of them returns.</summary>
    public bool Execute(ScriptFunction function, IReadOnlyList<ScriptStatement> body, Dictionary<string, object?> names, out object? result)
    {
        result = null;
        foreach (var statement in body)
        {
            if (++Statements > MostStatements || ++_code.Spent > MostSpent) throw Fault($"more than {MostStatements} statements are executed");
            if (Graph.Graph.Nodes.Count > MostNodes) throw Fault($"it makes more than {MostNodes} nodes");
            Place = (function.File, statement.Line);
            switch (statement)
            {
                case ReturnStatement { Value: var value }:
                    if (Level > 0 && _loops.Function == function) throw Fault("a loop over steps of an unknown number returns");
                    result = value is null ? null : Value(value, names);
                    return true;
                case IfStatement choice:
                    if (Execute(function, Taken(choice, names), names, out result)) return true;
                    break;
                case AssignStatement assign:
                    Assign(assign, names);
                    break;
                case WithStatement { Context: var context, Body: var inner }:
                    // Contexts such as no_grad change nothing that is computed.
                    _ = Value(context, names);
                    if (Execute(function, inner, names, out result)) return true;
                    break;
                case ForStatement loop:
                    if (For(function, loop, names, out result)) return true;
                    break;
                case WhileStatement loop:
                    while (Truth(Value(loop.Condition, names)) ?? throw Fault("a loop goes on while something holds that is computed; only loops over a range are known here"))
                    {
                        if (Execute(function, loop.Body, names, out result)) return true;
                        if (++Statements > MostStatements || ++_code.Spent > MostSpent) throw Fault($"more than {MostStatements} statements are executed");
                    }

                    break;
                case OtherStatement other:
                    throw Fault($"'{other.Word}' is not understood");
            }
        }

        return false;
    }

    private bool For(ScriptFunction function, ForStatement loop, Dictionary<string, object?> names, out object? result)
    {
        result = null;
        var over = Value(loop.Over, names);
        if (over is ScriptSize { Number: null } count)
        {
            _loops.Run(function, loop, count, names);
            return false;
        }

        if ((over is ScriptSize { Number: { } known } ? known : over) is not long rounds) throw Fault("a loop goes over something that is no range");
        for (var round = 0L; round < rounds; round++)
        {
            if (++Statements > MostStatements || ++_code.Spent > MostSpent) throw Fault($"more than {MostStatements} statements are executed");
            names[loop.Name] = round;
            if (Execute(function, loop.Body, names, out result)) return true;
        }

        return false;
    }

    private IReadOnlyList<ScriptStatement> Taken(IfStatement choice, Dictionary<string, object?> names)
    {
        var condition = Value(choice.Condition, names);
        if (Truth(condition) is { } truth) return truth ? choice.Then : choice.Else;
        var (raises, others) = (Raises(choice.Then), Raises(choice.Else));
        if (raises == others) throw Fault(condition is ScriptTensor ? "a decision depends on values that are computed" : "a decision depends on a size that is not known");
        // The side that does not raise is the one on which all is well.
        if (condition is ScriptComparison comparison && comparison.IsEqual == others && !comparison.Pairs.All(pair => pair.A.Join(pair.B))) throw Fault("a check fails");
        return raises ? choice.Else : choice.Then;
    }

    /// <summary>Whether a value counts as true. Null if that is not known.</summary>
    public static bool? Truth(object? value) => value switch
    {
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        ScriptSize { Number: { } number } => number != 0,
        _ => null,
    };

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
            case MemberExpression { Of: var of, Name: var member }:
                switch (Value(of, names))
                {
                    case PickledModule module: Set(module, member, value); break;
                    case ScriptRecord record: record[member] = value; break;
                    default: throw Fault("an attribute of something is set that is no module");
                }

                break;
            default: throw Fault("something other than a name or an attribute is set");
        }
    }
}
