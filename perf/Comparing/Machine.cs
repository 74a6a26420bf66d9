using System.Runtime.InteropServices;

namespace SeqRuntime.Perf.Comparing;

/// <summary>The machine that figures belong to: processor, system, versions.</summary>
/// <param name="Date">Day of the run, UTC.</param>
/// <param name="Processor">Model name.</param>
/// <param name="Family">Maker, family and model as far as the system reports them; the key of a baseline.</param>
/// <param name="Kernels">Kernel set in use.</param>
/// <param name="System">Operating system and architecture.</param>
/// <param name="Runtime">.NET's version.</param>
/// <param name="OnnxRuntime">The peer's version.</param>
internal sealed record Machine(string Date, string Processor, string Family, string Kernels, string System, string Runtime, string OnnxRuntime)
{
    public static Machine Here()
    {
        var facts = Facts();
        string Fact(string name, string fallback) => facts.GetValueOrDefault(name) is { Length: > 0 } value ? value : fallback;
        var architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        var maker = Fact("vendor_id", Fact("CPU implementer", "unknown"));
        var family = $"{architecture} {maker} {Fact("cpu family", Fact("CPU part", "?"))}-{Fact("model", Fact("CPU variant", "?"))}";
        var ort = typeof(Microsoft.ML.OnnxRuntime.InferenceSession).Assembly.GetName().Version?.ToString(3) ?? "?";
        return new Machine(DateTime.UtcNow.ToString("yyyy-MM-dd"), Fact("model name", $"unnamed {architecture}"), family, SeqKernelSets.Default, $"{RuntimeInformation.OSDescription}, {architecture}", RuntimeInformation.FrameworkDescription, ort);
    }

    public override string ToString() => $"{Date}, {Processor} ({Family}), kernels {Kernels}, {System}, {Runtime}, ONNX Runtime {OnnxRuntime}";

    /// <summary>The first processor's lines of /proc/cpuinfo, if it exists.</summary>
    private static Dictionary<string, string> Facts()
    {
        var facts = new Dictionary<string, string>();
        if (!File.Exists("/proc/cpuinfo")) return facts;
        foreach (var line in File.ReadLines("/proc/cpuinfo"))
        {
            if (line.Split(':', 2) is not [var name, var value]) break;
            facts.TryAdd(name.Trim(), value.Trim());
        }

        return facts;
    }
}
