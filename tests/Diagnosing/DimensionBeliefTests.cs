using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Diagnosing;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Diagnosing;

/// <summary>Which dimension is taken for time and which for the batch, and why.</summary>
public class DimensionBeliefTests
{
    private const int Float = OnnxBuilder.Float;

    [Fact]
    public void A_recurrent_layer_shows_time_and_batch_whatever_their_names()
    {
        var beliefs = Of(new OnnxBuilder().Input("x", Float, "batch", "time", 3).Random("W", 1, 0.5f, 1, 4, 3).Random("R", 2, 0.5f, 1, 4, 4).Node("RNN", "x W R", "y", ("hidden_size", 4)).Output("y"));
        Assert.Equal([("batch", "time", "recurrent layer 'RNN_y' walks along it"), ("time", "batch", "recurrent layer 'RNN_y' computes its rows apart")], beliefs);
    }

    [Fact]
    public void Fixed_sizes_are_told_as_numbers()
    {
        var beliefs = Of(new OnnxBuilder().Input("x", Float, 7, 2, 3).Random("W", 1, 0.5f, 1, 4, 3).Random("R", 2, 0.5f, 1, 4, 4).Node("RNN", "x W R", "y", ("hidden_size", 4)).Output("y"));
        Assert.Equal([("7", "time", "recurrent layer 'RNN_y' gets 7 steps in each run"), ("2", "batch", "recurrent layer 'RNN_y' gets 2 sequences")], beliefs);
    }

    [Fact]
    public void Without_a_layer_the_place_and_then_the_name_tell()
    {
        var beliefs = Of(new OnnxBuilder().Input("x", Float, "N", "frames", "bands").Input("y", Float, "N", "frames", "bands").Node("Add", "x y", "z").Output("z"));
        Assert.Equal([("frames", "time", "its name"), ("N", "batch", "the first dimension of every input that has it, and its name"), ("bands", "open", "neither a layer, its place nor its name tells what it is; a session chooses its size")], beliefs);
    }

    [Fact]
    public void A_size_that_the_user_fixes_is_told()
    {
        var beliefs = Of(new OnnxBuilder().Input("x", Float, "N", 4).Node("Neg", "x", "y").Output("y"), new ConversionOptions { Dimensions = new Dictionary<string, int> { ["N"] = 3 } });
        Assert.Equal([("none", "time", "no layer walks along time, and no name says so: each run is one step"), ("N", "fixed", "at 3, by --dim")], beliefs);
    }

    private static IEnumerable<(string, string, string)> Of(OnnxBuilder model, ConversionOptions? options = null)
    {
        using var file = new TemporaryModel(model.Model.ToByteArray());
        var found = Diagnosis.Of([("main", file.Path)], options ?? new ConversionOptions());
        Assert.Null(found.Refusal);
        return DimensionBeliefs.Of(found.Prepared!.Graphs[0].Graph, found.Sources[0].Graphs[0], found.Options).Select(b => (b.Dimension, b.Role, b.Why)).ToList();
    }
}
