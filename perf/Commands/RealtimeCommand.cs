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
    private readonly Option<bool> _readme = new("--readme") { Description = "Write the table into docs/performance.md." };

    public Command Build()
    {
        var command = new Command("realtime", "Runs audio frames at their true rate (DTLN every 8 ms, Silero VAD every 32 ms) while another thread allocates garbage. Prints percentiles of the time of a frame, for ours and ONNX Runtime in turn.") { _minutes, _readme };
        _files.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var minutes = Minutes.Of(result, _minutes);
        var models = Places.Models() ?? throw new UsageException("the real models were not found; set the environment variable SEQRUNTIME_MODELS to their folder");
        var report = Progress.Run(result.InvocationConfiguration.Error, "frames", progress => RealtimeRun.Run(models, minutes, progress));
        var table = Table(report);
        result.InvocationConfiguration.Output.Write(table);
        _files.Write(result, report.Machine, report, JsonReports.Default.RealtimeReport, table);
        if (result.GetValue(_readme)) Tables.Write(Tables.Performance, "realtime", table);
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
