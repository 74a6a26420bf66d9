using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Gate;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf gate</c>: fails if something became slower or bigger than recorded.</summary>
internal sealed class GateCommand
{
    private const int UpdateAttempts = 6;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(300);

    private readonly Option<string> _baseline = new("--baseline") { Description = "The baseline to compare with.", HelpName = "FILE", DefaultValueFactory = _ => Path.Combine(Places.Root ?? ".", "perf", "baseline.json") };
    private readonly Option<bool> _update = new("--update") { Description = "Write the measurements as the new baseline of this kernel set and processor." };
    private readonly Option<FileInfo> _firstResult = new("--first-result") { Description = "The published FirstResult program, whose start is timed.", HelpName = "PROGRAM" };
    private readonly Option<FileInfo[]> _binary = new("--binary") { Description = "Published binaries whose size is checked; recorded by folder and name.", HelpName = "FILE …", AllowMultipleArgumentsPerToken = true };

    public Command Build()
    {
        var command = new Command("gate", "Measures a short, fixed set of cases and compares it with perf/baseline.json. Each time is divided by that of a plain loop in the same process. A case that fails is tried again, for up to a hundred seconds in total.") { _baseline, _update, _firstResult, _binary };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var (output, path, update) = (result.InvocationConfiguration.Output, result.GetValue(_baseline)!, result.GetValue(_update));
        if (!update && !File.Exists(path)) throw new UsageException($"--baseline {path}: there is no such file; make it with --update");
        var baseline = File.Exists(path) ? Baseline.Read(path) : Baseline.Empty;
        var machine = Machine.Here();
        var key = $"{machine.Kernels} on {machine.Family}";
        var known = baseline.Ratios.ContainsKey(key);
        output.WriteLine($"{machine}");
        var tolerances = $"{baseline.Tolerance:P0}{string.Concat(baseline.Tolerances.Select(t => $" ({t.Key}: {t.Value:P0})"))}";
        output.WriteLine(known
            ? $"Fails if a case's ratio to its plain loop exceeds the ratio of '{key}' in {path} by over {tolerances}.\n"
            : $"{path} has no baseline for '{key}'. A case's ratio to its plain loop is compared with the worst of the processors it has: up to {tolerances} more is ok, up to {baseline.Spread(key):P0} beyond that is unknown, more fails.\n");

        var cases = GateCases.All().Select(work => new GateMeasurement(work)).ToList();
        var faults = Measure(cases, baseline, key, update ? UpdateAttempts : 1);
        output.WriteLine("| case | ours, µs | plain loop, µs | ratio | recorded | change | attempts | |\n|---|---:|---:|---:|---:|---:|---:|---|");
        foreach (var work in cases)
        {
            var verdict = baseline.Judge(key, work.Id, work.Ratio);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {work.Id} | {CompareReport.Time(work.Ours)} | {CompareReport.Time(work.Plain)} | {work.Ratio:F3} | {verdict.Recorded:F3} | {verdict.Change:+0%;-0%;0%} | {work.Attempts} | {Word(verdict.Standing)} |"));
        }

        output.WriteLine();
        faults.AddRange(Start(result, baseline));
        faults.AddRange(Sizes(result, baseline, out var sizes));
        var measured = cases.ToDictionary(work => work.Id, work => work.Ratio);
        if (update)
        {
            File.WriteAllText(path, JsonReports.Text(baseline.With(key, measured, sizes), JsonReports.Default.Baseline));
            output.WriteLine($"{path} now has these values for '{key}'.");
            return ExitCode.Good;
        }

        if (!known)
        {
            output.WriteLine($"To record a baseline of '{key}', commit the result of 'perf gate --update', or add this under \"ratios\" of {path}:");
            output.WriteLine(JsonReports.Text(Baseline.Empty.With(key, measured, sizes).Ratios, JsonReports.Default.RatioTable));
        }

        foreach (var fault in faults) result.InvocationConfiguration.Error.WriteLine($"perf gate: {fault}");
        output.WriteLine(faults.Count == 0 ? "perf gate: all within the baseline" : $"perf gate: {faults.Count} failed");
        return faults.Count == 0 ? ExitCode.Good : ExitCode.Failed;
    }

    private static string Word(Standing standing) => standing switch
    {
        Standing.Fits => "ok",
        Standing.New => "new",
        Standing.Unknown => "unknown",
        _ => "SLOWER",
    };

    /// <summary>Runs each case once, then repeats those that fail while there is time. Noise of other programs passes; a regression stays.</summary>
    private static List<string> Measure(List<GateMeasurement> cases, Baseline baseline, string key, int attempts)
    {
        for (var attempt = 0; attempt < attempts; attempt++)
        {
            foreach (var work in cases) work.Attempt();
        }

        var clock = Stopwatch.StartNew();
        List<GateMeasurement> failing;
        while ((failing = cases.FindAll(work => !baseline.Judge(key, work.Id, work.Ratio).Passes)).Count > 0 && attempts == 1 && clock.Elapsed < s_patience)
        {
            Thread.Sleep(s_pause);
            foreach (var work in failing) work.Attempt();
        }

        return failing.ConvertAll(work =>
        {
            var verdict = baseline.Judge(key, work.Id, work.Ratio);
            return string.Create(CultureInfo.InvariantCulture, $"{work.Id} takes {work.Ratio:F3} of its plain loop's time where {verdict.Recorded:F3} is recorded: {verdict.Change:P0} slower, {baseline.Allowed(work.Id) + (baseline.Ratios.ContainsKey(key) ? 0 : baseline.Spread(key)):P0} is allowed ({work.Attempts} attempts)");
        });
    }

    private List<string> Start(ParseResult result, Baseline baseline)
    {
        if (result.GetValue(_firstResult) is not { } program) return [];
        var clock = FirstResultClock.Measure(program.FullName, baseline);
        result.InvocationConfiguration.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"First result of a model of {clock.ModelBytes} bytes: {clock.Fastest:F0} µs after the program's first statement (median {clock.Median:F0}); a new page of memory takes {clock.Page:F2} µs, {clock.Allowed:F0} µs are allowed."));
        return clock.Fastest <= clock.Allowed ? [] : [string.Create(CultureInfo.InvariantCulture, $"the first result takes {clock.Fastest:F0} µs, more than {clock.Allowed:F0}")];
    }

    private List<string> Sizes(ParseResult result, Baseline baseline, out Dictionary<string, long> sizes)
    {
        sizes = [];
        var faults = new List<string>();
        foreach (var file in result.GetValue(_binary) ?? [])
        {
            var name = $"{file.Directory?.Name}/{file.Name}";
            sizes[name] = file.Length;
            var verdict = baseline.JudgeSize(name, file.Length);
            result.InvocationConfiguration.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {file.Length} bytes{(verdict.Recorded is { } recorded ? $", recorded {recorded:F0} ({verdict.Change:+0.0%;-0.0%;0.0%}), {baseline.SizeTolerance:P0} more are allowed" : ", not recorded yet")}."));
            if (!verdict.Passes) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{name} grew by {verdict.Change:P1}: {file.Length} bytes where {verdict.Recorded:F0} are recorded"));
        }

        return faults;
    }
}
