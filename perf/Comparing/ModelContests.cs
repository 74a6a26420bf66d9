using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Real models of other authors, one frame or one window at a time.</summary>
internal static class ModelContests
{
    private const string FrameWork = "Whole model, one frame";
    private const string OtherWork = "Other whole models, one run";

    public static IEnumerable<Contest> All(string models) =>
        Frames(models).Select(frame => Contest(frame, FrameWork, Bars.ModelFloat32, Bars.ModelInt8))
            .Concat(Others(models).Select(other => Contest(other.Model, OtherWork, other.Bar, other.Bar)));

    /// <summary>Audio models that are mostly recurrent.</summary>
    public static FrameModel[] Frames(string models) =>
    [
        new("DTLN mask", Path.Combine(models, "dtln", "model_1.onnx"), [], ("input_2", [1, 1, 257]), [("input_3", "tf_op_layer_stack_2", [1, 2, 128, 2])], ("activation_2", [1, 1, 257])),
        new("DTLN refine", Path.Combine(models, "dtln", "model_2.onnx"), [], ("input_4", [1, 1, 512]), [("input_5", "tf_op_layer_stack_5", [1, 2, 128, 2])], ("conv1d_3", [1, 1, 512])),
        new("Silero VAD", Path.Combine(models, "silero-vad", "silero_vad_16k_op15.onnx"), [("sr", 16000)], ("input", [1, 576]), [("state", "stateN", [2, 1, 128])], ("output", [1, 1])),
    ];

    /// <summary>Convolutions, attention, and classifiers of whole windows.</summary>
    private static (FrameModel Model, Bar Bar)[] Others(string models) =>
    [
        (Gtcrn("GTCRN", Path.Combine(models, "gtcrn", "gtcrn.onnx")), Bars.Gtcrn),
        (Gtcrn("GTCRN simplified", Path.Combine(models, "gtcrn", "gtcrn_simple.onnx")), Bars.Gtcrn),
        (new("Attention", Path.Combine(models, "quant-sentinel", "attention.onnx"), [], ("args_0", [1, 60, 36]), [], ("Identity:0", [1, 1])), Bars.OtherModel),
        (new("Sentinel LSTM", Path.Combine(models, "quant-sentinel", "lstm.onnx"), [], ("args_0", [1, 60, 36]), [], ("Identity:0", [1, 1])), Bars.OtherModel),
        (new("StressRNN", Path.Combine(models, "stressrnn", "model.onnx"), [], ("bidirectional_1_input", [1, 40, 36]), [], ("activation_1", [1, 40])), Bars.OtherModel),
        (new("Aircraft RUL", Path.Combine(models, "aircraft-rul", "lstm_model.onnx"), [], ("input_layer", [1, 30, 17]), [], ("output_0", [1, 1])), Bars.OtherModel),
    ];

    private static FrameModel Gtcrn(string name, string path) => new(
        name,
        path,
        [],
        ("mix", [1, 257, 1, 2]),
        [("conv_cache", "conv_cache_out", [2, 1, 16, 16, 33]), ("tra_cache", "tra_cache_out", [2, 3, 1, 1, 16]), ("inter_cache", "inter_cache_out", [2, 1, 33, 16])],
        ("enh", [1, 257, 1, 2]));

    private static Contest Contest(FrameModel frame, string work, Bar float32, Bar int8)
    {
        var contenders = Storage.All.ToDictionary(storage => storage.Name, storage => (Func<Runner>)(() =>
        {
            var (model, session, bytes) = frame.Ours(storage);
            return new Runner(session.Run, session, model) { WeightBytes = bytes, Output = () => First(session) };
        }));
        contenders["ort"] = () =>
        {
            var stream = frame.Ort(out _, out var y);
            return new Runner(stream.Step, stream) { Output = () => First(stream, y) };
        };
        var rows = Storage.All.SelectMany(storage => new RowPlan[]
        {
            new($"{storage.Name}-ort", $"{work}, {storage.Name}", storage.Name, "ort", "ONNX Runtime fp32", storage.Name switch
            {
                "fp32" => float32,
                "int8" => int8,
                _ => null,
            })
            {
                Tolerance = storage.IsInt8 ? 0 : 1e-3,
            },
            new($"{storage.Name}-limit", $"{work}, {storage.Name}, share of the time to read its weights", storage.Name, RowPlan.Limit, RowPlan.Limit),
        });
        return new Contest($"model/{frame.Name.Replace(' ', '-').ToLowerInvariant()}", frame.Name, contenders, [.. rows])
        {
            Limit = (storage, bytes) => new Need(bytes, 1, 0, Storage.Find(storage)!.IsInt8),
        };
    }

    /// <summary>The output of the first run.</summary>
    private static float[] First(SeqSession session)
    {
        session.ResetState();
        session.Run();
        return session.Output<float>(0).ToArray();
    }

    private static float[] First(OrtStream stream, float[] y)
    {
        stream.Reset();
        stream.Step();
        return [.. y];
    }
}

/// <summary>A model with one input that changes and the states that its runs keep.</summary>
internal sealed record FrameModel(string Name, string Path, (string Name, long Value)[] Sets, (string Name, long[] Shape) Input, (string Input, string Output, long[] Shape)[] States, (string Name, long[] Shape) Output)
{
    public (SeqModel Model, SeqSession Session, long WeightBytes) Ours(Storage storage) =>
        Comparing.Ours.Session(File.ReadAllBytes(Path), storage.Kind, Sets, Input.Shape, States, Signals.Wave(Count(Input.Shape)));

    /// <param name="x">The input, to write.</param>
    /// <param name="y">The output, to read.</param>
    public OrtStream Ort(out float[] x, out float[] y)
    {
        x = Signals.Wave(Count(Input.Shape));
        y = new float[Count(Output.Shape)];
        return new OrtStream(File.ReadAllBytes(Path), [(Input.Name, Input.Shape, x), .. Sets.Select(s => (s.Name, Array.Empty<long>(), (Array)new[] { s.Value }))], States, [(Output.Name, Output.Shape, y)]);
    }

    private static int Count(long[] shape) => (int)shape.Aggregate((a, b) => a * b);
}
