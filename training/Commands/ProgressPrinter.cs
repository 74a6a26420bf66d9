using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Training.Optimization;

namespace SeqRuntime.Training.Commands;

/// <summary>Prints the progress of a run. On a terminal it overwrites one line; otherwise it prints a line every half minute. Each epoch gets a lasting line.</summary>
internal sealed class ProgressPrinter : IProgress<TrainingProgress>
{
    private const double SecondsOfSilence = 30;
    private const int Width = 110;
    private readonly bool _terminal = !Console.IsOutputRedirected;
    private readonly Stopwatch _since = Stopwatch.StartNew();

    public void Report(TrainingProgress value)
    {
        if (value.Result is { } result)
        {
            Print(string.Create(CultureInfo.InvariantCulture, $"epoch {result.Epoch}: loss {result.Loss:F4}, gradient {result.GradientNorm:F2} (largest {result.LargestNorm:F1}), validation words wrong {result.WordErrors:P2}, without stress {result.PlainWordErrors:P2}, {result.Seconds:F0} s"), true);
            return;
        }

        if (_since.Elapsed.TotalSeconds < (_terminal ? 0.5 : SecondsOfSilence)) return;
        _since.Restart();
        Print(string.Create(CultureInfo.InvariantCulture, $"epoch {value.Epoch}/{value.Epochs}, {value.Batch}/{value.Batches}: loss {value.Loss:F4}, gradient {value.GradientNorm:F2}, {TimeSpan.FromSeconds(value.SecondsLeft):h\\:mm\\:ss} left"), !_terminal);
    }

    private void Print(string line, bool lasting)
    {
        if (_terminal) Console.Write($"\r{line.PadRight(Width)}");
        else Console.Write(line);
        if (lasting) Console.WriteLine();
    }
}
