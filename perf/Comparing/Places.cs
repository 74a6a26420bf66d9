using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Finds the repository and the models.</summary>
internal static class Places
{
    /// <summary>The repository's root: around the current folder, or else around this program. Null outside of the repository.</summary>
    public static string? Root { get; } = Around(Environment.CurrentDirectory) ?? Around(AppContext.BaseDirectory);

    /// <summary>Folder of the real models: SEQRUNTIME_MODELS, or else ../shared/models beside the repository. Null if it does not exist.</summary>
    public static string? Models()
    {
        var folder = Environment.GetEnvironmentVariable("SEQRUNTIME_MODELS") is { Length: > 0 } named ? named : Path.Combine(Root ?? ".", "..", "shared", "models");
        return Directory.Exists(folder) ? folder : null;
    }

    /// <summary>A file of the repository.</summary>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    public static string Find(string relative)
    {
        var path = Path.Combine(Root ?? ".", relative);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{relative} was not found; run this from the repository");
    }

    /// <summary>The repository around a folder. Null if there is none.</summary>
    public static string? Around(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SeqRuntime.sln"))) return folder.FullName;
        }

        return null;
    }
}

/// <summary>Where a machine's figures are stored: <c>perf/results/&lt;processor&gt;/&lt;date&gt;-&lt;kind&gt;.md</c> and <c>.json</c>.</summary>
internal static class Results
{
    /// <summary>A file name. Its folder is created.</summary>
    /// <exception cref="DirectoryNotFoundException">The program does not run in the repository.</exception>
    public static string Name(Machine machine, string kind, string extension) => Path.Combine(Folder(machine), $"{machine.Date}-{kind}{extension}");

    /// <summary>The folder of a machine, created if it is missing.</summary>
    public static string Folder(Machine machine)
    {
        var root = Places.Root ?? throw new DirectoryNotFoundException("--record writes to perf/results of the repository; run this from there");
        return Directory.CreateDirectory(Path.Combine(root, "perf", "results", Slug($"{machine.Processor} {machine.Family.Split(' ')[^1]}"))).FullName;
    }

    /// <summary>Text in lower case with digits and single dashes.</summary>
    public static string Slug(string text)
    {
        var letters = text.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-').ToArray();
        return string.Join('-', new string(letters).Split('-', StringSplitOptions.RemoveEmptyEntries));
    }
}

/// <summary>Tables of figures in the repository's documents. Each is between two lines that name the command which writes it.</summary>
internal static partial class Tables
{
    public const string Readme = "README.md";
    public const string Performance = "docs/performance.md";
    public const string Realtime = "docs/realtime.md";

    /// <summary>The picture of a processor's folder of results.</summary>
    public const string Picture = "latency.svg";

    /// <summary>Points the documents to the picture of this folder, so that it shows the same machine as the tables.</summary>
    public static void ShowPicture(string folder)
    {
        foreach (var path in new[] { Places.Find(Readme), Places.Find(Performance) }) File.WriteAllText(path, Link().Replace(File.ReadAllText(path), $"perf/results/{folder}/{Picture}"));
    }

    /// <summary>Replaces a table of a document.</summary>
    /// <exception cref="InvalidDataException">The document does not have the two lines.</exception>
    public static void Write(string document, string table, string text)
    {
        var path = Places.Find(document);
        File.WriteAllText(path, Replace(File.ReadAllText(path), document, table, text));
    }

    /// <summary>The content of a document with <paramref name="text"/> between the two lines.</summary>
    /// <exception cref="InvalidDataException">The document does not have the two lines.</exception>
    public static string Replace(string content, string document, string table, string text)
    {
        var (begin, end) = ($"<!-- perf {table}: begin -->\n", $"<!-- perf {table}: end -->");
        var from = content.IndexOf(begin, StringComparison.Ordinal);
        var to = from < 0 ? -1 : content.IndexOf(end, from, StringComparison.Ordinal);
        if (to < 0) throw new InvalidDataException($"{document} does not have the lines '{begin.TrimEnd()}' and '{end}'");
        return $"{content.AsSpan(0, from + begin.Length)}\n{text.TrimEnd('\n')}\n\n{content.AsSpan(to)}";
    }

    [GeneratedRegex(@"perf/results/[a-z0-9-]+/latency\.svg")]
    private static partial Regex Link();
}

/// <summary>The machine that figures belong to: processor, system, versions.</summary>
/// <param name="Date">Day of the run, UTC.</param>
/// <param name="Processor">Model name.</param>
/// <param name="Family">Maker, family and model as far as the system reports them; the key of a baseline.</param>
/// <param name="Kernels">Kernel set in use.</param>
/// <param name="System">Operating system and architecture.</param>
/// <param name="Runtime">.NET's version.</param>
/// <param name="OnnxRuntime">The peer's version.</param>
/// <param name="Ncnn">The version of ncnn, if it took part.</param>
internal sealed record Machine(string Date, string Processor, string Family, string Kernels, string System, string Runtime, string OnnxRuntime, string? Ncnn = null)
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

    public override string ToString() => $"{Date}, {Processor} ({Family}), kernels {Kernels}, {System}, {Runtime}, ONNX Runtime {OnnxRuntime}{(Ncnn is null ? "" : $", ncnn {Ncnn}")}";

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
