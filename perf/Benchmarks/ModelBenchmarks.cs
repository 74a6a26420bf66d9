using BenchmarkDotNet.Attributes;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Benchmarks;

/// <summary>One frame of a whole real model. ONNX Runtime fp32 is the baseline. Needs the folder of models.</summary>
public class ModelBenchmarks
{
    private readonly Held _work = new();

    [Params("DTLN mask", "DTLN refine", "Silero VAD")]
    public string Model { get; set; } = "";

    private FrameModel Frame => ModelContests.Frames(Places.Models() ?? throw new DirectoryNotFoundException("Set SEQRUNTIME_MODELS to the folder of the real models.")).Single(frame => frame.Name == Model);

    [Benchmark(Baseline = true)]
    public void OnnxRuntime() => _work.Run();

    [Benchmark]
    public void Float32() => _work.Run();

    [Benchmark]
    public void Int8() => _work.Run();

    [GlobalSetup(Target = nameof(OnnxRuntime))]
    public void StartOnnxRuntime()
    {
        var stream = Frame.Ort(out _, out _);
        _work.Start(new Runner(stream.Step, stream));
    }

    [GlobalSetup(Target = nameof(Float32))]
    public void StartFloat32() => Start("fp32");

    [GlobalSetup(Target = nameof(Int8))]
    public void StartInt8() => Start("int8");

    [GlobalCleanup]
    public void Stop() => _work.Stop();

    private void Start(string storage)
    {
        var (model, session, _) = Frame.Ours(Storage.Find(storage)!);
        _work.Start(new Runner(session.Run, session, model));
    }
}
