using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;
using SeqRuntime.Sessions.Planning;
using SeqRuntime.Tests.Operators;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Products of one input quantize its rows once.</summary>
public sealed class SharedPreparationTests
{
    private const int Columns = 40;
    private static readonly int[] s_rows = [24, 7, 64, 24, 33];

    /// <summary>Between the products lie a node without scratch, one with scratch, and products of another input and by fp32 weights.</summary>
    [Theory]
    [InlineData((int)TensorFormat.PackedInt8)]
    [InlineData((int)TensorFormat.GroupedInt8)]
    [InlineData((int)TensorFormat.PackedInt4)]
    public void Each_product_has_the_bits_that_it_has_alone(int format)
    {
        using var together = SeqModel.Load(Model((TensorFormat)format, [0, 1, 2, 3, 4], out var names));
        using var session = together.CreateSession(null, new SeqSessionOptions { MaxSizes = new Dictionary<string, int> { ["T"] = 30 } });
        foreach (var length in (int[])[30, 1, 7, 30, 2])
        {
            var x = Input(length);
            session.SetSize("T", length);
            x.CopyTo(session.Input<float>("x"));
            session.Run();
            for (var i = 0; i < s_rows.Length; i++)
            {
                using var single = SeqModel.Load(Model((TensorFormat)format, [i], out _));
                using var alone = single.CreateSession(null, new SeqSessionOptions { MaxSizes = new Dictionary<string, int> { ["T"] = length } });
                x.CopyTo(alone.Input<float>("x"));
                alone.Run();
                Numbers.AssertSameBits(alone.Output<float>(names[i]), session.Output<float>(names[i]), $"{names[i]} of {length} rows");
            }
        }
    }

    [Fact]
    public void Only_a_product_of_the_same_input_right_after_it_shares()
    {
        Tensor x = Dense("x"), z = Dense("z"), int8 = Matrix(TensorFormat.PackedInt8), fp32 = Matrix(TensorFormat.PackedFloat32), int4 = Matrix(TensorFormat.PackedInt4);
        var axis = new Softmax(new Attributes().Set(AttributeKey.Axis, 0L), SoftmaxKind.Softmax);
        (Operator Operator, NodeContext Context, bool Shares)[] steps =
        [
            (new Linear(), Node(x, int8), false), (new Linear(), Node(x, int4), true), (new Linear(), Node(x, fp32), false), (new Unary(new Attributes()), Node(x), false),
            (new Linear(), Node(x, int8), true), (new Linear(), Node(z, int8), false), (new Linear(), Node(x, int8), false), (axis, Node(x), false), (new Linear(), Node(x, int8), false),
        ];
        SharedPreparation.Mark(steps.Select(step => (step.Operator, step.Context)));
        Assert.Equal(steps.Select(step => step.Shares), steps.Select(step => step.Context.IsPrepared));

        static Tensor Dense(string name)
        {
            var tensor = new Tensor { Name = name };
            tensor.Set(ElementType.Float32, new Shape(3, Columns));
            return tensor;
        }

        static Tensor Matrix(TensorFormat format) => new() { Name = "w", Format = format, Layout = new WeightLayout(format, 8, Columns) };

        static NodeContext Node(params Tensor[] inputs) => new(KernelRegistry.Portable, inputs, [Dense("y")]);
    }

    /// <summary>The first product is of a fixed input and runs once; the second has a bias that moves, and runs always.</summary>
    [Fact]
    public void A_product_does_not_share_with_one_that_later_runs_leave_out()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var (x, other, bias) = (graph.Input("x", ElementType.Float32, 4, Columns), graph.Input("other", ElementType.Float32, 4, Columns), graph.Input("bias", ElementType.Float32, 24));
        graph.Output("k", graph.Node(OpKind.Linear, [x, Packed(model, graph, 1)]));
        graph.Output("v", graph.Node(OpKind.Linear, [x, Packed(model, graph, 2), bias]));
        graph.Output("o", graph.Node(OpKind.Linear, [other, Packed(model, graph, 3)]));
        using var loaded = SeqModel.Load(SeqWriter.ToArray(model));
        using var session = loaded.CreateSession(null, new SeqSessionOptions { FixedInputs = ["x"] });
        Input(4).CopyTo(session.Input<float>("x"));
        Numbers.Random(new Random(9), 4 * Columns).CopyTo(session.Input<float>("other"));
        session.Run();
        var v = session.Output<float>("v").ToArray();
        for (var run = 1; run < 3; run++)
        {
            session.Run();
            Numbers.AssertSameBits(v, session.Output<float>("v"), $"run {run}");
        }
    }

    /// <summary>The reduction between the products takes [8, 1, 4] at the largest size, which needs no scratch, and [2, 4, 4] at a smaller one.</summary>
    [Fact]
    public void A_node_between_that_needs_scratch_at_other_sizes_only_ends_sharing()
    {
        const int most = 8;
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var (x, z) = (graph.Input("x", ElementType.Float32, most, Columns), graph.Input("z", ElementType.Float32, most, 4));
        var count = graph.Node(OpKind.Shape, [graph.Input("counted", ElementType.Float32, "T")]);
        graph.Output("first", graph.Node(OpKind.Linear, [x, Packed(model, graph, 1)]));
        var shape = graph.Node(OpKind.Concat, [count, graph.Constant<long>("others", [2], -1, 4)], new Attributes().Set(AttributeKey.Axis, 0));
        var summed = graph.Node(OpKind.Reduce, [graph.Node(OpKind.Reshape, [z, shape]), graph.Constant<long>("axes", [1], 1L)], new Attributes().Set(AttributeKey.Function, ReduceFunction.Sum));
        graph.Output("sum", summed);
        graph.Output("second", graph.Node(OpKind.Linear, [x, Packed(model, graph, 1)]));
        using var loaded = SeqModel.Load(SeqWriter.ToArray(model));
        using var session = loaded.CreateSession(null, new SeqSessionOptions { MaxSizes = { ["T"] = most } });
        Input(most).CopyTo(session.Input<float>("x"));
        foreach (var size in (int[])[most, 2, 1, most])
        {
            session.SetSize("T", size);
            Input(most).CopyTo(session.Input<float>("x"));
            Numbers.Random(new Random(size), most * 4).CopyTo(session.Input<float>("z"));
            session.Run();
            Numbers.AssertSameBits(session.Output<float>("first"), session.Output<float>("second"), $"T = {size}");
        }
    }

    /// <summary>What a clock around each node measures is the session that it is put into.</summary>
    [Fact]
    public void Instrumented_products_share_as_well()
    {
        var watched = new List<Watched>();
        using var model = SeqModel.Load(Model(TensorFormat.PackedInt8, [0, 2, 4], out _));
        using var session = model.CreateSession(null, new SeqSessionOptions { MaxSizes = { ["T"] = 5 }, Instrument = Watch });
        session.Run();
        Assert.Equal([false, true, true], watched.Where(node => node.Inner is Linear).Select(node => node.WasPrepared));

        Operator Watch(Operator inner, int node)
        {
            watched.Add(new Watched(inner));
            return watched[^1];
        }
    }

    private static int Packed(SeqModelBuilder model, GraphDefinition graph, int seed) =>
        graph.Constant(model.AddPacked($"w{model.Tensors.Count}", TensorFormat.PackedInt8, 24, Columns, Weights.Pack(TensorFormat.PackedInt8, Numbers.Random(new Random(seed), 24 * Columns), 24, Columns, out _)));

    /// <summary>Every third row is steep.</summary>
    private static float[] Input(int length)
    {
        var x = Numbers.Random(new Random(length), length * Columns);
        for (var row = 0; row < length; row += 3) x[row * Columns + row] = 30;
        return x;
    }

    private static byte[] Model(TensorFormat format, int[] products, out string[] names)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "T", Columns);
        names = new string[s_rows.Length];
        foreach (var i in products)
        {
            var stored = i == 3 ? TensorFormat.PackedFloat32 : format;
            var w = graph.Constant(model.AddPacked($"w{i}", stored, s_rows[i], Columns, Weights.Pack(stored, Numbers.Random(new Random(i), s_rows[i] * Columns), s_rows[i], Columns, out _)));
            var y = graph.Node(OpKind.Linear, [x, w]);
            names[i] = $"y{i}";
            graph.Output(names[i], graph.Node(OpKind.Transpose, [y], new Attributes().Set(AttributeKey.Perm, new long[] { 1, 0 })));
            if (i == 1) graph.Output("scratch", graph.Node(OpKind.Softmax, [y], new Attributes().Set(AttributeKey.Axis, 0L)));
        }

        return SeqWriter.ToArray(model);
    }

    private sealed class Watched(Operator inner) : Operator
    {
        public Operator Inner => inner;

        public bool WasPrepared { get; private set; }

        public override void Infer(NodeContext context) => inner.Infer(context);

        public override void Execute(NodeContext context)
        {
            WasPrepared = context.IsPrepared;
            inner.Execute(context);
        }
    }
}
