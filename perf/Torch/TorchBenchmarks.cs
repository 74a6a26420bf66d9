using BenchmarkDotNet.Attributes;
using SeqRuntime.Perf.Benchmarks;

namespace SeqRuntime.Perf.Torch;

/// <summary>
/// The LSTM of perf's own suite with TorchSharp beside it, fp32, one thread, no gradients. TorchSharp packs an LSTM's fp32 weights anew at
/// every call: what it takes for one step is no measure of its products.
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

/// <summary>The GRU with TorchSharp beside it.</summary>
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
