using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>--only-output keeps some outputs, and what fills a state.</summary>
public class OutputChoiceTests
{
    private const int Float = OnnxBuilder.Float;

    /// <summary>A step of a layer with a state, and an output that samples.</summary>
    private static OnnxBuilder Policy() => new OnnxBuilder(13).Input("x", Float, 1, 1, 3).Input("h_in", Float, 1, 1, 4).Random("W", 1, 0.5f, 1, 4, 3).Random("R", 2, 0.5f, 1, 4, 4).Constant("zero", [1], 0L)
        .Node("RNN", "x W R - - h_in", "- h_out", ("hidden_size", 4)).Node("Squeeze", "h_out zero", "row").Node("Softmax", "row", "s").Node("Log", "s", "l").Node("Multinomial", "l", "action", ("sample_size", 1))
        .Output("action", OnnxBuilder.Int32).Output("s").Output("h_out");

    [Fact]
    public void A_state_stays_although_only_another_output_is_named()
    {
        var converted = Policy().Convert(Only("s"));
        Assert.Equal(["s"], Outputs(converted));
        Assert.Equal("h_out", converted.Graphs[0].States.Single().Output);

        // Two runs of the model: the second starts with the state of the first.
        using var loaded = SeqModel.Load(converted.File);
        using var session = loaded.CreateSession();
        var (w, r, h) = (Numbers(1, 4 * 3), Numbers(2, 4 * 4), new float[4]);
        for (var run = 0; run < 2; run++)
        {
            float[] x = [0.5f, -1, 2];
            x.CopyTo(session.Input<float>("x"));
            session.Run();
            h = [.. Enumerable.Range(0, 4).Select(i => (float)Math.Tanh(Enumerable.Range(0, 3).Sum(j => w[i * 3 + j] * x[j]) + Enumerable.Range(0, 4).Sum(j => r[i * 4 + j] * h[j])))];
            var sum = h.Sum(v => Math.Exp(v));
            for (var i = 0; i < 4; i++) Assert.Equal(Math.Exp(h[i]) / sum, session.Output<float>("s")[i], 1e-5);
        }
    }

    [Fact]
    public void An_output_that_is_named_stays_one_although_it_fills_a_state()
    {
        var converted = Policy().Convert(Only("h_out", "s"));
        Assert.Equal(["s", "h_out"], Outputs(converted));
        Assert.Single(converted.Graphs[0].States);
        Assert.Contains("output 'h_out' stays an output and also fills its state, because --only-output names it", converted.Graphs[0].Notes);
    }

    [Fact]
    public void What_is_named_must_convert()
    {
        Assert.EndsWith("Outputs 's', 'h_out' convert with --drop-output action.", Policy().Refusal(), StringComparison.Ordinal);
        Assert.EndsWith("Output 's' converts with --only-output s.", Policy().Refusal(Only("s", "action")), StringComparison.Ordinal);
        Assert.Contains("Multinomial (node 'Multinomial_action'): its output is random", Policy().Refusal(Only("action")), StringComparison.Ordinal);
        Assert.Equal("--only-output 'q': no graph has such an output. Available: 'action', 'h_out', 's'.", Policy().Refusal(Only("q")));
        Assert.Equal("--only-output s keeps the output that --drop-output s leaves out: remove one of them.", Policy().Refusal(Only("s") with { DropOutputs = ["s"] }));
    }

    [Fact]
    public void The_users_own_pair_keeps_its_output_until_it_is_a_state()
    {
        var converted = Policy().Convert(Only("s") with { AutoStates = false, States = new Dictionary<string, string> { ["h_in"] = "h_out" } });
        Assert.Equal(["s"], Outputs(converted));
        Assert.Equal("h_out", converted.Graphs[0].States.Single().Output);
    }

    /// <summary>Each of many outputs need not be tried: the operators that are not supported say which ones to leave out.</summary>
    [Fact]
    public void Of_many_outputs_those_that_need_no_unsupported_operator_are_named()
    {
        var model = new OnnxBuilder().Input("x", Float, 1, 4);
        for (var i = 0; i < 40; i++) model.Node(i == 7 ? "RandomNormalLike" : "Neg", "x", $"y{i}").Output($"y{i}");
        Assert.EndsWith("Outputs 'y0', 'y1', 'y2', 'y3', 'y4', 'y5' and 33 more convert with --drop-output y7.", model.Refusal(), StringComparison.Ordinal);
        Assert.Equal(39, model.Convert(new ConversionOptions { DropOutputs = ["y7"] }).Model.Graphs[0].Outputs.Count);
        Assert.Equal(["y3"], Outputs(model.Convert(Only("y3"))));
    }

    private static IEnumerable<string> Outputs(ConversionResult converted)
    {
        using var model = SeqModel.Load(converted.File);
        return [.. model.Graphs[0].Outputs.Select(o => o.Name)];
    }

    private static ConversionOptions Only(params string[] outputs) => new() { OnlyOutputs = outputs };

    /// <summary>The weights of <see cref="OnnxBuilder.Random"/>.</summary>
    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2 - 1) * 0.5f)];
    }
}
