namespace SeqRuntime.Tests.Docs;

/// <summary>Links between documents lead to files and headings that exist; the README stays short.</summary>
public sealed class LinkTests
{
    public static TheoryData<string> Names => [.. Documents.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void LinksLeadSomewhere(string name)
    {
        foreach (var link in Documents.Links(name).Where(link => !link.StartsWith("https://", StringComparison.Ordinal)))
        {
            var (path, anchor) = link.Split('#') is [var before, var after] ? (before, after) : (link, null);
            var target = path.Length == 0 ? name : Path.GetRelativePath(Repository.Root!, Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Repository.Find(name))!, path))).Replace('\\', '/');
            Assert.True(Path.Exists(Repository.Find(target)), $"{name} links to {link}");
            if (anchor is not null) Assert.True(Documents.Anchors(target).Contains(anchor), $"{name} links to {link}; headings there: {string.Join(", ", Documents.Anchors(target))}");
        }
    }

    [Fact]
    public void EveryPageOfDocsIsLinkedFromTheReadme() =>
        Assert.Empty(Documents.Names.Where(name => name.StartsWith("docs/", StringComparison.Ordinal)).Except(Documents.Links("README.md").Select(link => link.Split('#')[0])));

    [Fact]
    public void TheReadmeHasAtMost150Lines() => Assert.InRange(File.ReadAllLines(Repository.Find("README.md")).Length, 1, 150);
}
