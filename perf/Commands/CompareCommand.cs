using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf compare</c>: measures all ratios, each in one interleaved run.</summary>
internal sealed class CompareCommand
{
    private readonly Option<string[]> _only = new("--only") { Description = "Only rows whose name matches; '*' stands for any text. The names are in the JSON: lstm/step/256/int8-ort, gru/batch8/…, lstm/step/64/int8-ncnn, lstm/100steps/…, call/…, model/…, words/…, gemm/…, streams/…", HelpName = "PATTERN …", AllowMultipleArgumentsPerToken = true };
    private readonly Option<int> _pairs = new("--pairs") { Description = "Number of blocks of each contender.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<int[]> _steps = new("--steps") { Description = "Lengths of the sequences.", HelpName = "N …", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [100] };
    private readonly Option<int[]> _batch = new("--batch") { Description = "Numbers of streams of the single steps.", HelpName = "N …", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1] };
    private readonly Option<string?> _ncnn = new("--ncnn") { Description = "Compare single steps with ncnn too: the path of its shared library, built with NCNN_SHARED_LIB and NCNN_C_API.", HelpName = "PATH" };
    private readonly ReportFiles _files = new("compare");
    private readonly Option<bool> _readme = new("--readme") { Description = "Write the tables into README.md and docs/performance.md." };

    public Command Build()
    {
        var command = new Command("compare", "Compares ours with ONNX Runtime, with ncnn if its library is given, and with the machine's limit: layers, sequences, whole models, decoders, streams. Each ratio comes from one interleaved run.") { _only, _pairs, _steps, _batch, _ncnn, _readme };
        _files.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var patterns = result.GetValue(_only) is { Length: > 0 } given ? given : ["*"];
        var pairs = Arguments.AtLeast(1, result, _pairs);
        var output = result.InvocationConfiguration.Output;
        var (ncnn, missing) = Ncnn(result);
        var contests = Contests(result.GetValue(_steps)!, result.GetValue(_batch)!, ncnn)
            .Select(contest => contest with { Rows = [.. contest.Rows.Where(row => patterns.Any(pattern => Wildcard.Matches($"{contest.Id}/{row.Id}", pattern)))] })
            .Where(contest => contest.Rows.Count > 0).ToList();
        if (contests.Count == 0) throw new UsageException($"--only {string.Join(' ', patterns)}: no row has such a name{(Places.Models() is null ? " (the real models were not found; set SEQRUNTIME_MODELS)" : "")}{(ncnn is null ? " (rows of ncnn need --ncnn)" : "")}");

        var (rows, faults) = Progress.Run(result.InvocationConfiguration.Error, "measuring", progress => Hold(contests, pairs, result.InvocationConfiguration, progress));
        if (rows.Count == 0) return ExitCode.Failed;
        var report = new CompareReport(Machine.Here() with { Ncnn = ncnn?.Version }, pairs, rows);
        output.WriteLine();
        output.WriteLine(report.Summary());
        if (Places.Models() is null) output.WriteLine("The real models were not found (environment variable SEQRUNTIME_MODELS): whole models and decoders are left out.");
        if (_files.Write(result, report.Machine, report, JsonReports.Default.CompareReport, report.Markdown()) is { } folder)
        {
            if (LatencyPicture.CanDraw(report))
            {
                File.WriteAllText(Path.Combine(folder, Tables.Picture), LatencyPicture.Draw(report));
                if (result.GetValue(_readme)) Tables.ShowPicture(Path.GetFileName(folder));
            }

            output.WriteLine($"Recorded in {folder}.");
        }

        if (result.GetValue(_readme))
        {
            Tables.Write(Tables.Readme, "compare", report.Short());
            Tables.Write(Tables.Performance, "compare", report.Summary());
        }

        return faults == 0 && !missing ? ExitCode.Good : ExitCode.Failed;
    }

    private static (List<CompareRow> Rows, int Faults) Hold(List<Contest> contests, int pairs, InvocationConfiguration streams, Action<double> progress)
    {
        var rows = new List<CompareRow>();
        var faults = 0;
        foreach (var (index, contest) in contests.Index())
        {
            try
            {
                foreach (var row in Match.Hold(contest, pairs))
                {
                    rows.Add(row);
                    streams.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Id,-34} {CompareReport.Time(row.OursMicroseconds),9} µs  {CompareReport.Time(row.PeerMicroseconds),9} µs  {CompareReport.Value(row, row.Ratio),6}  {(row.AtLeast is null ? "" : $"{row.Verdict} ({CompareReport.Value(row, row.AtLeast)}, {CompareReport.Value(row, row.Aim)})")}"));
                }
            }
            catch (InvalidDataException fault)
            {
                faults++;
                streams.Error.WriteLine($"perf compare: {fault.Message}");
            }

            progress((index + 1.0) / contests.Count);
        }

        return (rows, faults);
    }

    /// <summary>The library that --ncnn names. If it cannot be used, a line on standard error says why, and the other rows are measured.</summary>
    private (NcnnLibrary? Library, bool Missing) Ncnn(ParseResult result)
    {
        if (result.GetValue(_ncnn) is not { } path) return (null, false);
        try
        {
            return (NcnnLibrary.Load(path), false);
        }
        catch (InvalidDataException fault)
        {
            result.InvocationConfiguration.Error.WriteLine($"perf compare: --ncnn: {fault.Message}. Its rows are left out.");
            return (null, true);
        }
    }

    private static IEnumerable<Contest> Contests(int[] steps, int[] batches, NcnnLibrary? ncnn)
    {
        foreach (var contest in LayerContests.All(steps, batches, ncnn)) yield return contest;
        if (Places.Models() is { } models)
        {
            foreach (var contest in ModelContests.All(models)) yield return contest;
            foreach (var contest in DecodingContests.All(models)) yield return contest;
        }

        yield return GemmContest.Make();
        yield return StreamContest.Make();
    }
}

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
