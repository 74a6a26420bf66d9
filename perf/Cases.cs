using SeqRuntime.Converter;
using SeqRuntime.Format;

namespace SeqRuntime.Perf;

/// <summary>One piece of work that both runtimes do: the same model, the same input, states carried.</summary>
internal sealed record Case(string Group, string Name, Func<WeightKind, SeqSession> Ours, Func<OrtStream> Theirs);

/// <summary>What is compared: single layers made here, and real models where their folder is found.</summary>
internal static class Cases
{
    public static readonly int[] Sizes = [64, 128, 256, 512];

    public static IEnumerable<Case> All()
    {
        foreach (var op in new[] { "LSTM", "GRU" })
        {
            foreach (var hidden in Sizes) yield return Layer(op, hidden);
        }

        if (Models() is not { } models) yield break;
        yield return Model("DTLN mask", Path.Combine(models, "dtln", "model_1.onnx"), [], ("input_2", [1, 1, 257]), ("input_3", "tf_op_layer_stack_2", [1, 2, 128, 2]), ("activation_2", [1, 1, 257]));
        yield return Model("DTLN refine", Path.Combine(models, "dtln", "model_2.onnx"), [], ("input_4", [1, 1, 512]), ("input_5", "tf_op_layer_stack_5", [1, 2, 128, 2]), ("conv1d_3", [1, 1, 512]));
        yield return Model("Silero VAD", Path.Combine(models, "silero-vad", "silero_vad_16k_op15.onnx"), [("sr", 16000)], ("input", [1, 576]), ("state", "stateN", [2, 1, 128]), ("output", [1, 1]));
    }

    /// <summary>Folder of the real models, or null.</summary>
    public static string? Models()
    {
        var folder = Environment.GetEnvironmentVariable("SEQRUNTIME_MODELS") is { Length: > 0 } named ? named : Path.Combine("..", "shared", "models");
        return Directory.Exists(folder) ? folder : null;
    }

    public static Case Layer(string op, int hidden)
    {
        var onnx = OnnxLayers.Recurrent(op, hidden, hidden, 1, 7);
        (string Input, string Output, long[] Shape)[] states = [.. (op == "LSTM" ? new[] { "h", "c" } : ["h"]).Select(s => (s, s + "_out", new long[] { 1, 1, hidden }))];
        var x = Signal(hidden);
        return new Case(
            $"{op}, one step",
            $"{hidden} units",
            weights => Session(onnx, weights, [], [], states, x),
            () => new OrtStream(onnx, [("X", [1, 1, hidden], x)], states, [("Y", [1, 1, 1, hidden])]));
    }

    private static Case Model(string name, string path, (string Name, long Value)[] sets, (string Name, long[] Shape) input, (string Input, string Output, long[] Shape) state, (string Name, long[] Shape) output)
    {
        var onnx = File.ReadAllBytes(path);
        var x = Signal((int)input.Shape.Aggregate((a, b) => a * b));
        return new Case(
            "Whole model, one frame",
            name,
            weights => Session(onnx, weights, sets, input.Shape, [state], x),
            () => new OrtStream(onnx, [(input.Name, input.Shape, x), .. sets.Select(s => (s.Name, Array.Empty<long>(), (Array)new[] { s.Value }))], [state], [output]));
    }

    private static float[] Signal(int count) => [.. Enumerable.Range(0, count).Select(i => 0.3f * MathF.Sin(i * 0.7f))];

    private static SeqSession Session(byte[] onnx, WeightKind weights, (string Name, long Value)[] sets, long[] shape, (string Input, string Output, long[] Shape)[] states, float[] x)
    {
        var file = Path.Combine(Path.GetTempPath(), $"seqruntime-perf-{Environment.ProcessId}.onnx");
        try
        {
            File.WriteAllBytes(file, onnx);
            var options = new ConversionOptions
            {
                Weights = weights,
                Sets = sets.ToDictionary(s => s.Name, s => s.Value.ToString()),
                States = states.ToDictionary(s => s.Input, s => s.Output),
            };
            var model = SeqModel.Load(SeqWriter.ToArray(SeqRuntime.Converter.Converter.Convert([("main", file)], options, null).Model));
            var symbols = model.Graphs[0].Inputs[0].Dimensions.Select((d, i) => (d.Symbol, Size: shape.Length > i ? (int)shape[i] : 1)).Where(d => d.Symbol is not null).DistinctBy(d => d.Symbol);
            var session = model.CreateSession(null, new SeqSessionOptions { MaxSizes = symbols.ToDictionary(d => d.Symbol!, d => d.Size) });
            x.CopyTo(session.Input<float>(0));
            return session;
        }
        finally
        {
            File.Delete(file);
        }
    }
}
