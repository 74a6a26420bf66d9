using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;

namespace SeqRuntime.Tests.Importers;

/// <summary>Recurrent operators of TensorFlow Lite agree with the formulas of its kernels over two runs: their states continue.</summary>
public class TfliteRecurrentTests
{
    private const int T = 3, N = 1, I = 4, H = 5;
    private const TfliteType F = TfliteType.Float32;

    public static TheoryData<string> Forms => ["plain", "time", "coupled", "peephole", "coupled-peephole", "projected", "projected-bias", "limited", "limited-projection", "normalized", "normalized-coupled", "relu", "relu6"];

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_lstm_has_its_formula(string form)
    {
        var cell = Cell(1, form);
        var isTimeFirst = form == "time";
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", isTimeFirst ? [T, N, I] : [N, T, I]);
        var activation = form switch { "relu" => 1, "relu6" => 3, _ => 4 };
        int[] inputs = [x, .. Weights(g, cell, ""), g.Variable("h", N, cell.Outputs), g.Variable("c", N, H), .. Enumerable.Range(0, 4).Select(gate => Vector(g, $"n{gate}", cell.Normalization[gate]))];
        var y = g.Value("y", isTimeFirst ? [T, N, cell.Outputs] : [N, T, cell.Outputs]);
        g.Op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], (0, (byte)activation), (1, (float)cell.CellLimit), (2, (float)cell.ProjectionLimit), (3, isTimeFirst));
        g.Output(y);
        Check(model, cell);
    }

    /// <summary>The layer is the runtime's where it has this form.</summary>
    [Theory]
    [InlineData("plain", true)]
    [InlineData("coupled", true)]
    [InlineData("projected", true)]
    [InlineData("limited", false)]
    public void An_lstm_is_a_layer_of_the_runtime_if_it_can_be(string form, bool isLayer)
    {
        var cell = Cell(1, form);
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Value("y", [N, T, cell.Outputs]);
        g.Op("UNIDIRECTIONAL_SEQUENCE_LSTM", [g.Input("x", [N, T, I]), .. Weights(g, cell, ""), g.Variable("h", N, cell.Outputs), g.Variable("c", N, H)], [y], (0, (byte)4), (1, (float)cell.CellLimit));
        g.Output(y);
        Assert.Equal(isLayer, model.Convert().Model.Graphs[0].Nodes.Exists(node => node.Kind == SeqRuntime.Format.OpKind.Lstm));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_directions_are_merged_or_apart(bool isMerged)
    {
        var (ahead, back) = (Cell(1, "plain"), Cell(2, "peephole"));
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [N, T, I]);
        int[] none = [.. Enumerable.Repeat(-1, 9)];
        int[] inputs = [x, .. Weights(g, ahead, "f"), .. Weights(g, back, "b"), g.Variable("fh", N, H), g.Variable("fc", N, H), g.Variable("bh", N, H), g.Variable("bc", N, H), .. none];
        int[] outputs = isMerged ? [g.Value("y", [N, T, 2 * H])] : [g.Value("y", [N, T, H]), g.Value("z", [N, T, H])];
        g.Op("BIDIRECTIONAL_SEQUENCE_LSTM", inputs, outputs, (0, (byte)4), (3, isMerged), (4, false));
        g.Output(outputs);
        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        double[] fh = new double[H], fc = new double[H], bh = new double[H], bc = new double[H];
        for (var run = 0; run < 2; run++)
        {
            var v = Numbers.Random(10 + run, T * I);
            var (forward, backward) = (new double[T][], new double[T][]);
            for (var t = 0; t < T; t++) (forward[t], fc) = ahead.Step(Numbers.Doubles(v[(t * I)..((t + 1) * I)]), t == 0 ? fh : forward[t - 1], fc);
            for (var t = T - 1; t >= 0; t--) (backward[t], bc) = back.Step(Numbers.Doubles(v[(t * I)..((t + 1) * I)]), t == T - 1 ? bh : backward[t + 1], bc);
            (fh, bh) = (forward[^1], backward[0]);
            var y = TfliteBuilder.Step(session, v);
            double[][] expected = isMerged ? [[.. forward.Zip(backward).SelectMany(p => p.First.Concat(p.Second))]] : [[.. forward.SelectMany(r => r)], [.. backward.SelectMany(r => r)]];
            for (var i = 0; i < expected.Length; i++) Numbers.Near(expected[i], y[i], 3e-6);
        }
    }

    /// <summary>The states have as many sequences as the input, which may be open or fixed by an option.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_open_batch_has_its_own_states(bool isFixed)
    {
        var cell = Cell(1, "plain");
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Value("y", [1, T, H]);
        g.Op("UNIDIRECTIONAL_SEQUENCE_LSTM", [g.Input("x", [1, T, I], signature: [-1, T, I]), .. Weights(g, cell, ""), g.Variable("h", 1, H), g.Variable("c", 1, H)], [y], (0, (byte)4));
        g.Output(y);
        using var loaded = model.Load(new ConversionOptions { Dimensions = isFixed ? new Dictionary<string, int> { ["N"] = 2 } : new Dictionary<string, int>() });
        using var session = isFixed ? loaded.CreateSession() : loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2 } });
        var (h, c) = (new[] { new double[H], new double[H] }, new[] { new double[H], new double[H] });
        for (var run = 0; run < 2; run++)
        {
            var v = Numbers.Random(40 + run, 2 * T * I);
            var expected = new List<double>();
            for (var step = 0; step < 2 * T; step++)
            {
                var n = step / T;
                (h[n], c[n]) = cell.Step(Numbers.Doubles(v[(step * I)..((step + 1) * I)]), h[n], c[n]);
                expected.AddRange(h[n]);
            }

            Numbers.Near(expected, TfliteBuilder.Step(session, v)[0], 3e-6);
        }
    }

    /// <summary>Weights in int8 with float activations, weights of 4 bits, and everything in integers.</summary>
    [Theory]
    [InlineData("int8")]
    [InlineData("whole")]
    public void Quantized_weights_are_the_numbers_that_they_stand_for(string form)
    {
        var cell = Cell(1, "plain");
        var model = new TfliteBuilder();
        var g = model.Main;
        var isWhole = form == "whole";
        var type = isWhole ? TfliteType.Int8 : F;
        var x = g.Input("x", [N, T, I], type, isWhole ? 0.01f : 0, isWhole ? 3 : 0);
        int[] inputs = [x, .. Weights(g, cell, "", isQuantized: true, isBias32: isWhole), g.Value("h", [N, H], type, isWhole ? 0.007f : 0, isVariable: true), g.Value("c", [N, H], isWhole ? TfliteType.Int16 : F, isWhole ? 1f / 4096 : 0, isVariable: true)];
        var y = g.Value("y", [N, T, H], type, isWhole ? 0.007f : 0);
        g.Op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], (0, (byte)4), (3, false));
        g.Output(y);
        var notes = string.Join('\n', Check(model, cell, 3e-6).Graphs[0].Notes);
        Assert.Contains("8 weights are stored in integers in the file and are read as the numbers that they stand for; --weights int8 keeps their steps and scales", notes, StringComparison.Ordinal);
        var kept = model.Convert(new ConversionOptions { Weights = WeightKind.Int8, WeightsOf = [new("*", WeightKind.Int8)] });
        Assert.All(kept.Tensors.Where(t => t.Weights is not null), t => Assert.True(t.Error < 1e-7, $"{t.Name}: {t.Error}"));
        if (!isWhole) return;
        Assert.Contains("are computed in float32 here, so results may differ from TensorFlow Lite's by steps of their scales", notes, StringComparison.Ordinal);
        Assert.Contains("input 'x' is float32 here; in the file it is int8, and stands for 0.01 · (q - 3)", notes, StringComparison.Ordinal);
        Assert.Contains("output 'y' is float32 here; in the file it is int8, and stands for 0.007 · q", notes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void One_step_of_an_lstm_has_its_formula(int kernel)
    {
        var cell = Cell(1, "plain");
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [N, I]);
        if (kernel == 0)
        {
            var y = g.Value("y", [N, H]);
            g.Op("LSTM", [x, .. Weights(g, cell, ""), g.Variable("h", N, H), g.Variable("c", N, H)], [y], (0, (byte)4), (3, (byte)0));
            g.Output(y);
        }
        else
        {
            // One matrix with the rows of i g f o over the features and then the units.
            int[] order = [0, 2, 1, 3];
            var joined = order.SelectMany(gate => Enumerable.Range(0, H).SelectMany(u => cell.W[gate]![(u * I)..((u + 1) * I)].Concat(cell.R[gate]![(u * H)..((u + 1) * H)]))).ToArray();
            int[] outputs = [g.Value("y", [N, H]), g.Value("state", [N, H]), g.Value("scratch", [N, I + H]), g.Value("scratch2", [N, 4 * H])];
            g.Op("LSTM", [x, g.Variable("h", N, H), g.Constant("w", [4 * H, I + H], joined), g.Constant("b", [4 * H], [.. order.SelectMany(gate => cell.B[gate]!)]), g.Variable("c", N, H)], outputs, (0, (byte)4), (3, (byte)1));
            g.Output(outputs[0]);
        }

        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        var (h, c) = (new double[H], new double[H]);
        for (var run = 0; run < 3; run++)
        {
            var v = Numbers.Random(20 + run, I);
            (h, c) = cell.Step(Numbers.Doubles(v), h, c);
            Numbers.Near(h, TfliteBuilder.Step(session, v)[0], 3e-6);
        }

        session.ResetState();
        Numbers.Near(cell.Step(Numbers.Doubles(Numbers.Random(30, I)), new double[H], new double[H]).H, TfliteBuilder.Step(session, Numbers.Random(30, I))[0], 3e-6);
    }

    [Theory]
    [InlineData("RNN", 4)]
    [InlineData("UNIDIRECTIONAL_SEQUENCE_RNN", 1)]
    [InlineData("UNIDIRECTIONAL_SEQUENCE_RNN", 3)]
    [InlineData("BIDIRECTIONAL_SEQUENCE_RNN", 4)]
    public void A_plain_recurrence_has_its_formula(string op, int activation)
    {
        var (ahead, back) = (Cell(1, "plain"), Cell(2, "plain"));
        ahead.Activation = back.Activation = activation switch { 1 => v => Math.Max(v, 0), 3 => v => Math.Clamp(v, 0, 6), _ => Math.Tanh };
        var model = new TfliteBuilder();
        var g = model.Main;
        var (isStep, isBoth) = (op == "RNN", op[0] == 'B');
        var steps = isStep ? 1 : T;
        var x = g.Input("x", isStep ? [N, I] : [N, T, I]);
        int[] Of(TfliteCells cell, string name) => [g.Constant(name + "w", [H, I], cell.W[0]!), g.Constant(name + "r", [H, H], cell.R[0]!), g.Constant(name + "b", [H], cell.B[0]!), g.Variable(name + "h", N, H)];
        int[] outputs = isBoth ? [g.Value("y", [N, T, H]), g.Value("z", [N, T, H])] : [g.Value("y", isStep ? [N, H] : [N, T, H])];
        if (isStep) g.Op(op, [x, .. Of(ahead, "")], outputs, (0, (byte)activation));
        else if (isBoth) g.Op(op, [x, .. Of(ahead, "f"), .. Of(back, "b"), -1, -1, -1], outputs, (0, false), (1, (byte)activation), (2, false));
        else g.Op(op, [x, .. Of(ahead, "")], outputs, (0, false), (1, (byte)activation));
        g.Output(outputs);
        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        var (h, b) = (new double[H], new double[H]);
        for (var run = 0; run < 2; run++)
        {
            var v = Numbers.Random(10 + run, steps * I);
            var (forward, backward) = (new double[steps][], new double[steps][]);
            for (var t = 0; t < steps; t++) forward[t] = h = ahead.Plain(Numbers.Doubles(v[(t * I)..((t + 1) * I)]), h);
            for (var t = steps - 1; t >= 0; t--) backward[t] = b = back.Plain(Numbers.Doubles(v[(t * I)..((t + 1) * I)]), b);
            var y = TfliteBuilder.Step(session, v);
            Numbers.Near(forward.SelectMany(r => r), y[0], 3e-6);
            if (isBoth) Numbers.Near(backward.SelectMany(r => r), y[1], 3e-6);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Filters_over_time_have_their_formula(int rank)
    {
        const int filters = 4, memory = 3;
        var units = filters / rank;
        var model = new TfliteBuilder();
        var g = model.Main;
        var (features, times, bias) = (Numbers.Random(1, filters * I), Numbers.Random(2, filters * memory), Numbers.Random(3, units));
        var y = g.Value("y", [N, units]);
        g.Op("SVDF", [g.Input("x", [N, I]), g.Constant("features", [filters, I], features), g.Constant("times", [filters, memory], times), g.Constant("b", [units], bias), g.Variable("state", N, filters * memory)], [y], (0, rank), (1, (byte)1));
        g.Output(y);
        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        var state = new double[filters, memory];
        for (var run = 0; run < 5; run++)
        {
            var v = Numbers.Random(10 + run, I);
            var expected = Array.ConvertAll(bias, b => (double)b);
            for (var f = 0; f < filters; f++)
            {
                for (var m = 0; m + 1 < memory; m++) state[f, m] = state[f, m + 1];
                state[f, memory - 1] = Enumerable.Range(0, I).Sum(i => (double)features[f * I + i] * v[i]);
                for (var m = 0; m < memory; m++) expected[f / rank] += state[f, m] * times[f * memory + m];
            }

            Numbers.Near(expected.Select(e => Math.Max(e, 0)), TfliteBuilder.Step(session, v)[0], 3e-6);
        }
    }

    private static ConversionResult Check(TfliteBuilder model, TfliteCells cell, double tolerance = 3e-6)
    {
        var converted = model.Convert();
        using var loaded = SeqModel.Load(converted.File);
        using var session = loaded.CreateSession();
        Assert.Equal(2, session.States.Count);
        var (h, c) = (new double[cell.Outputs], new double[H]);
        for (var run = 0; run < 2; run++)
        {
            var v = Numbers.Random(10 + run, T * I);
            var expected = new List<double>();
            for (var t = 0; t < T; t++)
            {
                (h, c) = cell.Step(Numbers.Doubles(v[(t * I)..((t + 1) * I)]), h, c);
                expected.AddRange(h);
            }

            Numbers.Near(expected, TfliteBuilder.Step(session, v)[0], tolerance);
        }

        return converted;
    }

    private static TfliteCells Cell(int seed, string form)
    {
        var random = new Random(seed);
        var cell = new TfliteCells(H, I, form.Contains("proj", StringComparison.Ordinal) ? 3 : null);
        for (var gate = 0; gate < 4; gate++)
        {
            cell.B[gate] = Numbers.Random(random, H);
            if (form.StartsWith("normalized", StringComparison.Ordinal)) cell.Normalization[gate] = Numbers.Random(random, H);
            if (gate == 0 && form.Contains("coupled", StringComparison.Ordinal)) (cell.B[gate], cell.Normalization[gate]) = (null, null);
            else (cell.W[gate], cell.R[gate]) = (Numbers.Random(random, H * I), Numbers.Random(random, H * cell.Outputs));
        }

        for (var gate = 0; gate < 3; gate++)
        {
            if (form.Contains("peephole", StringComparison.Ordinal) && (gate > 0 || cell.W[0] is not null)) cell.P[gate] = Numbers.Random(random, H);
        }

        if (cell.Outputs != H) cell.Projection = Numbers.Random(random, cell.Outputs * H);
        if (form is "projected-bias") cell.ProjectionBias = Numbers.Random(random, cell.Outputs);
        if (form is "limited") cell.CellLimit = 0.25;
        if (form is "limited-projection") cell.ProjectionLimit = 0.2;
        if (form is "relu") cell.Activation = v => Math.Max(v, 0);
        if (form is "relu6") cell.Activation = v => Math.Clamp(v, 0, 6);
        return cell;
    }

    /// <summary>Inputs 1 to 17 of an LSTM. Quantized weights replace the cell's by what they stand for.</summary>
    private static int[] Weights(TfliteBuilder.Graph g, TfliteCells cell, string name, bool isQuantized = false, bool isBias32 = false)
    {
        int Matrix(string matrix, int columns, float[]? values)
        {
            if (values is null) return -1;
            if (!isQuantized) return g.Constant(name + matrix, [H, columns], values);
            var scale = values.Max(Math.Abs) / 127;
            var q = Array.ConvertAll(values, v => (sbyte)Math.Round(v / scale));
            for (var i = 0; i < q.Length; i++) values[i] = q[i] * scale;
            return g.Quantized(name + matrix, [H, columns], q, [scale], [0]);
        }

        int Bias(int gate)
        {
            if (!isBias32) return Vector(g, $"{name}b{gate}", cell.B[gate]);
            var q = Array.ConvertAll(cell.B[gate]!, v => (int)Math.Round(v * 4096));
            cell.B[gate] = Array.ConvertAll(q, v => v / 4096f);
            return g.Quantized($"{name}b{gate}", [H], q, [1f / 4096], [0]);
        }

        return
        [
            .. Enumerable.Range(0, 4).Select(gate => Matrix($"w{gate}", I, cell.W[gate])), .. Enumerable.Range(0, 4).Select(gate => Matrix($"r{gate}", cell.Outputs, cell.R[gate])), .. Enumerable.Range(0, 3).Select(gate => Vector(g, $"{name}p{gate}", cell.P[gate])),
            .. Enumerable.Range(0, 4).Select(Bias), cell.Projection is null ? -1 : g.Constant(name + "proj", [cell.Outputs, H], cell.Projection), Vector(g, name + "projb", cell.ProjectionBias),
        ];
    }

    private static int Vector(TfliteBuilder.Graph g, string name, float[]? values) => values is null ? -1 : g.Constant(name, [values.Length], values);
}
