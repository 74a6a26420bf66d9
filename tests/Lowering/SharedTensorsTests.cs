using SeqRuntime.Converter;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Lowering;

/// <summary>Equal content is stored once for all readers, and is known by all its names.</summary>
public class SharedTensorsTests
{
    private const int I = 24, H = 32;

    /// <summary>Two towers of one matrix, by one name, by two names, or as one matrix and its transpose.</summary>
    [Theory]
    [InlineData("MatMul", "k", "MatMul", "k", "k")]
    [InlineData("MatMul", "k", "MatMul", "same", "k, same")]
    [InlineData("MatMul", "k", "Gemm", "turned", "k, turned")]
    [InlineData("Gemm", "turned", "Gemm", "k", "turned, k")]
    public void A_matrix_that_two_products_read_is_one_tensor(string first, string w1, string second, string w2, string names)
    {
        var model = Matrices(new OnnxBuilder().Input("x1", OnnxBuilder.Float, 2, I).Input("x2", OnnxBuilder.Float, 2, I), [w1, w2]);
        Product(model, first, "x1", w1, "y1");
        Product(model, second, "x2", w2, "y2");
        model.Node("Sub", "y1 y2", "y").Output("y");
        var converted = model.Convert(new ConversionOptions { AutoStates = false });
        Assert.Equal(names, string.Join(", ", Assert.Single(converted.Tensors, t => t.Weights is not null).Names));
        SameAsReference(model, ("x1", [2, I]), ("x2", [2, I]));
    }

    /// <summary>A table that is looked up and multiplied with, transposed or not, in every storage.</summary>
    [Theory]
    [InlineData("Gemm", "fp32", nameof(OpKind.Embedding))]
    [InlineData("Gemm", "int8", nameof(OpKind.Embedding))]
    [InlineData("Gemm", "int4", nameof(OpKind.Embedding))]
    [InlineData("MatMul", "fp32", nameof(OpKind.ColumnEmbedding))]
    [InlineData("MatMul", "fp16", nameof(OpKind.ColumnEmbedding))]
    [InlineData("MatMul", "int8", nameof(OpKind.ColumnEmbedding))]
    [InlineData("MatMul", "int4", nameof(OpKind.ColumnEmbedding))]
    public void A_tied_table_is_one_tensor(string op, string kind, string lookup)
    {
        var model = Matrices(new OnnxBuilder().Input("x", OnnxBuilder.Float, 3).Input("p", OnnxBuilder.Float, 2, op == "Gemm" ? H : I), ["k"]).Constant("most", [], I - 0.01f)
            .Node("Abs", "x", "a").Node("Mul", "a most", "m").Node("Cast", "m", "ids", ("to", OnnxBuilder.Int64)).Node("Gather", "k ids", "e").Node("ReduceSum", "e", "sum", ("keepdims", 0));
        if (op == "Gemm") model.Node("Gemm", "p k", "z", ("transB", 1));
        else model.Node("MatMul", "p k", "z");
        model.Node("Mul", "z sum", "y").Output("y");
        var converted = model.Convert(new ConversionOptions { AutoStates = false, Weights = WeightKinds.Parse(kind)!.Value, WeightsOf = [new WeightOverride("k", WeightKinds.Parse(kind)!.Value)] });
        Assert.Single(converted.Tensors, t => t.Shape.Count == 2);
        Assert.Contains(converted.Model.Graphs[0].Nodes, n => n.Kind.ToString() == lookup);
        SameAsReference(model, ("x", [3]), ("p", [2, op == "Gemm" ? H : I]));
    }

    /// <summary>A choice for one name applies to all names of a tensor; a contradicting choice makes a copy.</summary>
    [Fact]
    public void Weights_of_accepts_every_name()
    {
        var model = Matrices(new OnnxBuilder().Input("x1", OnnxBuilder.Float, 2, I).Input("x2", OnnxBuilder.Float, 2, I), ["k", "same"]);
        Product(model, "MatMul", "x1", "k", "y1");
        Product(model, "MatMul", "x2", "same", "y2");
        model.Node("Sub", "y1 y2", "y").Output("y");
        string Stored(params WeightOverride[] asked) =>
            string.Join("; ", model.Convert(new ConversionOptions { AutoStates = false, Weights = WeightKind.Int8, WeightsOf = asked }).Tensors.Where(t => t.Weights is not null).Select(t => $"{string.Join(", ", t.Names)} {t.Weights!.Value.Name()}{(t.IsCopy ? " copy" : "")}"));
        Assert.Equal("k, same int8", Stored());
        Assert.Equal("k, same fp32", Stored(new WeightOverride("same", WeightKind.Float32)));
        Assert.Equal("k, same fp16", Stored(new WeightOverride("k", WeightKind.Float16)));
        Assert.Equal("k, same fp16; same fp32 copy", Stored(new WeightOverride("k", WeightKind.Float16), new WeightOverride("same", WeightKind.Float32)));
        Assert.Contains("the names are k, same", Assert.Throws<ConversionException>(() => Stored(new WeightOverride("other", WeightKind.Float16))).Message, StringComparison.Ordinal);
    }

    /// <summary>A factor on only one result does not make a copy of the weights; the same factor on all results goes into them.</summary>
    [Theory]
    [InlineData(2f, 2f, 0)]
    [InlineData(2f, 3f, 2)]
    [InlineData(2f, 1f, 1)]
    public void A_factor_does_not_break_sharing(float first, float second, int scalings)
    {
        var model = Matrices(new OnnxBuilder().Input("x1", OnnxBuilder.Float, 2, I).Input("x2", OnnxBuilder.Float, 2, I), ["k"]).Random("b", 7, 1, H).Constant("f1", [], first).Constant("f2", [], second);
        Product(model, "MatMul", "x1", "k", "p1");
        Product(model, "Gemm", "x2", "k", "p2");
        model.Node("Add", "p1 b", "q1").Node("Mul", "q1 f1", "y1").Node("Mul", "p2 f2", "y2").Node("Sub", "y1 y2", "y").Output("y");
        var converted = model.Convert(new ConversionOptions { AutoStates = false });
        Assert.Single(converted.Tensors, t => t.Weights is not null);
        Assert.Equal(scalings + 1, converted.Model.Graphs[0].Nodes.Count(n => n.Kind == OpKind.Binary));
        SameAsReference(model, ("x1", [2, I]), ("x2", [2, I]));
    }

    [Fact]
    public void Recurrent_layers_of_two_towers_share_their_weights()
    {
        var model = new OnnxBuilder().Input("x1", OnnxBuilder.Float, 5, 1, I).Input("x2", OnnxBuilder.Float, 5, 1, I).Random("w", 1, 1, 1, 3 * H, I).Random("r", 2, 1, 1, 3 * H, H).Random("b", 3, 1, 1, 6 * H)
            .Node("GRU", "x1 w r b", "- h1", ("hidden_size", H)).Node("GRU", "x2 w r b", "- h2", ("hidden_size", H)).Node("Sub", "h1 h2", "y").Output("y");
        Assert.Equal(["w", "r", "b"], model.Convert(new ConversionOptions { AutoStates = false }).Tensors.Select(t => t.Name));
        SameAsReference(model, ("x1", [5, 1, I]), ("x2", [5, 1, I]));
    }

    private static OnnxBuilder Matrices(OnnxBuilder model, IEnumerable<string> names)
    {
        foreach (var name in names.Distinct())
        {
            if (name != "turned")
            {
                model.Random(name, 1, 1, I, H);
                continue;
            }

            var values = Numbers.Random(1, I * H);
            model.Constant("turned", [H, I], [.. Enumerable.Range(0, I * H).Select(i => values[i % I * H + i / I])]);
        }

        return model;
    }

    private static void Product(OnnxBuilder model, string op, string x, string w, string y)
    {
        if (op == "Gemm") model.Node("Gemm", $"{x} {w}", y, ("transB", w == "turned" ? 1 : 0));
        else model.Node("MatMul", $"{x} {w}", y);
    }

    /// <summary>The numbers of <see cref="OnnxBuilder.Random"/>.</summary>
    private static void SameAsReference(OnnxBuilder model, params (string Name, int[] Shape)[] inputs)
    {
        var data = inputs.Select((port, i) => Numbers.Random(10 + i, Numbers.Count(port.Shape))).ToArray();
        var expected = model.Reference([.. inputs.Select((port, i) => (port.Name, port.Shape, data[i]))]);
        var ours = model.Run(new ConversionOptions { AutoStates = false }, data);
        Numbers.Near(expected, ours, tolerance: 1e-5, relative: 1e-5);
    }
}
