using System.Globalization;
using System.Text;
using SeqRuntime;

namespace NativeAotSample;

/// <summary>The results of a run, as lines of text or as one JSON object. Written by hand, because a serializer would double the binary.</summary>
internal sealed class Report(bool json)
{
    private readonly StringBuilder _json = new("{");

    /// <summary>Adds a line of text.</summary>
    public void Line(string heading, string text)
    {
        if (!json) Console.WriteLine($"{heading,-12}{text}");
    }

    public void Add(string name, double value) => Raw(name, value.ToString("R", CultureInfo.InvariantCulture));

    public void Add(string name, long value) => Raw(name, value.ToString(CultureInfo.InvariantCulture));

    public void Add(string name, string value) => Raw(name, Quote(value));

    /// <summary>Adds a value that is already JSON.</summary>
    public void Raw(string name, string value)
    {
        if (_json.Length > 1) _json.Append(',');
        _json.Append(Quote(name)).Append(':').Append(value);
    }

    /// <summary>Adds speed, garbage, kernels and start time, which all commands report.</summary>
    public void AddRun(SeqModel model, string path, double loadMilliseconds, long sessionBytes, FrameStatistics frames, double frameSeconds, StartClock clock)
    {
        var realTime = frames.Count == 0 ? 0 : frames.TotalSeconds / (frames.Count * frameSeconds);
        Line("model", Invariant($"{Path.GetFileName(path)}: {model.FileBytes} bytes, loaded in {loadMilliseconds:F2} ms, sessions {sessionBytes} bytes, kernels {model.KernelSet}"));
        Line("frames", Invariant($"{frames.Count} of {frameSeconds * 1000:0.#} ms: p50 {frames.Microseconds(0.5):F1} µs, p99 {frames.Microseconds(0.99):F1} µs, max {frames.Microseconds(1):F1} µs"));
        Line("speed", Invariant($"real-time factor {realTime:F5} ({(realTime > 0 ? 1 / realTime : 0):F0} times faster than real time)"));
        Line("garbage", Invariant($"{frames.BytesPerFrame:0.##} managed bytes per frame"));
        Line("start", Invariant($"first output {clock.FirstOutputMilliseconds:F2} ms after the program's first statement, {clock.ProcessorMilliseconds:F1} ms of processor time after the process began"));
        Add("kernels", model.KernelSet);
        Add("modelBytes", model.FileBytes);
        Add("loadMilliseconds", loadMilliseconds);
        Add("sessionBytes", sessionBytes);
        Add("frames", frames.Count);
        Add("realTimeFactor", realTime);
        Add("p50Microseconds", frames.Microseconds(0.5));
        Add("p99Microseconds", frames.Microseconds(0.99));
        Add("maxMicroseconds", frames.Microseconds(1));
        Add("managedBytesPerFrame", frames.BytesPerFrame);
        Add("firstOutputMilliseconds", clock.FirstOutputMilliseconds);
        Add("processorMillisecondsToFirstOutput", clock.ProcessorMilliseconds);
    }

    /// <summary>Ends the report. Prints the object if JSON is requested.</summary>
    public void Print()
    {
        if (json) Console.WriteLine(_json.Append('}').ToString());
    }

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (c < ' ') quoted.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }
}
