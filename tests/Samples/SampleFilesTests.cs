using System.Runtime.InteropServices;
using System.Text;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Samples;

/// <summary>Samples that the user gives: every kind of file, the shapes that fit, and errors that say what does.</summary>
public sealed class SampleFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(new[] { 1, 2, 3 }, 1)]
    [InlineData(new[] { 2, 3 }, 1)]
    [InlineData(new[] { 5, 1, 2, 3 }, 5)]
    [InlineData(new[] { 5, 2, 3 }, 5)]
    [InlineData(new[] { 31 }, 5)]
    public void Arrays_have_the_shape_of_an_input_or_an_axis_more(int[] shape, int runs)
    {
        using var model = Fixed();
        var values = Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(v => (float)v).ToArray();
        var samples = Read(model, "x.npy", NpyArray.From(shape, values));
        Assert.Equal(runs, samples.Runs);
        Assert.True(samples.IsGiven);
        var read = new float[6];
        for (var run = 0; run < runs; run++)
        {
            // The graph has no states, so each run is a sequence.
            samples.Sequences[run].Write(0, 0, MemoryMarshal.AsBytes(read.AsSpan()));
            Assert.Equal(values[(run * 6)..((run + 1) * 6)], read);
        }
    }

    [Fact]
    public void Raw_numbers_of_a_stream_are_one_sequence()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 4).Random("w", 1, 1, 1, 12, 4).Random("r", 2, 1, 1, 12, 3).Node("LSTM", "x w r", "y", ("hidden_size", 3)).Output("y").Load(new ConversionOptions { Stateful = true });
        File.WriteAllBytes(_folder["x.f32"], MemoryMarshal.AsBytes(Enumerable.Range(0, 12).Select(v => (float)v).ToArray().AsSpan()).ToArray());
        var samples = SampleFiles.Read([(null, _folder["x.f32"])], model).Graphs["main"];
        Assert.Equal((1, 3), (samples.Sequences.Count, samples.Sequences[0].Runs));
        var read = new float[4];
        samples.Sequences[0].Write(2, 0, MemoryMarshal.AsBytes(read.AsSpan()));
        Assert.Equal([8f, 9, 10, 11], read);
    }

    [Fact]
    public void A_batch_becomes_sequences_and_a_symbolic_time_takes_the_length()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "batch", "T", 2).Node("Tanh", "x", "y").Output("y").Load();
        var samples = Read(model, "x.npy", NpyArray.From([3, 5, 2], new float[30]));
        Assert.Equal(3, samples.Sequences.Count);
        Assert.Equal((1, 5), (samples.Sequences[0].Sizes["batch"], samples.Sequences[0].Sizes["T"]));
        Assert.Equal(15, samples.Steps);
    }

    [Fact]
    public void Archives_name_inputs_and_lengths_are_filled()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 1, 4).Input("lens", OnnxBuilder.Int32, 1).Random("w", 1, 1, 1, 12, 4).Random("r", 2, 1, 1, 12, 3).Node("LSTM", "x w r - lens", "y", ("hidden_size", 3)).Output("y").Load();
        using (var stream = File.Create(_folder["in.npz"])) NpzFile.Write(stream, [new("x", NpyArray.From([6, 1, 4], new float[24]))]);
        var samples = SampleFiles.Read([(null, _folder["in.npz"])], model).Graphs["main"];
        var length = new int[1];
        samples.Sequences[0].Write(0, 1, MemoryMarshal.AsBytes(length.AsSpan()));
        Assert.Equal(6, length[0]);
    }

    [Fact]
    public void Faults_say_what_fits()
    {
        using var model = Fixed();
        Fails("'x' of graph 'main' is [1, 2, 3], the array is [4]", "x.npy", NpyArray.From([4], new float[4]), model);
        Fails("is float32, the array is int64", "x.npy", NpyArray.From<long>(StoredType.Int64, [1, 2, 3], new long[6]), model);
        using (var stream = File.Create(_folder["in.npz"])) NpzFile.Write(stream, [new("z", NpyArray.From([1], [0f]))]);
        Assert.Contains("no graph has an input 'z'; inputs are 'x' of graph 'main'", Fault(model, null, "in.npz"), StringComparison.Ordinal);
        File.WriteAllText(_folder["words.txt"], "hello\n");
        Assert.Contains("lines of text are for an encoder-decoder or a language model", Fault(model, null, "words.txt"), StringComparison.Ordinal);
        File.WriteAllBytes(_folder["half.raw"], new byte[7]);
        Assert.Contains("7 bytes are no float32 numbers", Fault(model, null, "half.raw"), StringComparison.Ordinal);
        Assert.Contains("the model has no graph 'other'; it has main", Fault(model, "other", "half.raw"), StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_become_tokens_of_the_source_table()
    {
        using var model = Translator(withTable: true);
        File.WriteAllText(_folder["words.txt"], "ab\n\nbba\n", Encoding.UTF8);
        var tokens = SampleFiles.Read([(null, _folder["words.txt"])], model).Tokens!;
        Assert.Equal([[1, 2], [2, 2, 1]], tokens.Lines);
        Assert.Equal("2 lines of words.txt", tokens.What);
        File.WriteAllText(_folder["bad.txt"], "ab\nax\n");
        Assert.Contains("bad.txt: line 2: No token of the table covers 'x'", Fault(model, null, "bad.txt"), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_table_lines_hold_numbers()
    {
        using var model = Translator(withTable: false);
        File.WriteAllText(_folder["ids.txt"], "1 2\n 0 2 \n");
        Assert.Equal([[1, 2], [0, 2]], SampleFiles.Read([(null, _folder["ids.txt"])], model).Tokens!.Lines);
        File.WriteAllText(_folder["bad.txt"], "1 b\n");
        Assert.Contains("line 1: 'b' is no token", Fault(model, null, "bad.txt"), StringComparison.Ordinal);
    }

    private static SeqModel Fixed() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2, 3).Node("Tanh", "x", "y").Output("y").Load();

    /// <summary>Only what a reader of lines looks at.</summary>
    private static SeqModel Translator(bool withTable)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        graph.Output("y", graph.Node(OpKind.Identity, [graph.Input("x", ElementType.Float32, 1)]));
        model.Metadata[DecodingKeys.Kind] = DecodingKeys.EncoderDecoder;
        if (withTable) model.Tables[DecodingKeys.SourceTable] = ["-", "a", "b"];
        return SeqModel.Load(SeqWriter.ToArray(model));
    }

    private GraphSamples Read(SeqModel model, string name, NpyArray array)
    {
        using (var stream = File.Create(_folder[name])) NpyWriter.Write(stream, array);
        return SampleFiles.Read([(null, _folder[name])], model).Graphs["main"];
    }

    private void Fails(string part, string name, NpyArray array, SeqModel model) => Assert.Contains(part, Assert.Throws<ConversionException>(() => Read(model, name, array)).Message, StringComparison.Ordinal);

    private string Fault(SeqModel model, string? graph, string name) => Assert.Throws<ConversionException>(() => SampleFiles.Read([(graph, _folder[name])], model)).Message;
}
