using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Perf.Soak;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf soak</c>: the same work for a long time; nothing may drift, grow or allocate.</summary>
internal sealed class SoakCommand
{
    /// <summary>What the process may grow by in the second half of the time: compiling and the collector's own memory settle in the first.</summary>
    private const long MostGrowth = 4 << 20;
    private const int Samples = 10;

    private readonly Option<double> _minutes = new("--minutes") { Description = "How long.", HelpName = "N", DefaultValueFactory = _ => 10 };

    public Command Build()
    {
        Arguments.Minutes(_minutes);
        var command = new Command("soak", "Sessions, streams and decoders for a long time: every round the bits of the first, no managed byte, and no memory that grows.") { _minutes };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var output = result.InvocationConfiguration.Output;
        var time = TimeSpan.FromMinutes(result.GetValue(_minutes));
        var works = SoakWorks.All();
        var start = Stopwatch.GetTimestamp();
        var memory = new List<long>();
        do
        {
            foreach (var work in works)
            {
                work.Round();

                // A collection in the background takes the rest of this thread's allocation buffer away when it ends, and the runtime counts
                // that as allocated: it must not end within the next round.
                if (work.IsLife) GC.Collect();
            }

            if (Stopwatch.GetElapsedTime(start) >= time * (memory.Count + 1) / Samples) memory.Add(Resident());
        }
        while (memory.Count < Samples);

        foreach (var work in works)
        {
            var bits = work.Differing == 0 ? "all with the first one's bits" : $"{work.Differing} with other bits";
            output.WriteLine($"{Verdict(work.IsRight)}  {work.Name}: {work.Rounds} rounds, {bits}{(work.IsLife ? "" : $", {work.Bytes} managed bytes")}");
            work.Dispose();
        }

        var grew = memory[^1] - memory[Samples / 2];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Verdict(grew <= MostGrowth)}  memory of the process: {memory[Samples / 2] / 1048576.0:F1} MiB after half of the time, {memory[^1] / 1048576.0:F1} MiB at the end, at most {memory.Max() / 1048576.0:F1} MiB"));
        return works.TrueForAll(w => w.IsRight) && grew <= MostGrowth ? ExitCode.Good : ExitCode.Failed;
    }

    private static string Verdict(bool isRight) => isRight ? "ok    " : "FAILED";

    /// <summary>Memory in use after everything that can go is gone.</summary>
    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
