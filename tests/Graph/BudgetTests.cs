using System.Diagnostics;
using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Small files that request much work are converted, or refused with one line, in seconds and with little memory. So are long but harmless files.</summary>
public class BudgetTests
{
    private const int Long = 60_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData("Relu")]
    [InlineData("Identity")]
    [InlineData("Neg")]
    public void A_chain_of_sixty_thousand_nodes_converts(string op)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y");
        Chain(model.Graph, op, "x", "y");
        using var converted = Converted(model);
        Assert.Equal(op == "Identity" ? 1 : Long, converted.Loaded.Graphs[0].Nodes.Length);
    }

    [Fact]
    public void A_chain_of_nodes_that_change_nothing_vanishes()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Constant("zero", [], 0f).Output("y");
        for (var i = 0; i < Long; i++) model.Graph.Node.Add(OnnxBuilder.MakeNode("Add", $"{(i == 0 ? "x" : $"v{i}")} zero", i == Long - 1 ? "last" : $"v{i + 1}"));
        model.Node("Relu", "last", "y");
        using var converted = Converted(model);
        Assert.Single(converted.Loaded.Graphs[0].Nodes);
    }

    [Fact]
    public void A_loop_whose_body_passes_a_value_through_sixty_thousand_nodes_is_refused_or_converted()
    {
        var body = Body();
        Chain(body, "Identity", "v", "next");
        ConvertedOrRefused(Loop(body, 2));
    }

    [Fact]
    public void Rounds_times_nodes_have_a_limit()
    {
        var body = Body();
        Chain(body, "Relu", "v", "next", 2_000);
        Assert.Contains("once loops and branches are written out", Refused(Loop(body, 4_000)), StringComparison.Ordinal);
    }

    [Fact]
    public void Loops_within_loops_have_a_limit()
    {
        var body = Body();
        Chain(body, "Relu", "v", "next", 50);
        for (var depth = 0; depth < 4; depth++)
        {
            var outer = Body();
            outer.Initializer.Add(OnnxBuilder.Tensor($"n{depth}", [], 1000L));
            outer.Node.Add(OnnxBuilder.MakeNode("Loop", $"n{depth} c v", "next", ("body", body)));
            body = outer;
        }

        Refused(Loop(body, 1000));
    }

    [Fact]
    public void Values_that_follow_from_constants_have_a_limit()
    {
        var shapes = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("s", [2], 4096L, 4096L).Constant("a", [2], 1L, 0L).Output("y");
        var last = "x";
        for (var i = 0; i < 40; i++)
        {
            shapes.Node("ConstantOfShape", "s", $"c{i}").Node("MatMul", $"c{i} c{i}", $"m{i}").Node("ReduceMax", $"m{i} a", $"r{i}", ("keepdims", 0)).Node("Add", $"{last} r{i}", i == 39 ? "y" : $"t{i}");
            last = $"t{i}";
        }

        ConvertedOrRefused(shapes);
        var range = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("from", [], 0L).Constant("to", [], 1_000_000_000L).Constant("step", [], 1L).Node("Range", "from to step", "r").Node("Cast", "r", "f", ("to", 1)).Node("Add", "x f", "y").Output("y");
        ConvertedOrRefused(range);
        var expanded = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("s", [1], 1_000_000_000L).Constant("one", [1], 1f).Node("Expand", "one s", "e").Node("Mul", "e e", "m").Node("Add", "x m", "y").Output("y");
        ConvertedOrRefused(expanded);
        var hot = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("i", [1000], [.. Enumerable.Range(0, 1000).Select(v => (long)v)]).Constant("d", [1], 1_000_000L).Constant("v", [2], 0f, 1f).Node("OneHot", "i d v", "h").Node("Add", "x h", "y").Output("y");
        ConvertedOrRefused(hot);
    }

    [Fact]
    public void Transforms_that_unfold_to_large_matrices_have_a_limit()
    {
        var model = new OnnxBuilder(17).Input("x", OnnxBuilder.Float, 1, 2048, 1);
        for (var i = 0; i < 60; i++) model.Node("DFT", "x", $"y{i}", ("axis", 1)).Output($"y{i}");
        ConvertedOrRefused(model);
    }

    [Fact]
    public void Inputs_of_any_size_are_not_followed_element_by_element()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1 << 24, 1, 4).Input("h", OnnxBuilder.Float, 1, 1, 3).Input("past", OnnxBuilder.Float, 1 << 26).Random("w", 1, 1, 1, 9, 4).Random("r", 2, 1, 1, 9, 3)
            .Node("GRU", "x w r - - h", "y h_out", ("hidden_size", 3)).Node("Neg", "past", "z").Output("y").Output("h_out").Output("z");
        using var converted = Converted(model);
        Assert.Equal("h", Assert.Single(converted.Loaded.Graphs[0].States).Name);
    }

    [Fact]
    public void Functions_that_call_each_other_twice_each_are_refused()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y");
        model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        const int depth = 60;
        for (var i = 0; i <= depth; i++)
        {
            var function = new FunctionProto { Name = $"F{i}", Domain = "own", Input = { "a" }, Output = { "b" } };
            if (i == depth) function.Node.Add(OnnxBuilder.MakeNode("Relu", "a", "b"));
            else function.Node.AddRange([Call(i + 1, "a", "t"), Call(i + 1, "t", "b")]);
            model.Model.Functions.Add(function);
        }

        model.Graph.Node.Add(Call(0, "x", "y"));
        Assert.Contains("too deeply", Refused(model), StringComparison.Ordinal);

        static NodeProto Call(int index, string input, string output)
        {
            var node = OnnxBuilder.MakeNode($"F{index}", input, output);
            node.Domain = "own";
            return node;
        }
    }

    [Fact]
    public void A_large_constant_that_a_function_holds_is_not_copied_without_end()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y");
        model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        var function = new FunctionProto { Name = "F", Domain = "own", Input = { "a" }, Output = { "b" } };
        function.Node.Add(OnnxBuilder.MakeNode("Constant", "", "c", ("value", OnnxBuilder.Tensor("c", [250_000], new float[250_000]))));
        function.Node.Add(OnnxBuilder.MakeNode("ReduceMax", "c", "m", ("keepdims", 0)));
        function.Node.Add(OnnxBuilder.MakeNode("Add", "a m", "b"));
        model.Model.Functions.Add(function);
        for (var i = 0; i < 2_000; i++)
        {
            var call = OnnxBuilder.MakeNode("F", i == 0 ? "x" : $"v{i}", i == 1_999 ? "y" : $"v{i + 1}");
            call.Domain = "own";
            model.Graph.Node.Add(call);
        }

        Assert.Contains("many times the file's size", Refused(model), StringComparison.Ordinal);
    }

    [Fact]
    public void Sequences_that_grow_by_copies_have_a_limit()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y").Node("SequenceEmpty", "", "s0").Constant("at", [], 0L);
        for (var i = 0; i < 4_000; i++) model.Node("SequenceInsert", $"s{i} x", $"s{i + 1}");
        model.Node("SequenceAt", "s4000 at", "y");
        Assert.Contains("the sequences of this graph", Refused(model), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_many_weights_converts()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1024).Constant("s", [], 0.01f).Output("y");
        var last = "x";
        for (var i = 0; i < 40; i++)
        {
            // Integer weights of a quantizer: each matrix is folded to real numbers.
            model.Constant($"w{i}", [1024, 1024], new sbyte[1 << 20]).Node("DequantizeLinear", $"w{i} s", $"d{i}").Node("MatMul", $"{last} d{i}", i == 39 ? "y" : $"v{i}");
            last = $"v{i}";
        }

        using var converted = Converted(model);
        Assert.Equal(40, converted.Loaded.Graphs[0].Nodes.Length);
    }

    private static void Chain(GraphProto graph, string op, string from, string to, int count = Long)
    {
        for (var i = 0; i < count; i++) graph.Node.Add(OnnxBuilder.MakeNode(op, i == 0 ? from : $"{to}{i}", i == count - 1 ? to : $"{to}{i + 1}"));
    }

    private static GraphProto Body()
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("c", OnnxBuilder.Bool), OnnxBuilder.Port("v", OnnxBuilder.Float, 2)]);
        body.Output.AddRange([OnnxBuilder.Port("c", OnnxBuilder.Bool), OnnxBuilder.Port("next", OnnxBuilder.Float, 2)]);
        return body;
    }

    private static OnnxBuilder Loop(GraphProto body, long rounds) =>
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y").Constant("n", [], rounds).Constant("go", [], true).Node("Loop", "n go x", "y", ("body", body));

    private static string Refused(OnnxBuilder model)
    {
        var (code, error) = Convert(model, out _);
        Assert.Equal(1, code);
        return error;
    }

    private static SeqModel Converted(OnnxBuilder model)
    {
        var (code, error) = Convert(model, out var file);
        Assert.True(code == 0, error);
        return SeqModel.Load(file);
    }

    private static void ConvertedOrRefused(OnnxBuilder model) => Convert(model, out _);

    /// <summary>Runs the converter in a process limited to a gigabyte.</summary>
    private static (int Code, string Error) Convert(OnnxBuilder model, out byte[] file)
    {
        using var source = new TemporaryModel(model.Model.ToByteArray());
        var target = Path.ChangeExtension(source.Path, ".seq");
        var start = new ProcessStartInfo("dotnet", [typeof(ConversionException).Assembly.Location, "convert", source.Path, "-o", target, "--quiet"])
        {
            Environment = { ["DOTNET_GCHeapHardLimit"] = "0x40000000", ["DOTNET_gcConcurrent"] = "0" },
        };
        var (code, _, error) = Printed.By(start, Patience);
        Assert.True(code is 0 or 1, $"exit code {code}: {error}");
        Assert.DoesNotContain("this machine has too little memory", error, StringComparison.Ordinal);
        Assert.InRange(error.Length, 0, 2_000);
        file = code == 0 ? File.ReadAllBytes(target) : [];
        return (code, error);
    }
}
