using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Benchmarks;

/// <summary>The BenchmarkDotNet suites of this project.</summary>
internal static class Suites
{
    /// <summary>Runs in process, so that nothing is rebuilt. Markdown and JSON go to BenchmarkDotNet.Artifacts.</summary>
    public static IConfig Config { get; } = ManualConfig.CreateEmpty()
        .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddLogger(ConsoleLogger.Default)
        .AddExporter(MarkdownExporter.GitHub, JsonExporter.Full);

    /// <returns>Whether anything was measured.</returns>
    public static bool Run(string[] arguments) =>
        BenchmarkSwitcher.FromAssembly(typeof(Suites).Assembly).Run(arguments.Length == 0 ? ["--filter", "*"] : arguments, Config).Any();
}

/// <summary>The program that a benchmark measures.</summary>
internal sealed class Held
{
    private Runner? _runner;

    public void Start(Runner runner) => _runner = runner;

    public void Run() => _runner!.Run();

    public void Stop()
    {
        _runner?.Dispose();
        _runner = null;
    }
}
