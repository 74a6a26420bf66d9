using System.Globalization;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>Expressions: names, members, calls, indices, literals, lists and choices. There are no operators in TorchScript's code but calls.</summary>
internal sealed partial class ScriptParser
{
    private const int MostLong = 64;

    /// <summary>Expressions with commas between them, as a tuple; one without a comma, as it is.</summary>
    private ScriptExpression Tuple()
    {
        var line = Now.Line;
        var first = Expression();
        if (!Is(",")) return first;
        var items = new List<ScriptExpression> { first };
        while (Is(","))
        {
            Next();
            if (Is("=") || Now.Kind == ScriptTokenKind.NewLine) break;
            items.Add(Expression());
        }

        return new ListExpression(line, items, IsTuple: true);
    }

    private ScriptExpression Expression()
    {
        Enter();
        var value = Postfix();
        if (Is("if"))
        {
            Next();
            var condition = Expression();
            Take("else");
            value = new ChoiceExpression(value.Line, condition, value, Expression());
        }

        _depth--;
        return value;
    }

    private ScriptExpression Postfix()
    {
        var value = Primary();
        for (var length = 0; ; length++)
        {
            // What is followed later goes as deep as this is long.
            if (length > MostLong) throw Fault($"more than {MostLong} calls, members and indices follow one another");
            var line = Now.Line;
            if (Is("."))
            {
                Next();
                value = new MemberExpression(line, value, Name());
            }
            else if (Is("("))
            {
                value = Call(value);
            }
            else if (Is("["))
            {
                Next();
                var index = Tuple();
                Take("]");
                value = new IndexExpression(line, value, index);
            }
            else
            {
                return value;
            }
        }
    }

    private CallExpression Call(ScriptExpression function)
    {
        var line = Now.Line;
        Take("(");
        var arguments = new List<ScriptExpression>();
        var named = new List<(string, ScriptExpression)>();
        while (!Is(")"))
        {
            if (Now.Kind == ScriptTokenKind.Name && _tokens[_at + 1] is { Kind: ScriptTokenKind.Sign, Text: "=" })
            {
                var name = Name();
                Next();
                named.Add((name, Expression()));
            }
            else
            {
                arguments.Add(Expression());
            }

            if (!Is(")")) Take(",");
        }

        Next();
        return new CallExpression(line, function, arguments, named);
    }

    private ScriptExpression Primary()
    {
        var token = Now;
        switch (token.Kind)
        {
            case ScriptTokenKind.Text:
                Next();
                return new LiteralExpression(token.Line, token.Text);
            case ScriptTokenKind.Number:
                Next();
                return new LiteralExpression(token.Line, Number(token.Text, isNegative: false));
            case ScriptTokenKind.Name:
                Next();
                return token.Text switch
                {
                    "None" => new LiteralExpression(token.Line, null),
                    "True" => new LiteralExpression(token.Line, true),
                    "False" => new LiteralExpression(token.Line, false),
                    _ => new NameExpression(token.Line, token.Text),
                };
        }

        switch (token.Text)
        {
            case "-" when _tokens[_at + 1].Kind == ScriptTokenKind.Number:
                Next();
                var number = Now.Text;
                Next();
                return new LiteralExpression(token.Line, Number(number, isNegative: true));
            case "(":
                Next();
                return Group(token.Line);
            case "[":
                Next();
                var items = new List<ScriptExpression>();
                while (!Is("]"))
                {
                    items.Add(Expression());
                    if (!Is("]")) Take(",");
                }

                Next();
                return new ListExpression(token.Line, items, IsTuple: false);
            case "{":
                Next();
                var pairs = new List<(ScriptExpression, ScriptExpression)>();
                while (!Is("}"))
                {
                    var key = Expression();
                    Take(":");
                    pairs.Add((key, Expression()));
                    if (!Is("}")) Take(",");
                }

                Next();
                return new DictExpression(token.Line, pairs);
            default:
                throw Fault($"'{token.Text}' is not understood");
        }
    }

    private ScriptExpression Group(int line)
    {
        if (Is(")"))
        {
            Next();
            return new ListExpression(line, [], IsTuple: true);
        }

        var first = Expression();
        if (Is(")"))
        {
            Next();
            return first;
        }

        var items = new List<ScriptExpression> { first };
        while (!Is(")"))
        {
            Take(",");
            if (!Is(")")) items.Add(Expression());
        }

        Next();
        return new ListExpression(line, items, IsTuple: true);
    }

    private object Number(string text, bool isNegative)
    {
        var signed = isNegative ? "-" + text : text;
        if (long.TryParse(signed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        return double.TryParse(signed, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Fault($"'{text}' is no number");
    }
}
