using System.Text.Json;
using System.Text.RegularExpressions;
using SeqRuntime.Perf.Commands;
using SeqRuntime.Perf.LongRuns;

namespace SeqRuntime.Tests.Perf;

/// <summary>What the recipes of docs/realtime.md promise on a machine of any load.</summary>
public sealed partial class RealtimeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_process_of_its_own_never_collects()
    {
        var times = Times("--apart", "--latency", "none", "--no-concurrent");
        Assert.Equal((0, 0, 0), (times.Counts.Gen0, times.Counts.Gen1, times.Counts.Gen2));
        Assert.Equal(0, times.Counts.PauseMilliseconds);
        Assert.Equal(0, times.ManagedBytesPerFrame);
        Assert.Equal("NoGCRegion", times.LatencyMode);
        Assert.False(times.IsConcurrent);
    }

    [Fact]
    public void The_collectors_settings_arrive()
    {
        var usual = Times("--latency", "low");
        Assert.Equal(("SustainedLowLatency", true), (usual.LatencyMode, usual.IsConcurrent));
        Assert.Equal(0, usual.ManagedBytesPerFrame);
        Assert.True(usual.Counts.Gen0 > 0, "garbage was made in this process, and never collected");
        Assert.True(Times("--gen0-size", "64").Gen0Budget > usual.Gen0Budget);
    }

    /// <summary>Or the system refuses, and the message names the missing right.</summary>
    [Fact]
    public void Memory_is_locked_and_priority_given()
    {
        Models.Need("dtln");
        var (exit, _, error) = Run("--apart", "--lock-memory", "--priority");
        if (exit == 0) Assert.True(Read().LockedKilobytes > 1000);
        else Assert.Matches("^perf: (the system refuses .*(CAP_IPC_LOCK|CAP_SYS_NICE).*|--lock-memory needs Linux)\n$", error);
    }

    [Fact]
    public void Help_has_every_option_of_a_recipe()
    {
        var (exit, output, _) = Printed.By((output, error) => PerfCommand.Invoke(["realtime", "--help"], output, error));
        Assert.Equal(0, exit);
        var options = OptionLine().Matches(output).Select(match => match.Value).Except(["--help"]).Distinct().ToList();
        Assert.Equal(14, options.Count);
        var named = Recipe.All.SelectMany(recipe => recipe.Options).Where(word => word.StartsWith('-')).Distinct().ToList();
        Assert.Equal(6, named.Count);
        Assert.Subset(options.ToHashSet(), named.ToHashSet());
    }

    private RecipeTimes Times(params string[] options)
    {
        Models.Need("dtln");
        var (exit, output, error) = Run(options);
        Assert.True(exit == 0, error);
        Assert.Contains($"| `{string.Join(' ', options)}` | 600 |", output, StringComparison.Ordinal);
        return Read();
    }

    private Printed Run(params string[] options) =>
        Printed.By((output, error) => PerfCommand.Invoke(["realtime", "--minutes", "0.01", "--period", "1", "--json", _folder["times.json"], .. options], output, error));

    private RecipeTimes Read() => Assert.Single(JsonSerializer.Deserialize(File.ReadAllText(_folder["times.json"]), JsonReports.Default.RecipeReport)!.Rows);

    [GeneratedRegex(@"(?<=^  |, )--[a-z0-9-]+", RegexOptions.Multiline)]
    private static partial Regex OptionLine();
}
