using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Growing caches of past keys and values. Kept by the runtime, they give the same results as in a program that passes them back itself.</summary>
public class CacheStateTests
{
    private const int Heads = 2, Depth = 3, Width = Heads * Depth, Most = 16;

    [Theory]
    [InlineData(1, false, false, false)]
    [InlineData(2, true, false, false)]
    [InlineData(3, false, true, false)]
    [InlineData(2, true, true, true)]
    public void Caches_of_the_runtime_equal_caches_of_the_caller(int layers, bool byHeads, bool isNewInFront, bool knowsItsLength)
    {
        var model = Decoder(layers, byHeads, isNewInFront, knowsItsLength);
        using var kept = model.Load(new ConversionOptions { CacheSteps = Most });
        using var given = model.Load();
        Assert.Equal(["x"], kept.Graphs[0].Inputs.Select(i => i.Name));
        Assert.Equal(2 * layers, kept.Graphs[0].States.Count);
        Assert.Equal(["y"], kept.Graphs[0].Outputs.Select(o => o.Name));
        using var session = kept.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["new"] = 4 } });
        using var byHand = given.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["new"] = 4, ["past"] = Most } });
        var random = new Random(layers);
        var caches = Enumerable.Repeat(Array.Empty<float>(), 2 * layers).ToArray();
        var length = 0;
        foreach (var steps in new[] { 4, 1, 1, 3, 1, 1, 1, 2, 1, 1 })
        {
            session.SetSize("new", steps);
            byHand.SetSize("new", steps);
            byHand.SetSize("past", length);
            var x = Enumerable.Range(0, steps * Width).Select(_ => random.NextSingle() - 0.5f).ToArray();
            x.CopyTo(session.Input<float>("x"));
            x.CopyTo(byHand.Input<float>("x"));
            for (var i = 0; i < caches.Length; i++) caches[i].CopyTo(byHand.Input<float>($"past.{i}"));
            session.Run();
            byHand.Run();
            for (var i = 0; i < caches.Length; i++) caches[i] = byHand.Output<float>($"present.{i}").ToArray();
            Assert.Equal(byHand.Output<float>("y").ToArray(), session.Output<float>("y").ToArray());
            for (var i = 0; i < caches.Length; i++) Assert.Equal(caches[i], session.State<float>($"past.{i}").ToArray());
            length += steps;
        }

        Assert.Equal(Most, length);
        Assert.Contains("has room for 16", Assert.Throws<SeqSizeException>(() => session.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_names_the_limit_of_a_cache()
    {
        var model = Decoder(1, byHeads: true, isNewInFront: false, knowsItsLength: false);
        Assert.Contains(model.Notes(new ConversionOptions { CacheSteps = Most }), n => n.Contains("state 'past.0' [1, 2, past, 3] is carried from 'present.0' (a cache: it begins empty and grows along 'past' to at most 16 steps; a longer run is refused)", StringComparison.Ordinal));
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("input 'past.1' is a cache that grows: 'present.1' holds it and the new steps along axis 2", StringComparison.Ordinal) && n.Contains("--cache STEPS", StringComparison.Ordinal));
        var padded = new OnnxBuilder().In("x", 1, "T", Width).Random("first", 1, 1, 1, 1, Width).Node("Concat", "first x", "all", ("axis", 1)).In("z", 1, Width).Node("Tanh", "z", "y").Out("y").Out("all", 1, "U", Width);
        Assert.DoesNotContain(padded.Notes(), n => n.Contains("grows", StringComparison.Ordinal));
        var none = new OnnxBuilder().In("x", 1, 4).Matrix(seed: 1, "x", "y", rows: 4, columns: 3).Out("y");
        Assert.Contains(none.Notes(new ConversionOptions { CacheSteps = Most }), n => n.StartsWith("--cache changes nothing", StringComparison.Ordinal));
    }

    /// <summary>A position table has an end, which limits the length of caches.</summary>
    [Fact]
    public void Caches_longer_than_the_model_takes_are_refused()
    {
        var model = new OnnxBuilder().In("x", 1, 1, Width).In("past", 1, "past", Width).Node("Shape", "past", "shape").Integers("1", 1).Node("Gather", "shape 1", "n").Random("positions", 1, 1, 8, Width).Node("Gather", "positions n", "p").Constant("to", [3], 1L, 1L, Width).Node("Reshape", "p to", "q").Node("Add", "x q", "z")
            .Node("Concat", "past z", "present", ("axis", 1)).Node("ReduceSum", "present 1", "y").Out("y").Out("present", 1, "all", Width);
        Assert.Equal([("past", "present")], model.Pairs(new ConversionOptions { CacheSteps = 7 }));
        Assert.Contains("--cache 20: graph 'main' does not run with caches that long", model.Refusal(new ConversionOptions { CacheSteps = 20 }), StringComparison.Ordinal);
    }

    /// <summary>Attention layers over past and new steps. Keys and values by heads [1, H, T, D] or flat [1, T, H·D].</summary>
    private static OnnxBuilder Decoder(int layers, bool byHeads, bool isNewInFront, bool knowsItsLength)
    {
        var axis = byHeads ? 2 : 1;
        object[] Shape(string steps) => byHeads ? [1, Heads, steps, Depth] : [1, steps, Width];
        var model = new OnnxBuilder().In("x", 1, "new", Width).Constant("split", [4], 0L, -1L, Heads, Depth).Constant("join", [3], 0L, -1L, Width).Constant("end", [1], long.MaxValue).Integers("axis", axis);
        var (x, turn) = ("x", ("perm", (object)new long[] { 0, 2, 1, 3 }));
        for (var layer = 0; layer < layers; layer++)
        {
            var l = $"l{layer}";
            model.Matrix(10 * layer, x, l + ".q0", Width, Width).Node("Reshape", $"{l}.q0 split", l + ".q1").Node("Transpose", l + ".q1", l + ".q", turn);
            for (var kind = 0; kind < 2; kind++)
            {
                var (port, part) = (2 * layer + kind, l + (kind == 0 ? ".k" : ".v"));
                model.In($"past.{port}", Shape("past")).Matrix(10 * layer + kind + 1, x, part + "0", Width, Width);
                if (byHeads) model.Node("Reshape", $"{part}0 split", part + "1").Node("Transpose", part + "1", part + "n", turn);
                else model.Node("Identity", part + "0", part + "n");
                model.Node("Concat", isNewInFront ? $"{part}n past.{port}" : $"past.{port} {part}n", $"present.{port}", ("axis", axis));
                if (byHeads) model.Node("Identity", $"present.{port}", part);
                else model.Node("Reshape", $"present.{port} split", part + "2").Node("Transpose", part + "2", part, turn);
            }

            model.Node("Transpose", l + ".k", l + ".kt", ("perm", new long[] { 0, 1, 3, 2 })).Node("MatMul", $"{l}.q {l}.kt", l + ".s");
            if (knowsItsLength)
                model.Node("Shape", $"past.{2 * layer}", l + ".shape").Node("Gather", $"{l}.shape axis", l + ".n").Node("Cast", l + ".n", l + ".f", ("to", 1)).Constant(l + ".scale", [], 0.01f).Node("Mul", $"{l}.f {l}.scale", l + ".g").Node("Mul", $"{l}.s {l}.g", l + ".s2");
            model.Node("Softmax", l + (knowsItsLength ? ".s2" : ".s"), l + ".p", ("axis", -1)).Node("MatMul", $"{l}.p {l}.v", l + ".o").Node("Transpose", l + ".o", l + ".t", turn).Node("Reshape", $"{l}.t join", l + ".a").Node("Add", $"{x} {l}.a", l + ".y");
            x = l + ".y";
        }

        model.Node("Tanh", x, "y").Out("y");
        for (var port = 0; port < 2 * layers; port++) model.Out($"present.{port}", Shape("all"));
        return model;
    }
}
