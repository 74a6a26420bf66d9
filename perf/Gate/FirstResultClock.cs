using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Onnx;

namespace SeqRuntime.Perf.Gate;

/// <summary>Starts the published FirstResult program on a model of 1 MiB and reads from it how long its first result took.</summary>
internal static class FirstResultClock
{
    private const int Units = 362; // 4 · 362 · 724 int8 weights: 1 MiB
    private const int LeastRuns = 20;
    private const int MostRuns = 60;

    /// <summary>Fastest and median microseconds from the program's first statement to its first result, and the model's bytes; more runs where the fastest is over <paramref name="enough"/>.</summary>
    public static (double Fastest, double Median, long ModelBytes) Measure(string program, double enough)
    {
        var layer = new RecurrentLayer("LSTM", Units, Units);
        var (file, _) = Ours.Convert(layer.Float32(), new ConversionOptions { Weights = WeightKind.Int8, States = layer.States.ToDictionary(s => s, s => s + "_out") });
        var path = Path.Combine(Path.GetTempPath(), $"seqruntime-perf-{Environment.ProcessId}.seq");
        try
        {
            File.WriteAllBytes(path, file);
            var times = new List<double>();
            while (times.Count < LeastRuns || (times.Count < MostRuns && times.Min() > enough)) times.Add(Once(program, path));
            return (times.Min(), Measuring.Statistics.Median([.. times]), file.Length);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static double Once(string program, string model)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [model]) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new InvalidDataException($"{program} did not start");
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && double.TryParse(text.Split(' ')[0], CultureInfo.InvariantCulture, out var microseconds) ? microseconds
            : throw new InvalidDataException($"{program} ended with {process.ExitCode} and wrote '{text.Trim()}'");
    }
}
