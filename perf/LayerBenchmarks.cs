using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using SeqRuntime.Converter;

namespace SeqRuntime.Perf;

/// <summary>One step of one layer, ours alone, with allocations: for looking at one thing closely.</summary>
[MemoryDiagnoser]
public class LayerBenchmarks : IDisposable
{
    private SeqSession? _session;

    [Params("LSTM", "GRU")]
    public string Layer { get; set; } = "";

    [Params(64, 128, 256, 512)]
    public int Units { get; set; }

    [Params(false, true)]
    public bool Int8 { get; set; }

    internal static int Run(string[] arguments)
    {
        var config = ManualConfig.Create(DefaultConfig.Instance).AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromTypes([typeof(LayerBenchmarks)]).Run(arguments.Length == 0 ? ["--filter", "*"] : arguments, config);
        return 0;
    }

    [GlobalSetup]
    public void Setup() => _session = Cases.Layer(Layer, Units).Ours(Int8 ? WeightKind.Int8 : WeightKind.Float32);

    [Benchmark]
    public void Step() => _session!.Run();

    [GlobalCleanup]
    public void Dispose()
    {
        _session?.Dispose();
        GC.SuppressFinalize(this);
    }
}
