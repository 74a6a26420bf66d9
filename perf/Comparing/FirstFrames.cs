using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Comparing;

/// <summary>The time of a model's first frames in a process, in microseconds: the first, the median of frames 2 to 100, and the median after everything is compiled.</summary>
internal sealed record FirstFrames(double First, double Early, double Later)
{
    private const int EarlyFrames = 100;
    private const int LaterFrames = 2000;

    /// <summary>The frames between, so that the JIT has compiled all methods that were called often a second time.</summary>
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(0.6);

    /// <summary>How many times longer the early frames take than the later ones.</summary>
    public double Ratio => Early / Later;

    /// <summary>Measures in this process, which must have run nothing of the runtime before.</summary>
    /// <param name="file">A .seq file.</param>
    /// <param name="sizes">Sizes of symbolic dimensions; the others are 1.</param>
    public static FirstFrames Here(string file, IReadOnlyDictionary<string, int> sizes)
    {
        using var model = SeqModel.Load(file);
        var most = model.Graphs[0].Symbols.ToDictionary(symbol => symbol, symbol => sizes.GetValueOrDefault(symbol, 1));
        using var session = model.CreateSession(model.Graphs[0].Name, new SeqSessionOptions { MaxSizes = most });
        foreach (var port in session.Inputs)
        {
            if (port.Type == ElementType.Float32) Signals.Wave(session.Input<float>(port.Index).Length).CopyTo(session.Input<float>(port.Index));
        }

        var early = new double[EarlyFrames];
        Time(session, early);
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < s_between; Thread.Sleep(1)) Time(session, new double[EarlyFrames]);
        var later = new double[LaterFrames];
        Time(session, later);
        return new FirstFrames(early[0], Statistics.Median(early.AsSpan(1)), Statistics.Median(later));
    }

    /// <summary>Measures in a new process, which starts this program again.</summary>
    /// <exception cref="InvalidDataException">The process fails.</exception>
    public static FirstFrames InNewProcess(string file, IReadOnlyDictionary<string, int> sizes)
    {
        var program = Assembly.GetExecutingAssembly().Location;
        string[] arguments = [program, "first-frames", file, "--here", .. sizes.SelectMany(size => new[] { "--size", $"{size.Key}={size.Value}" })];
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, UseShellExecute = false }) ?? throw new InvalidDataException("dotnet did not start");
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && Parse(text) is { } frames ? frames : throw new InvalidDataException($"{file}: the process ended with {process.ExitCode} and wrote '{text.Trim()}'");
    }

    /// <summary>Three numbers, for <see cref="InNewProcess"/>.</summary>
    public string Print() => string.Create(CultureInfo.InvariantCulture, $"{First:R} {Early:R} {Later:R}");

    private static FirstFrames? Parse(string text) =>
        text.Split(' ') is [var first, var early, var later] && double.TryParse(first, CultureInfo.InvariantCulture, out var f) && double.TryParse(early, CultureInfo.InvariantCulture, out var e) && double.TryParse(later, CultureInfo.InvariantCulture, out var l)
            ? new FirstFrames(f, e, l)
            : null;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Time(SeqSession session, double[] microseconds)
    {
        for (var i = 0; i < microseconds.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            session.Run();
            microseconds[i] = (Stopwatch.GetTimestamp() - start) * (1e6 / Stopwatch.Frequency);
        }
    }
}
