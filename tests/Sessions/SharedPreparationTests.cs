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
}
