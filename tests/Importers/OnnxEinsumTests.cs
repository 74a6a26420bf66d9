using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Einsum in all its forms, compared with ONNX Runtime, with fixed and with symbolic sizes.</summary>
public class OnnxEinsumTests
{
    private static readonly Dictionary<char, int> s_sizes = new() { ['b'] = 2, ['h'] = 3, ['q'] = 4, ['k'] = 5, ['d'] = 6, ['i'] = 3, ['j'] = 4, ['n'] = 1 };

    [Theory]
    [InlineData("bhqd,bhkd->bhqk")]
    [InlineData("bhqk,bhkd->bqhd")]
    [InlineData("bqd,dh->bqh")]
    [InlineData("bqd,dhk->bhqk")]
    [InlineData("bqhd,hdk->bqk")]
    [InlineData("bq,bq->b")]
    [InlineData("bq,bk->bqk")]
    [InlineData("bqd,bqd->bqd")]
    [InlineData("bqd,d->bq")]
    [InlineData("d,dq->q")]
    [InlineData("bqk,bnk->bqk")]
    [InlineData("ij,jk")]
    [InlineData("ba,ab->b", 'a', 4)]
    [InlineData("bqd->dbq")]
    [InlineData("bqd->b")]
    [InlineData("bii->bi")]
    [InlineData("bii,bi->bi")]
    [InlineData("ij,jk,kd->id")]
    [InlineData("bq,dq,hq->bdh")]
    [InlineData("bqd,hd,bh->bq")]
    public void An_equation_is_sums_and_products(string equation, params object[] more)
    {
        if (more is [char letter, int size]) s_sizes[letter] = size;
        var terms = equation.Split("->")[0].Split(',');
        Same(equation, [.. terms.Select(t => t.Select(c => s_sizes[c]).ToArray())]);
    }

    [Fact]
    public void Dots_stand_for_leading_dimensions_that_broadcast()
    {
        Same("...ij,...jk->...ik", [2, 3, 4, 5], [2, 3, 5, 6]);
        Same("...ij,jk", [2, 3, 4, 5], [5, 6]);
        Same("i...->...i", [2, 3, 4]);
    }

    [Fact]
    public void Dots_broadcast_as_mat_mul_does()
    {
        foreach (var (left, right) in new[] { (new[] { 2, 1, 4, 5 }, new[] { 1, 3, 5, 6 }), ([2, 3, 4, 5], [3, 5, 6]), ([4, 5], [2, 5, 6]) })
        {
            OnnxBuilder Model() => new OnnxBuilder().Input("a", OnnxBuilder.Float, [.. left.Select(s => (object)s)]).Input("b", OnnxBuilder.Float, [.. right.Select(s => (object)s)]).Output("y");
            var (a, b) = (Numbers.Random(2, Numbers.Count(left)), Numbers.Random(3, Numbers.Count(right)));
            Numbers.Near(Model().Node("MatMul", "a b", "y").Reference(("a", left, a), ("b", right, b)), Model().Node("Einsum", "a b", "y", ("equation", "...ij,...jk->...ik")).Run(options: null, a, b), tolerance: 1e-5);
        }
    }

    [Theory]
    [InlineData("bhqd,bhkd->bhqk", "q", "k")]
    [InlineData("bqd,dhk->bqhk", "b", "q")]
    [InlineData("bqd,bkd->bqk", "b", "q")]
    [InlineData("bqhd,bkhd->bhqk", "q", "k")]
    public void Symbolic_dimensions_stay(string equation, params string[] symbols)
    {
        var terms = equation.Split("->")[0].Split(',');
        int[] Shape(string term) => [.. term.Select(c => s_sizes[c])];
        var model = new OnnxBuilder();
        for (var i = 0; i < terms.Length; i++) model.Input($"x{i}", OnnxBuilder.Float, [.. terms[i].Select(c => symbols.Contains($"{c}") ? $"{c}" : (object)s_sizes[c])]);
        model.Node("Einsum", string.Join(' ', terms.Select((_, i) => $"x{i}")), "y", ("equation", equation)).Output("y", OnnxBuilder.Float, [.. equation.Split("->")[1].Select(c => (object)$"{c}")]);
        var data = terms.Select((t, i) => Numbers.Random(i + 1, Numbers.Count(Shape(t)))).ToArray();
        var expected = model.Reference([.. terms.Select((t, i) => ($"x{i}", Shape(t), data[i]))]);
        using var loaded = model.Load();
        using var session = loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = symbols.ToDictionary(s => s, _ => 9) });
        foreach (var symbol in symbols) session.SetSize(symbol, s_sizes[symbol[0]]);
        for (var i = 0; i < data.Length; i++) data[i].CopyTo(session.Input<float>(i));
        session.Run();
        Numbers.Near(expected, session.Output<float>(0).ToArray(), tolerance: 1e-5);
    }

    [Theory]
    [InlineData("bq,bk", "does not have 1 operands")]
    [InlineData("bqd->b", "does not describe")]
    [InlineData("bq->bb", "a letter twice")]
    [InlineData("bq->bz", "no operand has")]
    public void An_equation_that_does_not_fit_is_refused_by_its_node(string equation, string why)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 3).Node("Einsum", "x", "y", ("equation", equation)).Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("Einsum_y", fault.Message);
        Assert.Contains(why, fault.Message);
    }

    private static void Same(string equation, params int[][] shapes)
    {
        var model = new OnnxBuilder();
        for (var i = 0; i < shapes.Length; i++) model.Input($"x{i}", OnnxBuilder.Float, [.. shapes[i].Select(s => (object)s)]);
        model.Node("Einsum", string.Join(' ', shapes.Select((_, i) => $"x{i}")), "y", ("equation", equation)).Output("y");
        var data = shapes.Select((s, i) => Numbers.Random(i + 1, Numbers.Count(s))).ToArray();
        Numbers.Near(model.Reference([.. shapes.Select((s, i) => ($"x{i}", s, data[i]))]), model.Run(new ConversionOptions { AutoStates = false }, data), tolerance: 1e-5);
    }
}
