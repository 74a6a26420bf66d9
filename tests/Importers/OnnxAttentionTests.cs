using SeqRuntime.Converter;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>ONNX's Attention with symbolic lengths, which ONNX's vectors do not cover, compared with ONNX Runtime and with the same model at fixed lengths.</summary>
public class OnnxAttentionTests
{
    [Theory]
    [InlineData(5, 0)]
    [InlineData(1, 7)]
    [InlineData(3, 2)]
    [InlineData(4, 4)]
    public void Packed_grouped_queries_over_a_past_follow_symbolic_lengths(int steps, int past)
    {
        var model = Packed(steps: "T", past: "P", total: "M");
        (string Name, int[] Shape, float[] Data)[] inputs =
        [
            Random("q", 1, 2, steps, 32), Random("k", 2, 2, steps, 16), Random("v", 3, 2, steps, 12), Random("mask", 4, steps, steps + past), Random("past_k", 5, 2, 2, past, 8), Random("past_v", 6, 2, 2, past, 6),
        ];
        using var loaded = model.Load(new ConversionOptions { AutoStates = false });
        using var session = loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 5, ["P"] = 7, ["M"] = 8 } });
        session.SetSize("T", steps);
        session.SetSize("P", past);
        session.SetSize("M", steps + past);
        foreach (var (name, _, data) in inputs) data.CopyTo(session.Input<float>(name));
        session.Run();
        Assert.Equal([2, steps, 24], session.Outputs[0].Shape.ToArray());
        Assert.Equal([2, 2, steps + past, 8], session.Outputs[1].Shape.ToArray());
        var (expected, ours) = (model.Reference(inputs), session.Output<float>(0).ToArray());
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], ours[i], 1e-5 + 1e-5 * Math.Abs(expected[i]));
    }

    [Theory]
    [InlineData(1, 0, 5)]
    [InlineData(1, 1, 5)]
    [InlineData(3, 0, 5)]
    [InlineData(3, 1, 5)]
    [InlineData(3, 1, 6)]
    public void Valid_lengths_and_a_shorter_mask_give_the_same_with_symbolic_and_fixed_lengths(int steps, int isCausal, int masked)
    {
        var model = new OnnxBuilder(24).Input("q", OnnxBuilder.Float, 2, 4, "L", 8).Input("k", OnnxBuilder.Float, 2, 2, 6, 8).Input("v", OnnxBuilder.Float, 2, 2, 6, 8)
            .Input("mask", OnnxBuilder.Bool, "L", "M").Input("valid", OnnxBuilder.Int64, 2)
            .Node("Attention", "q k v mask - - valid", "y", ("is_causal", isCausal)).Output("y", OnnxBuilder.Float, 2, 4, "L", 8);
        var sizes = new Dictionary<string, int> { ["L"] = steps, ["M"] = masked };
        var most = new SeqSessionOptions { MaxSizes = { ["L"] = 3, ["M"] = 6 } };
        using var symbolic = model.Load();
        using var session = symbolic.CreateSession(graph: null, most);
        foreach (var (symbol, size) in sizes) session.SetSize(symbol, size);
        using var set = model.Load(new ConversionOptions { Dimensions = sizes });
        using var other = set.CreateSession();
        Assert.Equal(Run(other), Run(session));

        float[] Run(SeqSession session)
        {
            Random("q", 1, 2, 4, steps, 8).Data.CopyTo(session.Input<float>("q"));
            Random("k", 2, 2, 2, 6, 8).Data.CopyTo(session.Input<float>("k"));
            Random("v", 3, 2, 2, 6, 8).Data.CopyTo(session.Input<float>("v"));
            var mask = session.Input<bool>("mask");
            for (var i = 0; i < mask.Length; i++) mask[i] = i % 3 != 1;
            (session.Input<long>("valid")[0], session.Input<long>("valid")[1]) = (3, 5);
            session.Run();
            var y = session.Output<float>(0).ToArray();
            Assert.DoesNotContain(y, float.IsNaN);
            return y;
        }
    }

    [Fact]
    public void The_only_query_of_a_causal_step_sees_its_past_without_a_mask()
    {
        var graph = Packed(steps: 1, past: "P", total: "M", isMasked: false).Convert(new ConversionOptions { AutoStates = false }).Model.Graphs[0];
        Assert.DoesNotContain(graph.Nodes, node => node.Kind == OpKind.Where);
    }

    [Fact]
    public void Unsupported_attention_is_refused()
    {
        var window = new OnnxBuilder(25).Input("x", OnnxBuilder.Float, 1, 2, 4, 8).Node("Attention", "x x x", "y", ("left_window_size", 3)).Output("y");
        Assert.Contains("left_window_size", window.Refusal());
        var heads = new OnnxBuilder(23).Input("x", OnnxBuilder.Float, 1, 4, 16).Node("Attention", "x x x", "y").Output("y");
        Assert.Contains("q_num_heads", heads.Refusal());
    }

    private static OnnxBuilder Packed(object steps, object past, object total, bool isMasked = true)
    {
        var model = new OnnxBuilder(23).Input("q", OnnxBuilder.Float, 2, steps, 32).Input("k", OnnxBuilder.Float, 2, steps, 16).Input("v", OnnxBuilder.Float, 2, steps, 12);
        if (isMasked) model.Input("mask", OnnxBuilder.Float, steps, total);
        return model.Input("past_k", OnnxBuilder.Float, 2, 2, past, 8).Input("past_v", OnnxBuilder.Float, 2, 2, past, 6)
            .Node("Attention", $"q k v {(isMasked ? "mask" : "-")} past_k past_v", "y present_k present_v", ("q_num_heads", 4), ("kv_num_heads", 2), ("is_causal", 1), ("softcap", 1.5f))
            .Output("y", OnnxBuilder.Float, 2, steps, 24).Output("present_k", OnnxBuilder.Float, 2, 2, total, 8).Output("present_v", OnnxBuilder.Float, 2, 2, total, 6);
    }

    private static (string Name, int[] Shape, float[] Data) Random(string name, int seed, params int[] shape)
    {
        var random = new Random(seed);
        return (name, shape, Numbers.Random(random, Numbers.Count(shape), scale: 2));
    }
}
