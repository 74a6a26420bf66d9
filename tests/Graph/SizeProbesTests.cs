using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Sizes of symbolic dimensions at conversion: which fit, the report about them, and the errors if one or none fits.</summary>
public class SizeProbesTests
{
    private const int Float = OnnxBuilder.Float, Int64 = OnnxBuilder.Int64;

    [Theory]
    [InlineData(6, 16)]
    [InlineData(7, 3)]
    [InlineData(300, 16)]
    [InlineData(1021, 5)]
    public void A_time_that_the_file_has_fixed_is_found_and_given_as_an_option_that_works(int time, int features)
    {
        var model = new OnnxBuilder().Input("x", Float, "batch", "time", features).Random("k", 1, 1, time * features, 3).Node("Flatten", "x", "flat").Node("MatMul", "flat k", "y").Output("y");
        Assert.EndsWith($"graph 'main' fits together at time = {time} only: convert it with --dim time={time}. At other sizes: node MatMul_y (MatMul): 'k' has shape [{time * features}, 3]; dimension 0 must be {features}*time.", model.Refusal(), StringComparison.Ordinal);
        var converted = model.Convert(Dim("time", time));
        Assert.Equal(["batch"], converted.Model.Graphs[0].Symbols);
    }

    [Fact]
    public void Two_fixed_lengths_are_both_found()
    {
        var model = new OnnxBuilder().Input("x", Float, "N", "T", 16).Input("z", Float, "N", "S", 8).Random("k", 1, 1, 96, 3).Random("q", 2, 1, 80, 3)
            .Node("Flatten", "x", "a").Node("MatMul", "a k", "ya").Node("Flatten", "z", "b").Node("MatMul", "b q", "yb").Node("Add", "ya yb", "y").Output("y");
        Assert.Contains("fits together at T = 6, S = 10 only: convert it with --dim T=6 --dim S=10.", model.Refusal(), StringComparison.Ordinal);
        Assert.Contains("the shapes do not fit together with --dim T=5: graph 'main', node MatMul_ya (MatMul): 'k' has shape [96, 3]; dimension 0 must be 80. It converts with --dim T=6 --dim S=10.", model.Refusal(Dim("T", 5)), StringComparison.Ordinal);
        Assert.Contains("fits together at S = 10 only", model.Refusal(Dim("T", 6)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_of_one_in_a_shape_leaves_the_time_to_be_found()
    {
        var model = new OnnxBuilder().Input("x", Float, "batch", "time", 16).Constant("s", [3], 1L, 30L, 16L).Node("Reshape", "x s", "y").Output("y");
        Assert.Contains("with batch = 1, fits together at time = 30 only: convert it with --dim time=30.", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_other_than_one_is_not_fixed_silently()
    {
        var model = new OnnxBuilder().Input("x", Float, "T", "N", 6).Random("w", 1, 1, 1, 32, 6).Random("r", 2, 1, 1, 32, 8).Random("h0", 3, 1, 1, 3, 8)
            .Node("LSTM", "x w r - - h0 h0", "y", ("hidden_size", 8)).Output("y");
        var message = model.Refusal();
        Assert.Contains("fits together at N = 3 only: convert it with --dim N=3. At other sizes: node LSTM_y (LSTM): the initial state 'h0' of LSTM has shape [1, 3, 8]; it must be [1, N, 8].", message, StringComparison.Ordinal);
        model.Convert(Dim("N", 3));
    }

    [Theory]
    [InlineData("table of 512", "1 to 512")]
    [InlineData("kernel of 7", "7 or more")]
    [InlineData("rows of 160", "multiples of 160")]
    [InlineData("groups of 4", "multiples of 4")]
    [InlineData("stride of 3", "multiples of 3")]
    [InlineData("flattened", "99 to 100")]
    [InlineData("repeated", "1 or 40")]
    public void Which_sizes_fit_is_reported(string kind, string fits)
    {
        var model = kind switch
        {
            "table of 512" => new OnnxBuilder().Input("x", Float, "N", "T", 4).Constant("one", [1], 1L).Constant("zero", [1], 0L).Random("table", 1, 1, 512, 4)
                .Node("Shape", "x", "s").Node("Gather", "s one", "t").Node("Slice", "table zero t zero", "p").Node("Add", "x p", "y"),
            "kernel of 7" => new OnnxBuilder().Input("x", Float, "N", 2, "T").Random("w", 1, 1, 3, 2, 7).Node("Conv", "x w", "y"),
            "rows of 160" => new OnnxBuilder().Input("x", Float, 1, "T").Constant("s", [3], 1L, -1L, 160L).Node("Reshape", "x s", "y"),
            "groups of 4" => new OnnxBuilder().Input("x", Float, "N", "T", 8).Constant("s", [3], 0L, -1L, 32L).Node("Reshape", "x s", "y"),
            "stride of 3" => new OnnxBuilder().Input("x", Float, 1, 4, "T").Random("w", 1, 1, 4, 4, 3).Node("Conv", "x w", "c", ("strides", new long[] { 3 })).Node("ConvTranspose", "c w", "d", ("strides", new long[] { 3 })).Node("Add", "d x", "y"),
            "flattened" => new OnnxBuilder().Input("x", Float, "N", 4, "T").Random("w", 1, 1, 8, 4, 3).Random("k", 2, 1, 8 * 49, 5).Node("Conv", "x w", "c", ("strides", new long[] { 2 })).Node("Flatten", "c", "f").Node("MatMul", "f k", "y"),
            _ => new OnnxBuilder().Input("x", Float, "N", "T", 4).Random("c", 1, 1, 40, 4).Node("Add", "x c", "y"),
        };
        var converted = model.Output("y").Convert();
        var range = Assert.Single(converted.Graphs[0].Sizes);
        Assert.Equal(("T", fits), (range.Symbol, range.ToString()));
        Assert.Equal(fits, converted.Model.Metadata["sizes:main:T"]);
        using var loaded = SeqModel.Load(converted.File);
        var need = SeqRuntime.Converter.Commands.SessionNeed.Of(loaded, loaded.Graphs[0], new Dictionary<string, int>());
        Assert.Null(need.Fault);
        Assert.Equal(range.Least, need.Sizes["T"]);
    }

    [Fact]
    public void Where_all_sizes_fit_nothing_is_said()
    {
        var converted = new OnnxBuilder().Input("x", Float, "N", "T", 4).Node("Neg", "x", "y").Output("y").Convert();
        Assert.Empty(converted.Graphs[0].Sizes);
        Assert.Empty(converted.Graphs[0].Notes);
        Assert.DoesNotContain(converted.Model.Metadata.Keys, key => key.StartsWith("sizes", StringComparison.Ordinal));
    }

    [Fact]
    public void A_size_that_is_not_among_those_that_fit_is_refused_with_these()
    {
        var model = new OnnxBuilder().Input("x", Float, "N", "T", 8).Constant("s", [3], 0L, -1L, 32L).Node("Reshape", "x s", "y").Output("y");
        Assert.EndsWith("the shapes do not fit together with --dim T=5: graph 'main', node Reshape_y (Reshape): 'x' of shape [N, 5, 8] cannot become [N, -1, 32], the shape in 's'. Sizes of 'T' that fit: multiples of 4.", model.Refusal(Dim("T", 5)), StringComparison.Ordinal);
        model.Convert(Dim("T", 8));
    }

    [Fact]
    public void Dimensions_that_have_to_be_equal_become_one()
    {
        var model = new OnnxBuilder().Input("x", Float, "T", "a", 6).Input("h0", Float, 1, "b", 8).Input("c0", Float, 1, "c", 8).Random("w", 1, 1, 1, 32, 6).Random("r", 2, 1, 1, 32, 8)
            .Node("LSTM", "x w r - - h0 c0", "y hn cn", ("hidden_size", 8)).Output("y").Output("hn").Output("cn");
        var converted = model.Convert(new ConversionOptions { AutoStates = false });
        Assert.Equal(["T", "a"], converted.Model.Graphs[0].Symbols);
        Assert.Contains("dimensions 'a', 'b', 'c' must be equal: all become 'a'", converted.Graphs[0].Notes);
    }

    [Fact]
    public void Dimensions_that_follow_others_are_reported_and_stay_open()
    {
        // A cache of P steps before T new ones, and a mask over both.
        var model = new OnnxBuilder().Input("x", Float, "N", "T", 4).Input("past", Float, "N", "P", 4).Input("mask", Float, "N", 1, "M")
            .Node("Concat", "past x", "k", ("axis", 1)).Node("Transpose", "k", "kt", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "x kt", "s").Node("Add", "s mask", "m").Node("Softmax", "m", "p", ("axis", 2)).Node("MatMul", "p k", "y").Output("y");
        var converted = model.Convert();
        Assert.Equal(["N", "T", "P", "M"], converted.Model.Graphs[0].Symbols);
        Assert.Equal([("M", "P + T")], converted.Graphs[0].Sizes.Select(s => (s.Symbol, string.Join(" + ", s.With!.Order(StringComparer.Ordinal)))));
    }

    [Fact]
    public void Dimensions_of_different_names_are_not_taken_for_equal()
    {
        // With one size for both, N - M would be folded to 0.
        var model = new OnnxBuilder().Input("x", Float, "N").Input("z", Float, "M").Node("Shape", "x", "n").Node("Shape", "z", "m").Node("Sub", "n m", "d").Node("Cast", "d", "f", ("to", 1)).Output("f");
        using var loaded = model.Load();
        using var session = loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 7, ["M"] = 3 } });
        session.Run();
        Assert.Equal([4f], session.Output<float>(0).ToArray());
    }

    [Fact]
    public void Shapes_that_overflow_at_large_sizes_are_no_misfit()
    {
        // Precomputed products of [N, T, 4 · 64] elements: too many if N and T are both large.
        var model = new OnnxBuilder().Input("tokens", Int64, "T", "N").Random("e", 1, 1, 10, 32).Random("w", 2, 1, 1, 256, 32).Random("r", 3, 1, 1, 256, 64)
            .Node("Gather", "e tokens", "x").Node("LSTM", "x w r", "y", ("hidden_size", 64)).Output("y");
        Assert.Equal(["T", "N"], model.Convert().Model.Graphs[0].Symbols);
    }

    [Fact]
    public void The_most_frequent_fault_is_reported()
    {
        var model = new OnnxBuilder().Input("x", Float, 1, "T", 4).Constant("one", [1], 1L).Constant("zero", [1], 0L).Random("table", 1, 1, 512, 4).Random("w", 2, 1, 5, 3)
            .Node("Shape", "x", "s").Node("Gather", "s one", "t").Node("Slice", "table zero t zero", "p").Node("Add", "x p", "z").Node("MatMul", "z w", "y").Output("y");
        Assert.EndsWith("graph 'main', node MatMul_y (MatMul): 'w' has shape [5, 3]; dimension 0 must be 4.", model.Refusal(), StringComparison.Ordinal);
    }

    private static ConversionOptions Dim(string symbol, int size) => new() { Dimensions = new Dictionary<string, int> { [symbol] = size } };
}
