using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Tests.Perf;

/// <summary>Tables of the README are replaced where they stand.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public void A_table_is_replaced_between_its_marks()
    {
        const string document = "before\n<!-- perf compare: begin -->\nold\n<!-- perf compare: end -->\nafter\n";
        var once = Readme.Replace(document, "compare", "| new |\n");
        Assert.Equal("before\n<!-- perf compare: begin -->\n\n| new |\n\n<!-- perf compare: end -->\nafter\n", once);
        Assert.Equal(once, Readme.Replace(once, "compare", "| new |\n"));
        Assert.Throws<InvalidDataException>(() => Readme.Replace(document, "realtime", ""));
    }

    [Theory]
    [InlineData("compare")]
    [InlineData("realtime")]
    public void The_README_has_the_marks(string table) => Assert.Contains("x", Readme.Replace(File.ReadAllText(Repository.Find("README.md")), table, "x"), StringComparison.Ordinal);

    [Theory]
    [InlineData("AMD EPYC 25-17", "amd-epyc-25-17")]
    [InlineData("Intel(R) Xeon(R) CPU @ 2.20GHz 6-85", "intel-r-xeon-r-cpu-2-20ghz-6-85")]
    public void A_folder_is_named_after_the_processor(string processor, string folder) => Assert.Equal(folder, Results.Slug(processor));
}
