using System.Diagnostics;

namespace NativeAotSample;

/// <summary>Measures the time from the program's start to its first output.</summary>
internal sealed class StartClock
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly bool _knowsProcessor = OperatingSystem.IsLinux() || OperatingSystem.IsWindows() || OperatingSystem.IsMacOS();

    /// <summary>Wall-clock milliseconds from the program's first statement to the first frame's output.</summary>
    public double FirstOutputMilliseconds { get; private set; }

    /// <summary>Processor milliseconds of the process until then, including loading and the start of .NET.</summary>
    public double ProcessorMilliseconds { get; private set; }

    /// <summary>Marks the first output. Later calls have no effect.</summary>
    public void MarkFirstOutput()
    {
        if (FirstOutputMilliseconds != 0) return;
        FirstOutputMilliseconds = Stopwatch.GetElapsedTime(_start).TotalMilliseconds;
        ProcessorMilliseconds = _knowsProcessor ? Environment.CpuUsage.TotalTime.TotalMilliseconds : 0;
    }
}
