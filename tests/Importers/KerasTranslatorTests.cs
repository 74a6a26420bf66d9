using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Decoding;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Encoder-decoders of Keras that were saved for training become encoder and step.</summary>
public sealed class KerasTranslatorTests : IDisposable
{
    private const int Letters = 5, Sounds = 6, Width = 3;

    /// <summary>Begin is token 1, end is token 2.</summary>
    private const string Decoding = """{ "decoding": { "kind": "encoder-decoder", "begin": 1, "end": 2, "max": 8 } }""";

    private const string Cell = "\"units\": 4, \"activation\": \"tanh\", \"recurrent_activation\": \"sigmoid\", \"use_bias\": true, \"return_state\": true";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The classic example: LSTM encoder and decoder over one-hot letters or embeddings, with and without masks.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void A_model_saved_for_training_is_decoded(bool isOneHot, bool isMasked)
    {
        var file = new KerasFile(61);
        var weights = new Weights(file, isOneHot);
        var result = Convert(file, Classic(isOneHot, isMasked));
        Assert.Equal(["encoder", "step"], result.Graphs.Select(g => g.Name));
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        int[] source = [3, 1, 4, 2];
        Assert.Equal(Greedy(weights, source), Decode(model, source));
        if (!isMasked) return;
        // The mask leaves the letters of number 0 out.
        Assert.Equal(Greedy(weights, source), Decode(model, [3, 0, 1, 4, 2, 0]));
    }

    [Fact]
    public void A_decoder_that_starts_from_too_many_states_is_refused()
    {
        var file = new KerasFile(66);
        _ = new Weights(file, isOneHot: false);
        var config = Classic(isOneHot: false, isMasked: false).Replace("[\"encoder\", 0, 2, {}]]]", "[\"encoder\", 0, 2, {}], [\"encoder\", 0, 2, {}]]]", StringComparison.Ordinal);
        Assert.Contains("it is called with 3 initial states, but has 2", Assert.ThrowsAny<ConversionException>(() => Convert(file, config)).Message, StringComparison.Ordinal);
    }

    /// <summary>The encoder and the decoder are models, which Keras calls a second time in the whole one.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Encoder_and_decoder_may_be_inner_models(bool isOfObjects, bool isDeep)
    {
        var file = new KerasFile(65);
        var weights = new Weights(file, isOneHot: false, layer => layer is "letters" or "encoder" ? $"enc/{(isDeep ? "body/" : "")}{layer}" : $"dec/{layer}");
        var result = Convert(file, Nested(isOfObjects, isDeep));
        Assert.Equal(["encoder", "step"], result.Graphs.Select(g => g.Name));
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        int[] source = [3, 1, 4, 2];
        Assert.Equal(Greedy(weights, source), Decode(model, source));
        Assert.Equal(["main"], Convert(file, Nested(isOfObjects, isDeep), new ConversionOptions { NoSplit = true }).Graphs.Select(g => g.Name));
    }

    /// <summary>The decoder is a layer of the whole model and its embedding an inner one: the whole model does not fit, and the one with one level does.</summary>
    [Fact]
    public void A_model_that_was_split_is_not_said_to_be_whole()
    {
        var file = new KerasFile(65);
        var weights = new Weights(file, isOneHot: false, layer => layer == "sounds" ? "look/sounds" : $"{layer}/{layer}");
        var sounds = Embedded("false")[3];
        var given = Layer("InputLayer", "given", "\"batch_input_shape\": [null, null], \"dtype\": \"float32\"");
        var look = $$"""{"class_name": "Functional", "name": "look", "config": {"name": "look", "layers": [{{given}}, {{sounds.Replace("\"target\"", "\"given\"", StringComparison.Ordinal)}}], "input_layers": [["given", 0, 0]], "output_layers": [["sounds", 0, 0]]}, "inbound_nodes": [[{{Node("target")}}]]}""";
        var result = Convert(file, Classic(isOneHot: false, isMasked: false).Replace(Node("sounds"), Node("look"), StringComparison.Ordinal).Replace(sounds, look, StringComparison.Ordinal));
        Assert.Equal(["encoder", "step"], result.Graphs.Select(g => g.Name));
        Assert.DoesNotContain(result.Graphs.SelectMany(g => g.Notes), n => n.Contains(KerasTranslator.Whole, StringComparison.Ordinal));
        using var model = SeqModel.Load(result.File);
        int[] source = [3, 1, 4, 2];
        Assert.Equal(Greedy(weights, source), Decode(model, source));
    }

    /// <summary>An inner model that is called twice stays one, and with it the whole graph.</summary>
    [Fact]
    public void Inner_models_that_are_called_twice_stay_whole()
    {
        var file = new KerasFile(65);
        _ = new Weights(file, isOneHot: false, layer => layer is "letters" or "encoder" ? $"enc/{layer}" : $"dec/{layer}");
        var config = Nested(isOfObjects: false, isDeep: false).Replace("\"inbound_nodes\": [[[\"source\", 0, 0, {}]]]}, {\"class_name\": \"Functional\"", "\"inbound_nodes\": [[[\"source\", 0, 0, {}]], [[\"source\", 0, 0, {}]]]}, {\"class_name\": \"Functional\"", StringComparison.Ordinal);
        Assert.NotEqual(Nested(isOfObjects: false, isDeep: false), config);
        Assert.Equal(["main"], Convert(file, config, new ConversionOptions()).Graphs.Select(g => g.Name));
    }

    /// <summary>The scores of the step, fed token by token, are those of the whole graph.</summary>
    [Theory]
    [InlineData("Attention")]
    [InlineData("AdditiveAttention")]
    [InlineData("Dot")]
    [InlineData("Attention with masks by name")]
    public void Attention_over_the_source_gives_what_the_whole_model_gives(string kind)
    {
        var isNamed = kind.Contains("by name", StringComparison.Ordinal);
        var config = isNamed ? Named() : Attentive(kind, isMasked: kind != "Dot");
        var file = new KerasFile(62) { Version = isNamed ? "3.6.0" : "2.15.0" };
        _ = new Weights(file, isOneHot: false);
        file.Weight("out/out/kernel", 8, Sounds);
        if (kind == "AdditiveAttention") file.Weight("attend/attend/scale", 4);
        using var whole = SeqModel.Load(Convert(file, config, new ConversionOptions { NoSplit = true }).File);
        using var parts = SeqModel.Load(Convert(file, config).File);
        int[] source = [3, 1, 4, 2, 0], target = [1, 5, 3, 4];
        var sizes = new SeqSessionOptions();
        foreach (var symbol in whole.Graphs[0].Symbols) sizes.MaxSizes[symbol] = symbol switch { "N" => 1, "T" => source.Length, _ => target.Length };
        using var session = whole.CreateSession(graph: null, sizes);
        Put(session, "source", source);
        Put(session, "target", target);
        session.Run();
        var expected = session.Output<float>(0).ToArray();

        // Masks of layers say the same as those of an embedding.
        using var implied = SeqModel.Load(Convert(file, isNamed ? Attentive("Attention", isMasked: true) : config, new ConversionOptions { NoSplit = true }).File);
        using var same = implied.CreateSession(graph: null, sizes);
        Put(same, "source", source);
        Put(same, "target", target);
        same.Run();
        Numbers.Near(expected, same.Output<float>(0), tolerance: 1e-6);

        using var encoder = parts.CreateSession("encoder", new SeqSessionOptions { MaxSizes = { ["T"] = source.Length } });
        using var step = parts.CreateSession("step", new SeqSessionOptions { MaxSizes = { ["T"] = source.Length } });
        Put(encoder, "source", source);
        encoder.Run();
        foreach (var (key, from) in parts.Metadata.Where(m => m.Key.StartsWith(DecodingKeys.Link, StringComparison.Ordinal)))
        {
            var name = key[DecodingKeys.Link.Length..];
            var value = encoder.Output<float>(from);
            value.CopyTo(step.Inputs.Any(i => i.Name == name) ? step.Input<float>(name) : step.State<float>(name));
        }

        var given = new List<float>();
        foreach (var token in target)
        {
            step.Input<int>("target")[0] = token;
            step.Run();
            given.AddRange(step.Output<float>(0));
        }

        Numbers.Near(expected, [.. given], tolerance: 2e-6);
    }

    [Fact]
    public void The_option_keeps_one_graph()
    {
        var file = new KerasFile(63);
        _ = new Weights(file, isOneHot: false);
        var result = Convert(file, Classic(isOneHot: false, isMasked: false), new ConversionOptions { NoSplit = true });
        Assert.Equal(["main"], result.Graphs.Select(g => g.Name));
    }

    [Theory]
    [InlineData("\"go_backwards\": false", "\"go_backwards\": true", "layer 'decoder' (LSTM) reads the target from its end")]
    [InlineData("\"activation\": \"softmax\"", "\"activation\": \"linear\"", "the input 'source' holds features and no tokens")]
    [InlineData("\"output_layers\": [[\"out\", 0, 0]]", "\"output_layers\": [[\"target\", 0, 0]]", "its output 'target' is the target itself")]
    public void A_model_that_cannot_go_step_by_step_stays_whole_and_says_why(string of, string by, string says)
    {
        var file = new KerasFile(64);
        _ = new Weights(file, isOneHot: true);
        var config = Classic(isOneHot: true, isMasked: false).Replace(of, by, StringComparison.Ordinal);
        var result = Convert(file, config, new ConversionOptions());
        Assert.Equal(["main"], result.Graphs.Select(g => g.Name));
        Assert.Contains(result.Graphs[0].Notes, n => n.StartsWith("layer 'decoder' starts from states of the source 'source' and reads the target 'target', but the model is not split into encoder and step: " + says, StringComparison.Ordinal));
        Assert.Contains($"not split into encoder and step: {says}", Assert.Throws<ConversionException>(() => Convert(file, config)).Message, StringComparison.Ordinal);
    }

    /// <summary>Writes a model with 4 letters and 5 sounds, for other tests.</summary>
    internal static void WriteClassic(KerasFile file, string path)
    {
        _ = new Weights(file, isOneHot: false);
        file.Write(path, Classic(isOneHot: false, isMasked: false));
    }

    private ConversionResult Convert(KerasFile file, string config, ConversionOptions? options = null)
    {
        file.Write(_folder["model.h5"], config);
        _folder.Write("decoding.json", Decoding);
        return Conversion.Convert([("main", _folder["model.h5"])], options ?? new ConversionOptions { Decoding = _folder["decoding.json"] });
    }

    private static void Put(SeqSession session, string input, int[] tokens)
    {
        if (session.Inputs[input].Type == ElementType.Int32) tokens.CopyTo(session.Input<int>(input));
        else Array.ConvertAll(tokens, t => (float)t).CopyTo(session.Input<float>(input));
    }

    private static List<int> Decode(SeqModel model, int[] source)
    {
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 1 });
        decoder.Decode(source);
        return [.. decoder.Results[0].Tokens.ToArray()];
    }

    private static List<int> Greedy(Weights w, int[] source)
    {
        var (_, h, c) = KerasFormulas.Recurrent("LSTM", [.. source.Select(t => w.Source[t])], w.Encoder.Kernel, w.Encoder.Recurrent, w.Encoder.Bias, resetAfter: false, isBackward: false);
        var (tokens, token) = (new List<int>(), 1);
        while (tokens.Count < 8)
        {
            (_, h, c) = KerasFormulas.Recurrent("LSTM", [w.Target[token]], w.Decoder.Kernel, w.Decoder.Recurrent, w.Decoder.Bias, resetAfter: false, isBackward: false, null, h, c);
            double[] scores = [.. Enumerable.Range(0, Sounds).Select(o => h.Select((v, i) => v * w.Scores[i * Sounds + o]).Sum())];
            token = Array.IndexOf(scores, scores.Max());
            if (token == 2) break;
            tokens.Add(token);
        }

        return tokens;
    }

    private static string Node(string layer, int output = 0) => $"[\"{layer}\", 0, {output}, {{}}]";

    private static string Layer(string kind, string name, string config, params string[] nodes) => $$"""{"class_name": "{{kind}}", "name": "{{name}}", "config": {"name": "{{name}}", {{config}}}, "inbound_nodes": [{{(nodes.Length == 0 ? "" : $"[{string.Join(", ", nodes)}]")}}]}""";

    private static string Model(params string[] layers) => $$"""{"class_name": "Functional", "config": {"name": "f", "layers": [{{string.Join(", ", layers)}}], "input_layers": [["source", 0, 0], ["target", 0, 0]], "output_layers": [["out", 0, 0]]} }""";

    private static string Classic(bool isOneHot, bool isMasked)
    {
        var mask = isMasked ? "true" : "false";
        string[] inputs = isOneHot
            ? [Layer("InputLayer", "source", $"\"batch_input_shape\": [null, null, {Letters}], \"dtype\": \"float32\""), Layer("InputLayer", "target", $"\"batch_input_shape\": [null, null, {Sounds}], \"dtype\": \"float32\"")]
            : [.. Embedded(mask)];
        return Model([.. inputs, Layer("LSTM", "encoder", Cell, Node(isOneHot ? "source" : "letters")), Layer("LSTM", "decoder", $"{Cell}, \"return_sequences\": true, \"go_backwards\": false", Node(isOneHot ? "target" : "sounds"), Node("encoder", 1), Node("encoder", 2)), Layer("Dense", "out", $"\"units\": {Sounds}, \"activation\": \"softmax\", \"use_bias\": false", Node("decoder"))]);
    }

    /// <summary>The classic model in two inner ones. In a deep one, the encoder's layers are in a model inside of that.</summary>
    private static string Nested(bool isOfObjects, bool isDeep)
    {
        string Inner(string name, string inputs, string outputs, string[] layers, string nodes) => $$"""{"class_name": "Functional", "name": "{{name}}", "config": {"name": "{{name}}", "layers": [{{string.Join(", ", layers)}}], "input_layers": [{{inputs}}], "output_layers": [{{outputs}}]}, "inbound_nodes": [{{nodes}}]}""";
        string Call(params (string Layer, int Call, int Output)[] values) => isOfObjects
            ? $$"""{"args": [[{{string.Join(", ", values.Select(v => $$"""{"class_name": "__keras_tensor__", "config": {"keras_history": ["{{v.Layer}}", {{v.Call}}, {{v.Output}}]} }"""))}}]], "kwargs": {"mask": null} }"""
            : $"[{string.Join(", ", values.Select(v => $"[\"{v.Layer}\", {v.Call}, {v.Output}, {{}}]"))}]";
        static string Input(string name, string shape, string type) => Layer("InputLayer", name, $"\"batch_input_shape\": {shape}, \"dtype\": \"{type}\"");
        const string tokens = "[null, null]", states = "[null, 4]";
        string[] source = [Input("source", tokens, "float32"), Layer("Embedding", "letters", $"\"input_dim\": {Letters}, \"output_dim\": {Width}", Node("source")), Layer("LSTM", "encoder", Cell, Node("letters"))];
        string encoder;
        if (isDeep)
        {
            var body = Inner("body", "[\"source\", 0, 0]", "[\"encoder\", 0, 1], [\"encoder\", 0, 2]", source, Call(("first", 0, 0)));
            encoder = Inner("enc", "[\"first\", 0, 0]", "[\"body\", 1, 0], [\"body\", 1, 1]", [Input("first", tokens, "float32"), body], Call(("source", 0, 0)));
        }
        else
        {
            encoder = Inner("enc", "[\"source\", 0, 0]", "[\"encoder\", 0, 1], [\"encoder\", 0, 2]", source, Call(("source", 0, 0)));
        }

        string[] target =
        [
            Input("given", tokens, "float32"), Input("h", states, "float32"), Input("c", states, "float32"), Layer("Embedding", "sounds", $"\"input_dim\": {Sounds}, \"output_dim\": {Width}", Node("given")),
            Layer("LSTM", "decoder", $"{Cell}, \"return_sequences\": true", Node("sounds"), Node("h"), Node("c")), Layer("Dense", "out", $"\"units\": {Sounds}, \"activation\": \"softmax\", \"use_bias\": false", Node("decoder")),
        ];
        var decoder = Inner("dec", "[\"given\", 0, 0], [\"h\", 0, 0], [\"c\", 0, 0]", "[\"out\", 0, 0]", target, Call(("target", 0, 0), ("enc", 1, 0), ("enc", 1, 1)));
        return Model(Input("source", tokens, "float32"), Input("target", tokens, "float32"), encoder, decoder).Replace("\"output_layers\": [[\"out\", 0, 0]]} }", "\"output_layers\": [[\"dec\", 1, 0]]} }", StringComparison.Ordinal);
    }

    private static string[] Embedded(string mask) =>
    [
        Layer("InputLayer", "source", "\"batch_input_shape\": [null, null], \"dtype\": \"float32\""),
        Layer("InputLayer", "target", "\"batch_input_shape\": [null, null], \"dtype\": \"float32\""),
        Layer("Embedding", "letters", $"\"input_dim\": {Letters}, \"output_dim\": {Width}, \"mask_zero\": {mask}", Node("source")),
        Layer("Embedding", "sounds", $"\"input_dim\": {Sounds}, \"output_dim\": {Width}, \"mask_zero\": false", Node("target")),
    ];

    private static string Attentive(string kind, bool isMasked)
    {
        string[] attention = kind != "Dot"
            ? [Layer(kind, "attend", $"\"use_scale\": {Json(kind == "AdditiveAttention")}", Node("decoder"), Node("encoder"))]
            : [Layer("Dot", "score", "\"axes\": [2, 2]", Node("decoder"), Node("encoder")), Layer("Activation", "weigh", "\"activation\": \"softmax\"", Node("score")), Layer("Dot", "attend", "\"axes\": [2, 1]", Node("weigh"), Node("encoder"))];
        return Model([.. Embedded(Json(isMasked)), Layer("LSTM", "encoder", Cell + ", \"return_sequences\": true", Node("letters")), Layer("LSTM", "decoder", $"{Cell}, \"return_sequences\": true", Node("sounds"), Node("encoder", 1), Node("encoder", 2)), .. attention, Layer("Concatenate", "join", "\"axis\": -1", Node("attend"), Node("decoder")), Layer("TimeDistributed", "out", $$"""{{""}}"layer": {"class_name": "Dense", "config": {"name": "d", "units": {{Sounds}}, "activation": "softmax", "use_bias": false} }""", Node("join"))]);
    }

    /// <summary>The model with attention as Keras 3 writes it: the mask is a layer that other layers are called with.</summary>
    private static string Named()
    {
        static string Tensor(string layer) => $$"""{"class_name": "__keras_tensor__", "config": {"keras_history": ["{{layer}}", 0, 0]} }""";
        var mask = $$"""{"class_name": "NotEqual", "name": "skip", "config": {"name": "skip"}, "inbound_nodes": [{"args": [{{Tensor("source")}}, 0], "kwargs": {} }]}""";
        return Attentive("Attention", isMasked: false)
            .Replace("{\"class_name\": \"LSTM\", \"name\": \"encoder\"", $"{mask}, {{\"class_name\": \"LSTM\", \"name\": \"encoder\"", StringComparison.Ordinal)
            .Replace("[[[\"letters\", 0, 0, {}]]]", $"[[[\"letters\", 0, 0, {{\"mask\": {Tensor("skip")}}}]]]", StringComparison.Ordinal)
            .Replace("[[[\"decoder\", 0, 0, {}], [\"encoder\", 0, 0, {}]]]", $"[[[\"decoder\", 0, 0, {{\"mask\": [null, {Tensor("skip")}]}}], [\"encoder\", 0, 0, {{}}]]]", StringComparison.Ordinal);
    }

    /// <summary>Random weights of the classic model.</summary>
    private sealed class Weights
    {
        public Weights(KerasFile file, bool isOneHot, Func<string, string>? place = null)
        {
            place ??= layer => $"{layer}/{layer}";
            double[][] Rows(string path, int count)
            {
                if (isOneHot) return [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, count).Select(j => i == j ? 1.0 : 0).ToArray())];
                return [.. file.Weight(path, 2f, 0f, count, Width).Chunk(Width)];
            }

            (Source, Target) = (Rows($"{place("letters")}/embeddings", Letters), Rows($"{place("sounds")}/embeddings", Sounds));
            (double[], double[], double[]) Lstm(string name, int inputs) => (file.Weight($"{place(name)}/lstm_cell/kernel", 2f, 0f, inputs, 16), file.Weight($"{place(name)}/lstm_cell/recurrent_kernel", 2f, 0f, 4, 16), file.Weight($"{place(name)}/lstm_cell/bias", 2f, 0f, 16));
            (Encoder, Decoder) = (Lstm("encoder", Source[0].Length), Lstm("decoder", Target[0].Length));
            Scores = file.Weight($"{place("out")}/kernel", 2f, 0f, 4, Sounds);
        }

        public double[][] Source { get; }

        public double[][] Target { get; }

        public (double[] Kernel, double[] Recurrent, double[] Bias) Encoder { get; }

        public (double[] Kernel, double[] Recurrent, double[] Bias) Decoder { get; }

        public double[] Scores { get; }
    }
}
