using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras' recurrent layers under masks of every kind, compared with their formula, and their memory.</summary>
public sealed class KerasMaskTests
{

    /// <summary>Unmasked steps: anywhere, none at the start, none at the end, none at all, all.</summary>
    public static TheoryData<string> Masks => ["0110100", "0001111", "1110000", "0000000", "1111111", "1000001"];

    [Theory]
    [MemberData(nameof(Masks))]
    public void A_masked_step_keeps_state_and_output(string pattern)
    {
        foreach (var kind in (string[])["SimpleRNN", "GRU", "LSTM"])
        {
            foreach (var backward in (bool[])[false, true])
            {
                var file = new KerasFile(21);
                var layer = Recurrent(file, kind, resetAfter: kind == "GRU", "rnn/rnn/cell");
                file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": -1.0, {Shape}");
                file.Layer(kind, $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, \"go_backwards\": {Json(backward)}, {Gates}");
                using var model = file.Load();
                Equal(Formula(kind, layer, Rows(pattern), pattern, backward).Outputs, Run(model, Rows(pattern)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Masks))]
    public void A_sequence_of_both_directions_is_zero_where_steps_do_not_count(string pattern)
    {
        var file = new KerasFile(22);
        var (ahead, back) = (Recurrent(file, "LSTM", resetAfter: false, "both/both/forward_lstm/lstm_cell"), Recurrent(file, "LSTM", resetAfter: false, "both/both/backward_lstm/lstm_cell"));
        file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": -1.0, {Shape}");
        file.Layer("Bidirectional", $$"""
            "name": "both", "merge_mode": "concat", "layer": {"class_name": "LSTM", "config": {"name": "lstm", "units": {{Units}}, "return_sequences": true, {{Gates}} } }
            """);
        using var model = file.Load();
        var rows = Rows(pattern);
        var a = Formula("LSTM", ahead, rows, pattern, backward: false, isZeroElsewhere: true).Outputs;
        var b = Formula("LSTM", back, rows, pattern, backward: true, isZeroElsewhere: true).Outputs.Reverse();
        Equal([.. a.Zip(b, (l, r) => l.Concat(r).ToArray())], Run(model, rows));
    }

    [Fact]
    public void Keras_apart_from_TensorFlow_repeats_outputs_in_both_directions_too()
    {
        var file = new KerasFile(23) { Version = "2.3.1" };
        var (ahead, back) = (Recurrent(file, "GRU", resetAfter: true, "both/both/forward_gru/cell"), Recurrent(file, "GRU", resetAfter: true, "both/both/backward_gru/cell"));
        file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": -1.0, {Shape}");
        file.Layer("Bidirectional", $$"""
            "name": "both", "merge_mode": "sum", "layer": {"class_name": "GRU", "config": {"name": "gru", "units": {{Units}}, "return_sequences": true, {{Gates}} } }
            """);
        using var model = file.Load();
        const string pattern = "0110100";
        var a = Formula("GRU", ahead, Rows(pattern), pattern, backward: false).Outputs;
        var b = Formula("GRU", back, Rows(pattern), pattern, backward: true).Outputs.Reverse();
        Equal([.. a.Zip(b, (l, r) => l.Zip(r, (p, q) => p + q).ToArray())], Run(model, Rows(pattern)));
    }

    /// <summary>Keras gives zeros before the first unmasked step, even if the state is not zero.</summary>
    [Theory]
    [MemberData(nameof(Masks))]
    public void A_first_state_is_no_output(string pattern)
    {
        foreach (var (isSequence, isZero) in ((bool, bool)[])[(true, false), (false, false), (true, true), (false, true)])
        {
            var file = new KerasFile(24);
            var layer = Recurrent(file, "GRU", resetAfter: true, "rnn/rnn/cell");
            using var model = file.Load($$"""
                {"class_name": "Functional", "config": {"layers": [
                  {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [null, null, {{Features}}]}, "inbound_nodes": []},
                  {"class_name": "InputLayer", "name": "h", "config": {"name": "h", "batch_input_shape": [null, {{Units}}]}, "inbound_nodes": []},
                  {"class_name": "Masking", "name": "masking", "config": {"name": "masking", "mask_value": -1.0}, "inbound_nodes": [[["x", 0, 0, {}]]]},
                  {"class_name": "GRU", "name": "rnn", "config": {"name": "rnn", "units": {{Units}}, "return_sequences": {{Json(isSequence)}}, "return_state": true, "zero_output_for_mask": {{Json(isZero)}}, {{Gates}} }, "inbound_nodes": [[["masking", 0, 0, {}], ["h", 0, 0, {}]]]}],
                  "input_layers": [["x", 0, 0], ["h", 0, 0]], "output_layers": [["rnn", 0, 0], ["rnn", 0, 1]]} }
                """, new ConversionOptions { AutoStates = false });
            double[] h = [0.5, -0.25, 0.125, -0.75];
            var expected = Formula("GRU", layer, Rows(pattern), pattern, backward: false, isZero, h);
            using var session = Session(model, Rows(pattern));
            for (var i = 0; i < Units; i++) session.Input<float>("h")[i] = (float)h[i];
            session.Run();
            Equal(isSequence ? expected.Outputs : [expected.Outputs[^1]], session.Output<float>(0).ToArray());
            Equal([expected.Hidden], session.Output<float>(1).ToArray());
        }
    }

    [Fact]
    public void A_mask_costs_memory_in_the_length_not_in_its_square()
    {
        var file = new KerasFile(25);
        _ = Recurrent(file, "LSTM", resetAfter: false, "rnn/rnn/cell");
        file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": 0.0, {Shape}");
        file.Layer("LSTM", $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, {Gates}");
        using var model = file.Load();
        long Bytes(int steps) => model.GetSessionMemoryBytes(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = steps, ["N"] = 1 } });
        Assert.InRange(Bytes(4000), 0, 3 * Bytes(2000));
        Assert.InRange(Bytes(4000), 0, 4 << 20);
        const string reason = "layer 'rnn/LSTM' uses sequence lengths or a mask";
        Assert.Contains($"every run starts at zero: layer 'rnn/LSTM' keeps nothing between runs. --stateful could not keep the states: {reason}", file.Convert().Graphs[0].Notes);
        Assert.Contains(reason, Assert.Throws<ConversionException>(() => file.Convert(new ConversionOptions { Stateful = true })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Conv1D", "\"filters\": 3, \"kernel_size\": [1], \"padding\": \"valid\", \"use_bias\": false")]
    [InlineData("MaxPooling1D", "\"pool_size\": [2], \"strides\": [2], \"padding\": \"valid\"")]
    [InlineData("ZeroPadding1D", "\"padding\": [1, 1]")]
    [InlineData("GlobalMaxPooling1D", "\"keepdims\": true")]
    public void A_layer_that_drops_a_mask_is_told(string kind, string config)
    {
        var file = new KerasFile(26);
        _ = (Recurrent(file, "GRU", resetAfter: true, "rnn/rnn/cell"), kind == "Conv1D" ? file.Weight("drops/drops/kernel", 1, Features, Features) : []);
        file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": 0.0, {Shape}");
        file.Layer(kind, $"\"name\": \"drops\", {config}");
        file.Layer("GRU", $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, {Gates}");
        var notes = file.Convert().Graphs[0].Notes;
        Assert.Contains($"layer 'drops' ({kind}) drops the mask of its input, as Keras does: it and the layers after it treat masked steps like all others", notes);
        Assert.Contains(notes, n => n.StartsWith("every run starts at zero: layer 'rnn/GRU' keeps nothing between runs", StringComparison.Ordinal));
    }

    /// <summary>Keras 3 writes the mask of a functional model as layers, and passes it by name.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_mask_given_by_name_is_used(bool ofEmbedding)
    {
        const string pattern = "0110100";
        var file = new KerasFile(26) { Version = "3.6.0" };
        var table = file.Weight("words/words/embeddings", 5, Features);
        var layer = Recurrent(file, "GRU", resetAfter: true, "rnn/rnn/cell");
        string Tensor(string name) => $$"""{"class_name": "__keras_tensor__", "config": {"shape": [null, null], "dtype": "float32", "keras_history": ["{{name}}", 0, 0]} }""";
        var (shape, type, source) = ofEmbedding ? ("[null, null]", "int32", "words") : ($"[null, null, {Features}]", "float32", "masking");
        var first = ofEmbedding
            ? $$"""{"class_name": "Embedding", "name": "words", "config": {"name": "words", "input_dim": 5, "output_dim": {{Features}}, "mask_zero": true}, "inbound_nodes": [{"args": [{{Tensor("x")}}], "kwargs": {"mask": null} }]}"""
            : $$"""{"class_name": "Masking", "name": "masking", "config": {"name": "masking", "mask_value": -1.0}, "inbound_nodes": [{"args": [{{Tensor("x")}}], "kwargs": {} }]}""";
        var mask = ofEmbedding ? "not_equal" : "any";
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": {{shape}}, "dtype": "{{type}}"}, "inbound_nodes": []},
              {{first}},
              {"class_name": "NotEqual", "name": "not_equal", "config": {"name": "not_equal"}, "inbound_nodes": [{"args": [{{Tensor("x")}}, {{(ofEmbedding ? "0" : "-1.0")}}], "kwargs": {} }]},
              {"class_name": "Any", "name": "any", "config": {"name": "any", "axis": -1, "keepdims": false}, "inbound_nodes": [{{(ofEmbedding ? "" : $$"""{"args": [{{Tensor("not_equal")}}], "kwargs": {} }""")}}]},
              {"class_name": "GRU", "name": "rnn", "config": {"name": "rnn", "units": {{Units}}, "return_sequences": true, {{Gates}} }, "inbound_nodes": [{"args": [{{Tensor(source)}}], "kwargs": {"training": false, "mask": {{Tensor(mask)}} } }]}],
              "input_layers": [["x", 0, 0]], "output_layers": [["rnn", 0, 0]]} }
            """);
        var rows = Rows(pattern);
        int[] words = [.. pattern.Select((c, t) => c == '1' ? 1 + t % 4 : 0)];
        if (ofEmbedding) rows = [.. words.Select(w => table[(w * Features)..((w + 1) * Features)])];
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = pattern.Length, ["N"] = 1 } });
        if (ofEmbedding) words.CopyTo(session.Input<int>(0));
        else Flat(rows).CopyTo(session.Input<float>(0));
        session.Run();
        Equal(Formula("GRU", layer, rows, pattern, backward: false).Outputs, session.Output<float>(0).ToArray());
    }

    /// <summary>A value that counts where the first or the second does. Up to Keras 3.3 both had to.</summary>
    [Theory]
    [InlineData("2.15.0", "Add", false)]
    [InlineData("3.3.3", "Add", false)]
    [InlineData("3.6.0", "Add", true)]
    [InlineData("2.15.0", "Concatenate", false)]
    [InlineData("3.6.0", "Concatenate", true)]
    public void Merged_values_count_as_the_version_says(string version, string merge, bool byAny)
    {
        var file = new KerasFile(27) { Version = version };
        var width = merge == "Add" ? Features : 2 * Features;
        double[] kernel = file.Weight("rnn/rnn/cell/kernel", width, 3 * Units), recurrent = file.Weight("rnn/rnn/cell/recurrent_kernel", Units, 3 * Units), bias = file.Weight("rnn/rnn/cell/bias", 2, 3 * Units);
        string Input(string name) => $$"""{"class_name": "InputLayer", "name": "{{name}}", "config": {"name": "{{name}}", "batch_input_shape": [1, 7, {{Features}}]}, "inbound_nodes": []}""";
        string Masking(string name, string of) => $$"""{"class_name": "Masking", "name": "{{name}}", "config": {"name": "{{name}}", "mask_value": -1.0}, "inbound_nodes": [[["{{of}}", 0, 0, {}]]]}""";
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {{Input("a")}}, {{Input("b")}}, {{Masking("ma", "a")}}, {{Masking("mb", "b")}},
              {"class_name": "{{merge}}", "name": "merge", "config": {"name": "merge"}, "inbound_nodes": [[["ma", 0, 0, {}], ["mb", 0, 0, {}]]]},
              {"class_name": "GRU", "name": "rnn", "config": {"name": "rnn", "units": {{Units}}, "return_sequences": true, {{Gates}} }, "inbound_nodes": [[["merge", 0, 0, {}]]]}],
              "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["rnn", 0, 0]]} }
            """);
        const string first = "0110100", second = "0011110";
        double[][] Zeroed(string pattern) => [.. Rows(pattern).Select((row, t) => pattern[t] == '1' ? row : new double[Features])];
        double[][] x = [.. Zeroed(first).Zip(Zeroed(second), (p, q) => merge == "Add" ? p.Zip(q, (l, r) => l + r).ToArray() : [.. p, .. q])];
        var both = string.Concat(first.Zip(second, (p, q) => (byAny ? p == '1' || q == '1' : p == '1' && q == '1') ? '1' : '0'));
        using var session = model.CreateSession();
        Flat(Rows(first)).CopyTo(session.Input<float>(0));
        Flat(Rows(second)).CopyTo(session.Input<float>(1));
        session.Run();
        Equal(Formula("GRU", (kernel, recurrent, bias), x, both, backward: false).Outputs, session.Output<float>(0).ToArray());
    }

    [Fact]
    public void A_softmax_that_uses_a_mask_is_refused()
    {
        var file = new KerasFile(28).Layer("Masking", $"\"name\": \"masking\", {Shape}").Layer("Softmax", "\"name\": \"soft\", \"axis\": -1");
        Assert.Contains("Activation('softmax')", Assert.ThrowsAny<ConversionException>(() => file.Load()).Message, StringComparison.Ordinal);
    }

    private static string Shape => $"\"batch_input_shape\": [null, null, {Features}]";

    private static string Gates => "\"activation\": \"tanh\", \"recurrent_activation\": \"sigmoid\"";

    private static (double[][] Outputs, double[] Hidden, double[] Cell) Formula(string kind, (double[] Kernel, double[] Recurrent, double[] Bias) layer, double[][] x, string pattern, bool backward, bool isZeroElsewhere = false, double[]? hidden = null) =>
        KerasFormulas.Recurrent(kind, x, layer.Kernel, layer.Recurrent, layer.Bias, kind == "GRU", backward, Mask(pattern), hidden, isZeroElsewhere: isZeroElsewhere);

    /// <summary>Random steps. A masked one is -1 everywhere.</summary>
    private static double[][] Rows(string pattern) => KerasRuns.Rows(seed: 5, pattern.Length, Mask(pattern));

    private static bool[] Mask(string pattern) => [.. pattern.Select(c => c == '1')];
}
