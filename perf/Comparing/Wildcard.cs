using System.IO.Enumeration;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Patterns of --only: <c>*</c> stands for any text; a word without it may stand anywhere.</summary>
internal static class Wildcard
{
    public static bool Matches(string name, string pattern) => FileSystemName.MatchesSimpleExpression(pattern.Contains('*') ? pattern : $"*{pattern}*", name);
}
