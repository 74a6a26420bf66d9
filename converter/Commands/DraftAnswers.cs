using System.Text.Json;
using SeqRuntime.Converter.Scaffolding;

namespace SeqRuntime.Converter.Commands;

/// <summary>The answers of <c>scaffold --set</c>: members of layers and their values.</summary>
internal static class DraftAnswers
{
    /// <summary>The values as JSON: numbers, truths and lists as they are, everything else as a text.</summary>
    public static Dictionary<string, string> Of(IEnumerable<string> given)
    {
        var answers = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in given)
        {
            if (text.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at) || at == text.Length - 1) throw new UsageException($"--set {text}: give MEMBER=VALUE, such as heads=8");
            if (!answers.TryAdd(text[..at], Json(text[(at + 1)..]))) throw new UsageException($"--set {text}: '{text[..at]}' is set twice");
        }

        return answers;
    }

    /// <summary>Refuses answers to what the draft does not ask.</summary>
    public static void Check(DraftOptions options)
    {
        if (options.Answers.Keys.FirstOrDefault(member => !options.UsedAnswers.Contains(member)) is not { } idle) return;
        string[] asked = [.. options.Asked.Union(options.UsedAnswers).Order(StringComparer.Ordinal)];
        throw new UsageException($"--set {idle}={options.Answers[idle]}: the draft has no such question; {(asked.Length == 0 ? "it asks nothing" : $"it asks {string.Join(", ", asked)}")}");
    }

    private static string Json(string value)
    {
        try
        {
            using var document = JsonDocument.Parse(value);
            if (document.RootElement.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Array) return document.RootElement.GetRawText();
        }
        catch (JsonException)
        {
            // A text.
        }

        return DraftGraph.Quoted(value);
    }
}
