using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sample;

/// <summary>Small models with the shapes of DTLN and Silero VAD whose correct output is obvious.</summary>
internal static class SampleModels
{
    /// <summary>DTLN's two graphs without effect: a mask of ones, and a quarter of the block, because four blocks overlap.</summary>
    public static byte[] PassThrough()
    {
        var model = new SeqModelBuilder();
        Linear(model, "mask", size: 257, _ => 0f, bias: 1);
        Linear(model, "refine", size: 512, _ => 0.25f, bias: 0);
        return SeqWriter.ToArray(model);
    }

    /// <summary>Silero's shape: 576 samples in, one value out, which is the first sample after the context.</summary>
    public static byte[] FirstSampleOfChunk(params object[] shape)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var weights = new float[576];
        weights[64] = 1;
        var x = graph.Input("input", ElementType.Float32, shape);
        var w = graph.Constant(model.AddPacked("w", TensorFormat.PackedFloat32, 1, 576, Float32Format.Pack(weights, 1, 576)));
        graph.Output("output", graph.Node(OpKind.Linear, [x, w]));
        return SeqWriter.ToArray(model);
    }

    private static void Linear(SeqModelBuilder model, string name, int size, Func<int, float> diagonal, float bias)
    {
        var graph = model.AddGraph(name);
        var weights = new float[size * size];
        for (var i = 0; i < size; i++) weights[i * size + i] = diagonal(i);
        var x = graph.Input("x", ElementType.Float32, 1, 1, size);
        var w = graph.Constant(model.AddPacked($"{name}.w", TensorFormat.PackedFloat32, size, size, Float32Format.Pack(weights, size, size)));
        var biases = new float[size];
        Array.Fill(biases, bias);
        graph.Output("y", graph.Node(OpKind.Linear, [x, w, graph.Constant<float>($"{name}.b", [size], biases)]));
    }
}
