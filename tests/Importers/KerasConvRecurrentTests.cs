using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>ConvLSTM layers, compared with the formula in plain loops.</summary>
public sealed class KerasConvRecurrentTests
{
    private const int Filters = 2;

    [Theory]
    [InlineData("same", 1, 1, false, false, "sigmoid")]
    [InlineData("valid", 1, 1, false, false, "hard_sigmoid")]
    [InlineData("same", 2, 1, false, true, "sigmoid")]
    [InlineData("valid", 1, 2, true, false, "sigmoid")]
    [InlineData("same", 1, 2, true, true, "hard_sigmoid")]
    public void A_convolutional_LSTM_follows_its_formula(string padding, int stride, int dilation, bool isFirst, bool isBackward, string gate)
    {
        var file = new KerasFile(41);
        var weights = new Cell(file, "l/l", 3, 2, 3);
        var x = Grid.Random(42, 2, 4, 7, 5, 3);
        var (outputs, _, _) = weights.Run(x, padding, stride, dilation, gate, isBackward);
        var config = $"\"filters\": {Filters}, \"kernel_size\": [3, 2], \"padding\": \"{padding}\", \"strides\": [{stride}, {stride}], \"dilation_rate\": [{dilation}, {dilation}], \"return_sequences\": true, \"go_backwards\": {KerasRuns.Json(isBackward)}, \"recurrent_activation\": \"{gate}\", \"activation\": \"tanh\", \"data_format\": \"{(isFirst ? "channels_first" : "channels_last")}\", \"return_state\": false";
        if (isFirst) First(outputs).IsOf(file, "ConvLSTM2D", config, First(x));
        else outputs.IsOf(file, "ConvLSTM2D", config, x);
    }

    /// <summary>A softmax is over the last axis of what the file has, or over the axis that it names: p is batch, row, column, channel.</summary>
    [Theory]
    [InlineData("\"softmax\"", false, 3)]
    [InlineData("\"softmax\"", true, 2)]
    [InlineData("{\"class_name\": \"Softmax\", \"config\": {\"name\": \"s\", \"axis\": -1} }", false, 3)]
    [InlineData("{\"class_name\": \"Softmax\", \"config\": {\"name\": \"s\", \"axis\": 1} }", false, 1)]
    [InlineData("{\"class_name\": \"Activation\", \"config\": {\"name\": \"s\", \"activation\": \"softmax\"} }", false, 3)]
    public void A_softmax_of_the_gates_goes_over_the_axis_that_Keras_means(string function, bool isFirst, int axis)
    {
        var file = new KerasFile(59);
        var x = Grid.Random(60, 1, 3, 4, 5, 1);
        var (outputs, _, _) = new Cell(file, "l/l", 2, 2, 1).Run(x, "same", 1, 1, $"softmax {axis}", isBackward: false);
        var config = $"\"filters\": {Filters}, \"kernel_size\": [2, 2], \"padding\": \"same\", \"return_sequences\": true, \"recurrent_activation\": {function}, \"data_format\": \"{(isFirst ? "channels_first" : "channels_last")}\"";
        if (isFirst) First(outputs).IsOf(file, "ConvLSTM2D", config, First(x));
        else outputs.IsOf(file, "ConvLSTM2D", config, x);
    }

    [Fact]
    public void The_last_output_and_the_states_go_on_in_another_layer()
    {
        var file = new KerasFile(43) { Version = "3.6.0" };
        Cell a = new(file, "layers/conv_lstm2d/cell/vars", 2, 2, 1), b = new(file, "layers/conv_lstm2d_1/cell/vars", 2, 2, 1);
        const string cell = "\"filters\": 2, \"kernel_size\": [2, 2], \"padding\": \"same\", \"recurrent_activation\": \"sigmoid\"";
        const string config = $$"""
            {"class_name": "Functional", "config": {"name": "f", "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [1, 3, 4, 3, 1], "dtype": "float32"}, "inbound_nodes": []},
            {"class_name": "InputLayer", "name": "y", "config": {"name": "y", "batch_shape": [1, 2, 4, 3, 1], "dtype": "float32"}, "inbound_nodes": []},
            {"class_name": "ConvLSTM2D", "name": "a", "config": {"name": "a", {{cell}}, "return_state": true}, "inbound_nodes": [[["x", 0, 0, {}]]]},
            {"class_name": "ConvLSTM2D", "name": "b", "config": {"name": "b", {{cell}} }, "inbound_nodes": [[["y", 0, 0, {}], ["a", 0, 1, {}], ["a", 0, 2, {}]]]} ],
            "input_layers": [["x", 0, 0], ["y", 0, 0]], "output_layers": [["b", 0, 0], ["a", 0, 2]]} }
            """;
        Grid x = Grid.Random(44, 1, 3, 4, 3, 1), y = Grid.Random(45, 1, 2, 4, 3, 1);
        var (_, hidden, state) = a.Run(x, "same", 1, 1, "sigmoid", isBackward: false);
        var (_, expected, _) = b.Run(y, "same", 1, 1, "sigmoid", isBackward: false, hidden, state);
        var result = file.ConvertArchive(config);
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        using var session = model.CreateSession();
        foreach (var (i, input) in new[] { x, y }.Index()) Array.ConvertAll(input.Values, v => (float)v).CopyTo(session.Input<float>(i));
        session.Run();
        expected.IsIn(session, 0);
        state.IsIn(session, 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_directions_are_joined_along_the_channels(bool isSequence)
    {
        var file = new KerasFile(46);
        Cell ahead = new(file, "l/l/forward_conv", 2, 3, 2), back = new(file, "l/l/backward_conv", 2, 3, 2);
        var x = Grid.Random(47, 1, 3, 4, 4, 2);
        var a = ahead.Run(x, "same", 1, 1, "sigmoid", isBackward: false);
        var b = back.Run(x, "same", 1, 1, "sigmoid", isBackward: true);
        var expected = isSequence
            ? Grid.Of([1, 3, 4, 4, 2 * Filters], at => at[4] < Filters ? a.Outputs[at] : b.Outputs[at[0], 2 - at[1], at[2], at[3], at[4] - Filters])
            : Grid.Of([1, 4, 4, 2 * Filters], at => at[3] < Filters ? a.Hidden[at] : b.Hidden[at[0], at[1], at[2], at[3] - Filters]);
        expected.IsOf(file, "Bidirectional", $$"""
            "merge_mode": "concat", "layer": {"class_name": "ConvLSTM2D", "config": {"name": "conv", "filters": 2, "kernel_size": [2, 3], "padding": "same", "recurrent_activation": "sigmoid", "return_sequences": {{KerasRuns.Json(isSequence)}} } }
            """, x);
    }

    /// <summary>One axis is two of which one has a single place; three are two for each place of the first, if the taps do not reach its others.</summary>
    [Fact]
    public void It_goes_over_one_axis_and_over_three()
    {
        var file = new KerasFile(48);
        var line = new Cell(file, "l/l", [3], 1, 3, 2);
        var x = Grid.Random(49, 2, 3, 1, 6, 2);
        var expected = line.Run(x, "valid", 1, 1, "sigmoid", isBackward: false).Outputs;
        (expected with { Shape = [2, 3, 4, Filters] }).IsOf(file, "ConvLSTM1D", "\"filters\": 2, \"kernel_size\": [3], \"recurrent_activation\": \"sigmoid\", \"return_sequences\": true", x with { Shape = [2, 3, 6, 2] });

        file = new KerasFile(50);
        var block = new Cell(file, "l/l", [1, 2, 2], 2, 2, 1);
        x = Grid.Random(51, 1, 2, 3, 4, 4, 1);
        Grid[] layers = [.. Enumerable.Range(0, 3).Select(d => block.Run(Grid.Of([1, 2, 4, 4, 1], at => x[at[0], at[1], d, at[2], at[3], at[4]]), "same", 1, 1, "sigmoid", isBackward: false).Outputs)];
        Grid.Of([1, 2, 3, 4, 4, Filters], at => layers[at[2]][at[0], at[1], at[3], at[4], at[5]]).IsOf(file, "ConvLSTM3D", "\"filters\": 2, \"kernel_size\": [1, 2, 2], \"padding\": \"same\", \"recurrent_activation\": \"sigmoid\", \"return_sequences\": true", x);
    }

    [Fact]
    public void A_stateful_layer_goes_on_where_it_was()
    {
        var file = new KerasFile(52);
        var cell = new Cell(file, "l/l", 3, 3, 1);
        var x = Grid.Random(53, 1, 4, 5, 4, 1);
        var whole = cell.Run(x, "valid", 1, 1, "sigmoid", isBackward: false).Outputs;
        using var model = file.Layer("ConvLSTM2D", "\"name\": \"l\", \"filters\": 2, \"kernel_size\": [3, 3], \"recurrent_activation\": \"sigmoid\", \"stateful\": true, \"return_sequences\": true, \"batch_input_shape\": [1, 2, 5, 4, 1]").Load();
        Assert.Equal(["l/hidden", "l/cell"], model.Graphs[0].States.Select(s => s.Name));
        using var session = model.CreateSession();
        for (var part = 0; part < 2; part++)
        {
            x.Values.Skip(part * 40).Take(40).Select(v => (float)v).ToArray().CopyTo(session.Input<float>(0));
            session.Run();
            Grid.Of([1, 2, 3, 2, Filters], at => whole[at[0], 2 * part + at[1], at[2], at[3], at[4]]).IsIn(session, 0);
        }
    }

    /// <summary>The first layer's steps are open in the file, and the second layer's states keep their size at any number of them.</summary>
    [Fact]
    public void Stateful_layers_of_open_steps_convert_with_the_option_that_fixes_them()
    {
        var file = new KerasFile(61);
        Cell a = new(file, "a/a", 2, 2, 1), b = new(file, "b/b", 2, 2, Filters);
        const string cell = "\"filters\": 2, \"kernel_size\": [2, 2], \"padding\": \"same\", \"recurrent_activation\": \"sigmoid\", \"stateful\": true, \"return_sequences\": true";
        file.Layer("ConvLSTM2D", $"\"name\": \"a\", {cell}, \"batch_input_shape\": [1, null, 6, 5, 1]").Layer("ConvLSTM2D", $"\"name\": \"b\", {cell}, \"strides\": [2, 2]");
        Assert.Contains("It converts with --dim T=2, or another size.", Assert.ThrowsAny<ConversionException>(() => file.Convert()).Message, StringComparison.Ordinal);
        var x = Grid.Random(62, 1, 4, 6, 5, 1);
        var whole = b.Run(a.Run(x, "same", 1, 1, "sigmoid", isBackward: false).Outputs, "same", 2, 1, "sigmoid", isBackward: false).Outputs;
        using var model = file.Load(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 2 } });
        using var session = model.CreateSession();
        for (var part = 0; part < 2; part++)
        {
            x.Values.Skip(part * 60).Take(60).Select(v => (float)v).ToArray().CopyTo(session.Input<float>(0));
            session.Run();
            Grid.Of([1, 2, 3, 3, Filters], at => whole[at[0], 2 * part + at[1], at[2], at[3], at[4]]).IsIn(session, 0);
        }
    }

    /// <summary>Layers over each step before and after it.</summary>
    [Fact]
    public void It_stands_between_layers_over_each_step()
    {
        var file = new KerasFile(54);
        var cell = new Cell(file, "l/l", 2, 2, 1);
        var gamma = file.Weight("norm/norm/gamma", Filters);
        file.Put("norm/norm/beta", [0.5, -0.25], 2);
        file.Put("norm/norm/moving_mean", [0.1, 0.2], 2);
        file.Put("norm/norm/moving_variance", [0.999, 3.999], 2);
        static string Each(string name, string kind, string config) => $$"""
            "name": "{{name}}", {{config}}"layer": {"class_name": "{{kind}}", "config": {"name": "inner"} }
            """;
        file.Layer("TimeDistributed", Each("pool", "MaxPooling2D", "\"batch_input_shape\": [1, 3, 4, 6, 1], "))
            .Layer("ConvLSTM2D", "\"name\": \"l\", \"filters\": 2, \"kernel_size\": [2, 2], \"padding\": \"same\", \"recurrent_activation\": \"sigmoid\", \"return_sequences\": true")
            .Layer("BatchNormalization", "\"name\": \"norm\", \"axis\": [4], \"epsilon\": 0.001, \"center\": true, \"scale\": true")
            .Layer("TimeDistributed", Each("each", "GlobalAveragePooling2D", ""));
        var x = Grid.Random(55, 1, 3, 4, 6, 1);
        var pooled = Grid.Of([1, 3, 2, 3, 1], at => Enumerable.Range(0, 4).Max(i => x[0, at[1], 2 * at[2] + i / 2, 2 * at[3] + i % 2, 0]));
        var outputs = cell.Run(pooled, "same", 1, 1, "sigmoid", isBackward: false).Outputs;
        using var model = file.Load();
        Grid.Of([1, 3, Filters], at => gamma[at[2]] * (Enumerable.Range(0, 6).Average(i => outputs[0, at[1], i / 3, i % 3, at[2]]) - (at[2] + 1) * 0.1) / (at[2] + 1) + 0.5 - 0.75 * at[2]).IsOf(model, x);
    }

    [Fact]
    public void Steps_of_open_number_are_refused_with_the_option_that_fixes_them()
    {
        var file = new KerasFile(56);
        var cell = new Cell(file, "l/l", 2, 2, 1);
        file.Layer("ConvLSTM2D", "\"name\": \"l\", \"filters\": 2, \"kernel_size\": [2, 2], \"recurrent_activation\": \"sigmoid\", \"batch_input_shape\": [null, null, 4, 4, 1]");
        var message = Assert.ThrowsAny<ConversionException>(() => file.Load()).Message;
        Assert.Contains("its number of rounds is T, which is not known", message, StringComparison.Ordinal);
        Assert.Contains("It converts with --dim T=3, or another size.", message, StringComparison.Ordinal);
        var result = file.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 3, ["N"] = 1 } });
        Assert.Contains(result.Graphs[0].Notes, n => n.StartsWith("layer 'l' is written out step by step", StringComparison.Ordinal));
        using var model = SeqModel.Load(result.File);
        var x = Grid.Random(57, 1, 3, 4, 4, 1);
        cell.Run(x, "valid", 1, 1, "sigmoid", isBackward: false).Hidden.IsOf(model, x);
    }

    [Theory]
    [InlineData("\"batch_input_shape\": [1, 2, 4, 4]", "its input has 4 dimensions; it must have 5: batch, steps, 2 axes, channels")]
    [InlineData("\"batch_input_shape\": [1, 2, null, 4, 1], \"stateful\": true", "it is stateful, but the sizes of its axes are open in the file")]
    [InlineData("\"batch_input_shape\": [1, 2, 4, 4, 1], \"activation\": \"odd\"", "the activation 'odd' is not supported")]
    [InlineData("\"batch_input_shape\": [1, 2, 4, 4, 1], \"kernel_size\": [3, 3]", "its 'kernel_size' is 3, 3, but its weights have 2, 2")]
    public void What_does_not_fit_is_refused(string config, string says)
    {
        var file = new KerasFile(58);
        _ = new Cell(file, "l/l", 2, 2, 1);
        Assert.Contains(says, Assert.ThrowsAny<ConversionException>(() => file.Layer("ConvLSTM2D", $"\"name\": \"l\", \"filters\": 2, {config}").Load()).Message, StringComparison.Ordinal);
    }

    private static Grid First(Grid x) => Grid.Of([x.Shape[0], x.Shape[1], x.Shape[4], x.Shape[2], x.Shape[3]], at => x[at[0], at[1], at[3], at[4], at[2]]);

    /// <summary>The random weights of a cell over two axes, and what it computes.</summary>
    private sealed class Cell
    {
        private readonly Grid _kernel;
        private readonly Grid _recurrent;
        private readonly double[] _bias;

        public Cell(KerasFile file, string path, int rows, int columns, int inputs)
            : this(file, path, [rows, columns], rows, columns, inputs)
        {
        }

        public Cell(KerasFile file, string path, int[] taps, int rows, int columns, int inputs)
        {
            var isNumbered = path.EndsWith("vars", StringComparison.Ordinal);
            string Name(int number, string name) => $"{path}/{(isNumbered ? $"{number}" : name)}";
            _kernel = new Grid([rows, columns, inputs, 4 * Filters], file.Weight(Name(0, "kernel"), [.. taps, inputs, 4 * Filters]));
            _recurrent = new Grid([rows, columns, Filters, 4 * Filters], file.Weight(Name(1, "recurrent_kernel"), [.. taps, Filters, 4 * Filters]));
            _bias = file.Weight(Name(2, "bias"), 4 * Filters);
        }

        /// <summary>All steps of x [N, T, rows, columns, channels]: outputs in reading order, and the states.</summary>
        public (Grid Outputs, Grid Hidden, Grid State) Run(Grid x, string padding, int stride, int dilation, string gate, bool isBackward, Grid? hidden = null, Grid? state = null)
        {
            int[] taps = _kernel.Shape[..2];
            var steps = x.Shape[1];
            var (height, top) = Window(x.Shape[2], taps[0], stride, dilation, padding);
            var (width, left) = Window(x.Shape[3], taps[1], stride, dilation, padding);
            int[] shape = [x.Shape[0], height, width, Filters];
            Grid h = hidden ?? Grid.Of(shape, _ => 0), c = state ?? Grid.Of(shape, _ => 0);
            var outputs = new List<Grid>();
            for (var at = 0; at < steps; at++)
            {
                var t = isBackward ? steps - 1 - at : at;
                var (before, cell) = (h, c);
                double Sum(int[] p, int column)
                {
                    var sum = _bias[column];
                    for (var i = 0; i < taps[0]; i++)
                    {
                        for (var j = 0; j < taps[1]; j++)
                        {
                            for (var k = 0; k < x.Shape[4]; k++) sum += x.Or(0, p[0], t, p[1] * stride + i * dilation - top, p[2] * stride + j * dilation - left, k) * _kernel[i, j, k, column];
                            for (var k = 0; k < Filters; k++) sum += before.Or(0, p[0], p[1] + i - (taps[0] - 1) / 2, p[2] + j - (taps[1] - 1) / 2, k) * _recurrent[i, j, k, column];
                        }
                    }

                    return sum;
                }

                double Gate(int[] p, int part)
                {
                    double Value(int[] q) => Sum(q, part * Filters + q[3]);
                    if (gate == "sigmoid") return Numbers.Sigmoid(Value(p));
                    if (gate == "hard_sigmoid") return Math.Clamp(0.2 * Value(p) + 0.5, 0, 1);
                    var axis = gate[^1] - '0';
                    return Math.Exp(Value(p)) / Enumerable.Range(0, shape[axis]).Sum(i => Math.Exp(Value([.. p[..axis], i, .. p[(axis + 1)..]])));
                }

                c = Grid.Of(shape, p => Gate(p, 1) * cell[p] + Gate(p, 0) * Math.Tanh(Sum(p, 2 * Filters + p[3])));
                var next = c;
                h = Grid.Of(shape, p => Gate(p, 3) * Math.Tanh(next[p]));
                outputs.Add(h);
            }

            return (Grid.Of([x.Shape[0], steps, height, width, Filters], p => outputs[p[1]][p[0], p[2], p[3], p[4]]), h, c);
        }

        private static (int Count, int Before) Window(int size, int taps, int stride, int dilation, string padding)
        {
            var reach = (taps - 1) * dilation + 1;
            if (padding == "valid") return ((size - reach) / stride + 1, 0);
            var count = (size + stride - 1) / stride;
            return (count, Math.Max((count - 1) * stride + reach - size, 0) / 2);
        }
    }
}
