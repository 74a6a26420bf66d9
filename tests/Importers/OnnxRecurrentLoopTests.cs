using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Loops that are recurrent layers become these layers for any number of rounds, with the same results as ONNX Runtime.</summary>
public class OnnxRecurrentLoopTests
{
    private const int N = RecurrentLoop.N, I = RecurrentLoop.I, H = RecurrentLoop.H;

    public static TheoryData<string> Cells =>
        ["lstm", "lstm-joined", "lstm-apart", "lstm-projected", "lstm-peephole", "lstm-hard", "lstm-hard6", "lstm-relu", "lstm-coupled", "gru-after", "gru-before", "gru-turned", "rnn", "rnn-relu"];

    /// <summary>tf2onnx: weights carried unchanged, an int32 counter, a condition that compares it as a float, all steps collected.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void A_loop_of_TensorFlow_is_a_layer(string cell)
    {
        foreach (var isFixed in (bool[])[true, false])
        {
            foreach (var isBackward in (bool[])[false, true])
            {
                var loop = new RecurrentLoop(cell);
                Ports(loop, "round go t h", "W");
                Constants(loop.Body, OnnxBuilder.Tensor("step", [], 1), OnnxBuilder.Tensor<long>("first", [1], 0));
                var place = isBackward ? loop.Add("Sub", "last t") : "t";
                var (h, c) = loop.Step(loop.Add("Gather", $"xt {place}", ("axis", 0)), "h", "c");
                var next = loop.Add("Add", "t step");
                var less = loop.Add("Less", $"{loop.Add("Cast", next, ("to", OnnxBuilder.Float))} {loop.Add("Cast", "T32", ("to", OnnxBuilder.Float))}");
                Outputs(loop, loop.Add("And", $"{less} {less}"), next, loop.Add("Identity", h), c, loop.Add("Identity", "W"), loop.Add("Identity", h));
                var model = loop.Weights(Input(isFixed)).Constant("t0", [], 0).Constant("yes", [], true).Constant("one32", [], 1).Constant<long>("one64", [1], 1)
                    .Node("Transpose", "x", "xt", ("perm", new long[] { 1, 0, 2 })).Node("Shape", "xt", "shape").Node("Slice", "shape zero64 one64", "T1").Node("Squeeze", "T1", "T64").Node("Cast", "T64", "T32", ("to", OnnxBuilder.Int32)).Node("Sub", "T32 one32", "last")
                    .Constant<long>("zero64", [1], 0);
                States(model, loop, given: false);
                model.Node("Loop", $"T64 yes t0 h0{(loop.IsLstm ? " c0" : "")} W", $"t_ h_{(loop.IsLstm ? " c_" : "")} W_ seq", ("body", loop.Body)).Node("Transpose", "seq", "y", ("perm", new long[] { 1, 0, 2 })).Output("y").Output("h_");
                if (loop.IsLstm) model.Output("c_");
                Check(model, loop, isFixed);
            }
        }
    }

    /// <summary>TorchScript: a growing list, one step of a batch-major sequence, given states.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void A_loop_of_torch_script_is_a_layer(string cell)
    {
        foreach (var isNew in (bool[])[true, false])
        {
            var loop = new RecurrentLoop(cell);
            Ports(loop, "round go h", "list");
            var (h, c) = loop.Step(loop.Add("Gather", "x round", ("axis", 1)), "h", "c");
            Constants(loop.Body, OnnxBuilder.Tensor<long>("axis", [1], 1));
            Outputs(loop, loop.Add("Identity", "go"), h, c, loop.Add("SequenceInsert", $"list {(isNew ? h : loop.Add("Unsqueeze", $"{h} axis"))}"));
            loop.Body.Input[^1].Type = new TypeProto { SequenceType = new TypeProto.Types.Sequence { ElemType = OnnxBuilder.Port("e", OnnxBuilder.Float).Type } };
            loop.Body.Output[^1].Type = loop.Body.Input[^1].Type;
            var model = loop.Weights(Input(isFixed: false)).Constant("yes", [], true).Constant("one64", [], 1L).Node("Shape", "x", "shape").Node("Gather", "shape one64", "T64").Node("SequenceEmpty", "", "empty", ("dtype", OnnxBuilder.Float));
            States(model, loop, given: true);
            model.Node("Loop", $"T64 yes h0{(loop.IsLstm ? " c0" : "")} empty", $"h_{(loop.IsLstm ? " c_" : "")} all", ("body", loop.Body)).Node("ConcatFromSequence", "all", "y", ("axis", 1), ("new_axis", isNew ? 1 : 0)).Output("y").Output("h_");
            Check(model, loop, isFixed: false);
        }
    }

    /// <summary>A list of the steps made from the sequence before the loop; a growing tensor; only the last output.</summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru-after")]
    [InlineData("rnn")]
    public void Steps_may_be_a_list_and_outputs_a_tensor_that_grows(string cell)
    {
        var loop = new RecurrentLoop(cell);
        Ports(loop, "round go h", "grown");
        Constants(loop.Body, OnnxBuilder.Tensor<long>("axis", [1], 1));
        var (h, c) = loop.Step(loop.Add("SequenceAt", "steps round"), "h", "c");
        Outputs(loop, loop.Add("Identity", "go"), h, c, loop.Add("Concat", $"grown {loop.Add("Unsqueeze", $"{h} axis")}", ("axis", 1)));
        var model = loop.Weights(Input(isFixed: false)).Constant("yes", [], true).Node("SplitToSequence", "x", "steps", ("axis", 1), ("keepdims", 0)).Node("SequenceLength", "steps", "T64").Constant("empty", [N, 0, H], Array.Empty<float>());
        States(model, loop, given: true);
        model.Node("Loop", $"T64 yes h0{(loop.IsLstm ? " c0" : "")} empty", $"h_{(loop.IsLstm ? " c_" : "")} y", ("body", loop.Body)).Output("y").Output("h_");
        Check(model, loop, isFixed: false);
    }

    /// <summary>Scan in either direction along the axis of a batch-major sequence, with dense layers before and after the cell in one body.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void A_scan_is_a_layer(string cell)
    {
        foreach (var (backward, turned) in ((int, int)[])[(0, 0), (1, 0), (0, 1), (1, 1)])
        {
            var loop = new RecurrentLoop(cell);
            Ports(loop, "h", "row");
            var (h, c) = loop.Step(loop.Add("Tanh", loop.Add("MatMul", "row dense")), "h", "c");
            Outputs(loop, "", h, c, loop.Add("Softmax", loop.Add("MatMul", $"{h} out"), ("axis", -1)));
            var model = loop.Weights(Input(isFixed: false)).Random("dense", 40, 1, I, I).Random("out", 44, 1, loop.States, 3);
            States(model, loop, given: true);
            model.Node("Scan", $"h0{(loop.IsLstm ? " c0" : "")} x", $"h_{(loop.IsLstm ? " c_" : "")} y", ("body", loop.Body), ("num_scan_inputs", 1), ("scan_input_axes", new long[] { 1 }), ("scan_input_directions", new long[] { backward }), ("scan_output_directions", new long[] { turned })).Output("y").Output("h_");
            Check(model, loop, isFixed: false);
        }
    }

    /// <summary>A loop with a known number of rounds over a part of the sequence, whose step numbers are also read as numbers.</summary>
    [Fact]
    public void A_loop_over_a_part_of_a_sequence_takes_that_part()
    {
        var loop = new RecurrentLoop("lstm");
        Ports(loop, "round go h", "c");
        loop.Body.Input.RemoveAt(loop.Body.Input.Count - 1);
        Constants(loop.Body, OnnxBuilder.Tensor<long>("two", [], 2));
        var number = loop.Add("Cast", "round", ("to", OnnxBuilder.Float));
        var (h, c) = loop.Step(loop.Add("Add", $"{loop.Add("Gather", $"x {loop.Add("Add", "round two")}", ("axis", 1))} {number}"), "h", "c");
        Outputs(loop, loop.Add("Identity", "go"), h, c, h);
        var model = loop.Weights(Input(isFixed: true)).Constant("yes", [], true).Constant("count", [], 3L);
        States(model, loop, given: true);
        model.Node("Loop", "count yes h0 c0", "h_ c_ y", ("body", loop.Body)).Output("y").Output("h_").Output("c_");
        Check(model, loop, isFixed: true);
    }

    /// <summary>Unrolled steps: slices of a sequence in three ways, states given or zero, all outputs joined or only the last.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void Written_out_steps_are_a_layer(string cell)
    {
        foreach (var way in (string[])["Gather", "Slice", "Split"])
        {
            foreach (var isGiven in (bool[])[true, false])
            {
                var loop = new RecurrentLoop(cell);
                var model = loop.Weights(Input(isFixed: true));
                if (isGiven) model.Random("hx", 70, 1, I, loop.States).Random("cx", 71, 1, I, H).Constant("at", [], 0L).Node("Gather", "x at", "x_0", ("axis", 1)).Node("MatMul", "x_0 hx", "h0").Node("MatMul", "x_0 cx", "c0");
                else States(model, loop, given: false);
                var (h, c, all) = ("h0", (string?)"c0", new List<string>());
                var pieces = way == "Split" ? loop.Split("x", parts: 6, axis: 1) : [];
                for (var t = 0; t < 6; t++)
                {
                    model.Constant($"at{t}", [], (long)t).Constant($"from{t}", [1], (long)t).Constant($"to{t}", [1], t + 1L);
                    var x = way switch { "Gather" => loop.Add("Gather", $"x at{t}", ("axis", 1)), "Slice" => loop.Add("Squeeze", $"{loop.Add("Slice", $"x from{t} to{t} from1")} from1"), _ => loop.Add("Squeeze", $"{pieces[t]} from1") };
                    (h, c) = loop.Step(loop.Add("Tanh", loop.Add("MatMul", $"{x} dense")), h, c);
                    all.Add(loop.Add("Unsqueeze", $"{loop.Add("MatMul", $"{h} out")} from1"));
                }

                loop.Body.Node.Add(OnnxBuilder.MakeNode("Concat", string.Join(' ', all), "y", ("axis", 1)));
                loop.Body.Node.Add(OnnxBuilder.MakeNode("Identity", h, "last"));
                model.Random("dense", 40, 1, I, I).Random("out", 44, 1, loop.States, 3);
                model.Graph.Node.AddRange(loop.Body.Node);
                model.Output("y").Output("last");
                Check(model, loop, isFixed: true);
                // No node of the steps remains.
                Assert.InRange(model.Convert(new ConversionOptions { AutoStates = false }).Model.Graphs[0].Nodes.Count, 3, 16);
            }
        }
    }

    /// <summary>PyTorch's graph exporter: first the products of all inputs, then each step's product with the state; two stacked layers.</summary>
    [Fact]
    public void Steps_of_two_layers_with_earlier_products_are_two_layers()
    {
        var loop = new RecurrentLoop("lstm");
        var model = loop.Weights(Input(isFixed: true)).Random("W2", 60, 1, H, 4 * H).Random("U2", 61, 1, H, 4 * H).Node("MatMul", "x W", "xw").Node("Add", "xw b", "made");
        States(model, loop, given: false);
        List<string> below = [], above = [];
        foreach (var (layer, list) in ((int, List<string>)[])[(0, below), (1, above)])
        {
            var (h, c) = ("h0", "c0");
            for (var t = 0; t < 6; t++)
            {
                if (layer == 0) model.Constant($"at{t}", [], (long)t);
                var product = layer == 0 ? loop.Add("Gather", $"made at{t}", ("axis", 1)) : loop.Add("MatMul", $"{below[t]} W2");
                (h, c) = loop.Gated(loop.Split(loop.Add("Add", $"{product} {loop.Add("MatMul", $"{h} {(layer == 0 ? "U" : "U2")}")}"), parts: 4, axis: 1), c);
                list.Add(h);
            }
        }

        loop.Body.Node.Add(OnnxBuilder.MakeNode("Concat", string.Join(' ', above), "y", ("axis", 1)));
        model.Graph.Node.AddRange(loop.Body.Node);
        model.Output("y");
        Assert.Equal(2, model.Convert(new ConversionOptions { AutoStates = false }).Model.Graphs[0].Nodes.Count(n => n.Kind == OpKind.Lstm));
        Compare(model, new ConversionOptions { AutoStates = false }, 6);
    }

    [Fact]
    public void A_loop_of_unknown_length_that_is_not_a_layer_says_what_to_fix()
    {
        var body = new RecurrentLoop("rnn");
        Ports(body, "round go h", "c");
        body.Body.Input.RemoveAt(body.Body.Input.Count - 1);
        // Attention to its own earlier results is not a layer.
        var scores = body.Add("MatMul", $"{body.Add("Gather", "x round", ("axis", 1))} W");
        Outputs(body, body.Add("Identity", "go"), body.Add("Softmax", body.Add("Mul", $"{scores} h"), ("axis", -1)), null);
        var model = body.Weights(Input(isFixed: false)).Constant("yes", [], true).Constant("one64", [], 1L).Node("Shape", "x", "shape").Node("Gather", "shape one64", "T64");
        States(model, body, given: true);
        model.Node("Loop", "T64 yes h0", "y", ("body", body.Body)).Output("y");
        var message = model.Refusal();
        Assert.Contains("its number of rounds is T, which is not known", message, StringComparison.Ordinal);
        Assert.Contains("--dim T=", message, StringComparison.Ordinal);
        Compare(model, new ConversionOptions { AutoStates = false, Dimensions = new Dictionary<string, int> { ["T"] = 5 } }, 5);
    }

    private static OnnxBuilder Input(bool isFixed) => new OnnxBuilder().Input("x", OnnxBuilder.Float, N, isFixed ? 6 : "T", I);

    private static void Ports(RecurrentLoop loop, string names, string last)
    {
        foreach (var name in (string[])[.. names.Split(' '), .. loop.IsLstm ? ["c"] : Array.Empty<string>(), last])
            loop.Body.Input.Add(name switch { "round" => OnnxBuilder.Port(name, OnnxBuilder.Int64), "go" => OnnxBuilder.Port(name, OnnxBuilder.Bool), "t" => OnnxBuilder.Port(name, OnnxBuilder.Int32), _ => OnnxBuilder.Port(name, OnnxBuilder.Float) });
        foreach (var port in loop.Body.Input) port.Type.TensorType.Shape = null;
        foreach (var port in loop.Body.Input.Where(p => p.Name is "round" or "go" or "t")) port.Type.TensorType.Shape = new TensorShapeProto();
    }

    private static void Constants(GraphProto body, params TensorProto[] tensors) => body.Initializer.AddRange(tensors);

    private static void Outputs(RecurrentLoop loop, params string?[] values)
    {
        foreach (var (i, value) in values.Where(v => v is not null).Index())
        {
            if (value!.Length == 0) continue;
            var name = $"out{i}";
            loop.Body.Node.Add(OnnxBuilder.MakeNode("Identity", value, name));
            loop.Body.Output.Add(OnnxBuilder.Port(name, i == 0 && values[0]!.Length > 0 ? OnnxBuilder.Bool : OnnxBuilder.Float));
            loop.Body.Output[^1].Type.TensorType.Shape = null;
            loop.Body.Output[^1].Type.TensorType.ElemType = i == 0 && values[0]!.Length > 0 ? OnnxBuilder.Bool : OnnxBuilder.Float;
        }

        if (loop.Body.Input.Any(p => p.Name == "t")) loop.Body.Output[1].Type.TensorType.ElemType = OnnxBuilder.Int32;
    }

    private static void States(OnnxBuilder model, RecurrentLoop loop, bool given)
    {
        if (given) model.Random("h0", 50, 0.5f, N, loop.States).Random("c0", 51, 0.5f, N, H);
        else model.Constant("h0", [N, loop.States], new float[N * loop.States]).Constant("c0", [N, H], new float[N * H]);
    }

    private static void Check(OnnxBuilder model, RecurrentLoop loop, bool isFixed)
    {
        var options = new ConversionOptions { AutoStates = false };
        var kind = loop.IsLstm ? OpKind.Lstm : loop.Gates == 3 ? OpKind.Gru : OpKind.Rnn;
        Assert.Single(model.Convert(options).Model.Graphs[0].Nodes, n => n.Kind == kind);
        Compare(model, options, isFixed ? [6] : [1, 2, 7]);
    }

    private static void Compare(OnnxBuilder model, ConversionOptions options, params int[] lengths)
    {
        using var loaded = model.Load(options);
        using var reference = new InferenceSession(model.Model.ToByteArray());
        foreach (var length in lengths)
        {
            var random = new Random(length);
            float[] x = Numbers.Random(random, N * length * I);
            var hasT = loaded.Graphs[0].Symbols.Count > 0;
            using var session = loaded.CreateSession(options: new SeqSessionOptions { MaxSizes = hasT ? new Dictionary<string, int> { ["T"] = 9 } : new Dictionary<string, int>() });
            using var results = reference.Run([NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(x, [N, length, I]))]);
            if (hasT) session.SetSize("T", length);
            x.CopyTo(session.Input<float>("x"));
            session.Run();
            foreach (var result in results)
            {
                var expected = result.AsTensor<float>().ToArray();
                var ours = session.Output<float>(result.Name).ToArray();
                Assert.Equal(expected.Length, ours.Length);
                for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], ours[i], 1e-5f);
            }
        }
    }
}
