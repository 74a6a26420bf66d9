using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Gate;

/// <summary>Starts the published FirstResult program on a model of 1 MiB and reads the time to its first result.</summary>
internal static class FirstResultClock
{
    private const int Units = 362; // 4 · 362 · 724 int8 weights: 1 MiB
    private const int LeastRuns = 20;
    private const int MostRuns = 60;

    private const int Pages = 1000; // the number of new pages that the program times

    /// <summary>Starts the program many times, and more often if the fastest start exceeds the baseline.</summary>
    public static FirstResultTime Measure(string program, Baseline baseline)
    {
        var layer = new RecurrentLayer("LSTM", Units, Units);
        var (file, _) = Ours.Convert(layer.Float32(), new ConversionOptions { Weights = WeightKind.Int8, States = layer.States.ToDictionary(s => s, s => s + "_out") });
        var path = Path.Combine(Path.GetTempPath(), $"seqruntime-perf-{Environment.ProcessId}.seq");
        try
        {
            File.WriteAllBytes(path, file);
            var times = new List<(double Result, double Pages)>();
            while (times.Count < LeastRuns || (times.Count < MostRuns && Time().Fastest > Time().Allowed)) times.Add(Once(program, path));
            return Time();

            FirstResultTime Time()
            {
                var page = times.Min(t => t.Pages) / Pages;
                return new FirstResultTime(times.Min(t => t.Result), Measuring.Statistics.Median([.. times.Select(t => t.Result)]), page, Math.Max(baseline.FirstResultMicroseconds, page * baseline.FirstResultPages), file.Length);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (double Result, double Pages) Once(string program, string model)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [model]) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new InvalidDataException($"{program} did not start");
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && text.Split(' ') is [var result, var pages, _] && double.TryParse(result, CultureInfo.InvariantCulture, out var microseconds) && double.TryParse(pages, CultureInfo.InvariantCulture, out var touched)
            ? (microseconds, touched)
            : throw new InvalidDataException($"{program} ended with {process.ExitCode} and wrote '{text.Trim()}'");
    }
}

/// <summary>A program's time to its first result, in microseconds.</summary>
/// <param name="Fastest">The fastest, from its first statement.</param>
/// <param name="Median">The median of all starts.</param>
/// <param name="Page">The fastest time to touch a new page of memory. A start consists mostly of that.</param>
/// <param name="Allowed">The baseline's limit on a machine with this page time.</param>
/// <param name="ModelBytes">Bytes of the model.</param>
internal sealed record FirstResultTime(double Fastest, double Median, double Page, double Allowed, long ModelBytes);
