using System.Globalization;
using SeqRuntime.Fuzz.Targets;

namespace SeqRuntime.Fuzz.Running;

/// <summary>Runs inputs one after the other in a process that any of them may end. An undocumented exception is recorded, and the next input follows.</summary>
internal sealed class Worker(string name, ulong seed, long from, long to, string progressFile, string findings, bool isEach)
{
    /// <summary>Exit code if one of the last inputs took too much memory. Another worker then checks each of them.</summary>
    public const int TooMuchMemory = 3;

    public const long MostBytes = 1L << 30;

    private const int Window = 256;

    /// <summary>The input of a number, equal in every process.</summary>
    public static byte[] Input(Target target, ulong seed, long index) => target.Make(new Random(unchecked((int)Mix(seed * 0x9E3779B97F4A7C15 + (ulong)index))));

    public int Run()
    {
        using var target = Target.All[name]();
        using var progress = Progress.Open(progressFile);
        for (var index = from; index < to; index++)
        {
            progress.At = index;
            var input = Input(target, seed, index);
            try
            {
                if (target.Run(input) == Outcome.Taken) progress.Taken++;
                else progress.Refused++;
            }
            catch (Exception fault)
            {
                progress.Faults++;
                Findings.Keep(findings, name, seed, index, input, fault.GetType().Name, fault.ToString());
            }

            if ((isEach || index % Window == Window - 1 || index == to - 1) && Peak() > MostBytes)
            {
                progress.At = index + 1;
                return TooMuchMemory;
            }
        }

        progress.At = to;
        return 0;
    }

    /// <summary>How many inputs a worker runs between checks of its memory.</summary>
    public static long WindowStart(long at) => at / Window * Window;

    /// <summary>Peak memory of this process.</summary>
    private static long Peak()
    {
        if (!OperatingSystem.IsLinux()) return Environment.WorkingSet;
        foreach (var line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal)) return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10;
        }

        return 0;
    }

    private static ulong Mix(ulong value)
    {
        // SplitMix64's last steps (Steele et al. 2014), so that neighbouring numbers give unrelated inputs.
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
