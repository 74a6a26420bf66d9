using System.Text.RegularExpressions;

namespace SeqRuntime.Tests.Docs;

/// <summary>The documents of the repository, and the code blocks, commands and links in them.</summary>
internal static partial class Documents
{
    /// <summary>Paths from the repository's root.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "README.md", "CONTRIBUTING.md", "NativeAotSample/g2p.md",
        .. Directory.EnumerateFiles(Repository.Find("docs"), "*.md", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Repository.Root!, path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    /// <summary>Code blocks of all documents, by document, heading, and number below that heading.</summary>
    public static IReadOnlyDictionary<string, CodeBlock> Blocks { get; } = Names.SelectMany(BlocksOf).ToDictionary(block => block.Name);

    /// <summary>Lines of code blocks without a language, and texts in backticks that begin with a command's name. Without comments and duplicates.</summary>
    public static IReadOnlyList<string> Commands { get; } =
        [.. Names.SelectMany(name => BlocksOf(name).Where(block => block.Language is "indented").SelectMany(block => block.Text.Split('\n')).Concat(InlineCommands(name))).Select(WithoutComment).Where(line => line.Length > 0).Distinct()];

    public static string Read(string name) => File.ReadAllText(Repository.Find(name));

    /// <summary>Targets of links and pictures.</summary>
    public static IEnumerable<string> Links(string name) => Link().Matches(WithoutBlocks(name)).Select(match => match.Groups[1].Value);

    /// <summary>The anchors of a document's headings.</summary>
    public static IEnumerable<string> Anchors(string name) =>
        Heading().Matches(WithoutBlocks(name)).Select(match => NoAnchor().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'));

    /// <summary>Texts in backticks. Line breaks are joined as in the rendered text.</summary>
    public static IEnumerable<string> Code(string name) => InlineCode().Matches(WithoutBlocks(name)).Select(match => Space().Replace(match.Groups[1].Value, " "));

    private static IEnumerable<string> InlineCommands(string name) =>
        Code(name).Where(code => code.Split(' ')[0] is "dotnet" or "seqconvert" or "bash" && code.Contains(' ', StringComparison.Ordinal));

    private static string WithoutComment(string line) => Comment().Replace(line, "").Trim();

    private static string WithoutBlocks(string name)
    {
        var lines = Read(name).Split('\n');
        foreach (var block in BlocksOf(name))
        {
            for (var i = block.First; i <= block.Last; i++) lines[i] = "";
        }

        return string.Join('\n', lines);
    }

    private static List<CodeBlock> BlocksOf(string name)
    {
        var blocks = new List<CodeBlock>();
        var lines = Read(name).Split('\n');
        var heading = "";
        for (var i = 0; i < lines.Length; i++)
        {
            var first = i;
            if (lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                while (lines[++i] != "```")
                {
                }

                Add(lines[first][3..], lines[(first + 1)..i]);
            }
            else if (lines[i].StartsWith("    ", StringComparison.Ordinal) && (i == 0 || lines[i - 1].Length == 0))
            {
                while (i + 1 < lines.Length && lines[i + 1].StartsWith("    ", StringComparison.Ordinal)) i++;
                Add("indented", lines[first..(i + 1)]);
            }
            else if (Heading().Match(lines[i]) is { Success: true } match)
            {
                heading = match.Groups[1].Value;
            }

            void Add(string language, string[] content) =>
                blocks.Add(new CodeBlock($"{name}, {heading}, {blocks.Count(block => block.Heading == heading) + 1}", heading, language, string.Join('\n', content), first, i));
        }

        return blocks;
    }

    [GeneratedRegex(@"^#+ (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w \-]")]
    private static partial Regex NoAnchor();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex InlineCode();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();

    [GeneratedRegex(@"\s+#.*$")]
    private static partial Regex Comment();
}

/// <summary>A code block of a document.</summary>
/// <param name="Name">Document, heading and number.</param>
/// <param name="Heading">The heading above it.</param>
/// <param name="Language">The language after the fence; "indented" for an indented block.</param>
/// <param name="Text">Its lines.</param>
/// <param name="First">Its first line in the document, counted from 0.</param>
/// <param name="Last">Its last line.</param>
internal sealed record CodeBlock(string Name, string Heading, string Language, string Text, int First, int Last);
