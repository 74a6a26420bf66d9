using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Fuzz.Targets;

namespace SeqRuntime.Fuzz.Running;

/// <summary>Lets worker processes run the inputs. A worker that crashes, hangs or takes too much memory is ended and its input kept; the next worker continues after it.</summary>
internal sealed class Supervisor(string name, Options options)
{
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    private readonly string _findings = Path.GetFullPath(options.Findings);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private long _faults;
    private long _taken;
    private long _refused;

    private string State => Path.Combine(_findings, $"{name}-{options.Seed}.progress");

    /// <returns>0 if inputs were run, some were accepted and none was faulty; otherwise 1.</returns>
    public int Run()
    {
        Directory.CreateDirectory(_findings);
        var at = Resume();
        var isOver = false;
        while (at < options.Count && !isOver) at = RunWorker(at, options.Count, isEach: false, out isOver);
        var speed = (_taken + _refused) / Math.Max(_watch.Elapsed.TotalSeconds, 0.001);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {at} inputs of seed {options.Seed}: {_taken} taken, {_refused} refused, {_faults} faults; {speed:F0} a second"));
        if (_taken == 0) Console.Error.WriteLine($"{name}: no input was taken: this run shows nothing");
        return _faults > 0 || _taken == 0 ? 1 : 0;
    }

    private long RunWorker(long from, long to, bool isEach, out bool isOver)
    {
        var progressFile = Path.Combine(Path.GetTempPath(), $"fuzz-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            using var progress = Progress.Open(progressFile);
            progress.At = from;
            // An array beyond the limit is a fault, even if its pages are never touched.
            var start = new ProcessStartInfo(Environment.ProcessPath!) { Environment = { ["DOTNET_GCHeapHardLimit"] = "0x40000000", ["DOTNET_DbgEnableMiniDump"] = "0" } };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(Supervisor).Assembly.Location);
            foreach (var argument in (string[])["worker", name, $"{options.Seed}", $"{from}", $"{to}", progressFile, _findings, isEach ? "each" : "all"]) start.ArgumentList.Add(argument);
            using var worker = Process.Start(start)!;
            var ended = Watch(worker, progress, out isOver);
            _taken += progress.Taken;
            _refused += progress.Refused;
            _faults += progress.Faults;
            var at = progress.At;
            if (ended is null && worker.ExitCode == 0) at = to;
            else if (ended is null && worker.ExitCode == Worker.TooMuchMemory && to - from > 1) at = TooMuch(at, isEach);
            else if (ended is null && worker.ExitCode == Worker.TooMuchMemory) at = Lost(from, $"memory: more than {Worker.MostBytes >> 20} MiB");
            else if (ended?.StartsWith("memory", StringComparison.Ordinal) == true && to - from > 1) at = Alone(at);
            else if (!isOver) at = Lost(at, ended ?? $"crash: the process ended with code {worker.ExitCode}");
            if (!isEach) Save(at);
            return at;
        }
        finally
        {
            File.Delete(progressFile);
        }
    }

    /// <summary>Waits until the worker ends. Returns why it was ended, or null.</summary>
    private string? Watch(Process worker, Progress progress, out bool isOver)
    {
        isOver = false;
        var (at, since) = (-1L, TimeSpan.Zero);
        var saved = _watch.Elapsed;
        while (!worker.WaitForExit(s_look))
        {
            TimeSpan spent;
            long memory;
            try
            {
                worker.Refresh();
                (spent, memory) = (worker.TotalProcessorTime, worker.WorkingSet64);
            }
            catch (InvalidOperationException)
            {
                // It has just ended.
                continue;
            }

            if (progress.At != at) (at, since) = (progress.At, spent);
            var why = spent - since > s_most ? $"hang: more than {s_most.TotalSeconds} s" : memory > Worker.MostBytes ? $"memory: {memory >> 20} MiB" : null;
            isOver = why is null && options.Seconds is { } seconds && _watch.Elapsed.TotalSeconds > seconds;
            if (why is not null || isOver)
            {
                worker.Kill();
                worker.WaitForExit();
                return why ?? "time is over";
            }

            if (_watch.Elapsed - saved <= TimeSpan.FromSeconds(30)) continue;
            saved = _watch.Elapsed;
            Save(at);
        }

        return null;
    }

    /// <summary>One of the last inputs took too much memory. They are run again, with a check after each.</summary>
    private long TooMuch(long at, bool isEach)
    {
        if (isEach) return Alone(at - 1);
        var before = (_taken, _refused);
        for (var from = Worker.WindowStart(at - 1); from < at;) from = RunWorker(from, at, isEach: true, out _);
        (_taken, _refused) = before;
        return at;
    }

    /// <summary>Runs one input in its own process, so that memory of other inputs does not count.</summary>
    private long Alone(long at)
    {
        RunWorker(at, at + 1, isEach: true, out _);
        return at + 1;
    }

    private long Lost(long at, string why)
    {
        _faults++;
        using var target = Target.All[name]();
        Findings.Keep(_findings, name, options.Seed, at, Worker.Input(target, options.Seed, at), why.Split(':')[0], why);
        return at + 1;
    }

    private long Resume()
    {
        if (!options.IsResumed || !File.Exists(State)) return 0;
        var numbers = File.ReadAllText(State).Split(' ').Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray();
        (_taken, _refused, _faults) = (numbers[1], numbers[2], numbers[3]);
        return numbers[0];
    }

    private void Save(long at)
    {
        if (options.IsResumed) File.WriteAllText(State, string.Create(CultureInfo.InvariantCulture, $"{at} {_taken} {_refused} {_faults}"));
    }
}
