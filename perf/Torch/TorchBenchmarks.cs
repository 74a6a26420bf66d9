using BenchmarkDotNet.Attributes;
using SeqRuntime.Perf.Benchmarks;

namespace SeqRuntime.Perf.Torch;

/// <summary>
/// The LSTM of perf's own suite compared with TorchSharp in fp32, one thread, no gradients. TorchSharp packs an LSTM's fp32 weights again in
/// every call, so its time for one step does not measure its products.
/// </summary>
public class TorchLstmBenchmarks() : LayerBenchmarks("LSTM")
{
    private TorchLayer? _layer;

    [Benchmark]
    public void TorchSharp() => _layer!.Run();

    [GlobalSetup(Target = nameof(TorchSharp))]
    public void StartTorchSharp() => _layer = TorchLayer.Lstm(Units, Steps);

    [GlobalCleanup(Target = nameof(TorchSharp))]
    public void StopTorchSharp() => _layer!.Dispose();
}

/// <summary>The GRU compared with TorchSharp.</summary>
public class TorchGruBenchmarks() : LayerBenchmarks("GRU")
{
    private TorchLayer? _layer;

    [Benchmark]
    public void TorchSharp() => _layer!.Run();

    [GlobalSetup(Target = nameof(TorchSharp))]
    public void StartTorchSharp() => _layer = TorchLayer.Gru(Units, Steps);

    [GlobalCleanup(Target = nameof(TorchSharp))]
    public void StopTorchSharp() => _layer!.Dispose();
}
