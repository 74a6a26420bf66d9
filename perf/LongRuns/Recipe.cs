using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;

namespace SeqRuntime.Perf.LongRuns;

/// <summary>What a program does against late frames; docs/realtime.md explains each part.</summary>
/// <param name="Latency">How the collector is told to avoid pauses.</param>
/// <param name="Apart">Whether the frames have a process of their own, and the garbage is made in another.</param>
/// <param name="IsConcurrent">Whether full collections run on a thread of their own.</param>
/// <param name="Gen0Megabytes">Memory that may be allocated between two collections; 0 is the collector's own choice.</param>
/// <param name="LocksMemory">Whether all memory of the process stays in RAM.</param>
/// <param name="HasPriority">Whether the frames' thread goes before all ordinary threads.</param>
internal sealed record Recipe(Latency Latency = Latency.Usual, bool Apart = false, bool IsConcurrent = true, int Gen0Megabytes = 0, bool LocksMemory = false, bool HasPriority = false)
{
    private const long NoCollectionBytes = 64 << 20;
    private static readonly Recipe s_quiet = new(Latency.None, Apart: true, IsConcurrent: false);

    /// <summary>The rows of docs/realtime.md: single settings first, then several together.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new(),
        new(Latency.Low),
        new(IsConcurrent: false),
        new(Gen0Megabytes: 64),
        new(HasPriority: true),
        new(Apart: true),
        new(Apart: true, HasPriority: true),
        s_quiet,
        s_quiet with { LocksMemory = true },
        s_quiet with { LocksMemory = true, HasPriority = true },
    ];

    /// <summary>The options of <c>perf realtime</c> that give it.</summary>
    public IReadOnlyList<string> Options
    {
        get
        {
            var options = new List<string>();
            if (Apart) options.Add("--apart");
            if (Latency != Latency.Usual) options.AddRange(["--latency", Latency.ToString().ToLowerInvariant()]);
            if (!IsConcurrent) options.Add("--no-concurrent");
            if (Gen0Megabytes > 0) options.AddRange(["--gen0-size", Gen0Megabytes.ToString(CultureInfo.InvariantCulture)]);
            if (LocksMemory) options.Add("--lock-memory");
            if (HasPriority) options.Add("--priority");
            return options;
        }
    }

    /// <summary>Its name in tables.</summary>
    public string Name => Options.Count == 0 ? "one process, nothing set" : $"`{string.Join(' ', Options)}`";

    /// <summary>The collector's settings that must be there when a process starts.</summary>
    public IEnumerable<(string Name, string Value)> Environment
    {
        get
        {
            yield return ("DOTNET_gcConcurrent", IsConcurrent ? "1" : "0");
            if (Gen0Megabytes > 0) yield return ("DOTNET_GCgen0size", ((long)Gen0Megabytes << 20).ToString("x", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Makes the other settings, for this process and thread.</summary>
    /// <exception cref="InvalidDataException">The system refuses one.</exception>
    public void Apply()
    {
        if (LocksMemory) RealtimeThread.LockMemory();
        if (HasPriority) RealtimeThread.Raise();
        if (Latency == Latency.Low) GCSettings.LatencyMode = GCLatencyMode.SustainedLowLatency;
        if (Latency == Latency.None && !GC.TryStartNoGCRegion(NoCollectionBytes)) throw new InvalidDataException("the collector cannot reserve memory for a region without collections");
    }

    /// <summary>Ends what <see cref="Apply"/> began, as far as it still lasts.</summary>
    public static void End()
    {
        if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion) GC.EndNoGCRegion();
    }
}

/// <summary>How the collector is told to avoid pauses.</summary>
internal enum Latency
{
    /// <summary>Not at all.</summary>
    Usual,

    /// <summary>SustainedLowLatency: full collections run beside the program wherever they can.</summary>
    Low,

    /// <summary>NoGCRegion: no collection until so much memory is allocated.</summary>
    None,
}

/// <summary>What the operating system offers to a thread that must not be late.</summary>
internal static partial class RealtimeThread
{
    private const int CurrentAndFuture = 1 | 2; // MCL_CURRENT | MCL_FUTURE
    private const int FirstInFirstOut = 1; // SCHED_FIFO
    private const int Priority = 10;

    /// <summary>Keeps all present and future memory of this process in RAM.</summary>
    public static void LockMemory()
    {
        if (!OperatingSystem.IsLinux()) throw new InvalidDataException("--lock-memory needs Linux");
        if (LockAll(CurrentAndFuture) != 0) throw new InvalidDataException($"the system refuses to lock memory ({Marshal.GetLastPInvokeErrorMessage()}): it needs the right CAP_IPC_LOCK or 'ulimit -l unlimited'");
    }

    /// <summary>Lets this thread go before all ordinary threads.</summary>
    public static void Raise()
    {
        if (!OperatingSystem.IsLinux()) Thread.CurrentThread.Priority = ThreadPriority.Highest;
        else if (SetScheduler(0, FirstInFirstOut, Priority) != 0) throw new InvalidDataException($"the system refuses the priority ({Marshal.GetLastPInvokeErrorMessage()}): it needs the right CAP_SYS_NICE or 'ulimit -r {Priority}'");
    }

    /// <summary>Sleeps for this long. <see cref="Thread.Sleep(TimeSpan)"/> knows whole milliseconds only.</summary>
    public static void Sleep(TimeSpan time)
    {
        if (OperatingSystem.IsLinux()) Sleep(new TimeSpec(time.Ticks / TimeSpan.TicksPerSecond, time.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick), 0);
        else if (time.TotalMilliseconds > 1.5) Thread.Sleep((int)(time.TotalMilliseconds - 1));
        else Thread.Yield();
    }

    [LibraryImport("libc", EntryPoint = "mlockall", SetLastError = true)]
    private static partial int LockAll(int flags);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler", SetLastError = true)]
    private static partial int SetScheduler(int thread, int policy, in int priority);

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int Sleep(in TimeSpec time, nint left);

    private readonly record struct TimeSpec(long Seconds, long Nanoseconds);
}
