using System.Diagnostics;

namespace NativeAotSample;

/// <summary>Time from the start of the program to its first output.</summary>
internal sealed class StartClock
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly bool _knowsProcessor = OperatingSystem.IsLinux() || OperatingSystem.IsWindows() || OperatingSystem.IsMacOS();

    /// <summary>Wall-clock milliseconds from the first statement of the program to the first frame's output.</summary>
    public double FirstOutputMilliseconds { get; private set; }

    /// <summary>Processor milliseconds that the process had used by then, counted from its creation: loading and runtime start included.</summary>
    public double ProcessorMilliseconds { get; private set; }

    /// <summary>Marks the first output; later calls do nothing.</summary>
    public void MarkFirstOutput()
    {
        if (FirstOutputMilliseconds != 0) return;
        FirstOutputMilliseconds = Stopwatch.GetElapsedTime(_start).TotalMilliseconds;
        ProcessorMilliseconds = _knowsProcessor ? Environment.CpuUsage.TotalTime.TotalMilliseconds : 0;
    }
}
