using System.ComponentModel;
using System.Diagnostics;
using SeqRuntime.Perf.Boards;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Tests.Perf;

/// <summary>Estimates for Arm boards, and the verdicts and the model behind them.</summary>
public sealed class ArmTests
{
    [Fact]
    public void The_readme_has_the_committed_estimates()
    {
        var readme = File.ReadAllText(Repository.Find(Tables.Readme));
        Assert.Equal(Tables.Replace(readme, Tables.Readme, "arm", ArmEstimate.Read().Short()), readme);
    }

    [Fact]
    public void An_estimate_adds_a_models_graphs_and_says_that_it_is_one()
    {
        ArmStep Step(string graph, string core, long cycles) => new($"dtln-int8/{graph}", core, 1_200_000, 1, cycles);
        var estimate = new ArmEstimate("19.1", [.. Board.All.SelectMany(board => new[] { Step("mask", board.Core, 72_000), Step("refine", board.Core, 168_000) })], [new("int8", 7, new Dictionary<string, double?> { ["Cortex-A76"] = 2.5 })]);
        Assert.StartsWith("**Estimates, not measured**", estimate.Short(), StringComparison.Ordinal);
        Assert.EndsWith("| DTLN, a frame every 8 ms, int8 | 170–1300 | 130–610 | 100–300 |\n", estimate.Short(), StringComparison.Ordinal);
        var all = estimate.Markdown(_ => true);
        Assert.Contains("| dtln-int8/mask | 1171 | 1 | 1 | 72000 | 72000 | 72000 | ", all, StringComparison.Ordinal);
        Assert.Contains("| int8 | 7 | – | – | 2.5 |", all, StringComparison.Ordinal);
        Assert.DoesNotContain("refine", estimate.Markdown(name => name == "int8"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100_000, 0, 42, 42)]
    [InlineData(100_000, 1_200_000, 42, 142)]
    public void A_range_goes_from_the_first_cache_to_memory(double cycles, double weights, int least, int most)
    {
        var (low, high) = Board.All[^1].Microseconds(cycles, weights);
        Assert.Equal((least, most), ((int)Math.Round(low), (int)Math.Round(high)));
    }

    [Theory]
    [InlineData(0.42, 0.98, "0.4–1.0")]
    [InlineData(4.21, 12.6, "4.2–13")]
    [InlineData(96.4, 1234, "96–1200")]
    [InlineData(50.1, 50.4, "50")]
    public void A_time_has_two_digits(double least, double most, string text) => Assert.Equal(text, ArmEstimate.Range(least, most));

    /// <summary>A step may grow by 2 %. One that is unknown fails. One that shrank passes, and is told.</summary>
    [Theory]
    [InlineData("1019", "False ")]
    [InlineData("1021", "True 1000 are recorded: +2.1% (Rows +21)")]
    [InlineData("979", "False 1000 are recorded: -2.1%; --update records the gain")]
    [InlineData("None", "True none are recorded; --update records them")]
    public void A_count_is_judged(string now, string verdict) => Assert.Equal(verdict, Python($"""
        from count_steps import compare
        row = lambda n: dict(instructions=n, functions=dict(Rows=n - 100, Run=100))
        text, fails = compare(row({(now == "None" ? "1" : now)}), {(now == "None" ? "None" : "row(1000)")})
        print(fails, text)
        """));

    /// <summary>Rules of the Cortex-A53: sums that wait for each other, loads and arithmetic that cannot issue together, a pair of simple instructions, a divider.</summary>
    [Theory]
    [InlineData("fmla v0.4s, v1.4s, v2.4s", "4.0")]
    [InlineData("fmla v0.4s, v4.4s, v5.s[0];fmla v1.4s, v4.4s, v5.s[0];fmla v2.4s, v4.4s, v5.s[0];fmla v3.4s, v4.4s, v5.s[0]", "4.0")]
    [InlineData("add x0, x1, x2;add x3, x4, x5", "1.0")]
    [InlineData("add x0, x0, x2;add x0, x0, x5", "2.0")]
    [InlineData("ldr q0, [x1];add v1.4s, v0.4s, v1.4s", "5.0")]
    [InlineData("fdiv v0.4s, v1.4s, v2.4s", "26.0")]
    public void The_model_of_the_a53_follows_its_rules(string code, string cycles) => Assert.Equal(cycles, Python($"""
        from cortex_a53 import cycles
        print(round(cycles("{code}".split(";")), 1))
        """));

    private static string Python(string script)
    {
        try
        {
            var start = new ProcessStartInfo("python3", ["-B", "-c", script]) { WorkingDirectory = Repository.Find("perf/arm") };
            return Printed.By(start).Good().Out.TrimEnd('\n');
        }
        catch (Win32Exception)
        {
            Assert.Skip("python3 is not installed");
            throw;
        }
    }
}
