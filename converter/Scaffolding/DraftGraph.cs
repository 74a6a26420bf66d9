using System.Text;
using System.Text.Encodings.Web;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>One graph of a draft: inputs, states, layers and outputs as text, with comments and open questions.</summary>
internal sealed class DraftGraph(string name, DraftOptions options)
{
    private readonly HashSet<string> _values = new(StringComparer.Ordinal);

    public string Name { get; } = name;

    public List<(string Name, string Json)> Inputs { get; } = [];

    public List<(string Name, string Json)> States { get; } = [];

    public List<(string? Comment, string? Json)> Layers { get; } = [];

    public List<(string Name, string Json)> Outputs { get; } = [];

    /// <summary>What the weights do not tell, and the draft asks.</summary>
    public List<string> Questions { get; } = [];

    /// <summary>What the draft assumes.</summary>
    public List<string> Guesses { get; } = [];

    /// <summary>A text as JSON.</summary>
    public static string Quoted(string text) => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";

    /// <summary>A text for a comment, which ends with its line.</summary>
    public static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) line.Append(Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029 ? "\uFFFD" : rune.ToString());
        return line.ToString();
    }

    /// <summary>A name for a new value.</summary>
    public string Fresh(string stem)
    {
        var name = stem.Length == 0 ? "value" : stem;
        for (var i = 2; !_values.Add(name); i++) name = $"{stem}_{i}";
        return name;
    }

    public void Input(string name, string json)
    {
        _values.Add(name);
        Inputs.Add((name, json));
    }

    public void Comment(string text) => Layers.Add((OneLine(text), null));

    /// <summary>Adds a comment that is also reported: the draft assumes something.</summary>
    public void Guess(string text)
    {
        Guesses.Add(OneLine(text));
        Comment(text);
    }

    /// <summary>Adds a layer. Members are JSON, null ones are left out.</summary>
    /// <returns>Its output.</returns>
    public string Layer(string kind, string output, params (string Key, string? Json)[] members)
    {
        var all = members.Where(member => member.Json is not null).Select(member => $"{Quoted(member.Key)}: {member.Json}");
        Layers.Add((null, $"{{ \"kind\": {Quoted(kind)}, {string.Join(", ", all.Append($"\"output\": {Quoted(output)}"))} }}"));
        return output;
    }

    /// <summary>The user's answer to the questions of a member. Null if there is none.</summary>
    public string? Answer(string member)
    {
        if (!options.Answers.TryGetValue(member, out var answer)) return null;
        options.UsedAnswers.Add(member);
        return answer;
    }

    /// <summary>A value that the weights do not tell: the user's answer, a question, or its default if questions are answered by defaults.</summary>
    /// <param name="where">The module.</param>
    /// <param name="text">What is asked.</param>
    /// <param name="otherwise">The framework's default as JSON. Null if there is none.</param>
    /// <param name="member">The member of the layer, by which the user answers it for all layers. Null if each layer has its own answer.</param>
    public string Ask(string where, string text, string? otherwise = null, string? member = null)
    {
        if (member is not null && Answer(member) is { } answer) return answer;
        if (options.IsAnswered && otherwise is not null)
        {
            Guess($"{where}: {text}; {otherwise} is the default");
            return otherwise;
        }

        if (member is not null) options.Asked.Add(member);
        Questions.Add(OneLine($"{where}: {text}"));
        return Quoted(OneLine($"? {text}{(otherwise is null ? "" : $"; the default is {otherwise.Trim('"')}")}"));
    }

    /// <summary>Which of two modules has a part in a block, if their names do not tell: the user's answer, or a question in the place of the next value.</summary>
    /// <param name="where">The block.</param>
    /// <param name="member">What the user sets.</param>
    /// <param name="part">The part.</param>
    /// <param name="two">The modules' names in the block.</param>
    /// <param name="value">The value that the block takes.</param>
    /// <returns>First the one with the part.</returns>
    public string[] Choose(string where, string member, string part, string[] two, ref string value)
    {
        if (Answer(member)?.Trim('"') is { } answer && two.Contains(answer)) return [answer, two[0] == answer ? two[1] : two[0]];
        options.Asked.Add(member);
        var asked = OneLine($"which is the {part}, '{two[0]}' or '{two[1]}': scaffold again with --set {member}={two[0]} or --set {member}={two[1]}");
        Questions.Add(OneLine($"{where}: {asked}"));
        value = Layer($"? {asked}", Fresh("unknown"), ("input", Quoted(value)));
        return two;
    }

    /// <summary>Puts together what is said of several modules.</summary>
    /// <param name="texts">Each with a module and ": " in front.</param>
    public static IEnumerable<string> Grouped(IEnumerable<string> texts)
    {
        foreach (var group in texts.GroupBy(text => text[(text.IndexOf(": ", StringComparison.Ordinal) + 1)..]))
        {
            var others = group.Distinct(StringComparer.Ordinal).Count() - 1;
            yield return others == 0 ? group.First() : $"{group.First()[..^group.Key.Length].TrimEnd(':')} and {others} more:{group.Key}";
        }
    }

    public void Write(StringBuilder text, bool isLast)
    {
        void Line(string line) => text.Append(line).Append('\n');
        Line($"    {Quoted(Name)}: {{");
        Line($"      \"inputs\": {{ {Members(Inputs)} }},");
        if (States.Count > 0) Line($"      \"states\": {{ {Members(States)} }},");
        Line("      \"layers\": [");
        var last = Layers.FindLastIndex(layer => layer.Json is not null);
        foreach (var (i, (comment, json)) in Layers.Index()) Line(comment is not null ? $"        // {comment}" : $"        {json}{(i < last ? "," : "")}");
        Line("      ],");
        Line($"      \"outputs\": {{ {Members(Outputs)} }}");
        Line(isLast ? "    }" : "    },");
    }

    private static string Members(List<(string Name, string Json)> members) => string.Join(", ", members.Select(member => $"{Quoted(member.Name)}: {member.Json}"));
}
