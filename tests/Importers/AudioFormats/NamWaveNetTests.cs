using static SeqRuntime.Tests.Importers.AudioFormats.AudioModels;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>Neural Amp Modeler's WaveNet against plain loops: the forms of versions 0.5 to 0.7.</summary>
public sealed class NamWaveNetTests
{
    /// <summary>More samples than any of these models looks back.</summary>
    private const int Silence = 120;

    private static double Relu(double x) => Math.Max(x, 0);

    [Fact]
    public void Two_arrays_as_most_files_have_them() => Check(
        """{ "layers": [{ "input_size": 1, "condition_size": 1, "head_size": 2, "channels": 4, "kernel_size": 3, "dilations": [1, 2, 4, 8], "activation": "Tanh", "gated": false, "head_bias": false }, { "input_size": 4, "condition_size": 1, "head_size": 1, "channels": 2, "kernel_size": 3, "dilations": [8, 4], "activation": "Tanh", "gated": false, "head_bias": true }], "head": null, "head_scale": 0.02 }""",
        new PlainArray(1, 4, 3, [1, 2, 4, 8], 2),
        new PlainArray(4, 2, 3, [8, 4], 1) { HasHeadBias = true });

    [Fact]
    public void A_gate() => Check(
        """{ "layers": [{ "input_size": 1, "condition_size": 1, "head_size": 1, "channels": 3, "kernel_size": 2, "dilations": [1, 5], "activation": "ReLU", "gated": true, "head_bias": true }], "head_scale": 1 }""",
        new PlainArray(1, 3, 2, [1, 5], 1) { Function = Relu, Gate = Numbers.Sigmoid, HasHeadBias = true });

    [Theory]
    [InlineData("{ \"type\": \"LeakyReLU\", \"negative_slope\": 0.25 }")]
    [InlineData("{ \"type\": \"PReLU\", \"negative_slopes\": [0.25, 0.25] }")]
    [InlineData("\"LeakyReLU\"")]
    [InlineData("\"SiLU\"")]
    [InlineData("\"Hardswish\"")]
    [InlineData("\"Hardtanh\"")]
    [InlineData("\"Softsign\"")]
    [InlineData("\"Sigmoid\"")]
    [InlineData("{ \"type\": \"LeakyHardtanh\", \"min_val\": -0.125, \"max_val\": 0.25, \"min_slope\": 0.5, \"max_slope\": 0.0625 }")]
    public void Functions(string function) => Check(
        $$"""{ "layers": [{ "input_size": 1, "condition_size": 1, "head_size": 1, "channels": 2, "kernel_size": 2, "dilations": [1, 2], "activation": {{function}}, "head_bias": false }], "head_scale": 1 }""",
        new PlainArray(1, 2, 2, [1, 2], 1)
        {
            Function = function.Split('"') switch
            {
                [_, "SiLU", ..] => x => x * Numbers.Sigmoid(x),
                [_, "Hardswish", ..] => x => x * Math.Clamp(x + 3, 0, 6) / 6,
                [_, "Hardtanh", ..] => x => Math.Clamp(x, -1, 1),
                [_, "Softsign", ..] => x => x / (1 + Math.Abs(x)),
                [_, "Sigmoid", ..] => Numbers.Sigmoid,
                [_, "LeakyReLU", ..] => x => x >= 0 ? x : 0.01 * x,
                [_, _, _, "LeakyHardtanh", ..] => x => x < -0.125 ? (x + 0.125) * 0.5 - 0.125 : x > 0.25 ? (x - 0.25) * 0.0625 + 0.25 : x,
                _ => x => x >= 0 ? x : 0.25 * x,
            },
        });

    /// <summary>What 0.7 writes: kernels and functions for each layer, a head with its own kernel, parts that are not active.</summary>
    [Fact]
    public void Lists_for_each_layer_and_a_wide_head() => Check(
        """{ "layers": [{ "input_size": 1, "condition_size": 1, "head": { "out_channels": 1, "kernel_size": 5, "bias": true }, "channels": 3, "kernel_sizes": [4, 4], "dilations": [1, 3], "activation": ["Tanh", { "type": "Tanh" }], "bottleneck": 3, "head1x1": { "active": false, "out_channels": 1, "groups": 1 }, "layer1x1": { "active": true, "groups": 1 }, "groups_input": 1, "groups_input_mixin": 1, "conv_pre_film": { "active": false, "shift": true, "groups": 1 }, "conv_post_film": false, "gating_mode": ["none", "none"], "secondary_activation": [null, null], "slimmable": { "method": "slice_channels_uniform", "kwargs": { "allowed_channels": [1, 2, 3] } } }], "head_scale": 0.02 }""",
        new PlainArray(1, 3, 4, [1, 3], 1) { HeadTaps = 5, HasHeadBias = true });

    [Fact]
    public void Bottlenecks_blending_groups_and_modulation() => Check(
        """{ "layers": [{ "input_size": 1, "condition_size": 1, "head_size": 3, "head_bias": false, "channels": 4, "kernel_size": 2, "dilations": [1, 2, 7], "activation": "ReLU", "bottleneck": 2, "gating_mode": "blended", "secondary_activation": "Softsign", "groups_input": 2, "head1x1": { "active": true, "out_channels": 3, "groups": 1 }, "conv_pre_film": { "active": true, "shift": true }, "conv_post_film": { "shift": false }, "input_mixin_pre_film": {}, "input_mixin_post_film": { "shift": false, "groups": 1 }, "activation_pre_film": {}, "activation_post_film": {}, "layer1x1_post_film": {}, "head1x1_post_film": { "shift": false } }, { "input_size": 4, "condition_size": 1, "head_size": 1, "head_bias": true, "channels": 3, "kernel_size": 3, "dilations": [2], "activation": "Tanh", "layer1x1": { "active": false, "groups": 1 } }], "head_scale": 0.5 }""",
        new PlainArray(1, 4, 2, [1, 2, 7], 3)
        {
            Function = Relu,
            Bottleneck = 2,
            Gate = x => x / (1 + Math.Abs(x)),
            IsBlended = true,
            Groups = 2,
            Head1x1 = 3,
            Films = [("conv_pre_film", true), ("conv_post_film", false), ("input_mixin_pre_film", true), ("input_mixin_post_film", false), ("activation_pre_film", true), ("activation_post_film", true), ("layer1x1_post_film", true), ("head1x1_post_film", false)],
        },
        new PlainArray(4, 3, 3, [2], 1) { HasHeadBias = true, HasNext = false });

    /// <summary>A network makes the condition of the other, and convolutions follow the arrays.</summary>
    [Fact]
    public void A_network_for_the_condition_and_a_head_after_the_arrays()
    {
        var (inner, outer) = (new PlainWaveNet(1), new PlainWaveNet(2));
        var x = AudioRuns.Steps(3, 400, 1);
        double[][] signal = [.. Enumerable.Repeat(new double[1], Silence), .. x];
        var condition = inner.Scaled(inner.Run(signal, signal, new PlainArray(1, 2, 3, [1, 2], 2)));
        var y = outer.Run(signal, condition, new PlainArray(1, 3, 2, [1, 3], 2) { Conditions = 2 });
        var (first, firstBias) = (outer.Take(4 * 2 * 2), outer.Take(4));
        var (second, secondBias) = (outer.Take(1 * 4 * 3), outer.Take(1));
        y = PlainLayers.Conv(PlainLayers.Map(outer.Scaled(y), Relu), first, firstBias, outputs: 4, taps: 2);
        y = PlainLayers.Conv(PlainLayers.Map(y, Relu), second, secondBias, outputs: 1, taps: 3);
        var dsp = Nam("WaveNet", """{ "layers": [{ "input_size": 1, "condition_size": 1, "head_size": 2, "channels": 2, "kernel_size": 3, "dilations": [1, 2], "activation": "Tanh", "gated": false, "head_bias": false }], "head": null, "head_scale": 0.02 }""", [.. inner.Weights]);
        var config = $$"""{ "condition_dsp": {{dsp}}, "layers": [{ "input_size": 1, "condition_size": 2, "head_size": 2, "channels": 3, "kernel_size": 2, "dilations": [1, 3], "activation": "Tanh", "gated": false, "head_bias": false }], "head": { "channels": 4, "out_channels": 1, "kernel_sizes": [2, 3], "activation": "ReLU" }, "head_scale": 0.02 }""";
        Numbers.Near(y.Skip(Silence).SelectMany(row => row), AudioRuns.Stream(Nam("WaveNet", config, [.. outer.Weights]), AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Theory]
    [InlineData("\"gated\": true", "\"gated\": true, \"secret\": 1", "layer array 1: 'secret' (1) is not known to this converter")]
    [InlineData("\"head_size\": 1", "\"head_size\": 2", "'weights' has 66 numbers, which end in")]
    [InlineData("\"channels\": 2", "\"channels\": 7", "'weights' has 66 numbers, which end in arrays.1.layers.1")]
    [InlineData("\"Tanh\"", "\"Fasttanh\"", "'activation' of layer array 1 is 'Fasttanh', an approximation")]
    [InlineData("\"Tanh\"", "\"GELU\"", "'activation' of layer array 1 is 'GELU', which is unknown")]
    [InlineData("\"condition_size\": 1", "\"condition_size\": 2", "layer array 1: its condition_size is 2; the condition has 1 channels")]
    [InlineData("[1, 3]", "[1, 90000000]", "each must be from 1 to")]
    [InlineData("[1, 3]", "[1, 9000000]", "its convolutions look back over 9000000 steps of 2 channels")]
    [InlineData("\"gated\": true", "\"groups_input\": 3, \"gated\": true", "layer array 1: 2 channels cannot be cut into 3 groups")]
    public void What_is_not_understood_is_refused(string part, string other, string says) =>
        Assert.Contains(says, AudioRuns.Refusal(All.First(content => content.Contains("\"WaveNet\"", StringComparison.Ordinal)).Replace(part, other, StringComparison.Ordinal)), StringComparison.Ordinal);

    /// <summary>The plain network, after so much silence that it has settled, gives the stream's numbers.</summary>
    private static void Check(string config, params PlainArray[] arrays)
    {
        var plain = new PlainWaveNet(4);
        var x = AudioRuns.Steps(5, 400, 1);
        double[][] signal = [.. Enumerable.Repeat(new double[1], Silence), .. x];
        var y = plain.Scaled(plain.Run(signal, signal, arrays));
        Numbers.Near(y.Skip(Silence).SelectMany(row => row), AudioRuns.Stream(Nam("WaveNet", config, [.. plain.Weights]), AudioRuns.Floats(x)), tolerance: 1e-5);
    }
}
