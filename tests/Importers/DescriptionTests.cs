using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Importers;

/// <summary>Described models: both classic forms of an encoder-decoder compared with their formula, and the errors of wrong documents and weight files.</summary>
public sealed class DescriptionTests : IDisposable
{
    private const int Tokens = 5;
    private const int Width = 3;
    private const int Hidden = 4;
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, (int[] Shape, float[] Values)> _weights = [];
    private readonly Random _random = new(1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_described_layer_goes_on_where_it_was_if_asked()
    {
        AddRnn("layer", Width);
        const string Model = """
            { "weights": "weights.safetensors", "graphs": { "main": { "inputs": { "x": { "shape": [1, "T", 3] } },
              "layers": [{ "kind": "rnn", "input": "x", "weights": "layer", "output": "y" }], "outputs": { "y": "y" } } } }
            """;
        Graph.States.Chunks.AreAsTheWhole(options => Load(Model, options), [1], [1]);
    }

    /// <summary>
    /// h' = tanh(W [e(y); c] + U h + b), logits = V h'. Cho et al. 2014 use the context c at every step; Sutskever et al. 2014 use it as
    /// the initial state and input only the word.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_fixed_context_is_fed_at_every_step_or_is_the_first_state(bool fed)
    {
        var inputs = fed ? Width + Hidden : Width;
        Add("letters.weight", Tokens, Width);
        AddRnn("encoder", Width);
        Add("words.weight", Tokens, Width);
        AddRnn("decoder", inputs);
        Add("out.weight", Tokens, Hidden);
        var feeding = fed ? """{ "kind": "concat", "inputs": ["word", "context"], "output": "fed" },""" : """{ "kind": "dropout", "input": "word", "output": "fed" },""";
        var port = fed ? $$""", "context": { "shape": ["N", {{Hidden}}] }""" : "";
        var link = fed ? "context" : "h";
        using var model = Load($$"""
            {
              "weights": "weights.safetensors",
              "decoding": { "encoder": "encoder", "step": "step", "source": "x", "token": "y", "links": { "{{link}}": "c" }, "begin": 1, "end": 0, "max": 6 },
              "graphs": {
                "encoder": {
                  "inputs": { "x": { "type": "int64", "shape": [1, "T"] } },
                  "layers": [
                    { "kind": "embedding", "input": "x", "weights": "letters", "output": "letters" },
                    { "kind": "rnn", "input": "letters", "weights": "encoder", "output": "all", "final": "last" },
                    { "kind": "reshape", "input": "last", "shape": [1, -1], "output": "c" }],
                  "outputs": { "c": "c" }
                },
                "step": {
                  "inputs": { "y": { "type": "int64", "shape": ["N"] }{{port}} },
                  "states": { "h": { "shape": ["N", {{Hidden}}], "update": "next" } },
                  "layers": [
                    { "kind": "embedding", "input": "y", "weights": "words", "output": "word" },
                    {{feeding}}
                    { "kind": "rnn_cell", "input": "fed", "hidden": "h", "weights": "decoder", "output": "next" },
                    { "kind": "linear", "input": "next", "weights": "out", "output": "logits" }],
                  "outputs": { "logits": "logits" }
                }
              }
            }
            """);
        int[] source = [2, 4, 3, 1];
        var context = source.Aggregate(new double[Hidden], (h, letter) => Cell("encoder", Row("letters.weight", letter), h));
        var state = fed ? new double[Hidden] : context;
        var expected = new List<int>();
        var score = 0.0;
        for (var token = 1; expected.Count < 6;)
        {
            double[] word = Row("words.weight", token);
            state = Cell("decoder", fed ? [.. word, .. context] : word, state);
            var logits = Enumerable.Range(0, Tokens).Select(o => Row("out.weight", o).Zip(state, (a, b) => a * b).Sum()).ToArray();
            token = Array.IndexOf(logits, logits.Max());
            score += logits[token] - Math.Log(logits.Sum(Math.Exp));
            if (token == 0) break;
            expected.Add(token);
        }

        using var greedy = model.CreateDecoder();
        greedy.Decode(source);
        Assert.Equal(expected, greedy.Results[0].Tokens.ToArray());
        if (greedy.Results[0].IsComplete) Assert.Equal(score, greedy.Results[0].LogProbability, 1e-4);
        using var beam = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 4 });
        beam.Decode(source);
        if (greedy.Results[0].IsComplete) Assert.True(beam.Results[0].Score >= greedy.Results[0].Score);
    }

    [Theory]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"weights\": \"out\", \"output\": \"y\", \"colour\": 1", "colour")]
    [InlineData("\"kind\": \"tensor_magic\", \"input\": \"x\", \"output\": \"y\"", "tensor_magic")]
    [InlineData("\"kind\": \"linear\", \"input\": \"z\", \"weights\": \"out\", \"output\": \"y\"", "value 'z' does not exist")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"weights\": \"none\", \"output\": \"y\"", "the weight file has no tensor 'none.weight'")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"weights\": \"out\", \"output\": \"x\"", "defined twice")]
    [InlineData("\"kind\": \"gru\", \"input\": \"x\", \"weights\": \"encoder\", \"output\": \"y\"", "are not the weights of a GRU")]
    [InlineData("\"kind\": \"multi_head_attention\", \"query\": \"x\", \"heads\": 3, \"weights\": \"heads\", \"output\": \"y\"", "cannot be divided into 3 heads")]
    [InlineData("\"kind\": \"activation\", \"function\": \"sine\", \"input\": \"x\", \"output\": \"y\"", "sine")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"output\": \"y\"", "the weight file has no tensor 'weight'")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"tensors\": { \"weight\": \"out.weight[:, 5:5]\" }, \"output\": \"y\"", "selects nothing")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"tensors\": { \"weight\": \"out.weight[:, 3]\" }, \"output\": \"y\"", "is not a range")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"tensors\": { \"weight\": \"out.weight[:, :, :]\" }, \"output\": \"y\"", "more ranges")]
    [InlineData("\"kind\": \"linear\", \"input\": \"x\", \"tensors\": { \"weight\": \"none.weight[:, 1:]\" }, \"output\": \"y\"", "the weight file has no tensor 'none.weight[:, 1:]'")]
    [InlineData("\"kind\": \"linear\", \"weights\": \"out\", \"output\": \"y\"", "input")]
    public void A_wrong_layer_says_what_and_where(string layer, string says)
    {
        Add("out.weight", 2, Hidden);
        AddRnn("encoder", Hidden);
        Add("heads.in_proj_weight", 3 * Hidden, Hidden);
        var text = $$"""{ "weights": "weights.safetensors", "graphs": { "main": { "inputs": { "x": { "shape": [1, 2, {{Hidden}}] } }, "layers": [{ {{layer}} }], "outputs": { "y": "y" } } } }""";
        var message = Assert.ThrowsAny<ConversionException>(() => Load(text)).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.Contains("model.json", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "but an empty file")]
    [InlineData("[]", "line 1: give an object")]
    [InlineData("{}", "'weights', 'graphs' are missing")]
    [InlineData("{\n \"weights\": \"w.npz\",\n \"grahps\": {} }", "line 3, grahps: the member 'grahps' is unknown; the members are $schema, decoding, graphs, scale, tables, weights")]
    [InlineData("{ \"weights\": 3, \"graphs\": {} }", "'weights' is 3; give the name of a weight file")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"kind\": \"gruu\", \"output\": \"y\" }] } } }", "kind 'gruu' is unknown; it must be one of embedding, linear, rnn, gru, lstm")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"output\": \"y\" }] } } }", "graphs.main.layers[0]: a layer needs a 'kind'")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"kind\": \"gru\", \"input\": \"x\", \"output\": \"y\", \"hiden\": 3 }] } } }", "the member 'hiden' is unknown; the members are ")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"kind\": \"gru\", \"input\": \"x\", \"output\": \"y\", \"nonlinearity\": \"relu\" }] } } }", "Its functions are 'activation' and 'recurrent_activation'")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"kind\": \"lstm\", \"input\": \"x\", \"output\": \"y\", \"sequence_lens\": \"n\" }] } } }", "Its lengths are 'lengths', a mask is 'mask'")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"states\": { \"h\": { \"shape\": [1], \"update\": \"y\", \"first\": \"h0\" } }, \"layers\": [], \"outputs\": {} } } }", "the members are initial, shape, update. 'initial' names a tensor")]
    [InlineData("{ \"graphs\": { \"main\": {\n \"states\": {\n \"h\": { \"shape\": [1], \"start\": 1,\n \"update\": \"y\" } },\n \"layers\": [],\n \"outputs\": {} } },\n \"weights\": \"w.npz\" }", "line 3, graphs.main.states.h.start: the member 'start' is unknown")]
    [InlineData("{ \"weights\": \"w.npz\", \"weights\": \"v.npz\", \"graphs\": {} }", "the member 'weights' occurs twice in one object")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "line 1: lists and objects are nested too deeply")]
    [InlineData("{ \"weights\": null, \"graphs\": {} }", "weights is null; give a value")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": null, \"outputs\": {} } } }", "graphs.main.layers: it is null; give a value")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"kind\": null, \"output\": \"y\" }] } } }", "graphs.main.layers[0].kind: give a string")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [{ \"kind\": \"linear\", \"input\": null, \"output\": \"y\" }] } } }", "graphs.main.layers[0].input: it is null; give a value")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": {}, \"decoding\": { \"kind\": null } }", "decoding.kind: it is null; give a value")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": null } }", "graphs.main is null; give a value or omit it")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"inputs\": { \"x\": null }, \"layers\": [], \"outputs\": {} } } }", "graphs.main.inputs.x is null")]
    [InlineData("{ \"weights\": \"w.npz\", \"graphs\": { \"main\": { \"layers\": [null], \"outputs\": {} } } }", "graphs.main.layers[0] is null")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [] }", "'layers' is empty")]
    [InlineData("{ \"model_data\": {}, \"state_dict\": {} }", "the file has no tensor 'rec.weight_ih_l0'")]
    [InlineData("{ \"version\": \"0.5\", \"architecture\": \"LSTM\", \"config\": {}, \"weights\": [] }", "'config' has no 'hidden_size'")]
    [InlineData("{ \"class_name\": \"Sequential\", \"config\": {}, \"keras_version\": \"2.0.3\" }", "--weights-file ")]
    [InlineData("{ \"name\": \"app\", \"icons\": [] }", "JSON that is not a description of a model: it has neither 'graphs' nor 'weights' (see docs/description.md). It has 'name', 'icons'")]
    [InlineData("{ \"weights\" \"w.npz\" }", "line 1")]
    public void A_wrong_document_is_told_by_its_own_names(string text, string says)
    {
        var message = Assert.ThrowsAny<ConversionException>(() => Load(text)).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.Contains("model.json", message, StringComparison.Ordinal);
        foreach (var foreign in (string[])[".NET", "System.", "SeqRuntime.", "BytePosition"]) Assert.DoesNotContain(foreign, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_weight_file_is_refused_and_never_crashes()
    {
        Add("a", 3, 4);
        Add("b", 7);
        var whole = Safetensors();
        for (var length = 0; length < whole.Length; length++) Assert.Throws<ConversionException>(() => SafetensorsReader.Read(whole[..length], "a.safetensors"));
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            byte[] copy = [.. whole];
            for (var n = random.Next(1, 4); n > 0; n--) copy[random.Next(i % 2 == 0 ? 160 : copy.Length)] = (byte)random.Next(256);
            try
            {
                foreach (var tensor in SafetensorsReader.Read(copy, "a.safetensors")) _ = tensor.Value.ToFloats();
            }
            catch (ConversionException)
            {
            }
        }
    }

    private void Add(string name, params int[] shape) => _weights[name] = (shape, Numbers.Random(_random, Numbers.Count(shape)));

    private void AddRnn(string name, int inputs)
    {
        Add(name + ".weight_ih_l0", Hidden, inputs);
        Add(name + ".weight_hh_l0", Hidden, Hidden);
        Add(name + ".bias_ih_l0", Hidden);
        Add(name + ".bias_hh_l0", Hidden);
    }

    private double[] Row(string name, int row) => [.. _weights[name].Values.Skip(row * _weights[name].Shape[^1]).Take(_weights[name].Shape[^1]).Select(v => (double)v)];

    private double[] Cell(string name, double[] x, double[] h) =>
    [
        .. Enumerable.Range(0, Hidden).Select(u => Math.Tanh(
            Row(name + ".weight_ih_l0", u).Zip(x, (a, b) => a * b).Sum() + Row(name + ".weight_hh_l0", u).Zip(h, (a, b) => a * b).Sum() + _weights[name + ".bias_ih_l0"].Values[u] + _weights[name + ".bias_hh_l0"].Values[u])),
    ];

    private SeqModel Load(string description, ConversionOptions? options = null)
    {
        _folder.Write("weights.safetensors", Safetensors());
        var path = _folder.Write("model.json", description);
        return SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], options ?? new ConversionOptions()).File);
    }

    private byte[] Safetensors()
    {
        var header = new Dictionary<string, object>();
        var data = new List<byte>();
        foreach (var (name, (shape, values)) in _weights)
        {
            header[name] = new Dictionary<string, object> { ["dtype"] = "F32", ["shape"] = shape, ["data_offsets"] = new[] { data.Count, data.Count + 4 * values.Length } };
            foreach (var value in values) data.AddRange(BitConverter.GetBytes(value));
        }

        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }
}
