using BenchmarkDotNet.Attributes;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Peers;

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

/// <summary>Matrix products of the chosen kernel set: one row (a step), some rows, and many (a sequence).</summary>
public class ProductBenchmarks
{
    private readonly Held _work = new();

    [Params(1, 4, 16, 100)]
    public int Rows { get; set; }

    /// <summary>Inputs. There are four times as many outputs, like an LSTM's gates.</summary>
    [Params(64, 256, 512)]
    public int Inputs { get; set; }

    [Benchmark(Baseline = true)]
    public void Float32() => _work.Run();

    [Benchmark]
    public void Int8() => _work.Run();

    [GlobalSetup(Target = nameof(Float32))]
    public void StartFloat32() => _work.Start(new MatrixProduct(Rows, Inputs, 4 * Inputs, false).Runner());

    [GlobalSetup(Target = nameof(Int8))]
    public void StartInt8() => _work.Start(new MatrixProduct(Rows, Inputs, 4 * Inputs, true).Runner());

    [GlobalCleanup]
    public void Stop() => _work.Stop();
}

/// <summary>The functions of a cell, over a row.</summary>
public unsafe class RowBenchmarks : IDisposable
{
    private readonly KernelSet _kernels = KernelRegistry.Choose();
    private NativeRow? _row;

    [Params(64, 1024)]
    public int Units { get; set; }

    [GlobalSetup]
    public void Start() => _row = new NativeRow(5 * ((Units + 15) / 16 * 16));

    [Benchmark(Baseline = true)]
    public void Exp() => _kernels.Unary(UnaryFunction.Exp, _row!.X, _row.Y, Units, 0, 0);

    [Benchmark]
    public void Tanh() => _kernels.Unary(UnaryFunction.Tanh, _row!.X, _row.Y, Units, 0, 0);

    [Benchmark]
    public void Sigmoid() => _kernels.Unary(UnaryFunction.Sigmoid, _row!.X, _row.Y, Units, 0, 0);

    [Benchmark]
    public void LstmCell() => _kernels.LstmCell(_row!.X, _row.Y, _row.Y, _row.Y + Units, Units);

    [Benchmark]
    public void GruCell() => _kernels.GruCell(_row!.X, _row.X, _row.Y, _row.Y, Units);

    [Benchmark]
    public void Softmax() => _kernels.Softmax(_row!.X, _row.Y, 1, Units, false);

    [Benchmark]
    public void Quantize()
    {
        float scale;
        _kernels.QuantizeRows(_row!.X, Units, 1, Units, 0, (sbyte*)_row.Y, &scale);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _row?.Dispose();
        GC.SuppressFinalize(this);
    }
}
