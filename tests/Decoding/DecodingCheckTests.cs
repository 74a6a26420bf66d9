using Google.Protobuf;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Graphs and decoding documents that do not fit together are refused at conversion, with the names of both.</summary>
public sealed class DecodingCheckTests : IDisposable
{
    private const int Float = OnnxBuilder.Float, Int64 = OnnxBuilder.Int64;
    private const string Pair = "{\"kind\": \"encoder-decoder\", \"encoder\": \"encoder\", \"source\": \"ids\", \"step\": \"step\", \"token\": \"tok\", \"links\": {\"h\": \"hidden\"}, \"logits\": \"scores\", \"begin\": 1, \"end\": 2}";
    private const string Networks = "{\"kind\": \"transducer\", \"encoder\": \"encoder\", \"predict\": \"predict\", \"joint\": \"joint\", \"links\": {\"e\": \"rows\", \"p\": \"p_out\"}, \"blank\": 0}";

    private readonly Commands.CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("\"links\": {\"h\": \"hidden\"}, ", "", "\"links\" is missing: it says which output of graph 'encoder' fills which input or state ('h' [1, 8]) of graph 'step'")]
    [InlineData("\"h\": \"hidden\"", "\"hh\": \"hidden\"", "\"links\" names 'hh', which is not an input or state of graph 'step'; it has 'tok' [1, 1], 'h' [1, 8]")]
    [InlineData("\"hidden\"}", "\"hid\"}", "\"links\" fills 'h' from 'hid', which is not an output of graph 'encoder', which has 'hidden'; nothing fills input 'h' [1, 8] of graph 'step'; fill it by \"links\" (an output of the encoder), \"mask\" or \"position\"")]
    [InlineData("\"begin\": 1, ", "", "\"begin\" is missing; give the first token of a target")]
    [InlineData("\"begin\": 1", "\"begin\": 9", "\"begin\" is token 9; the tokens of graph 'step' are 0 to 8")]
    [InlineData("\"end\": 2", "\"end\": 12", "\"end\" is token 12; the tokens of graph 'step' are 0 to 8")]
    [InlineData("\"step\": \"step\"", "\"step\": \"stepp\"", "\"step\" names graph 'stepp', which does not exist; give one of 'encoder', 'step'")]
    [InlineData("\"source\": \"ids\"", "\"source\": \"x\"", "\"source\" names 'x', which is not an input of graph 'encoder'; it has 'ids' [1, S]")]
    [InlineData("\"logits\": \"scores\"", "\"logits\": \"out\"", "\"logits\" names 'out', which is not an output of graph 'step'; it has 'scores' [1, 9], 'next' [1, 8]")]
    [InlineData("\"logits\": \"scores\", ", "", "\"logits\" is missing; give one of the outputs 'scores' [1, 9], 'next' [1, 8] of graph 'step'")]
    [InlineData("\"token\": \"tok\"", "\"token\": \"h\", \"position\": \"q\"", "input 'h' [1, 8] of graph 'step' holds 8 tokens at once; it must hold one token")]
    public void A_document_that_names_what_there_is_not_is_told_by_its_members(string member, string instead, string message)
    {
        Encoder("encoder", 8, 1, "S");
        Step("step", [1, 1], [1, 8]);
        Convert(Pair);
        Assert.Contains(member, Pair, StringComparison.Ordinal);
        Refused(Pair.Replace(member, instead, StringComparison.Ordinal), message);
    }

    [Fact]
    public void A_batch_of_the_file_is_named_with_the_shapes_that_show_it()
    {
        Encoder("encoder", 8, 4, 6);
        Step("step", [4, 1], [4, 8]);
        Refused(Pair, "graph 'encoder' has a batch of 4 (input 'ids' [4, 6]); decoders need a batch of 1, or a symbolic one", "graph 'step' has a batch of 4 (inputs 'tok' [4, 1], 'h' [4, 8]); decoders need a batch of 1, or a symbolic one");
        Encoder("encoder", 8, "N", "S");
        Step("step", ["B", 1], ["B", 8]);
        Convert(Pair);
        Encoder("encoder", 8, 4, "S");
        Refused(Pair, "graph 'encoder' has a batch of 4 (input 'ids' [4, S])");
        Step("step", [1, 1], [1, 8]);
        Encoder("encoder", 8, 1, 6);
        Convert(Pair);
    }

    [Fact]
    public void A_link_between_different_sizes_is_refused_at_conversion()
    {
        Encoder("encoder", 16, 1, "S");
        Step("step", [1, 1], [1, 8]);
        Refused(Pair, "\"links\": 'hidden' [1, 16] of graph 'encoder' does not fit 'h' [1, 8] of graph 'step'");
    }

    [Fact]
    public void A_table_is_measured_against_the_scores()
    {
        Encoder("encoder", 8, 1, "S");
        Step("step", [1, 1], [1, 8]);
        Refused(Pair, "table 'target' has 2 texts; graph 'step' scores 9 tokens", ", \"tables\": {\"target\": [\"a\", \"b\"]}");
        Convert(Pair, ", \"tables\": {\"target\": [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\"]}");
        Assert.Contains("note: table 'target' has 10 texts; graph 'step' scores 9 tokens; the last texts are never used", _cli.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"p\": \"p_out\"", "\"q\": \"p_out\"", "\"links\" names 'q', which is not an input or state of graph 'joint'; it has 'e' [1, 6], 'p' [1, 5]; nothing fills input 'p' [1, 5] of graph 'joint'")]
    [InlineData("\"p\": \"p_out\"", "\"p\": \"rows\"", "\"links\": 'rows' [1, ?, 6] of graph 'encoder' does not fit input 'p' [1, 5] of graph 'joint': their rows have 6 and 5 numbers")]
    [InlineData("\"joint\": \"joint\", ", "", "\"joint\" is missing; give one of the graphs 'encoder', 'predict', 'joint'")]
    [InlineData("\"blank\": 0", "\"blank\": 4", "\"blank\" is token 4; the tokens of graph 'joint' are 0 to 3")]
    public void A_transducers_networks_are_checked_against_each_other(string member, string instead, string message)
    {
        Write("encoder", new OnnxBuilder().Input("x", Float, 1, "T", 3).Random("w", 1, 1, 3, 6).Node("MatMul", "x w", "rows").Output("rows"));
        Write("predict", new OnnxBuilder().Input("y", Int64, 1).Random("e", 2, 1, 4, 5).Node("Gather", "e y", "p_out").Output("p_out"));
        Write("joint", new OnnxBuilder().Input("e", Float, 1, 6).Input("p", Float, 1, 5).Random("u", 3, 1, 6, 4).Random("v", 4, 1, 5, 4).Node("MatMul", "e u", "a").Node("MatMul", "p v", "b").Node("Add", "a b", "scores").Output("scores"));
        Convert(Networks);
        Refused(Networks.Replace(member, instead, StringComparison.Ordinal), message);
    }

    [Theory]
    [InlineData("{\"kind\": \"ctc\", \"blank\": 9}", "\"blank\" is token 9; the tokens of graph 'main' are 0 to 3")]
    [InlineData("{\"kind\": \"ctc\", \"encoder\": \"net\"}", "\"encoder\" names graph 'net', which does not exist; give one of 'main'")]
    [InlineData("{\"kind\": \"ctc\", \"source_length\": \"n\"}", "\"source_length\" names 'n', which is not an input of graph 'main'; it has 'x' [1, T, 3]")]
    public void A_CTC_model_is_checked_too(string document, string message)
    {
        Write("main", new OnnxBuilder().Input("x", Float, 1, "T", 3).Random("w", 1, 1, 3, 4).Node("MatMul", "x w", "y").Output("y"));
        Convert("{\"kind\": \"ctc\"}");
        Refused(document, message);
        Write("main", new OnnxBuilder().Input("x", Float, 4, "T", 3).Random("w", 1, 1, 3, 4).Node("MatMul", "x w", "y").Output("y"));
        Refused("{\"kind\": \"ctc\"}", "graph 'main' has a batch of 4 (input 'x' [4, T, 3])");
    }

    /// <summary>The mean of the source's embeddings.</summary>
    private void Encoder(string name, int width, params object[] shape) =>
        Write(name, new OnnxBuilder(13).Input("ids", Int64, shape).Random("e", 1, 1, 9, width).Node("Gather", "e ids", "x").Node("ReduceMean", "x", "hidden", ("axes", new long[] { 1 }), ("keepdims", 0)).Output("hidden"));

    private void Step(string name, object[] token, object[] hidden) => Write(
        name,
        new OnnxBuilder(13).Input("tok", Int64, token).Input("h", Float, hidden).Random("e", 1, 1, 9, 8).Random("k", 2, 1, 8, 9).Constant("one", [1], 1L)
            .Node("Gather", "e tok", "e3").Node("Squeeze", "e3 one", "x").Node("Add", "x h", "s").Node("Tanh", "s", "next").Node("MatMul", "next k", "scores").Output("scores").Output("next"));

    private void Write(string name, OnnxBuilder model) => File.WriteAllBytes(_cli[name + ".onnx"], model.Model.ToByteArray());

    private string[] Command(string decoding, string tables)
    {
        File.WriteAllText(_cli["decoding.json"], $"{{\"decoding\": {decoding}{tables}}}");
        return ["convert", .. Directory.GetFiles(_cli.Folder, "*.onnx").Select(f => $"{Path.GetFileNameWithoutExtension(f)}={f}").OrderBy(f => f.Contains("joint=", StringComparison.Ordinal)), "--decoding", _cli["decoding.json"], "--no-auto-state", "-o", _cli["m.seq"]];
    }

    private void Convert(string decoding, string tables = "") => _cli.Good(Command(decoding, tables));

    private void Refused(string decoding, params string[] messages)
    {
        var tables = messages.FirstOrDefault(m => m.StartsWith(',')) ?? "";
        _cli.Fails(1, Command(decoding, tables), [.. messages.Where(m => m != tables)]);
    }
}
