using System.Text;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>A token of TorchScript's Python: its kind, its text, and its line from 1.</summary>
internal readonly record struct ScriptToken(ScriptTokenKind Kind, string Text, int Line);

/// <summary>The kinds of tokens.</summary>
internal enum ScriptTokenKind
{
    Name,
    Number,
    Text,
    Sign,
    NewLine,
    Indent,
    Dedent,
    End,
}

/// <summary>Cuts TorchScript's generated Python into tokens. A line goes on while a bracket is open.</summary>
internal static class ScriptTokens
{
    private const int MostDeep = 64;

    /// <param name="text">The source.</param>
    /// <param name="fault">Makes the exception for a line.</param>
    public static List<ScriptToken> Of(string text, Func<int, string, ConversionException> fault)
    {
        var tokens = new List<ScriptToken>();
        var indents = new Stack<int>([0]);
        var (line, depth) = (1, 0);
        var isStart = true;
        for (var at = 0; at < text.Length;)
        {
            var c = text[at];
            if (isStart && depth == 0)
            {
                var start = at;
                while (at < text.Length && text[at] == ' ') at++;
                if (at == text.Length) break;
                if (text[at] is '\n' or '\r' or '#')
                {
                    while (at < text.Length && text[at] != '\n') at++;
                    at = Math.Min(at + 1, text.Length);
                    line++;
                    continue;
                }

                isStart = false;
                var width = at - start;
                if (width > indents.Peek())
                {
                    if (indents.Count > MostDeep) throw fault(line, $"blocks are nested more than {MostDeep} levels deep");
                    indents.Push(width);
                    tokens.Add(new(ScriptTokenKind.Indent, "", line));
                }

                while (width < indents.Peek())
                {
                    indents.Pop();
                    tokens.Add(new(ScriptTokenKind.Dedent, "", line));
                }

                if (width != indents.Peek()) throw fault(line, "the indentation fits no block");
                continue;
            }

            if (c == '\n')
            {
                if (depth == 0)
                {
                    tokens.Add(new(ScriptTokenKind.NewLine, "", line));
                    isStart = true;
                }

                line++;
                at++;
            }
            else if (c is ' ' or '\r' or '\t')
            {
                at++;
            }
            else if (c == '#')
            {
                while (at < text.Length && text[at] != '\n') at++;
            }
            else if (char.IsAsciiLetter(c) || c == '_')
            {
                var start = at;
                while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_')) at++;
                tokens.Add(new(ScriptTokenKind.Name, text[start..at], line));
            }
            else if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
            {
                var start = at;
                while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '.' || (text[at] is '-' or '+' && text[at - 1] is 'e' or 'E'))) at++;
                tokens.Add(new(ScriptTokenKind.Number, text[start..at], line));
            }
            else if (c is '"' or '\'')
            {
                tokens.Add(new(ScriptTokenKind.Text, Quoted(text, ref at, line, fault), line));
            }
            else
            {
                if (c is '(' or '[' or '{') depth++;
                if (c is ')' or ']' or '}') depth = Math.Max(0, depth - 1);
                var sign = c == '-' && at + 1 < text.Length && text[at + 1] == '>' ? "->" : c.ToString();
                tokens.Add(new(ScriptTokenKind.Sign, sign, line));
                at += sign.Length;
            }
        }

        if (tokens is [.., { Kind: not ScriptTokenKind.NewLine }]) tokens.Add(new(ScriptTokenKind.NewLine, "", line));
        while (indents.Pop() > 0) tokens.Add(new(ScriptTokenKind.Dedent, "", line));
        tokens.Add(new(ScriptTokenKind.End, "", line));
        return tokens;
    }

    private static string Quoted(string text, ref int at, int line, Func<int, string, ConversionException> fault)
    {
        var quote = text[at++];
        var value = new StringBuilder();
        for (; at < text.Length && text[at] != quote; at++)
        {
            if (text[at] == '\n') break;
            if (text[at] == '\\' && at + 1 < text.Length) at++;
            value.Append(text[at]);
        }

        if (at >= text.Length || text[at] != quote) throw fault(line, "a text has no end");
        at++;
        return value.ToString();
    }
}
