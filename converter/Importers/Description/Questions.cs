using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Refuses a document whose values are still questions, as <c>seqconvert scaffold</c> writes them: a text that is "?" or begins with "? ". Tables of tokens
/// may hold such texts, and a decoding document may name such a token.
/// </summary>
internal static class Questions
{
    private const int MostNamed = 8;

    /// <exception cref="ConversionException">There are questions; the message says where, and what is asked.</exception>
    public static void Check(JsonElement document)
    {
        var open = new List<string>();
        if (document.ValueKind != JsonValueKind.Object) return;
        foreach (var member in document.EnumerateObject())
        {
            if (member.Name != "tables") Find(member.Value, member.Name, null, isToken: member.Name == "decoding", open);
        }

        if (open.Count == 0) return;
        var more = open.Count > MostNamed ? $"; and {open.Count - MostNamed} more" : "";
        throw new ConversionException($"{(open.Count == 1 ? "a question is" : $"{open.Count} questions are")} open; put the answer in its place: {string.Join("; ", open.Take(MostNamed))}{more}");
    }

    private static void Find(JsonElement value, string place, string? layer, bool isToken, List<string> open)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String when value.GetString() is ['?', .. var rest] && (rest.Length == 0 ? !isToken : rest[0] == ' '):
                open.Add($"{place}{(layer is null ? "" : $" (layer '{layer}')")}{(rest.Trim().Length == 0 ? "" : $": {rest.Trim()}")}");
                break;
            case JsonValueKind.Object:
                var output = Json.TextOf(Json.Optional(value, "output"));
                foreach (var member in value.EnumerateObject()) Find(member.Value, $"{place}.{member.Name}", output ?? layer, isToken, open);
                break;
            case JsonValueKind.Array:
                foreach (var (i, element) in value.EnumerateArray().Index()) Find(element, $"{place}[{i}]", layer, isToken, open);
                break;
        }
    }
}
