using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Models and cells inside of Keras models, and layers over each step.</summary>
public sealed class KerasInnerModelTests
{
    private const int Outputs = 2;
    private const string Shape = "\"batch_input_shape\": [1, null, 3]";

    /// <summary>An inner model that is called twice, and beside it a layer with the name of an inner one.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_inner_model_is_called_wherever_it_is_used(bool isNumbered)
    {
        var file = new KerasFile(21) { Version = isNumbered ? "3.6.0" : "2.15.0" };
        var inner = file.Weight(isNumbered ? "layers/functional/layers/dense/vars/0" : "inner/dense/kernel", Features, Features);
        var outer = file.Weight(isNumbered ? "layers/dense/vars/0" : "dense/dense/kernel", Features, Features);
        const string config = """
            {"class_name": "Functional", "config": {"name": "f", "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [1, null, 3], "dtype": "float32"}, "inbound_nodes": []},
            {"class_name": "Functional", "name": "inner", "config": {"name": "inner", "layers": [
                {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [1, null, 3], "dtype": "float32"}, "inbound_nodes": []},
                {"class_name": "Dense", "name": "dense", "config": {"name": "dense", "units": 3, "use_bias": false, "activation": "tanh"}, "inbound_nodes": [[["x", 0, 0, {}]]]} ],
                "input_layers": [["x", 0, 0]], "output_layers": [["dense", 1, 0]]}, "inbound_nodes": [[["x", 0, 0, {}]], [["dense", 0, 0, {}]]]},
            {"class_name": "Dense", "name": "dense", "config": {"name": "dense", "units": 3, "use_bias": false}, "inbound_nodes": [[["inner", 0, 0, {}]]]} ],
            "input_layers": [["x", 0, 0]], "output_layers": [["inner", 1, 0]]} }
            """;
        double[] Dense(double[] v, double[] kernel) => [.. Enumerable.Range(0, 3).Select(o => v.Select((a, i) => a * kernel[i * 3 + o]).Sum())];
        double[] Inner(double[] v) => Array.ConvertAll(Dense(v, inner), Math.Tanh);
        var x = Rows(22, 4);
        var result = isNumbered ? file.ConvertArchive(config) : file.Convert(config);
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        Equal([.. x.Select(v => Inner(Dense(Inner(v), outer)))], Run(model, x));
    }

    [Theory]
    [InlineData("each/each/kernel")]
    [InlineData("each/kernel")]
    [InlineData("layers/time_distributed/layer/layers/dense/vars/0")]
    public void A_model_over_each_step_gives_what_it_gives_for_one(string path)
    {
        var isNumbered = path.Contains("vars", StringComparison.Ordinal);
        var file = new KerasFile(23) { Version = isNumbered ? "3.6.0" : "2.15.0" };
        file.Layer("TimeDistributed", $$"""
            "name": "each", {{Shape}}, "layer": {"class_name": "Sequential", "config": {"name": "s", "layers": [
            {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [null, 3]} },
            {"class_name": "Reshape", "config": {"name": "r", "target_shape": [3, 1]} },
            {"class_name": "Flatten", "config": {"name": "fl"} },
            {"class_name": "Dense", "config": {"name": "dense", "units": 2, "use_bias": false} } ]} }
            """);
        var kernel = file.Weight(path.Replace("each/kernel", path.StartsWith("each/each", StringComparison.Ordinal) ? "each/dense/kernel" : "dense/kernel", StringComparison.Ordinal) is var full && full.StartsWith("dense", StringComparison.Ordinal) ? "each/" + full : full, Features, Outputs);
        var x = Rows(24, 5);
        using var model = isNumbered ? SeqModel.Load(file.ConvertArchive(file.Sequential).File) : file.Load();
        Equal([.. x.Select(v => Enumerable.Range(0, Outputs).Select(o => v.Select((a, i) => a * kernel[i * Outputs + o]).Sum()).ToArray())], Run(model, x));
    }

    /// <summary>A recurrent layer reads the rows of each step: [N, T, W, features] becomes [N, T, units].</summary>
    [Fact]
    public void A_recurrent_layer_over_each_step_reads_the_sequence_inside()
    {
        const int steps = 3, width = 4;
        var file = new KerasFile(25).Layer("TimeDistributed", $$"""
            "name": "each", "batch_input_shape": [1, null, {{width}}, 3], "layer": {"class_name": "GRU", "config": {"name": "gru", "units": {{Units}}, "reset_after": true, "recurrent_activation": "sigmoid"} }
            """);
        var (kernel, recurrent, bias) = Recurrent(file, "GRU", resetAfter: true, "each/each/gru_cell");
        var x = Rows(26, steps * width);
        using var model = file.Load();
        var sizes = new SeqSessionOptions();
        sizes.MaxSizes["T"] = steps;
        using var session = model.CreateSession(graph: null, sizes);
        Flat(x).CopyTo(session.Input<float>(0));
        session.Run();
        Equal([.. x.Chunk(width).Select(rows => KerasFormulas.Recurrent("GRU", rows, kernel, recurrent, bias, resetAfter: true, isBackward: false).Hidden)], session.Output<float>(0).ToArray());
    }

    [Theory]
    [InlineData("rnn/rnn/lstm_cell/", "rnn/rnn/gru_cell/", false)]
    [InlineData("rnn/stacked_rnn_cells/lstm_cell/", "rnn/stacked_rnn_cells/gru_cell/", true)]
    [InlineData("layers/rnn/cell/cells/lstm_cell/vars/", "layers/rnn/cell/cells/gru_cell/vars/", true)]
    public void Stacked_cells_step_together(string lstm, string gru, bool isBackward)
    {
        var isNumbered = lstm.Contains("vars", StringComparison.Ordinal);
        var file = new KerasFile(27) { Version = isNumbered ? "3.6.0" : "2.15.0" }.Layer("RNN", $$"""
            "name": "rnn", {{Shape}}, "return_sequences": true, "go_backwards": {{Json(isBackward)}}, "cell": {"class_name": "StackedRNNCells", "config": {"name": "stacked", "cells": [
            {"class_name": "LSTMCell", "config": {"name": "lstm_cell", "units": {{Units}}, "recurrent_activation": "sigmoid"} },
            {"class_name": "GRUCell", "config": {"name": "gru_cell", "units": {{Units}}, "recurrent_activation": "sigmoid", "reset_after": false} } ]} }
            """);
        double[] Add(string path, int number, string name, params int[] shape) => file.Weight(path + (isNumbered ? $"{number}" : name), shape);
        double[] k = Add(lstm, 0, "kernel", Features, 4 * Units), r = Add(lstm, 1, "recurrent_kernel", Units, 4 * Units), b = Add(lstm, 2, "bias", 4 * Units);
        double[] gk = Add(gru, 0, "kernel", Units, 3 * Units), gr = Add(gru, 1, "recurrent_kernel", Units, 3 * Units), gb = Add(gru, 2, "bias", 3 * Units);
        var x = Rows(28, 5);
        var read = isBackward ? [.. x.Reverse()] : x;
        var below = KerasFormulas.Recurrent("LSTM", read, k, r, b, resetAfter: false, isBackward: false).Outputs;
        var expected = KerasFormulas.Recurrent("GRU", below, gk, gr, gb, resetAfter: false, isBackward: false).Outputs;
        using var model = isNumbered ? SeqModel.Load(file.ConvertArchive(file.Sequential).File) : file.Load();
        Equal(expected, Run(model, x));
    }

    [Theory]
    [InlineData("both/both/{0}_rnn/stacked_rnn_cells/{1}/")]
    [InlineData("both/both/{0}_rnn/{1}/")]
    [InlineData("layers/bidirectional/{0}_layer/cell/cells/{1}/vars/")]
    public void Stacked_cells_go_in_both_directions(string place)
    {
        var isNumbered = place.Contains("vars", StringComparison.Ordinal);
        var file = new KerasFile(31) { Version = isNumbered ? "3.6.0" : "2.15.0" }.Layer("Bidirectional", $$"""
            "name": "both", {{Shape}}, "merge_mode": "concat", "layer": {"class_name": "RNN", "config": {"name": "rnn", "return_sequences": true, "cell": {"class_name": "StackedRNNCells", "config": {"name": "stacked", "cells": [
            {"class_name": "LSTMCell", "config": {"name": "lstm_cell", "units": {{Units}}, "recurrent_activation": "sigmoid"} },
            {"class_name": "GRUCell", "config": {"name": "gru_cell", "units": {{Units}}, "recurrent_activation": "sigmoid", "reset_after": false} } ]} } } }
            """);
        (double[] Kernel, double[] Recurrent, double[] Bias) Cell(string direction, string kind, int inputs, int gates)
        {
            double[] Add(int number, string name, params int[] shape) => file.Weight(string.Format(System.Globalization.CultureInfo.InvariantCulture, place, direction, kind) + (isNumbered ? $"{number}" : name), shape);
            return (Add(0, "kernel", inputs, gates * Units), Add(1, "recurrent_kernel", Units, gates * Units), Add(2, "bias", gates * Units));
        }

        var x = Rows(32, 5);
        double[][] Direction(string direction, double[][] read)
        {
            var (lstm, gru) = (Cell(direction, "lstm_cell", Features, 4), Cell(direction, "gru_cell", Units, 3));
            var below = KerasFormulas.Recurrent("LSTM", read, lstm.Kernel, lstm.Recurrent, lstm.Bias, resetAfter: false, isBackward: false).Outputs;
            return KerasFormulas.Recurrent("GRU", below, gru.Kernel, gru.Recurrent, gru.Bias, resetAfter: false, isBackward: false).Outputs;
        }

        var ahead = Direction("forward", x);
        var back = Direction("backward", [.. x.Reverse()]);
        var result = isNumbered ? file.ConvertArchive(file.Sequential) : file.Convert();
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        Equal([.. ahead.Zip(back.Reverse(), (a, b) => a.Concat(b).ToArray())], Run(model, x));
    }

    [Fact]
    public void A_cell_gives_its_states_in_order_and_a_masked_step_keeps_them()
    {
        bool[] mask = [true, false, true, false];
        var file = new KerasFile(29);
        const string cells = """{"class_name": "StackedRNNCells", "config": {"cells": [{"class_name": "SimpleRNNCell", "config": {"name": "a", "units": 4} }, {"class_name": "LSTMCell", "config": {"name": "b", "units": 4, "recurrent_activation": "sigmoid"} }]} }""";
        const string config = $$"""
            {"class_name": "Functional", "config": {"name": "f", "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [1, null, 3], "dtype": "float32"}, "inbound_nodes": []},
            {"class_name": "Masking", "name": "m", "config": {"name": "m", "mask_value": -1.0}, "inbound_nodes": [[["x", 0, 0, {}]]]},
            {"class_name": "RNN", "name": "rnn", "config": {"name": "rnn", "return_state": true, "cell": {{cells}} }, "inbound_nodes": [[["m", 0, 0, {}]]]} ],
            "input_layers": [["x", 0, 0]], "output_layers": [["rnn", 1, 0], ["rnn", 0, 2], ["rnn", 0, 3], ["rnn", 0, 1]]} }
            """;
        double[] ak = file.Weight("rnn/rnn/a/kernel", Features, Units), ar = file.Weight("rnn/rnn/a/recurrent_kernel", Units, Units), ab = file.Weight("rnn/rnn/a/bias", Units);
        double[] bk = file.Weight("rnn/rnn/b/kernel", Units, 4 * Units), br = file.Weight("rnn/rnn/b/recurrent_kernel", Units, 4 * Units), bb = file.Weight("rnn/rnn/b/bias", 4 * Units);
        var x = Rows(30, 4, mask);
        var first = KerasFormulas.Recurrent("SimpleRNN", x, ak, ar, ab, resetAfter: false, isBackward: false, mask);
        var second = KerasFormulas.Recurrent("LSTM", first.Outputs, bk, br, bb, resetAfter: false, isBackward: false, mask);
        using var model = file.Load(config.Replace("[\"rnn\", 1, 0]", "[\"rnn\", 0, 0]", StringComparison.Ordinal));
        using var session = Session(model, x);
        session.Run();
        double[][] expected = [second.Hidden, second.Hidden, second.Cell, first.Hidden];
        foreach (var (i, values) in expected.Index()) Equal([values], session.Output<float>(i).ToArray());
    }

    [Theory]
    [InlineData("RNN", "\"cell\": {\"class_name\": \"MyCell\", \"config\": {\"name\": \"c\"} }", "a cell of class 'MyCell' is not supported; supported are SimpleRNNCell, GRUCell, LSTMCell")]
    [InlineData("TimeDistributed", "\"layer\": {\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [{\"class_name\": \"Lambda\", \"config\": {\"name\": \"l\"} }]} }", "these layers are not supported: 'l' (Lambda)")]
    [InlineData("Sequential", "\"layers\": [{\"class_name\": \"Mine\", \"config\": {\"name\": \"m\"} }]", "these layers are not supported: 'm' (Mine)")]
    [InlineData("Sequential", "\"layers\": []", "the model 'inner' has no layers")]
    public void What_is_inside_is_refused_by_name(string kind, string config, string says) =>
        Assert.Contains(says, Assert.Throws<ConversionException>(() => new KerasFile(31).Layer(kind, $"\"name\": \"inner\", {Shape}, {config}").Convert()).Message, StringComparison.Ordinal);
}
