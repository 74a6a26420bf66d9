using SeqRuntime.Decoding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Encoders that take the positions of the source's tokens as an input.</summary>
public sealed class SourcePositionTests : IDisposable
{
    private readonly WeightFiles _files = new();

    public SourcePositionTests()
    {
        var random = new Random(7);
        foreach (var (name, shape) in new (string, int[])[] { ("s.weight", [9, 8]), ("p.weight", [20, 8]), ("t.weight", [9, 8]), ("o.weight", [9, 8]) })
            _files.Put(name, [.. Enumerable.Range(0, shape[0] * shape[1]).Select(_ => 4 * (random.NextSingle() - 0.5f))], shape);
    }

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("int64", "[1, \"T\"]", "[1, \"T\"]")]
    [InlineData("int32", "[\"B\", \"T\"]", "[1, \"T\"]")]
    [InlineData("int64", "[1, 5]", "[1, 5]")]
    public void The_runtime_numbers_them_as_a_layer_of_positions_does(string type, string source, string positions)
    {
        using var given = _files.Load(Description(source, $", \"source_position\": \"p\"", $", \"p\": {{ \"type\": \"{type}\", \"shape\": {positions} }}", ""));
        using var inside = _files.Load(Description(source, "", "", "{ \"kind\": \"positions\", \"like\": \"e\", \"output\": \"p\" }, "));
        using var first = given.CreateDecoder(new SeqDecoderOptions { BeamWidth = 3, MaxResults = 3 });
        using var second = inside.CreateDecoder(new SeqDecoderOptions { BeamWidth = 3, MaxResults = 3 });
        foreach (var tokens in (int[][])[[3, 4, 5, 6, 7], [8, 3, 3, 5, 1], [4, 4, 4, 4, 4]])
        {
            first.Decode(tokens);
            second.Decode(tokens);
            for (var rank = 0; rank < 3; rank++)
            {
                Assert.Equal(second.Results[rank].Tokens.ToArray(), first.Results[rank].Tokens.ToArray());
                Assert.Equal(second.Results[rank].LogProbability, first.Results[rank].LogProbability);
            }
        }

        if (source.Contains('T', StringComparison.Ordinal)) Assert.Equal(second.Decode([5, 3])[0].LogProbability, first.Decode([5, 3])[0].LogProbability);
        Allocation.None(() => first.Decode([3, 4, 5, 6, 7]));
    }

    [Fact]
    public void Positions_of_another_shape_and_of_frames_are_refused()
    {
        const string Input = ", \"p\": { \"type\": \"int64\", \"shape\": [1, \"T\"] }", Name = ", \"source_position\": \"p\"";
        string Refused(string positions, string name) => _files.Refusal(Description("[1, \"T\"]", name, positions, ""));
        Assert.Contains("nothing fills input 'p' [1, T] of graph 'encoder'; name it as \"source_position\" if it takes the positions of the tokens (0, 1 and so on)", Refused(Input, ""), StringComparison.Ordinal);
        Assert.Contains("\"source_position\" names 'q', which is not an input of graph 'encoder'", Refused(Input, ", \"source_position\": \"q\""), StringComparison.Ordinal);
        Assert.Contains("\"source_position\": input 'p' [1, 5] of graph 'encoder' must have one number for each token of 's' [1, T]", Refused(", \"p\": { \"type\": \"int64\", \"shape\": [1, 5] }", Name), StringComparison.Ordinal);
        _files.Convert(Description("[1, \"T\"]", Name, Input, ""));
        using var cli = new Commands.CommandLine();
        cli.Fails(1, ["convert", _files.Path("model.json"), "--set", "p=1", "-o", cli["m.seq"]], "--set p=1: the input has shape [1, T]; --set gives all elements one value");
        _files.Random("f.weight", 4, 3);
        Assert.Contains("\"source_position\" is for encoder-decoders", _files.Refusal("""{ "weights": "weights.npz", "decoding": { "kind": "ctc", "source_position": "x" }, "graphs": { "main": { "inputs": { "x": { "shape": [1, "T", 3] } }, "layers": [{ "kind": "linear", "input": "x", "weights": "f", "output": "y" }], "outputs": { "y": "y" } } } }"""), StringComparison.Ordinal);
    }

    /// <summary>Attention over embedded tokens and positions.</summary>
    private static string Description(string source, string decoding, string input, string layer) => $$"""
        { "weights": "weights.npz", "decoding": { "kind": "encoder-decoder", "encoder": "encoder", "step": "step", "source": "s", "token": "t", "logits": "logits", "links": { "m": "m" }, "begin": 1, "end": 2, "max": 4{{decoding}} },
          "graphs": {
            "encoder": { "inputs": { "s": { "type": "int64", "shape": {{source}} }{{input}} },
              "layers": [{ "kind": "embedding", "input": "s", "weights": "s", "output": "e" }, {{layer}}{ "kind": "embedding", "input": "p", "weights": "p", "output": "at" }, { "kind": "add", "inputs": ["e", "at"], "output": "m" }], "outputs": { "m": "m" } },
            "step": { "inputs": { "t": { "type": "int64", "shape": ["N"] }, "m": { "shape": [1, {{(source.Contains('T', StringComparison.Ordinal) ? "\"T\"" : "5")}}, 8] } },
              "layers": [{ "kind": "embedding", "input": "t", "weights": "t", "output": "q" }, { "kind": "attention", "score": "dot", "query": "q", "memory": "m", "output": "c" }, { "kind": "linear", "input": "c", "weights": "o", "output": "logits" }],
              "outputs": { "logits": "logits" } } } }
        """;
}
