namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Parses the Python that TorchScript writes into its archives: classes with methods, and functions of assignments, calls, if, loops and return. Anything else is
/// refused by its line.
/// </summary>
internal sealed partial class ScriptParser
{
    private const int MostDeep = 64;

    private readonly List<ScriptToken> _tokens;
    private readonly string _file;
    private readonly Func<string, int, string, ConversionException> _fault;
    private int _at;
    private int _depth;

    private ScriptParser(string file, string text, Func<string, int, string, ConversionException> fault)
    {
        (_file, _fault) = (file, fault);
        _tokens = ScriptTokens.Of(text, (line, what) => fault(file, line, what));
    }

    /// <param name="file">The entry's name for messages.</param>
    /// <param name="text">The source.</param>
    /// <param name="fault">Makes the exception for an entry and a line.</param>
    public static ScriptSource Parse(string file, string text, Func<string, int, string, ConversionException> fault) => new ScriptParser(file, text, fault).Source();

    private ScriptToken Now => _tokens[_at];

    private ScriptSource Source()
    {
        var functions = new Dictionary<string, ScriptFunction>(StringComparer.Ordinal);
        var methods = new Dictionary<(string, string), ScriptFunction>();
        var tuples = new Dictionary<string, IReadOnlyList<(string, ScriptExpression)>>(StringComparer.Ordinal);
        while (Now.Kind != ScriptTokenKind.End)
        {
            if (Is("def"))
            {
                var function = Function();
                functions[function.Name] = function;
            }
            else if (Is("class"))
            {
                Next();
                var name = Name();
                var isTuple = Is("(") && _tokens[_at + 1].Text == "NamedTuple";
                var fields = new List<(string, ScriptExpression)>();
                if (isTuple) tuples[name] = fields;
                SkipTo(":");
                Block(() =>
                {
                    if (isTuple && Now.Kind == ScriptTokenKind.Name && _tokens[_at + 1].Text == ":")
                    {
                        var field = Name();
                        Next();
                        fields.Add((field, Expression()));
                    }

                    if (!Is("def"))
                    {
                        SkipLine();
                        return;
                    }

                    var method = Function();
                    methods[(name, method.Name)] = method;
                });
            }
            else
            {
                SkipLine();
            }
        }

        return new ScriptSource(functions, methods, tuples);
    }

    private ScriptFunction Function()
    {
        var line = Now.Line;
        Next();
        var name = Name();
        Take("(");
        var parameters = new List<ScriptParameter>();
        while (!Is(")"))
        {
            if (Now.Kind != ScriptTokenKind.Name) throw Fault($"'{Now.Text}' stands where a parameter is expected");
            var parameter = Name();
            ScriptExpression? type = null;
            if (Is(":"))
            {
                Next();
                type = Expression();
            }

            ScriptExpression? otherwise = null;
            if (Is("="))
            {
                Next();
                otherwise = Expression();
            }

            parameters.Add(new(parameter, type, otherwise));
            if (Is(",")) Next();
        }

        SkipTo(":");
        return new ScriptFunction(_file, line, name, parameters, Body());
    }

    private List<ScriptStatement> Body()
    {
        var statements = new List<ScriptStatement>();
        Block(() =>
        {
            if (Statement() is { } statement) statements.Add(statement);
        });
        return statements;
    }

    private void Block(Action each)
    {
        Enter();
        if (Now.Kind == ScriptTokenKind.NewLine) Next();
        if (Now.Kind != ScriptTokenKind.Indent) throw Fault("a block is missing");
        Next();
        while (Now.Kind is not (ScriptTokenKind.Dedent or ScriptTokenKind.End)) each();
        if (Now.Kind == ScriptTokenKind.Dedent) Next();
        _depth--;
    }

    private ScriptStatement? Statement()
    {
        var line = Now.Line;
        switch (Now.Kind == ScriptTokenKind.Name ? Now.Text : "")
        {
            case "pass":
                SkipLine();
                return null;
            case "return":
                Next();
                var value = Now.Kind == ScriptTokenKind.NewLine ? null : Tuple();
                EndLine();
                return new ReturnStatement(line, value);
            case "if":
                Next();
                var condition = Expression();
                Take(":");
                var then = Body();
                List<ScriptStatement> otherwise = [];
                if (Is("else"))
                {
                    Next();
                    Take(":");
                    otherwise = Body();
                }

                return new IfStatement(line, condition, then, otherwise);
            case "for" when _tokens[_at + 1].Kind == ScriptTokenKind.Name && _tokens[_at + 2].Text == "in":
                Next();
                var round = Name();
                Next();
                var over = Expression();
                Take(":");
                return new ForStatement(line, round, over, Body());
            case "while" or "with":
                var isWhile = Is("while");
                Next();
                var head = Expression();
                if (Is("as")) SkipTo(":");
                else Take(":");
                return isWhile ? new WhileStatement(line, head, Body()) : new WithStatement(line, head, Body());
            case "for" or "assert" or "raise" or "del" or "import" or "from" or "class" or "def" or "try":
                return Skipped(line);
            default:
                return Assignment(line);
        }
    }

    private AssignStatement Assignment(int line)
    {
        var first = Tuple();
        if (Is(":"))
        {
            // x : type = value
            Next();
            _ = Expression();
        }

        if (!Is("="))
        {
            EndLine();
            return new AssignStatement(line, [], false, first);
        }

        Next();
        var value = Tuple();
        EndLine();
        var targets = first is ListExpression { IsTuple: true } list ? list.Items : [first];
        if (targets.Any(target => target is not (NameExpression or MemberExpression))) throw _fault(_file, line, "something other than names is assigned to");
        return new AssignStatement(line, targets, first is ListExpression { IsTuple: true }, value);
    }

    private OtherStatement Skipped(int line)
    {
        var word = Now.Text;
        while (Now.Kind is not (ScriptTokenKind.NewLine or ScriptTokenKind.End)) Next();
        if (Now.Kind == ScriptTokenKind.NewLine) Next();
        if (Now.Kind != ScriptTokenKind.Indent) return new OtherStatement(line, word);
        var open = 0;
        do
        {
            if (Now.Kind == ScriptTokenKind.Indent) open++;
            if (Now.Kind == ScriptTokenKind.Dedent) open--;
            Next();
        }
        while (open > 0 && Now.Kind != ScriptTokenKind.End);
        return new OtherStatement(line, word);
    }

    private string Name()
    {
        if (Now.Kind != ScriptTokenKind.Name) throw Fault($"'{Now.Text}' stands where a name is expected");
        var name = Now.Text;
        Next();
        return name;
    }

    private bool Is(string text) => Now.Kind is ScriptTokenKind.Sign or ScriptTokenKind.Name && Now.Text == text;

    private void Take(string text)
    {
        if (!Is(text)) throw Fault($"'{Now.Text}' stands where '{text}' is expected");
        Next();
    }

    private void Next()
    {
        if (_at < _tokens.Count - 1) _at++;
    }

    private void EndLine()
    {
        if (Now.Kind == ScriptTokenKind.End) return;
        if (Now.Kind != ScriptTokenKind.NewLine) throw Fault($"'{Now.Text}' is not understood");
        Next();
    }

    private void SkipLine()
    {
        while (Now.Kind is not (ScriptTokenKind.NewLine or ScriptTokenKind.End)) Next();
        Next();
    }

    private void SkipTo(string sign)
    {
        while (!Is(sign) && Now.Kind is not (ScriptTokenKind.NewLine or ScriptTokenKind.End)) Next();
        Take(sign);
    }

    private void Enter()
    {
        if (++_depth > MostDeep) throw Fault($"it is nested more than {MostDeep} levels deep");
    }

    private ConversionException Fault(string what) => _fault(_file, Now.Line, what);
}
