using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Loops, branches, variables, names, open sizes and errors of TensorFlow Lite models.</summary>
public class TfliteTests
{
    private const TfliteType F = TfliteType.Float32;
    private const TfliteType Int32 = TfliteType.Int32;
    private const int T = 4, I = 3, H = 5;

    /// <summary>Keras' GRU as TensorFlow's converter writes it: a loop with a list of outputs, of the older form (slices joined) and the newer.</summary>
    [Theory]
    [InlineData("joined")]
    [InlineData("written")]
    [InlineData("last")]
    public void A_loop_over_steps_is_a_layer(string form)
    {
        var (w, u, b0, b1) = (Numbers.Random(1, 3 * H * I), Numbers.Random(2, 3 * H * H), Numbers.Random(3, 3 * H), Numbers.Random(4, 3 * H));
        var model = new TfliteBuilder();
        var (main, test, body) = (model.Main, model.Add("while_cond"), model.Add("while_body"));
        int[] Carried(TfliteBuilder.Graph g) => [g.Input("counter", [], Int32), g.Input("time", [], Int32), g.Input("outputs", [T, 1, H]), g.Input("h", [1, H]), g.Input("steps", [T, 1, I])];
        var c = Carried(test);
        test.Output(test.Op("LESS", [c[1], test.Constant("most", [], T)], [], TfliteType.Bool));

        var v = Carried(body);
        var one = body.Constant("one", [], 1);
        var x = body.Op("GATHER", [v[4], v[1]], [1, I], F, (0, 0));
        int[] Three(int sums)
        {
            int[] parts = [.. Enumerable.Range(0, 3).Select(i => body.Value($"part{sums}_{i}", [1, H]))];
            body.Op("SPLIT", [body.Constant($"axis{sums}", [], 1), sums], parts, (0, 3));
            return parts;
        }

        int Two(string op, int a, int b) => body.Op(op, [a, b], [1, H], F);
        var a = Three(body.Op("FULLY_CONNECTED", [x, body.Constant("w", [3 * H, I], w), body.Constant("b0", [3 * H], b0)], [1, 3 * H], F));
        var q = Three(body.Op("FULLY_CONNECTED", [v[3], body.Constant("u", [3 * H, H], u), body.Constant("b1", [3 * H], b1)], [1, 3 * H], F));
        var (z, r) = (body.Op("LOGISTIC", [Two("ADD", a[0], q[0])], [1, H], F), body.Op("LOGISTIC", [Two("ADD", a[1], q[1])], [1, H], F));
        var n = body.Op("TANH", [Two("ADD", a[2], Two("MUL", r, q[2]))], [1, H], F);
        var h = Two("ADD", Two("MUL", z, v[3]), Two("MUL", body.Op("SUB", [body.Constant("onef", [], 1f), z], [1, H], F), n));
        var after = body.Op("ADD", [v[1], one], [], Int32);
        var row = body.Op("EXPAND_DIMS", [h, body.Constant("first", [], 0)], [1, 1, H], F);
        var list = v[2];
        if (form == "joined")
        {
            int Vector(int number) => body.Op("EXPAND_DIMS", [number, body.Constant($"zero{number}", [], 0)], [1], Int32);
            var before = body.Op("SLICE", [v[2], body.Ints(0, 0, 0), body.Op("CONCATENATION", [Vector(v[1]), body.Ints(-1, -1)], [3], Int32, (0, 0))], [T, 1, H], F);
            var behind = body.Op("SLICE", [v[2], body.Op("CONCATENATION", [Vector(body.Op("ADD", [v[1], one], [], Int32)), body.Ints(0, 0)], [3], Int32, (0, 0)), body.Ints(-1, -1, -1)], [T, 1, H], F);
            list = body.Op("CONCATENATION", [before, row, behind], [T, 1, H], F, (0, 0));
        }
        else if (form == "written")
        {
            var at = body.Op("PACK", [v[1], body.Constant("n0", [], 0), body.Constant("n1", [], 0)], [3], Int32, (0, 3), (1, 0));
            list = body.Op("DYNAMIC_UPDATE_SLICE", [v[2], row, at], [T, 1, H], F);
        }

        body.Output(body.Op("ADD", [v[0], one], [], Int32), after, list, h, v[4]);

        var sequence = main.Op("TRANSPOSE", [main.Input("x", [1, T, I]), main.Ints(1, 0, 2)], [T, 1, I], F);
        int[] results = [main.Value("r0", [], Int32), main.Value("r1", [], Int32), main.Value("r2", [T, 1, H]), main.Value("r3", [1, H]), main.Value("r4", [T, 1, I])];
        main.Op("WHILE", [main.Constant("c0", [], 0), main.Constant("t0", [], 0), main.Constant("list0", [T, 1, H], new float[T * H]), main.Constant("h0", [1, H], new float[H]), sequence], results, (0, 1), (1, 2));
        if (form == "last") main.Output(results[3]);
        else main.Output(results[3], results[2]);

        var converted = model.Convert();
        Assert.Contains(converted.Model.Graphs[0].Nodes, node => node.Kind == OpKind.Gru);
        Assert.True(converted.Model.Graphs[0].Nodes.Count < 12, $"{converted.Model.Graphs[0].Nodes.Count} nodes");
        var input = Numbers.Random(9, T * I);
        var y = model.Run(input);
        var (state, all) = (new double[H], new List<double>());
        for (var t = 0; t < T; t++)
        {
            double Sum(float[] m, int row, double[] of) => of.Select((value, i) => value * m[row * of.Length + i]).Sum();
            var step = Numbers.Doubles(input[(t * I)..((t + 1) * I)]);
            state = [.. Enumerable.Range(0, H).Select(k =>
            {
                double A(int gate) => Sum(w, gate * H + k, step) + b0[gate * H + k];
                double Q(int gate) => Sum(u, gate * H + k, state) + b1[gate * H + k];
                var (zk, rk) = (Numbers.Sigmoid(A(0) + Q(0)), Numbers.Sigmoid(A(1) + Q(1)));
                return zk * state[k] + (1 - zk) * Math.Tanh(A(2) + rk * Q(2));
            })];
            all.AddRange(state);
        }

        Numbers.Near(state, y[0], 3e-6);
        if (form != "last") Numbers.Near(all, y[1], 3e-6);
    }

    /// <summary>Keras' LSTM that was not fused: both products, a bias, and a split into i f g o.</summary>
    [Fact]
    public void An_lstm_in_a_loop_is_a_layer()
    {
        var cell = new TfliteCells(H, I);
        for (var gate = 0; gate < 4; gate++) (cell.W[gate], cell.R[gate], cell.B[gate]) = (Numbers.Random(gate, H * I), Numbers.Random(10 + gate, H * H), Numbers.Random(20 + gate, H));
        var model = new TfliteBuilder();
        var (main, test, body) = (model.Main, model.Add("while_cond"), model.Add("while_body"));
        int[] Carried(TfliteBuilder.Graph g) => [g.Input("time", [], Int32), g.Input("outputs", [T, 1, H]), g.Input("h", [1, H]), g.Input("c", [1, H]), g.Input("steps", [T, 1, I]), g.Input("most", [], Int32)];
        var t = Carried(test);
        test.Output(test.Op("LESS", [t[0], t[5]], [], TfliteType.Bool));
        var v = Carried(body);
        int One(string op, params int[] inputs) => body.Op(op, inputs, [1, H], F);
        var x = body.Op("GATHER", [v[4], v[0]], [1, I], F, (0, 0));
        var product = body.Op("FULLY_CONNECTED", [x, body.Constant("w", [4 * H, I], [.. cell.W.SelectMany(w => w!)]), -1], [1, 4 * H], F);
        var state = body.Op("FULLY_CONNECTED", [v[2], body.Constant("u", [4 * H, H], [.. cell.R.SelectMany(r => r!)]), -1], [1, 4 * H], F);
        var sums = body.Op("ADD", [body.Op("ADD", [product, state], [1, 4 * H], F), body.Constant("b", [4 * H], [.. cell.B.SelectMany(b => b!)])], [1, 4 * H], F);
        int[] gates = [.. Enumerable.Range(0, 4).Select(i => body.Value($"gate{i}", [1, H]))];
        body.Op("SPLIT", [body.Constant("axis", [], 1), sums], gates, (0, 4));
        var next = One("ADD", One("MUL", One("LOGISTIC", gates[1]), v[3]), One("MUL", One("LOGISTIC", gates[0]), One("TANH", gates[2])));
        var h = One("MUL", One("LOGISTIC", gates[3]), One("TANH", next));
        var at = body.Op("PACK", [v[0], body.Constant("n0", [], 0), body.Constant("n1", [], 0)], [3], Int32, (0, 3), (1, 0));
        var list = body.Op("DYNAMIC_UPDATE_SLICE", [v[1], body.Op("RESHAPE", [h, body.Ints(1, 1, H)], [1, 1, H], F), at], [T, 1, H], F);
        body.Output(body.Op("ADD", [v[0], body.Constant("one", [], 1)], [], Int32), list, h, next, v[4], v[5]);
        var sequence = main.Op("TRANSPOSE", [main.Input("x", [1, T, I]), main.Ints(1, 0, 2)], [T, 1, I], F);
        int[] results = [main.Value("r0", [], Int32), main.Value("r1", [T, 1, H]), main.Value("r2", [1, H]), main.Value("r3", [1, H]), main.Value("r4", [T, 1, I]), main.Value("r5", [], Int32)];
        main.Op("WHILE", [main.Constant("t0", [], 0), main.Constant("list0", [T, 1, H], new float[T * H]), main.Constant("h0", [1, H], new float[H]), main.Constant("c0", [1, H], new float[H]), sequence, main.Constant("all", [], T)], results, (0, 1), (1, 2));
        main.Output(results[1], results[3]);

        Assert.Contains(model.Convert().Model.Graphs[0].Nodes, node => node.Kind == OpKind.Lstm);
        var input = Numbers.Random(9, T * I);
        var (hidden, kept, all) = (new double[H], new double[H], new List<double>());
        for (var step = 0; step < T; step++)
        {
            (hidden, kept) = cell.Step(Numbers.Doubles(input[(step * I)..((step + 1) * I)]), hidden, kept);
            all.AddRange(hidden);
        }

        var y = model.Run(input);
        Numbers.Near(all, y[0], 3e-6);
        Numbers.Near(kept, y[1], 3e-6);
    }

    /// <summary>TensorFlow's own lists, which stay in the file where the batch is open: of all steps, or of the last one only.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_loop_may_fill_a_list_of_TensorFlow(bool isWhole)
    {
        const int N = 2;
        var (w, u) = (Numbers.Random(1, H * I), Numbers.Random(2, H * H));
        var model = new TfliteBuilder();
        var (main, test, body) = (model.Main, model.Add("while_cond"), model.Add("while_body"));
        int[] Carried(TfliteBuilder.Graph g) => [g.Input("time", [], Int32), g.Input("outputs", [], TfliteType.Variant), g.Input("h", [1, H], signature: [-1, H]), g.Input("steps", [T, 1, I], signature: [T, -1, I])];
        var c = Carried(test);
        test.Output(test.Op("LESS", [c[0], test.Constant("most", [], T)], [], TfliteType.Bool));

        var v = Carried(body);
        int Wide(TfliteBuilder.Graph g, string name, string op, int[] inputs, int width, params (int, object)[] options)
        {
            var value = g.Value(name, [1, width], signature: [-1, width]);
            g.Op(op, inputs, [value], options);
            return value;
        }

        var x = Wide(body, "x", "GATHER", [v[3], v[0]], I, (0, 0));
        var product = Wide(body, "wx", "FULLY_CONNECTED", [x, body.Constant("w", [H, I], w), -1], H);
        var state = Wide(body, "uh", "FULLY_CONNECTED", [v[2], body.Constant("u", [H, H], u), -1], H);
        var h = Wide(body, "tanh", "TANH", [Wide(body, "sum", "ADD", [product, state], H)], H);
        var list = body.Op("FlexTensorListSetItem", [v[1], isWhole ? v[0] : body.Constant("zero", [], 0), h], [], TfliteType.Variant);
        body.Output(body.Op("ADD", [v[0], body.Constant("one", [], 1)], [], Int32), list, h, v[3]);

        var input = main.Input("x", [1, T, I], signature: [-1, T, I]);
        var sequence = main.Value("sequence", [T, 1, I], signature: [T, -1, I]);
        main.Op("TRANSPOSE", [input, main.Ints(1, 0, 2)], [sequence]);
        var batch = main.Op("STRIDED_SLICE", [main.Op("SHAPE", [input], [3], Int32), main.Ints(0), main.Ints(1), main.Ints(1)], [], Int32, (4, 1));
        var first = Wide(main, "h0", "FILL", [main.Op("PACK", [batch, main.Constant("width", [], H)], [2], Int32, (0, 2)), main.Constant("zero", [], 0f)], H);
        var (sizes, count) = (main.Ints(-1, H), isWhole ? T : 1);
        var empty = main.Op("FlexTensorListReserve", [sizes, main.Constant("count", [], count)], [], TfliteType.Variant);
        int[] results = [main.Value("r0", [], Int32), main.Value("r1", [], TfliteType.Variant), main.Value("r2", [1, H], signature: [-1, H]), main.Value("r3", [T, 1, I], signature: [T, -1, I])];
        main.Op("WHILE", [main.Constant("t0", [], 0), empty, first, sequence], results, (0, 1), (1, 2));
        var all = main.Value("all", [count, 1, H], signature: [count, -1, H]);
        main.Op("FlexTensorListStack", [results[1], sizes], [all]);
        main.Output(all);

        using var converted = model.Load();
        using var session = converted.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = N } });
        var given = Numbers.Random(9, N * T * I);
        var expected = new double[count * N * H];
        for (var n = 0; n < N; n++)
        {
            var hidden = new double[H];
            for (var t = 0; t < T; t++)
            {
                double Sum(int k) => Enumerable.Range(0, I).Sum(i => (double)w[k * I + i] * given[(n * T + t) * I + i]) + hidden.Select((value, i) => value * u[k * H + i]).Sum();
                hidden = [.. Enumerable.Range(0, H).Select(k => Math.Tanh(Sum(k)))];
                hidden.CopyTo(expected, ((isWhole ? t : 0) * N + n) * H);
            }
        }

        Numbers.Near(expected, TfliteBuilder.Step(session, given)[0], 3e-6);
    }

    [Fact]
    public void A_branch_is_taken_by_its_condition()
    {
        var model = new TfliteBuilder();
        var (main, then, otherwise) = (model.Main, model.Add("then"), model.Add("else"));
        then.Output(then.Op("MUL", [then.Input("a", [2]), then.Constant("two", [], 2f)], [2], F));
        otherwise.Output(otherwise.Op("NEG", [otherwise.Input("a", [2])], [2], F));
        var x = main.Input("x", [2]);
        var isPositive = main.Op("GREATER", [main.Op("SUM", [x, main.Ints(0)], [], F), main.Constant("zero", [], 0f)], [], TfliteType.Bool);
        var y = main.Value("y", [2]);
        main.Op("IF", [isPositive, x], [y], (0, 1), (1, 2));
        main.Output(y);
        Assert.Equal([6, -2], model.Run([3, -1])[0]);
        Assert.Equal([3, 1], model.Run([-3, -1])[0]);
    }

    [Fact]
    public void Variables_are_states_with_their_first_values()
    {
        var model = new TfliteBuilder();
        var (main, first) = (model.Main, model.Add("init"));
        var made = first.Value("handle", [], TfliteType.Resource);
        first.Op("VAR_HANDLE", [], [made], (0, ""), (1, "sum"));
        first.Op("ASSIGN_VARIABLE", [made, first.Constant("begin", [2], 10f, 20)], []);
        var handle = main.Value("handle", [], TfliteType.Resource);
        main.Op("CALL_ONCE", [], [], (0, 1));
        main.Op("VAR_HANDLE", [], [handle], (0, ""), (1, "sum"));
        var sum = main.Op("ADD", [main.Op("READ_VARIABLE", [handle], [2], F), main.Input("x", [2])], [2], F);
        main.Op("ASSIGN_VARIABLE", [handle, sum], []);
        main.Output(main.Op("NEG", [main.Op("READ_VARIABLE", [handle], [2], F)], [2], F));
        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        Assert.Equal("sum", session.States[0].Name);
        Assert.Equal([-11, -22], TfliteBuilder.Step(session, [1, 2])[0]);
        Assert.Equal([-12, -24], TfliteBuilder.Step(session, [1, 2])[0]);
        session.ResetState();
        Assert.Equal([-11, -22], TfliteBuilder.Step(session, [1, 2])[0]);
    }

    [Fact]
    public void Ports_have_the_names_that_users_know()
    {
        var model = new TfliteBuilder();
        var x = model.Main.Input("serving_default_audio:0", [1, 3], signature: [-1, 3]);
        var y = model.Main.Value("StatefulPartitionedCall:0", [1, 3]);
        model.Main.Op("NEG", [x], [y]);
        model.Main.Output(y);
        using (var plain = model.Load())
        {
            Assert.Equal(["audio"], plain.Graphs[0].Inputs.Select(i => i.Name));
            Assert.Equal(["StatefulPartitionedCall"], plain.Graphs[0].Outputs.Select(o => o.Name));
            Assert.Equal(["N"], plain.Graphs[0].Symbols);
        }

        model.Signature("serving_default", model.Main, [("sound", x)], [("mask", y)]);
        using var named = model.Load();
        Assert.Equal(["sound"], named.Graphs[0].Inputs.Select(i => i.Name));
        Assert.Equal(["mask"], named.Graphs[0].Outputs.Select(o => o.Name));
    }

    /// <summary>A size may be open in the file although a constant of the graph fixes it.</summary>
    [Fact]
    public void An_open_size_that_does_not_fit_is_that_of_the_file()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(g.Op("NEG", [g.Op("RESHAPE", [g.Input("x", [1, 2, 3], signature: [-1, 2, 3]), g.Ints(1, 6)], [1, 6], F)], [1, 6], F));
        var converted = model.Convert();
        Assert.Contains(converted.Graphs[0].Notes, note => note.StartsWith("dimension 'N' is fixed at 1", StringComparison.Ordinal));
        using var loaded = SeqModel.Load(converted.File);
        Assert.Empty(loaded.Graphs[0].Symbols);
        using var session = loaded.CreateSession();
        Assert.Equal([-1, -2, -3, -4, -5, -6], TfliteBuilder.Step(session, [1, 2, 3, 4, 5, 6])[0]);
    }

    [Fact]
    public void Each_signature_is_a_graph()
    {
        var model = new TfliteBuilder();
        var other = model.Add("other");
        model.Main.Output(model.Main.Op("NEG", [model.Main.Input("x", [2])], [2], F));
        other.Output(other.Op("ABS", [other.Input("x", [2])], [2], F));
        model.Signature("encode", model.Main, [("a", 0)], [("b", 1)]).Signature("decode", other, [("c", 0)], [("d", 1)]);
        using var loaded = model.Load();
        Assert.Equal(["encode", "decode"], loaded.Graphs.Select(g => g.Name));
        using var session = loaded.CreateSession("decode");
        Assert.Equal([1, 2], TfliteBuilder.Step(session, [-1, 2])[0]);
    }

    [Theory]
    [InlineData("Int8", 0.5f)]
    [InlineData("UInt8", 0.5f)]
    [InlineData("Int16", 0.25f)]
    public void Integers_that_begin_at_zero_stand_for_a_relu(string integers, float scale)
    {
        var type = Enum.Parse<TfliteType>(integers);
        var model = new TfliteBuilder();
        var (g, isRelu) = (model.Main, type != TfliteType.Int16);
        var y = g.Value("y", [2], type, scale, type == TfliteType.Int8 ? -128 : 0);
        g.Op("ADD", [g.Input("a", [2], type, scale), g.Input("b", [2], type, scale)], [y], (0, (byte)0));
        g.Output(y);
        Assert.Equal(isRelu ? [0, 127.5f] : [-3f, 900], model.Run([1, 400], [-4, 500])[0]);
    }

    [Fact]
    public void A_constant_has_scales_along_its_axis_and_bits_below_eight()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 3]);
        var byColumn = g.Quantized("w", [2, 3], new sbyte[] { 1, 2, 3, -4, 5, -6 }, [0.5f, 0.25f, 2], [0, 1, 0], axis: 1);
        var nibbles = g.Quantized("v", [2, 3], new byte[] { 0x21, 0xc3, 0xa5 }, [0.5f], [0], type: TfliteType.Int4);
        g.Output(g.Op("FULLY_CONNECTED", [x, byColumn, -1], [1, 2], F), g.Op("FULLY_CONNECTED", [x, nibbles, -1], [1, 2], F));
        var y = model.Run([1, 10, 100]);
        Assert.Equal([0.5f + 2.5f + 600, -2 + 10 - 1200], y[0]);
        Assert.Equal([0.5f + 10 + 150, -2 + 25 - 300], y[1]);
    }

    [Fact]
    public void Scales_of_a_vector_lie_along_its_only_axis()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var bias = g.Quantized<sbyte>("bias", [3], [2, 4, 6], [0.5f, 1, 2], [0, 0, 0], axis: 3);
        g.Output(g.Op("ADD", [g.Input("x", [3]), g.Op("DEQUANTIZE", [bias], [3], F)], [3], F));
        Assert.Equal([1, 5, 13], model.Run([0, 1, 1])[0]);
    }

    [Fact]
    public void Operators_that_are_not_supported_are_named_together()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 2, 2, 1]);
        g.Output(g.Op("L2_POOL_2D", [x, g.Ints(4, 4)], [1, 4, 4, 1], F), g.Op("MyOp", [x], [1], F), g.Op("FlexErfinv", [x], [1], F), g.Op("UNIQUE", [x], [1], F), g.Op("UNIQUE", [x], [1], F));
        var fault = Assert.Throws<ConversionException>(() => model.Convert()).Message;
        Assert.Contains("model.tflite: these operators are not supported: L2_POOL_2D ('l2_pool_2d_2'), the custom MyOp ('myop_3'), TensorFlow's FlexErfinv ('flexerfinv_4'), UNIQUE ('unique_5', 'unique_6'). If the original model is there, convert it to ONNX, python -m tf2onnx.convert --saved-model FOLDER --output model.onnx, and convert that.", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_lists_every_operator()
    {
        var listed = Docs.Documents.Code("docs/from/tensorflow.md").Where(code => code.Length > 1 && (code.StartsWith("FlexTensorList", StringComparison.Ordinal) || code is "AudioSpectrogram" or "Mfcc" || code.All(c => c is '_' or (>= 'A' and <= 'Z') or (>= '0' and <= '9'))));
        Assert.Equal(new TfliteOperators().Names.Order(StringComparer.Ordinal), listed.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_weight_that_nothing_reads_is_listed()
    {
        var model = new TfliteBuilder();
        model.Main.Output(model.Main.Op("NEG", [model.Main.Input("x", [2])], [2], F));
        model.Main.Constant("left/over", [2, 2], 1f, 2, 3, 4);
        Assert.Contains(model.Convert().Graphs[0].Notes, note => note.Contains("unused in model.tflite: 'left/over' [2, 2] (none of the file's operators reads them, so TensorFlow Lite does not use them either)", StringComparison.Ordinal));
    }

    /// <summary>TensorFlow's converter leaves the whole bias of an LSTM behind when it has cut it into those of the gates.</summary>
    [Fact]
    public void A_weight_whose_numbers_are_read_from_others_is_not_listed()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var (a, b) = (g.Constant("bias_i", [2], 1f, 2), g.Constant("bias_f", [2], 3f, 4));
        g.Output(g.Op("ADD", [g.Op("ADD", [g.Input("x", [2]), a], [2], F), b], [2], F));
        g.Constant("lstm/Read_2/ReadVariableOp", [4], 1f, 2, 3, 4);
        g.Value("input_to_input_intermediate", [0]);
        Assert.DoesNotContain(model.Convert().Graphs[0].Notes, note => note.Contains("unused", StringComparison.Ordinal));
    }

    /// <summary>Zeros are everywhere, so they do not tell that a constant was cut into others.</summary>
    [Fact]
    public void Zeros_that_nothing_reads_are_listed()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(g.Op("ADD", [g.Input("x", [2]), g.Constant("bias", [2], 0f, 1)], [2], F));
        g.Constant("left/over", [2], 0f, -0f);
        Assert.Contains(model.Convert().Graphs[0].Notes, note => note.Contains("unused in model.tflite: 'left/over' [2]", StringComparison.Ordinal));
    }

    [Fact]
    public void A_variable_without_a_value_is_refused_with_a_way_out()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var handle = g.Value("handle", [], TfliteType.Resource);
        g.Op("VAR_HANDLE", [], [handle], (0, ""), (1, "dense/bias"));
        g.Output(g.Op("ADD", [g.Op("READ_VARIABLE", [handle], [2], F), g.Input("x", [2])], [2], F));
        var fault = Assert.Throws<ConversionException>(() => model.Convert()).Message;
        Assert.Contains("the file has no value of the variable 'dense/bias', so TensorFlow Lite cannot run it either", fault, StringComparison.Ordinal);
        Assert.Contains("Convert the Keras model itself", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Descriptions_and_attached_files_are_told()
    {
        var described = new Google.FlatBuffers.FlatBufferBuilder(64);
        int Vector(params int[] tables)
        {
            described.StartVector(4, tables.Length, 4);
            foreach (var table in tables.Reverse()) described.AddOffset(table);
            return described.EndVector().Value;
        }

        int Floats(float value)
        {
            described.StartVector(4, 1, 4);
            described.AddFloat(value);
            return described.EndVector().Value;
        }

        int Table(params (int Field, int Offset)[] fields)
        {
            described.StartTable(5);
            foreach (var (field, offset) in fields) described.AddOffset(field, offset, 0);
            return described.EndTable();
        }

        var (mean, deviation) = (Floats(127.5f), Floats(64));
        var options = Table((0, mean), (1, deviation));
        described.StartTable(2);
        described.AddByte(0, 1, 0);
        described.AddOffset(1, options, 0);
        var units = Vector(described.EndTable());
        var subgraphs = Vector(Table((2, Vector(Table((4, units))))));
        described.Finish(Table((3, subgraphs)));
        var model = new TfliteBuilder().Metadata("TFLITE_METADATA", described.SizedByteArray());
        model.Main.Output(model.Main.Op("NEG", [model.Main.Input("x", [2])], [2], F));
        using var stream = new MemoryStream();
        stream.Write(model.ToArray());
        using (var archive = new System.IO.Compression.ZipArchive(stream, System.IO.Compression.ZipArchiveMode.Create, leaveOpen: true))
        {
            using var labels = archive.CreateEntry("labels.txt").Open();
            labels.Write("cat\ndog\n"u8);
        }

        var notes = new List<string>();
        _ = TfliteReader.Read("model.tflite", stream.ToArray(), "main", notes);
        Assert.Contains("the file's description says that input 1 is (value - 127.5) / 64: programs prepare it, the model does not", notes);
        Assert.Contains("model.tflite has a file attached, which the conversion leaves out: 'labels.txt'. 'unzip model.tflite' unpacks it; a list of labels can be a table of --decoding", notes);
    }

    /// <summary>A table of whole steps keeps them, and is looked up as what they stand for.</summary>
    [Theory]
    [InlineData("GATHER")]
    [InlineData("EMBEDDING_LOOKUP")]
    public void A_table_of_steps_keeps_them_in_int8(string op)
    {
        const int rows = 100, columns = 20;
        var model = new TfliteBuilder();
        var g = model.Main;
        var steps = Numbers.Random(1, rows * columns).Select(v => (sbyte)Math.Round(v * 60)).ToArray();
        var (x, table) = (g.Op("CAST", [g.Input("x", [3])], [3], Int32), g.Quantized("table", [rows, columns], steps, [0.03f], [0]));
        g.Output(g.Op(op, op[0] == 'G' ? [table, x] : [x, table], [3, columns], F, op[0] == 'G' ? [(0, 0)] : []));
        var options = new ConversionOptions { Weights = WeightKind.Int8 };
        var stored = Assert.Single(model.Convert(options).Tensors, t => t.Name == "table");
        Assert.Equal(WeightKind.Int8, stored.Weights);
        Assert.True(stored.Error < 1e-7, $"{stored.Error}");
        using var loaded = model.Load(options);
        using var session = loaded.CreateSession();
        var y = TfliteBuilder.Step(session, [99, 0, 7])[0];
        Numbers.Near(new[] { 99, 0, 7 }.SelectMany(row => steps[(row * columns)..((row + 1) * columns)].Select(q => q * (double)0.03f)), y, 1e-6);
    }

    [Fact]
    public void A_file_of_another_version_is_refused() =>
        Assert.Contains("version 2 of TensorFlow Lite's schema; only 3 can be read", Assert.Throws<ConversionException>(() => new TfliteBuilder { Version = 2 }.Convert()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_subgraph_that_calls_itself_is_refused()
    {
        var model = new TfliteBuilder();
        var y = model.Main.Value("y", [2]);
        model.Main.Op("CALL", [model.Main.Input("x", [2])], [y], (0, 0));
        model.Main.Output(y);
        Assert.Contains("nested more than", Assert.Throws<ConversionException>(() => model.Convert()).Message, StringComparison.Ordinal);
    }

    /// <summary>Sizes that no data stands behind allocate nothing.</summary>
    [Theory]
    [InlineData("SLICE")]
    [InlineData("STRIDED_SLICE")]
    [InlineData("UNIDIRECTIONAL_SEQUENCE_RNN")]
    public void Sizes_without_data_are_refused(string op)
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var (x, huge) = (g.Input("x", [1, 2, 2]), g.Input("huge", [int.MaxValue], Int32));
        var weights = g.Constant("w", [2, 2], 1f, 2, 3, 4);
        g.Output(g.Op(op, op[0] == 'U' ? [x, weights, weights, -1, g.Variable("state", int.MaxValue, int.MaxValue)] : [x, huge, huge, huge], [1, 2, 2], F, (0, (byte)1)));
        Assert.Throws<ConversionException>(() => model.Convert());
    }

    /// <summary>Every beginning of a file, and files with changed bytes, are converted or refused with the file's name.</summary>
    [Fact]
    public void Damaged_files_are_refused_or_read()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Op("FULLY_CONNECTED", [g.Input("x", [1, 3], signature: [-1, 3]), g.Quantized("w", [2, 3], new sbyte[] { 1, 2, 3, -4, 5, -6 }, [0.5f, 0.25f], [0, 0]), g.Constant("b", [2], 1f, 2)], [1, 2], F, (0, (byte)1));
        g.Output(g.Op("RESHAPE", [y, g.Ints(-1, 1)], [2, 1], F));
        model.Signature("run", g, [("x", 0)], [("y", y)]);
        var file = model.ToArray();
        using var folder = new TemporaryFolder();
        bool Try(byte[] bytes, string what)
        {
            try
            {
                var notes = new List<string>();
                _ = TfliteReader.Read("m.tflite", bytes, "main", notes);
                return true;
            }
            catch (ConversionException fault)
            {
                Assert.StartsWith("m.tflite", fault.Message, StringComparison.Ordinal);
                return false;
            }
            catch (Exception fault)
            {
                Assert.Fail($"{what}: {fault}");
                return false;
            }
        }

        Assert.True(Try(file, "the whole file"));
        for (var length = 0; length < file.Length; length++) Try(file[..length], $"cut at {length}");
        var refused = 0;
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])file.Clone();
            for (var change = random.Next(1, 4); change > 0; change--) bytes[random.Next(bytes.Length)] = (byte)(random.Next(3) == 0 ? random.Next(256) : random.Next(8));
            refused += Try(bytes, $"mutation {seed}") ? 0 : 1;
        }

        Assert.InRange(refused, 2000, 19_000);
    }
}
