using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using System.Runtime.InteropServices;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Converter.Commands;

/// <summary>The document that <c>--info --json</c> prints.</summary>
internal sealed record InfoReport(string Version, string Framework, string Architecture, KernelReport Kernels);

/// <summary>The kernel sets of this build, those that this processor runs, and the chosen one. Best first.</summary>
internal sealed record KernelReport(IReadOnlyList<string> Built, IReadOnlyList<string> Runnable, string Chosen)
{
    public static KernelReport Current => new(KernelRegistry.Built, [.. KernelRegistry.Runnable.Select(k => k.Name)], KernelRegistry.Choose().Name);

    public override string ToString() => $"built {string.Join(", ", Built)}; runnable {string.Join(", ", Runnable)}; chosen {Chosen}";
}

/// <summary><c>--info</c> and <c>--version</c>.</summary>
internal sealed class InfoCommand
{
    private readonly Option<bool> _info = new("--info") { Description = "Print the version and the kernel sets: built, runnable on this processor, chosen." };
    private readonly Option<bool> _version = new("--version") { Description = "Print the version." };
    private readonly Option<bool> _json = new("--json") { Description = "With --info: one JSON document on standard output." };

    /// <summary>The version of this program, without the commit.</summary>
    public static string Version { get; } =
        typeof(InfoCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public void AddTo(Command root)
    {
        _info.Action = new Printer((result, output) => Print(output, result.GetValue(_json)));
        _version.Action = new Printer((_, output) => output.WriteLine(Version));
        root.Options.Add(_info);
        root.Options.Add(_version);
        root.Options.Add(_json);
    }

    private static void Print(TextWriter output, bool json)
    {
        var report = new InfoReport(Version, RuntimeInformation.FrameworkDescription, RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(), KernelReport.Current);
        if (json)
        {
            JsonReports.Write(output, report, JsonReports.Default.InfoReport);
            return;
        }

        output.WriteLine($"{SeqConvert.Name} {report.Version}, {report.Framework}, {report.Architecture}");
        output.WriteLine($"kernels built    {string.Join(", ", report.Kernels.Built)}");
        output.WriteLine($"kernels runnable {string.Join(", ", report.Kernels.Runnable)}");
        output.WriteLine($"kernels chosen   {report.Kernels.Chosen}");
    }

    private sealed class Printer(Action<ParseResult, TextWriter> print) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            print(parseResult, parseResult.InvocationConfiguration.Output);
            return ExitCode.Good;
        }
    }
}
