using System.Text.RegularExpressions;

namespace SeqRuntime.Tests.Docs;

/// <summary>Links, files and tests named in the documents exist; the README stays short.</summary>
public sealed partial class LinkTests
{
    private static readonly string[] s_roots = ["", "runtime/", "converter/", "perf/"];

    private static readonly Lazy<string> s_tests = new(() => string.Join('\n', Directory.EnumerateFiles(Repository.Find("tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText)));

    public static TheoryData<string> Names => [.. Documents.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Links_lead_somewhere(string name)
    {
        foreach (var link in Documents.Links(name).Where(link => !link.StartsWith("https://", StringComparison.Ordinal)))
        {
            var (path, anchor) = link.Split('#') is [var before, var after] ? (before, after) : (link, null);
            var target = path.Length == 0 ? name : Path.GetRelativePath(Repository.Root!, Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Repository.Find(name))!, path))).Replace('\\', '/');
            Assert.True(Path.Exists(Repository.Find(target)), $"{name} links to {link}");
            if (anchor is not null) Assert.True(Documents.Anchors(target).Contains(anchor), $"{name} links to {link}; headings there: {string.Join(", ", Documents.Anchors(target))}");
        }
    }

    /// <summary>Paths from the root, or within a project, with or without .cs.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Files_that_are_named_exist(string name)
    {
        var paths = Documents.Code(name).Where(code => FilePath().IsMatch(code) && !code.Contains("NAME", StringComparison.Ordinal) && !code.StartsWith("..", StringComparison.Ordinal));
        Assert.All(paths, path => Assert.True(s_roots.Any(root => Path.Exists(Repository.Find(root + path)) || Path.Exists(Repository.Find($"{root}{path}.cs"))), $"{name} names {path}"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Tests_that_are_named_exist(string name)
    {
        foreach (var match in Documents.Code(name).SelectMany(code => Test().Matches(code)))
        {
            if (match.Groups[1].Value == "NAMETests") continue;
            Assert.True(s_tests.Value.Contains($"class {match.Groups[1].Value}", StringComparison.Ordinal), $"{name} names {match.Value}");
            if (match.Groups[2].Value is { Length: > 0 } method and not "cs") Assert.True(s_tests.Value.Contains($" {method}(", StringComparison.Ordinal), $"{name} names {match.Value}");
        }
    }

    [Fact]
    public void Every_page_of_docs_is_linked_from_the_readme() =>
        Assert.Empty(Documents.Names.Where(name => name.StartsWith("docs/", StringComparison.Ordinal)).Except(Documents.Links("README.md").Select(link => link.Split('#')[0])));

    [Fact]
    public void The_readme_has_at_most150_lines() => Assert.InRange(File.ReadAllLines(Repository.Find("README.md")).Length, 1, 150);

    [GeneratedRegex(@"^[\w.-]+(/[\w.-]+)+/?$")]
    private static partial Regex FilePath();

    [GeneratedRegex(@"\b([A-Z]\w+Tests)(?:\.(\w+))?")]
    private static partial Regex Test();
}
