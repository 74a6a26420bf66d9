using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Text.Json;
using SeqRuntime.Perf.Commands;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.LongRuns;

/// <summary>DTLN with int8 weights at a steady rate under one recipe, beside garbage. A frame's time counts from the moment when it is due, so it contains every delay.</summary>
internal static class RecipeRun
{
    private const int WarmFrames = 50;

    /// <summary>Runs in a new process. A recipe that sets the frames apart makes its garbage in this one.</summary>
    /// <exception cref="InvalidDataException">The process fails.</exception>
    public static RecipeTimes InNewProcess(Recipe recipe, double minutes, double period)
    {
        string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
        string[] arguments = [Assembly.GetExecutingAssembly().Location, "realtime", "--here", "--minutes", Number(minutes), "--period", Number(period), .. recipe.Options];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in recipe.Environment) start.Environment[name] = value;
        using var garbage = recipe.Apart ? new GarbageMaker() : null;
        using var process = Process.Start(start) ?? throw new InvalidDataException("dotnet did not start");
        var error = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidDataException(error.Result.Trim() is { Length: > 0 } said ? said[(said.IndexOf(": ", StringComparison.Ordinal) + 2)..] : $"the process ended with {process.ExitCode}");
        return JsonSerializer.Deserialize(text, JsonReports.Default.RecipeTimes)!;
    }

    /// <summary>Runs in this process, which has the recipe's environment.</summary>
    public static RecipeTimes Here(Recipe recipe, string models, double minutes, double period)
    {
        var frames = ModelContests.Frames(models);
        var storage = Storage.Find("int8")!;
        var (first, mask, _) = frames[0].Ours(storage);
        var (second, refine, _) = frames[1].Ours(storage);
        using (first)
        using (second)
        using (mask)
        using (refine)
        {
            var sound = new AudioFrames();
            var process = RealtimeRun.Steps((mask, sound.Spectra(512, 128)), (refine, sound.Blocks(512, 128)));
            Interleaved.Warm([() => process(0)]);
            var times = new double[(int)Math.Max(1, minutes * 60_000 / period)];
            using var garbage = recipe.Apart ? null : new GarbageMaker();
            GC.Collect();
            recipe.Apply();
            Paced(process, new double[WarmFrames], period);
            var before = Counts.Now();
            var bytes = Paced(process, times, period);
            var counts = Counts.Now() - before;
            var mode = GCSettings.LatencyMode;
            Recipe.End();
            return new RecipeTimes(
                recipe.Name,
                times.Length,
                Statistics.Percentile(times, 0.5),
                Statistics.Percentile(times, 0.99),
                Statistics.Percentile(times, 0.999),
                Statistics.Percentile(times, 0.9999),
                times.Max(),
                counts,
                (double)bytes / times.Length,
                mode.ToString(),
                GC.GetConfigurationVariables()["ConcurrentGC"] is true,
                (long)GC.GetConfigurationVariables()["GCGen0MaxBudget"],
                ProcessFacts.LockedKilobytes());
        }
    }

    /// <summary>Processes frames, one every <paramref name="period"/> milliseconds.</summary>
    /// <param name="process">Processes one frame.</param>
    /// <param name="times">Receives the microseconds from the moment when a frame is due to its result.</param>
    /// <param name="period">Milliseconds.</param>
    /// <returns>Managed bytes that this thread allocated.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Paced(Action<int> process, Span<double> times, double period)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < times.Length; i++)
        {
            var due = TimeSpan.FromTicks((long)(i * period * TimeSpan.TicksPerMillisecond));
            while (due - Stopwatch.GetElapsedTime(start) is var left && left > TimeSpan.Zero) RealtimeThread.Sleep(left);
            process(i);
            times[i] = (Stopwatch.GetElapsedTime(start) - due).TotalMicroseconds;
        }

        return GC.GetAllocatedBytesForCurrentThread() - bytes;
    }
}

/// <summary>The collector's work in a process, and its page faults.</summary>
internal sealed record Counts(int Gen0, int Gen1, int Gen2, double PauseMilliseconds, long PageFaults)
{
    public static Counts Now() => new(GC.CollectionCount(0), GC.CollectionCount(1), GC.CollectionCount(2), GC.GetTotalPauseDuration().TotalMilliseconds, ProcessFacts.PageFaults());

    public static Counts operator -(Counts after, Counts before) =>
        new(after.Gen0 - before.Gen0, after.Gen1 - before.Gen1, after.Gen2 - before.Gen2, after.PauseMilliseconds - before.PauseMilliseconds, after.PageFaults - before.PageFaults);
}

/// <summary>What Linux tells about this process; zeros elsewhere.</summary>
internal static class ProcessFacts
{
    private const int MinorFaults = 7; // in /proc/self/stat, counted after the program's name
    private const int MajorFaults = 9;

    /// <summary>Page faults so far.</summary>
    public static long PageFaults()
    {
        if (!OperatingSystem.IsLinux()) return 0;
        var text = File.ReadAllText("/proc/self/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[MinorFaults], CultureInfo.InvariantCulture) + long.Parse(fields[MajorFaults], CultureInfo.InvariantCulture);
    }

    /// <summary>Memory that is locked in RAM, in KiB.</summary>
    public static long LockedKilobytes()
    {
        if (!OperatingSystem.IsLinux()) return 0;
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmLck:", StringComparison.Ordinal));
        return long.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
    }
}

/// <summary>Microseconds from the moment when a frame is due to its result.</summary>
/// <param name="Recipe">The recipe's name.</param>
/// <param name="Frames">Number of frames.</param>
/// <param name="P50">Median.</param>
/// <param name="P99">99 % take at most this.</param>
/// <param name="P999">99.9 %.</param>
/// <param name="P9999">99.99 %.</param>
/// <param name="Maximum">The latest.</param>
/// <param name="Counts">Collections and page faults of the process meanwhile.</param>
/// <param name="ManagedBytesPerFrame">Bytes that the frames' thread allocated.</param>
/// <param name="LatencyMode">The collector's mode at the end.</param>
/// <param name="IsConcurrent">Whether full collections have a thread of their own.</param>
/// <param name="Gen0Budget">Bytes that the collector lets a program allocate at most between two collections.</param>
/// <param name="LockedKilobytes">Locked memory of the process.</param>
internal sealed record RecipeTimes(string Recipe, int Frames, double P50, double P99, double P999, double P9999, double Maximum, Counts Counts, double ManagedBytesPerFrame, string LatencyMode, bool IsConcurrent, long Gen0Budget, long LockedKilobytes);

/// <summary>The recipes of one run.</summary>
internal sealed record RecipeReport(Machine Machine, double Minutes, double PeriodMilliseconds, IReadOnlyList<RecipeTimes> Rows)
{
    public string Table()
    {
        var text = new System.Text.StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Machine}; DTLN with int8 weights, a frame every {PeriodMilliseconds} ms for {Minutes * 60:F1} s, beside a thread that allocates garbage. Microseconds from the moment when a frame is due to its result.\n\n");
        text.Append("| options | frames | p50 | p99 | p99.9 | p99.99 | worst | collections of generation 0 / 1 / 2 | pauses, ms | page faults | managed bytes a frame |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        foreach (var row in Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Recipe} | {row.Frames} | {row.P50:F0} | {row.P99:F0} | {row.P999:F0} | {row.P9999:F0} | {row.Maximum:F0} | {row.Counts.Gen0} / {row.Counts.Gen1} / {row.Counts.Gen2} | {row.Counts.PauseMilliseconds:F0} | {row.Counts.PageFaults} | {row.ManagedBytesPerFrame:0.##} |\n");
        }

        return text.ToString();
    }
}
