using System.CommandLine;
using System.Globalization;
using System.Text;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.LongRuns;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf realtime</c>: measures the slowest frames.</summary>
internal sealed class RealtimeCommand
{
    private readonly Option<double> _minutes = Minutes.Option();
    private readonly ReportFiles _files = new("realtime");
    private readonly Option<bool> _readme = new("--readme") { Description = "Write the table into docs/performance.md, with --each into docs/realtime.md." };
    private readonly Option<bool> _each = new("--each") { Description = "Run every recipe of docs/realtime.md in turn." };
    private readonly Option<bool> _apart = new("--apart") { Description = "Give the frames a process of their own; the garbage is made in another." };
    private readonly Option<Latency> _latency = new("--latency") { Description = "The collector's mode: usual, low (SustainedLowLatency) or none (NoGCRegion).", HelpName = "MODE" };
    private readonly Option<bool> _notConcurrent = new("--no-concurrent") { Description = "Without concurrent collection (DOTNET_gcConcurrent=0)." };
    private readonly Option<int> _gen0Size = new("--gen0-size") { Description = "MiB that may be allocated between two collections (DOTNET_GCgen0size).", HelpName = "N" };
    private readonly Option<bool> _lockMemory = new("--lock-memory") { Description = "Keep all memory of the process in RAM (mlockall)." };
    private readonly Option<bool> _priority = new("--priority") { Description = "Let the frames' thread go before all ordinary ones (SCHED_FIFO)." };
    private readonly Option<double> _period = new("--period") { Description = "Milliseconds from frame to frame, for a recipe.", HelpName = "MS", DefaultValueFactory = _ => 8 };
    private readonly Option<bool> _here = new("--here") { Description = "Run a recipe in this process and print its figures as JSON. The command starts itself so." };

    public Command Build()
    {
        var command = new Command("realtime", "Runs audio frames at their true rate (DTLN every 8 ms, Silero VAD every 32 ms) while another thread allocates garbage. Prints percentiles of the time of a frame, for ours and ONNX Runtime in turn. With any option of a recipe against late frames, runs DTLN int8 alone under it in a new process.") { _minutes, _readme, _each, _apart, _latency, _notConcurrent, _gen0Size, _lockMemory, _priority, _period, _here };
        _files.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var minutes = Minutes.Of(result, _minutes);
        var models = Places.Models() ?? throw new UsageException("the real models were not found; set the environment variable SEQRUNTIME_MODELS to their folder");
        var recipe = Given(result);
        if (result.GetValue(_here)) return Here(result, recipe, models, minutes);
        if (result.GetValue(_each) || recipe != new Recipe()) return Recipes(result, result.GetValue(_each) ? Recipe.All : [recipe], minutes);
        var report = Progress.Run(result.InvocationConfiguration.Error, "frames", progress => RealtimeRun.Run(models, minutes, progress));
        var table = Table(report);
        result.InvocationConfiguration.Output.Write(table);
        _files.Write(result, report.Machine, report, JsonReports.Default.RealtimeReport, table);
        if (result.GetValue(_readme)) Tables.Write(Tables.Performance, "realtime", table);
        return ExitCode.Good;
    }

    private Recipe Given(ParseResult result)
    {
        var megabytes = result.GetValue(_gen0Size);
        if (megabytes is < 0 or > 4096) throw new UsageException($"--gen0-size {megabytes}: give at most 4096");
        return new Recipe(result.GetValue(_latency), result.GetValue(_apart), !result.GetValue(_notConcurrent), megabytes, result.GetValue(_lockMemory), result.GetValue(_priority));
    }

    private double Period(ParseResult result) => result.GetValue(_period) is >= 0.1 and <= 1000 and var period ? period : throw new UsageException($"--period {result.GetValue(_period)}: give 0.1 to 1000");

    private int Here(ParseResult result, Recipe recipe, string models, double minutes)
    {
        result.InvocationConfiguration.Output.Write(JsonReports.Text(RecipeRun.Here(recipe, models, minutes, Period(result)), JsonReports.Default.RecipeTimes));
        return ExitCode.Good;
    }

    private int Recipes(ParseResult result, IReadOnlyList<Recipe> recipes, double minutes)
    {
        var period = Period(result);
        var rows = Progress.Run(result.InvocationConfiguration.Error, "recipes", progress => recipes.Select((recipe, i) =>
        {
            progress((double)i / recipes.Count);
            return RecipeRun.InNewProcess(recipe, minutes, period);
        }).ToList());
        var report = new RecipeReport(Machine.Here(), minutes, period, rows);
        var table = report.Table();
        result.InvocationConfiguration.Output.Write(table);
        _files.Write(result, report.Machine, report, JsonReports.Default.RecipeReport, table, "recipes");
        if (result.GetValue(_readme) && result.GetValue(_each)) Tables.Write(Tables.Realtime, "recipes", table);
        return ExitCode.Good;
    }

    private static string Table(RealtimeReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{report.Machine}; {report.Minutes:F1} minutes of frames at their true rate, beside a thread that allocates {report.GarbageMegabytesPerSecond:F0} MB/s: {report.Gen0} collections of generation 0, {report.Gen1} of 1, {report.Gen2} of 2, {report.PauseMilliseconds:F0} ms of pauses.\n\n");
        text.Append("| work | by | frames | p50, µs | p99, µs | p99.99, µs | maximum, µs | maximum of the period | managed bytes a frame |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n");
        foreach (var times in report.Workers)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {times.Work}, every {times.PeriodMilliseconds:F0} ms | {times.Name} | {times.Frames} | {times.P50:F1} | {times.P99:F1} | {times.P9999:F1} | {times.Maximum:F0} | {times.Maximum / times.PeriodMilliseconds / 1000:P1} | {times.ManagedBytesPerFrame:0.##} |\n");
        }

        return text.ToString();
    }
}
