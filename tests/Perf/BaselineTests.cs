using SeqRuntime.Perf.Commands;
using SeqRuntime.Perf.Gate;

namespace SeqRuntime.Tests.Perf;

/// <summary>What the gate accepts.</summary>
public sealed class BaselineTests
{
    private const string Key = "avx2 on x64 somebody 1-2";

    private static readonly Baseline s_baseline = Baseline.Empty.With(Key, new Dictionary<string, double> { ["lstm/64/fp32"] = 0.8, ["lstm/256/fp32"] = 1 }, new Dictionary<string, long> { ["linux-x64/Program"] = 1000 });

    [Theory]
    [InlineData("lstm/64/fp32", 0.8, true)]
    [InlineData("lstm/64/fp32", 0.95, true)]
    [InlineData("lstm/64/fp32", 0.97, false)]
    [InlineData("lstm/64/fp32", 0.1, true)]
    [InlineData("lstm/256/fp32", 1.39, true)]
    [InlineData("lstm/256/fp32", 1.41, false)]
    public void A_ratio_may_exceed_its_baseline_by_the_tolerance_of_its_case(string id, double ratio, bool passes)
    {
        var verdict = s_baseline.Judge(Key, id, ratio);
        Assert.Equal(passes, verdict.Passes);
        Assert.Equal(ratio / verdict.Recorded!.Value - 1, verdict.Change!.Value, 1e-12);
    }

    [Fact]
    public void A_case_without_a_baseline_passes()
    {
        Assert.Equal(Verdict.New, s_baseline.Judge(Key, "new", 100));
        Assert.Equal(Verdict.New, s_baseline.Judge("avx2 on another", "new", 100));
        Assert.Equal(Verdict.New, s_baseline.JudgeSize("linux-arm64/Program", 1_000_000));
        Assert.Equal(Verdict.New, Baseline.Empty.Judge(Key, "lstm/64/fp32", 100));
        Assert.True(Verdict.New.Passes);
    }

    /// <summary>The worst of this set is 0.8 here; a case allows 20 %, and processors differ by at least 100 %.</summary>
    [Theory]
    [InlineData("avx2 on another", 0.1, "Fits")]
    [InlineData("avx2 on another", 0.95, "Fits")]
    [InlineData("avx2 on another", 0.97, "Unknown")]
    [InlineData("avx2 on another", 1.75, "Unknown")]
    [InlineData("avx2 on another", 1.77, "Slower")]
    [InlineData("advsimd on another", 1.75, "Unknown")]
    [InlineData("advsimd on another", 1.77, "Slower")]
    public void Another_processor_is_held_to_the_worst_of_the_known(string key, double ratio, string standing)
    {
        var verdict = s_baseline.Judge(key, "lstm/64/fp32", ratio);
        Assert.Equal(standing, verdict.Standing.ToString());
        Assert.Equal(standing != "Slower", verdict.Passes);
        Assert.Equal(0.8, verdict.Recorded);
    }

    [Fact]
    public void The_tolerance_for_another_processor_is_as_wide_as_the_known_differ()
    {
        var two = s_baseline.With("avx2 on a second", new Dictionary<string, double> { ["lstm/64/fp32"] = 0.2, ["lstm/256/fp32"] = 1.1 }, new Dictionary<string, long>());
        Assert.Equal(3, two.Spread("avx2 on another"), 1e-12); // from 0.2 to 0.8
        Assert.Equal(Standing.Fits, two.Judge("avx2 on another", "lstm/256/fp32", 1.1 * 1.39).Standing);
        Assert.Equal(Standing.Unknown, two.Judge("avx2 on another", "lstm/256/fp32", 1.1 * 4.39).Standing);
        Assert.Equal(Standing.Slower, two.Judge("avx2 on another", "lstm/256/fp32", 1.1 * 4.41).Standing);
        Assert.Equal(Standing.Slower, two.Judge("avx2 on a second", "lstm/256/fp32", 1.1 * 1.41).Standing);
    }

    [Fact]
    public void A_set_with_a_baseline_stands_for_itself_on_another_processor()
    {
        var sets = s_baseline.With("advsimd on a board", new Dictionary<string, double> { ["lstm/64/fp32"] = 8 }, new Dictionary<string, long>());
        Assert.Equal(0.8, sets.Judge("avx2 on another", "lstm/64/fp32", 1).Recorded);
        Assert.Equal(8, sets.Judge("advsimd on another", "lstm/64/fp32", 1).Recorded);
        Assert.Equal(8, sets.Judge("avx512 on another", "lstm/64/fp32", 1).Recorded);
    }

    [Fact]
    public void The_portable_set_is_no_measure_for_others_nor_they_for_it()
    {
        Assert.Equal(Verdict.New, s_baseline.Judge("portable on another", "lstm/64/fp32", 100));
        var portable = s_baseline.With("portable on somebody", new Dictionary<string, double> { ["lstm/64/fp32"] = 50 }, new Dictionary<string, long>());
        Assert.Equal(0.8, portable.Judge("avx512 on another", "lstm/64/fp32", 1).Recorded);
        Assert.Equal(50, portable.Judge("portable on another", "lstm/64/fp32", 1).Recorded);
    }

    [Theory]
    [InlineData(1030, true)]
    [InlineData(1031, false)]
    [InlineData(10, true)]
    public void A_binary_may_grow_by_three_percent(long bytes, bool passes) => Assert.Equal(passes, s_baseline.JudgeSize("linux-x64/Program", bytes).Passes);

    [Fact]
    public void An_update_replaces_one_key_and_keeps_the_others()
    {
        var updated = s_baseline.With("portable on another", new Dictionary<string, double> { ["tanh"] = 2.00004 }, new Dictionary<string, long> { ["linux-x64/Program"] = 900 });
        Assert.Equal(0.8, updated.Ratios[Key]["lstm/64/fp32"]);
        Assert.Equal(2, updated.Ratios["portable on another"]["tanh"]);
        Assert.Equal(900, updated.Sizes["linux-x64/Program"]);
        Assert.Equal(1000, s_baseline.Sizes["linux-x64/Program"]);
        var replaced = updated.With(Key, new Dictionary<string, double> { ["tanh"] = 1 }, new Dictionary<string, long>());
        Assert.Equal(["tanh"], replaced.Ratios[Key].Keys);
    }

    [Fact]
    public void A_file_reads_as_it_was_written()
    {
        using var folder = new TemporaryFolder();
        var path = folder["baseline.json"];
        File.WriteAllText(path, JsonReports.Text(s_baseline, JsonReports.Default.Baseline));
        var read = Baseline.Read(path);
        Assert.Equal(s_baseline.Tolerance, read.Tolerance);
        Assert.Equal(s_baseline.Tolerances, read.Tolerances);
        Assert.Equal(s_baseline.Sizes, read.Sizes);
        Assert.Equal(s_baseline.Ratios[Key], read.Ratios[Key]);
        Assert.Equal(s_baseline.FirstResultMicroseconds, read.FirstResultMicroseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"tolerance\": -1}")]
    public void A_file_that_is_no_baseline_is_refused(string text)
    {
        using var folder = new TemporaryFolder();
        var path = folder["baseline.json"];
        File.WriteAllText(path, text);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => Baseline.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_committed_file_is_a_baseline()
    {
        var committed = Baseline.Read(Repository.Find("perf/baseline.json"));
        Assert.NotEmpty(committed.Ratios);
        Assert.All(committed.Ratios.Values, cases => Assert.All(cases.Values, ratio => Assert.InRange(ratio, 0.001, 1000)));
    }
}
