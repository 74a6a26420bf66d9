using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Real models of other authors, one frame at a time.</summary>
internal static class ModelContests
{
    public static IEnumerable<Contest> All(string models) => Frames(models).Select(Contest);

    public static FrameModel[] Frames(string models) =>
    [
        new("DTLN mask", Path.Combine(models, "dtln", "model_1.onnx"), [], ("input_2", [1, 1, 257]), ("input_3", "tf_op_layer_stack_2", [1, 2, 128, 2]), ("activation_2", [1, 1, 257])),
        new("DTLN refine", Path.Combine(models, "dtln", "model_2.onnx"), [], ("input_4", [1, 1, 512]), ("input_5", "tf_op_layer_stack_5", [1, 2, 128, 2]), ("conv1d_3", [1, 1, 512])),
        new("Silero VAD", Path.Combine(models, "silero-vad", "silero_vad_16k_op15.onnx"), [("sr", 16000)], ("input", [1, 576]), ("state", "stateN", [2, 1, 128]), ("output", [1, 1])),
    ];

    private static Contest Contest(FrameModel frame)
    {
        var contenders = Storage.All.ToDictionary(storage => storage.Name, storage => (Func<Runner>)(() =>
        {
            var (model, session, bytes) = frame.Ours(storage);
            return new Runner(session.Run, session, model) { WeightBytes = bytes };
        }));
        contenders["ort"] = () =>
        {
            var stream = frame.Ort(out _, out _);
            return new Runner(stream.Step, stream);
        };
        var rows = Storage.All.SelectMany(storage => new RowPlan[]
        {
            new($"{storage.Name}-ort", $"Whole model, one frame, {storage.Name}", storage.Name, "ort", "ONNX Runtime fp32", storage.Name switch
            {
                "fp32" => Bars.ModelFloat32,
                "int8" => Bars.ModelInt8,
                _ => null,
            }),
            new($"{storage.Name}-limit", $"Whole model, one frame, {storage.Name}, share of the time to read its weights", storage.Name, RowPlan.Limit, RowPlan.Limit),
        });
        return new Contest($"model/{frame.Name.Replace(' ', '-').ToLowerInvariant()}", frame.Name, contenders, [.. rows])
        {
            Limit = (storage, bytes) => new Need(bytes, 1, 0, Storage.Find(storage)!.IsInt8),
        };
    }
}

/// <summary>A model with one frame input and one state.</summary>
internal sealed record FrameModel(string Name, string Path, (string Name, long Value)[] Sets, (string Name, long[] Shape) Input, (string Input, string Output, long[] Shape) State, (string Name, long[] Shape) Output)
{
    public (SeqModel Model, SeqSession Session, long WeightBytes) Ours(Storage storage) =>
        Comparing.Ours.Session(File.ReadAllBytes(Path), storage.Kind, Sets, Input.Shape, [State], Signals.Wave(Count(Input.Shape)));

    /// <param name="x">The input, to write.</param>
    /// <param name="y">The output, to read.</param>
    public OrtStream Ort(out float[] x, out float[] y)
    {
        x = Signals.Wave(Count(Input.Shape));
        y = new float[Count(Output.Shape)];
        return new OrtStream(File.ReadAllBytes(Path), [(Input.Name, Input.Shape, x), .. Sets.Select(s => (s.Name, Array.Empty<long>(), (Array)new[] { s.Value }))], [State], [(Output.Name, Output.Shape, y)]);
    }

    private static int Count(long[] shape) => (int)shape.Aggregate((a, b) => a * b);
}
