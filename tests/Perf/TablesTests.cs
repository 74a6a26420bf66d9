using System.Text.Json;
using SeqRuntime.Perf.Commands;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Tests.Perf;

/// <summary>The tables of figures in the documents: replaced in place, and equal to those of a record in the repository.</summary>
public sealed class TablesTests
{
    [Fact]
    public void A_table_is_replaced_between_its_marks()
    {
        const string document = "before\n<!-- perf compare: begin -->\nold\n<!-- perf compare: end -->\nafter\n";
        var once = Tables.Replace(document, "X.md", "compare", "| new |\n");
        Assert.Equal("before\n<!-- perf compare: begin -->\n\n| new |\n\n<!-- perf compare: end -->\nafter\n", once);
        Assert.Equal(once, Tables.Replace(once, "X.md", "compare", "| new |\n"));
        Assert.Contains("X.md", Assert.Throws<InvalidDataException>(() => Tables.Replace(document, "X.md", "realtime", "")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_has_the_tables_of_one_record()
    {
        var (readme, performance) = (File.ReadAllText(Repository.Find(Tables.Readme)), File.ReadAllText(Repository.Find(Tables.Performance)));
        var records = Directory.GetFiles(Repository.Find("perf/results"), "*-compare.json", SearchOption.AllDirectories).Select(path => JsonSerializer.Deserialize(File.ReadAllText(path), JsonReports.Default.CompareReport)!).ToList();
        Assert.Contains(records, record => Tables.Replace(readme, Tables.Readme, "compare", record.Short()) == readme && Tables.Replace(performance, Tables.Performance, "compare", record.Summary()) == performance);
        var times = Directory.GetFiles(Repository.Find("perf/results"), "*-realtime.md", SearchOption.AllDirectories).Select(File.ReadAllText);
        Assert.Contains(times, table => Tables.Replace(performance, Tables.Performance, "realtime", table) == performance);
        var realtime = File.ReadAllText(Repository.Find(Tables.Realtime));
        var recipes = Directory.GetFiles(Repository.Find("perf/results"), "*-recipes.md", SearchOption.AllDirectories).Select(File.ReadAllText);
        Assert.Contains(recipes, table => Tables.Replace(realtime, Tables.Realtime, "recipes", table) == realtime);
    }

    [Fact]
    public void The_readmes_table_is_short()
    {
        CompareRow Row(string work, string peer, string size) => new("id", work, size, "fp32", peer, 1, 1, 2, 2, 0.5, 4, 8, 0);
        var machine = new Machine("2026-01-01", "P", "F", "portable", "S", ".NET", "1.0");
        var report = new CompareReport(machine, 1, [Row("LSTM, one step, fp32", "ONNX Runtime fp32", "64"), Row("LSTM, one step, fp32", "ONNX Runtime fp32", "128"), Row("Matrix product", "limit", "9")]);
        Assert.StartsWith("2026-01-01, P (F), kernels portable, ", report.Short(), StringComparison.Ordinal);
        Assert.EndsWith("\n| LSTM, one step, fp32 | ONNX Runtime fp32 | 64: **0.50** · 128: **0.50** |\n", report.Short(), StringComparison.Ordinal);
        Assert.InRange(File.ReadAllLines(Repository.Find(Tables.Readme)).Count(line => line.Contains(": **", StringComparison.Ordinal)), 1, 8);
    }

    [Theory]
    [InlineData("AMD EPYC 25-17", "amd-epyc-25-17")]
    [InlineData("Intel(R) Xeon(R) CPU @ 2.20GHz 6-85", "intel-r-xeon-r-cpu-2-20ghz-6-85")]
    public void A_folder_is_named_after_the_processor(string processor, string folder) => Assert.Equal(folder, Results.Slug(processor));
}
