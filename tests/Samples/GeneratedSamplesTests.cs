using System.Runtime.InteropServices;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;
using SeqRuntime.Verifying;

namespace SeqRuntime.Tests.Samples;

/// <summary>What generated inputs hold: what the graph tells about each input, and the same numbers everywhere.</summary>
public sealed class GeneratedSamplesTests
{
    [Fact]
    public void Tokens_stay_within_the_table_that_they_index()
    {
        using var model = new OnnxBuilder().Input("ids", OnnxBuilder.Int64, 1, "T").Random("table", 1, 1, 7, 3).Constant("one", [], 1L)
            .Node("Add", "ids one", "shifted").Node("Gather", "table shifted", "y").Output("y").Load();
        Assert.Equal("random tokens 0 to 5", Fact(model));
        var samples = Of(model);
        Assert.True(samples.Steps >= GeneratedSamples.Least);
        var seen = new HashSet<long>();
        foreach (var sequence in samples.Sequences)
        {
            var ids = new long[sequence.Sizes["T"]];
            sequence.Write(0, 0, MemoryMarshal.AsBytes(ids.AsSpan()));
            Assert.All(ids, id => Assert.InRange(id, 0, 5));
            seen.UnionWith(ids);
        }

        Assert.Equal(6, seen.Count);
    }

    [Fact]
    public void One_hot_tokens_stay_below_the_depth()
    {
        using var model = new OnnxBuilder().Input("ids", OnnxBuilder.Int64, 1, 4).Constant("depth", [], 5L).Constant("values", [2], 0f, 1f).Node("OneHot", "ids depth values", "y").Output("y").Load();
        Assert.Equal("random tokens 0 to 4", Fact(model));
    }

    [Theory]
    [InlineData("Log", "the magnitude of unit noise")]
    [InlineData("Sqrt", "the magnitude of unit noise")]
    [InlineData("Tanh", "unit noise")]
    public void What_goes_into_a_logarithm_or_a_root_is_positive(string op, string expected)
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Constant("shape", [2], 4L, 1L).Node("Reshape", "x shape", "turned").Node(op, "turned", "y").Output("y").Load();
        Assert.Equal(expected, Fact(model));
        var x = new float[4];
        Of(model).Sequences[0].Write(0, 0, MemoryMarshal.AsBytes(x.AsSpan()));
        if (expected != "unit noise") Assert.All(x, v => Assert.True(v >= 0));
    }

    [Fact]
    public void Lengths_are_the_whole_length_and_masks_are_ones()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 1, 4).Input("lens", OnnxBuilder.Int32, 1).Input("mask", OnnxBuilder.Float, "T", 1, 3)
            .Random("w", 1, 1, 1, 12, 4).Random("r", 2, 1, 1, 12, 3).Node("LSTM", "x w r - lens", "h", ("hidden_size", 3)).Constant("axis", [1], 1L).Node("Squeeze", "h axis", "s").Node("Mul", "s mask", "y").Output("y").Load();
        var facts = GeneratedSamples.FactsOf(model, model.Graphs[0]);
        Assert.Equal(["unit noise", "full lengths", "ones"], facts.Select(f => f.InWords()));
        var sequence = Of(model).Sequences[0];
        var length = new int[1];
        sequence.Write(0, 1, MemoryMarshal.AsBytes(length.AsSpan()));
        Assert.Equal(sequence.Sizes["T"], length[0]);
        Assert.True(length[0] > 1);
    }

    [Fact]
    public void A_convolution_of_one_long_channel_reads_sound()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 64).Random("w", 1, 1, 8, 1, 16).Node("Conv", "x w", "y").Output("y").Load();
        Assert.Equal("tones and noise of changing level", Fact(model));
        var samples = new float[64];
        Of(model).Sequences[0].Write(0, 0, MemoryMarshal.AsBytes(samples.AsSpan()));
        Assert.All(samples, v => Assert.InRange(v, -4f, 4f));
        Assert.True(samples.Distinct().Count() > 10);
    }

    [Fact]
    public void A_graph_with_states_gets_one_stream_and_another_many_sequences()
    {
        using var stream = Recurrent(true);
        var samples = Of(stream);
        Assert.Single(samples.Sequences);
        Assert.True(samples.Steps >= GeneratedSamples.Least);
        using var sequences = Recurrent(false);
        Assert.True(Of(sequences).Sequences.Count > 1);
    }

    /// <summary>The numbers are part of what a report means: they must not change by chance.</summary>
    [Fact]
    public void Noise_is_fixed_has_unit_variance_and_no_mean()
    {
        double sum = 0, squares = 0;
        const int count = 100_000;
        for (var i = 0; i < count; i++)
        {
            var value = Noise.Unit(Noise.Bits(i % 7, i % 11, i));
            sum += value;
            squares += value * value;
        }

        Assert.InRange(sum / count, -0.01, 0.01);
        Assert.InRange(squares / count, 0.98, 1.02);
        Assert.Equal((0x352A8928A30C5365UL, 0xB7ED7954398ECDA5UL), (Noise.Bits(0, 0, 0), Noise.Bits(1, 2, 3)));
        Assert.Equal(0.3820047359100426, Noise.Unit(Noise.Bits(1, 2, 3)));
    }

    [Fact]
    public void Random_lines_leave_special_tokens_out()
    {
        var lines = GeneratedSamples.Lines(new InputFact(InputKind.Tokens, 0, 9), [0, 3, -1], (2, 5));
        Assert.Equal(GeneratedSamples.Least, lines.Lines.Count);
        Assert.Equal([2, 3, 4, 5], lines.Lines.Select(l => l.Length).Distinct().Order());
        Assert.Equal([1, 2, 4, 5, 6, 7, 8, 9], lines.Lines.SelectMany(l => l).Distinct().Order());
        Assert.Throws<ConversionException>(() => GeneratedSamples.Lines(new InputFact(InputKind.Tokens, 0, 0), [0], (2, 5)));
    }

    private static SeqModel Recurrent(bool isStream) => new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 1, 4).Random("w", 1, 1, 1, 12, 4).Random("r", 2, 1, 1, 12, 3).Node("LSTM", "x w r", "y", ("hidden_size", 3)).Output("y")
        .Load(new ConversionOptions { Stateful = isStream });

    private static GraphSamples Of(SeqModel model) => GeneratedSamples.Of(model, model.Graphs[0]);

    private static string Fact(SeqModel model) => GeneratedSamples.FactsOf(model, model.Graphs[0])[0].InWords();
}
