using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.LongRuns;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf soak</c>: repeats the same work for a long time. Results must not change, memory must not grow, and nothing may be allocated.</summary>
internal sealed class SoakCommand
{
    /// <summary>The process may grow by this much in the second half. Compilation and the collector's own memory settle in the first half.</summary>
    private const long MostGrowth = 4 << 20;
    private const int Samples = 10;

    private readonly Option<double> _minutes = Minutes.Option();

    public Command Build()
    {
        var command = new Command("soak", "Runs sessions, streams and decoders for a long time. Every round must give the bits of the first, allocate no managed byte, and not grow memory.") { _minutes };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var output = result.InvocationConfiguration.Output;
        var time = TimeSpan.FromMinutes(Minutes.Of(result, _minutes));
        var works = SoakWorks.All();
        var start = Stopwatch.GetTimestamp();
        var memory = new List<long>();
        do
        {
            foreach (var work in works)
            {
                work.Round();

                // When a background collection ends, it takes the rest of this thread's allocation buffer away, and .NET counts that as allocated.
                // It must not end within the next round.
                if (work.IsLife) GC.Collect();
            }

            if (Stopwatch.GetElapsedTime(start) >= time * (memory.Count + 1) / Samples) memory.Add(Resident());
        }
        while (memory.Count < Samples);

        foreach (var work in works)
        {
            var bits = work.Differing == 0 ? "all with the bits of the first" : $"{work.Differing} with other bits";
            output.WriteLine($"{Verdict(work.IsRight)}  {work.Name}: {work.Rounds} rounds, {bits}{(work.IsLife ? "" : $", {work.Bytes} managed bytes")}");
            work.Dispose();
        }

        var grew = memory[^1] - memory[Samples / 2];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Verdict(grew <= MostGrowth)}  memory of the process: {memory[Samples / 2] / 1048576.0:F1} MiB after half of the time, {memory[^1] / 1048576.0:F1} MiB at the end, at most {memory.Max() / 1048576.0:F1} MiB"));
        return works.TrueForAll(w => w.IsRight) && grew <= MostGrowth ? ExitCode.Good : ExitCode.Failed;
    }

    private static string Verdict(bool isRight) => isRight ? "ok    " : "FAILED";

    /// <summary>Memory in use after everything that can be freed is freed.</summary>
    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
