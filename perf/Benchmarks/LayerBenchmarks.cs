using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Onnx;

namespace SeqRuntime.Perf.Benchmarks;

/// <summary>One step of one layer, ours alone, with allocations: for looking at one thing closely.</summary>
[MemoryDiagnoser]
public class LayerBenchmarks : IDisposable
{
    private Runner? _runner;

    [Params("LSTM", "GRU")]
    public string Layer { get; set; } = "";

    [Params(64, 128, 256, 512)]
    public int Units { get; set; }

    [Params("fp32", "int8")]
    public string Weights { get; set; } = "";

    internal static int Run(string[] arguments)
    {
        var config = ManualConfig.Create(DefaultConfig.Instance).AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromTypes([typeof(LayerBenchmarks)]).Run(arguments.Length == 0 ? ["--filter", "*"] : arguments, config);
        return 0;
    }

    [GlobalSetup]
    public void Setup() => _runner = LayerContests.Start(new RecurrentLayer(Layer, Units, Units), Storage.Find(Weights)!);

    [Benchmark]
    public void Step() => _runner!.Run();

    [GlobalCleanup]
    public void Dispose()
    {
        _runner?.Dispose();
        GC.SuppressFinalize(this);
    }
}
