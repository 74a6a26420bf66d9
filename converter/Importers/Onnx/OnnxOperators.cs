using System.Globalization;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Inputs, outputs and attributes of ONNX's own operators, by opset (operators.txt).</summary>
internal static class OnnxOperators
{
    private static readonly Lazy<Dictionary<string, List<OnnxOperator>>> s_versions = new(Read);

    /// <summary>An operator in an opset. Null if it is unknown or not in that opset.</summary>
    public static OnnxOperator? Of(string op, int opset) =>
        s_versions.Value.TryGetValue(op, out var versions) && versions.FindLast(v => v.Version <= opset) is { IsGone: false } found ? found : null;

    /// <summary>Whether the operator has such an attribute in any opset.</summary>
    public static bool HasEver(string op, string attribute) => s_versions.Value.TryGetValue(op, out var versions) && versions.Exists(v => v.Attributes.ContainsKey(attribute));

    /// <summary>Whether an input may have a type in a newer opset. Exporters write it into older ones, where it can only mean the same.</summary>
    public static bool TakesLater(string op, int opset, int input, string type) =>
        s_versions.Value.TryGetValue(op, out var versions) && versions.Exists(v => v.Version > opset && v.Inputs.Length > 0
            && v.Variables.GetValueOrDefault(v.Inputs[Math.Min(input, v.Inputs.Length - 1)].Type) is { } types && Array.IndexOf(types, type) >= 0);

    private static Dictionary<string, List<OnnxOperator>> Read()
    {
        var sets = new Dictionary<string, string[]>();
        var result = new Dictionary<string, List<OnnxOperator>>();
        using var reader = new StreamReader(typeof(OnnxOperators).Assembly.GetManifestResourceStream("onnx-operators")!);
        while (reader.ReadLine() is { } line)
        {
            var words = line.Split(' ');
            if (line[0] == '#') continue;
            if (line[0] == '@')
            {
                sets[words[0]] = words[1].Split(',');
                continue;
            }

            if (!result.TryGetValue(words[0], out var versions)) result[words[0]] = versions = [];
            versions.Add(Parse(line, words, sets));
        }

        return result;
    }

    private static OnnxOperator Parse(string line, string[] words, Dictionary<string, string[]> sets)
    {
        var version = int.Parse(words[1], CultureInfo.InvariantCulture);
        if (words[^1] == "gone") return new OnnxOperator(version, [], 0, 0, [], [], [], IsGone: true);
        var parts = line.Split('|').Select(part => part.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var variables = parts[3].Select(v => v.Split('=')).ToDictionary(v => v[0], v => sets.GetValueOrDefault(v[1]) ?? v[1].Split(','));
        var attributes = parts[4].Select(a => a.Split(':')).ToDictionary(a => a[0], a => (a[1].TrimEnd('!'), a[1].EndsWith('!')));
        var range = parts[1][0].Split('-');
        return new OnnxOperator(version, [.. parts[1][1..].Select(Parameter)], int.Parse(range[0], CultureInfo.InvariantCulture), range[1].Length == 0 ? int.MaxValue : int.Parse(range[1], CultureInfo.InvariantCulture), [.. parts[2][1..].Select(Parameter)], variables, attributes);

        static OnnxParameter Parameter(string text) => new(text.TrimStart('?', '*', '~'), text[0] == '?', text[0] == '*', text.Contains('~', StringComparison.Ordinal));
    }
}

/// <summary>An operator of one opset.</summary>
/// <param name="Version">The first opset with this form.</param>
/// <param name="Inputs">Its inputs.</param>
/// <param name="Least">The minimum number of inputs.</param>
/// <param name="Most">The maximum number of inputs.</param>
/// <param name="Outputs">Its outputs.</param>
/// <param name="Variables">The types that each type variable may stand for.</param>
/// <param name="Attributes">The kinds of its attributes, and whether they are required.</param>
/// <param name="IsGone">Whether the opset removed it.</param>
internal sealed record OnnxOperator(int Version, OnnxParameter[] Inputs, int Least, int Most, OnnxParameter[] Outputs, Dictionary<string, string[]> Variables, Dictionary<string, (string Kind, bool IsRequired)> Attributes, bool IsGone = false);

/// <summary>An input or output of an operator.</summary>
/// <param name="Type">A type or a type variable.</param>
/// <param name="IsOptional">Whether it may be omitted.</param>
/// <param name="IsVariadic">Whether it may be repeated any number of times.</param>
/// <param name="IsMixed">Whether each repetition may have another type.</param>
internal sealed record OnnxParameter(string Type, bool IsOptional, bool IsVariadic, bool IsMixed);
