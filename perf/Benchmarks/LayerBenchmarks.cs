using BenchmarkDotNet.Attributes;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Onnx;

namespace SeqRuntime.Perf.Benchmarks;

/// <summary>One step, or a whole sequence, of one recurrent layer; ONNX Runtime fp32 is the baseline.</summary>
public abstract class LayerBenchmarks(string op)
{
    private protected readonly Held Work = new();

    [Params(64, 128, 256, 512, 1024)]
    public int Units { get; set; }

    [Params(1, 100)]
    public int Steps { get; set; }

    private protected RecurrentLayer Layer => new(op, Units, Units, Steps);

    [Benchmark(Baseline = true)]
    public void OnnxRuntime() => Work.Run();

    [Benchmark]
    public void Float32() => Work.Run();

    [Benchmark]
    public void Int8() => Work.Run();

    [GlobalSetup(Target = nameof(OnnxRuntime))]
    public void StartOnnxRuntime() => Work.Start(LayerContests.StartOrt(Layer, false));

    [GlobalSetup(Target = nameof(Float32))]
    public void StartFloat32() => Work.Start(LayerContests.Start(Layer, Storage.Find("fp32")!));

    [GlobalSetup(Target = nameof(Int8))]
    public void StartInt8() => Work.Start(LayerContests.Start(Layer, Storage.Find("int8")!));

    [GlobalCleanup]
    public void Stop() => Work.Stop();
}

/// <summary>LSTM, also beside ONNX Runtime's DynamicQuantizeLSTM.</summary>
public class LstmBenchmarks() : LayerBenchmarks("LSTM")
{
    [Benchmark]
    public void OnnxRuntimeDynamic() => Work.Run();

    [GlobalSetup(Target = nameof(OnnxRuntimeDynamic))]
    public void StartOnnxRuntimeDynamic() => Work.Start(LayerContests.StartOrt(Layer, true));
}

/// <summary>GRU.</summary>
public class GruBenchmarks() : LayerBenchmarks("GRU");
