using System.CommandLine;
using System.Text.Json;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Plotting;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf plot</c>: draws the report that <c>perf compare --json</c> wrote.</summary>
internal sealed class PlotCommand
{
    private readonly Argument<FileInfo> _report = new("REPORT.json") { Description = "The report that perf compare --json wrote." };
    private readonly Option<FileInfo> _out = new("--out", "-o") { Description = "The picture to write.", HelpName = "FILE.svg", Required = true };

    public Command Build()
    {
        var command = new Command("plot", "Draws latency by hidden size, ours and ONNX Runtime's, on logarithmic axes, as SVG.") { _report, _out };
        command.SetAction(result =>
        {
            var path = result.GetRequiredValue(_report).FullName;
            try
            {
                var report = JsonSerializer.Deserialize(File.ReadAllText(path), JsonReports.Default.CompareReport);
                if (report is not { Machine: not null, Rows: not null }) throw new InvalidDataException($"{path} is not a report of perf compare");
                File.WriteAllText(result.GetRequiredValue(_out).FullName, LatencyPicture.Draw(report));
                return ExitCode.Good;
            }
            catch (JsonException fault)
            {
                throw new InvalidDataException($"{path}: {fault.Message}", fault);
            }
        });
        return command;
    }
}
