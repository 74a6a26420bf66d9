using SeqRuntime.Format;

namespace SeqRuntime.Tests.Commands;

/// <summary><c>seqconvert inspect --diff</c>: each kind of difference is told, and only differences.</summary>
public sealed class InspectDiffTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Files_of_the_same_content_hold_the_same()
    {
        Write("a.seq", new Variant());
        Write("b.seq", new Variant());
        _cli.Good("inspect", "--diff", _cli["a.seq"], _cli["b.seq"]);
        Assert.Contains("they hold the same", _cli.Out, StringComparison.Ordinal);
        Assert.True(_cli.Json("inspect", "--diff", _cli["a.seq"], _cli["b.seq"], "--json").GetProperty("same").GetBoolean());
    }

    [Fact]
    public void Every_difference_is_told()
    {
        Write("a.seq", new Variant());
        Write("b.seq", new Variant { Note = "other", Label = "noise", Function = UnaryFunction.Tanh, Weight = 3, HasSecond = true, Size = 4 });
        _cli.Good("inspect", _cli["a.seq"], _cli["b.seq"], "--diff");
        Assert.DoesNotContain("they hold the same", _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"note +A +first\s+B +other", _cli.Out);
        Assert.Matches(@"labels +A +2 entries, hash \w+\s+B +2 entries", _cli.Out);
        Assert.Matches(@"graph main: 2 nodes in A, 2 nodes in B", _cli.Out);
        Assert.Matches(@"graph second: not in A, 1 node in B", _cli.Out);
        Assert.Matches(@"input x +A +float32 \[1, 3\]\s+B +float32 \[1, 4\]", _cli.Out);
        Assert.Matches(@"node act +A +Unary .*Function=Neg\s+B +Unary .*Function=Tanh", _cli.Out);
        Assert.DoesNotContain("node mul", _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"scale +A +dense float32 \[1\] 4 B +B +dense float32 \[1\] 4 B +differs by 200%", _cli.Out);
        var json = _cli.Json("inspect", "--diff", _cli["a.seq"], _cli["b.seq"], "--json");
        Assert.False(json.GetProperty("same").GetBoolean());
        Assert.Equal(2, json.GetProperty("tensors").GetProperty("different")[0].GetProperty("relativeDifference").GetDouble(), 6);
    }

    /// <summary>The difference of one matrix in two formats is that of its values: about the rounding error of int4.</summary>
    [Fact]
    public void Formats_are_compared_by_the_values_they_hold()
    {
        _cli.Good("convert", Repository.Find("training/g2p.json"), "-o", _cli["fp32.seq"], "--quiet");
        _cli.Good("convert", Repository.Find("training/g2p.json"), "-o", _cli["int8.seq"], "--weights", "int8", "--quiet");
        var errors = _cli.Json("inspect", _cli["int8.seq"], "--tensors", "--json").GetProperty("tensors").EnumerateArray().Where(t => t.TryGetProperty("quantizationError", out _)).ToDictionary(t => t.GetProperty("name").GetString()!, t => t.GetProperty("quantizationError").GetDouble());
        var different = _cli.Json("inspect", "--diff", _cli["fp32.seq"], _cli["int8.seq"], "--json").GetProperty("tensors").GetProperty("different").EnumerateArray().Where(t => t.TryGetProperty("relativeDifference", out _)).ToDictionary(t => t.GetProperty("name").GetString()!, t => t.GetProperty("relativeDifference").GetDouble());
        var both = errors.Keys.Where(different.ContainsKey).ToList();
        Assert.True(both.Count > 5);
        Assert.All(both, name => Assert.Equal(errors[name], different[name], 3e-5));
    }

    [Fact]
    public void Wrong_use_is_refused()
    {
        Write("a.seq", new Variant());
        _cli.Fails(2, ["inspect", _cli["a.seq"], "--diff"], "give two files");
        _cli.Fails(2, ["inspect", _cli["a.seq"], _cli["a.seq"]], "two files are for --diff");
        _cli.Fails(2, ["inspect", _cli["a.seq"], _cli["a.seq"], "--diff", "--nodes"], "leave out");
        _cli.Fails(1, ["inspect", "--diff", _cli["a.seq"], _cli["none.seq"]], "there is no such file");
    }

    private void Write(string name, Variant variant)
    {
        var model = new SeqModelBuilder();
        model.Metadata["note"] = variant.Note;
        model.Tables["labels"] = ["silence", variant.Label];
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, 1, variant.Size);
        var product = graph.Node(OpKind.Binary, [x, graph.Constant<float>("scale", [1], variant.Weight)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Mul), "mul");
        graph.Output("y", graph.Node(OpKind.Unary, [product], new Attributes().Set(AttributeKey.Function, variant.Function), "act"));
        if (variant.HasSecond)
        {
            var second = model.AddGraph("second");
            second.Output("z", second.Node(OpKind.Unary, [second.Input("x", ElementType.Float32, 1)], new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg), "neg"));
        }

        File.WriteAllBytes(_cli[name], SeqWriter.ToArray(model));
    }

    private sealed record Variant
    {
        public string Note { get; init; } = "first";

        public string Label { get; init; } = "speech";

        public UnaryFunction Function { get; init; } = UnaryFunction.Neg;

        public float Weight { get; init; } = 1;

        public int Size { get; init; } = 3;

        public bool HasSecond { get; init; }
    }
}
