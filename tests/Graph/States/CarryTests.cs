using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Inputs from which an output follows element by element, or through attention: states where the graph or names tell, else inputs.</summary>
public class CarryTests
{
    private const int I = 5, H = 4;

    [Theory]
    [InlineData("blend")]
    [InlineData("difference")]
    [InlineData("gate")]
    [InlineData("peak")]
    public void ASmootherIsAState(string kind)
    {
        var model = new OnnxBuilder().In("x", 1, I).In("3", 1, H).Matrix(1, "x", "new", I, H).Constant("a", [], 0.9f).Constant("b", [], 0.1f);
        switch (kind)
        {
            case "blend": model.Node("Mul", "3 a", "old").Node("Mul", "new b", "add").Node("Add", "old add", "7"); break;
            case "difference": model.Node("Sub", "new 3", "d").Node("Mul", "d b", "add").Node("Add", "3 add", "7"); break;
            case "gate": model.Matrix(2, "x", "z", I, H).Node("Sigmoid", "z", "g").Node("Mul", "g 3", "old").Node("Add", "old new", "7"); break;
            default: model.Node("Mul", "3 a", "old").Node("Max", "old new", "7"); break;
        }

        model.Matrix(3, "7", "y", H, 2).Out("y").Out("7", 1, H);
        Assert.Equal([("3", "7")], model.Pairs());
        Assert.Equal("each element a blend of its old value and new ones", model.Convert().Graphs[0].States[0].Reason);
    }

    /// <summary>A GRU whose reset gate lies before the product, an LSTM without a forget bias in other activations, and an Elman cell, all written out.</summary>
    [Fact]
    public void CellsThatNoLayerStandsForAreStates()
    {
        var gru = new OnnxBuilder().In("x", 1, I).In("2", 1, H).Node("Concat", "x 2", "xh", ("axis", 1)).Matrix(1, "xh", "zs", I + H, H).Matrix(2, "xh", "rs", I + H, H).Node("Sigmoid", "zs", "z").Node("Sigmoid", "rs", "r")
            .Node("Mul", "r 2", "rh").Node("Concat", "x rh", "xr", ("axis", 1)).Matrix(3, "xr", "ns", I + H, H).Node("Tanh", "ns", "n").Constant("one", [], 1f).Node("Sub", "one z", "iz").Node("Mul", "z 2", "old").Node("Mul", "iz n", "add").Node("Add", "old add", "5")
            .Matrix(4, "5", "y", H, 2).Out("y").Out("5", 1, H);
        Assert.Equal([("2", "5")], gru.Pairs());
        var lstm = new OnnxBuilder(18).In("x", 1, I).In("1", 1, H).In("2", 1, H).Matrix(1, "x", "wx", I, 4 * H).Matrix(2, "1", "rh", H, 4 * H).Node("Add", "wx rh", "g").Node("Split", "g", "gi gf gc go", ("axis", 1), ("num_outputs", 4))
            .Node("HardSigmoid", "gi", "i").Node("HardSigmoid", "gf", "f").Node("Relu", "gc", "n").Node("HardSigmoid", "go", "o").Node("Mul", "f 2", "kept").Node("Mul", "i n", "new").Node("Add", "kept new", "8").Node("Relu", "8", "t").Node("Mul", "o t", "9")
            .Matrix(4, "9", "y", H, 3).Out("y").Out("9", 1, H).Out("8", 1, H);
        Assert.Equal([("1", "9"), ("2", "8")], lstm.Pairs());
        var elman = new OnnxBuilder().In("x", 1, I).In("hx", 1, H).Matrix(1, "x", "wx", I, H).Matrix(2, "hx", "rh", H, H).Node("Add", "wx rh", "s").Node("Tanh", "s", "12").Matrix(4, "12", "y", H, 3).Out("y").Out("12", 1, H);
        Assert.Equal([("hx", "12")], elman.Pairs());
    }

    /// <summary>As in attention decoders: the hidden state asks for a context, and the layer begins at zero.</summary>
    [Fact]
    public void AHiddenStateThatActsThroughAttentionOnlyIsAState()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("encoded", 1, "S", H).In("q", 1, 1, H).Node("Transpose", "encoded", "k", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "q k", "scores").Node("Softmax", "scores", "weights", ("axis", -1))
            .Node("MatMul", "weights encoded", "context").Node("Concat", "x context", "both", ("axis", 2)).Layer("GRU", 1, I + H, H, "both", "all r").Integers("1", 1).Node("Squeeze", "all 1", "s").Matrix(7, "s", "logits", H, 6).Out("logits").Out("r", 1, 1, H).Out("weights");
        Assert.Equal([("q", "r")], model.Pairs());
    }

    /// <summary>Attention asks with the hidden state, not with the cell's.</summary>
    [Fact]
    public void OfAnLstmThatBeginsAnewItIsTheHiddenState()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("encoded", 1, "S", H).In("hidden", 1, 1, H).Node("Transpose", "encoded", "k", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "hidden k", "scores").Node("Softmax", "scores", "weights", ("axis", -1))
            .Node("MatMul", "weights encoded", "context").Node("Concat", "x context", "both", ("axis", 2)).Layer("LSTM", 1, I + H, H, "both", "all r s").Integers("1", 1).Node("Squeeze", "all 1", "e").Matrix(7, "e", "logits", H, 6).Out("logits").Out("s", 1, 1, H).Out("r", 1, 1, H);
        Assert.Equal([("hidden", "r")], model.Pairs());
    }

    /// <summary>A product with new values may be a cell's next state or another result: a name that says something else decides.</summary>
    [Theory]
    [InlineData("3", true)]
    [InlineData("onnx::MatMul_3", true)]
    [InlineData("hx", true)]
    [InlineData("vector", false)]
    [InlineData("speaker", false)]
    [InlineData("userProfile", false)]
    public void ANameThatSaysSomethingElseIsNoState(string name, bool isState)
    {
        var model = new OnnxBuilder().In("x", 1, I).In(name, 1, H).Node("Concat", $"x {name}", "both", ("axis", 1)).Matrix(1, "both", "s", I + H, H).Node("Tanh", "s", "7").Matrix(4, "7", "y", H, 3).Out("y").Out("7", 1, H);
        Assert.Equal(isState ? [(name, "7")] : [], model.Pairs());
    }

    [Fact]
    public void TheOnlyOrFirstOutputIsNotEatenByItsShape()
    {
        var mask = new OnnxBuilder().In("x", 1, 20).In("m", 1, H).Matrix(1, "x", "s", 20, H).Node("Add", "s m", "logits").Out("logits", 1, H);
        Assert.Empty(mask.Pairs());
        var speaker = new OnnxBuilder().In("x", 1, I).In("v", 1, 16).Node("Concat", "x v", "both", ("axis", 1)).Matrix(1, "both", "s", I + 16, 16).Node("Tanh", "s", "emb").Out("emb", 1, 16);
        Assert.Empty(speaker.Pairs());
        Assert.Equal(["emb"], speaker.OutputsLeft());
        var first = new OnnxBuilder().In("x", 1, I).In("v", 1, H).Matrix(1, "x", "s", I, H).Node("Add", "s v", "logits").Node("Softmax", "logits", "p", ("axis", 1)).Out("p", 1, H).Out("logits", 1, H);
        Assert.Empty(first.Pairs());
        Assert.Contains(first.Notes(), n => n.Contains("'v' may be a state", StringComparison.Ordinal) && n.Contains("--state v=logits", StringComparison.Ordinal));
    }

    [Fact]
    public void AnInputWithoutAWayToAnOutputOfItsShapeIsNone()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("z", 1, H).Matrix(1, "x", "a", I, H).Matrix(2, "z", "y", H, 2).Out("y").Out("a", 1, H);
        Assert.Empty(model.Pairs());
        Assert.DoesNotContain(model.Notes(), n => n.Contains("'z'", StringComparison.Ordinal));
        var same = new OnnxBuilder().In("x", 1, I).In("z", 1, H).Node("Identity", "z", "z_out").Matrix(2, "z", "y", H, 2).Out("y").Out("z_out", 1, H);
        Assert.Empty(same.Pairs());
    }

    /// <summary>An output that is made of one input and constants alone, or of a residual connection, tells nothing.</summary>
    [Fact]
    public void WhatBringsNothingNewIsNoState()
    {
        OnnxBuilder Second() => new OnnxBuilder().In("x", 1, I).In("v", 1, H).Constant("a", [], 0.5f).Matrix(1, "x", "y", I, H).Out("y");
        Assert.Empty(Second().Node("Mul", "v a", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Matrix(2, "v", "7", H, H).Out("7", 1, H).Pairs());
        Assert.Empty(Second().Constant("row", [1, 1], 0L).Constant("new", [1, H], new float[H]).Node("ScatterND", "v row new", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Greater", "v a", "m").Node("Where", "m v a", "w").Node("Ceil", "w", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Greater", "v y", "m").Node("Where", "m v y", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Add", "v y", "s").Node("Mul", "s y", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Add", "v y", "s").Node("Tanh", "s", "7").Out("7", 1, H).Pairs());
        Assert.Equal([("v", "7")], Second().Node("Mul", "v a", "s").Node("Add", "s y", "t").Node("Tanh", "t", "7").Out("7", 1, H).Pairs());
    }

    /// <summary>The end of a layer whose own state is an input belongs to that.</summary>
    [Fact]
    public void WhatALayerReadsIsNotItsEnd()
    {
        var model = new OnnxBuilder().In("a", 1, I).In("x", 1, 1, H).In("h", 1, 1, H).Layer("GRU", 1, H, H, "x h", "all hn").Integers("1", 1).Node("Squeeze", "all 1", "end").Matrix(2, "a", "y", I, 2).Out("y").Out("end", 1, 1, H).Out("hn", 1, 1, H);
        Assert.Equal([("h", "hn")], model.Pairs());
    }

    [Fact]
    public void NamesDecideWhereTheGraphAloneDoesNot()
    {
        OnnxBuilder Sum(string input, string output) => new OnnxBuilder().In("x", 1, H).In(input, 1, H).Node("Add", $"x {input}", output).Node("Tanh", output, "y").Out("y", 1, H).Out(output, 1, H);
        Assert.Equal([("total_in", "total_out")], Sum("total_in", "total_out").Pairs());
        Assert.Equal("by name", Sum("total_in", "total_out").Convert().Graphs[0].States[0].Reason);
        Assert.Empty(Sum("offset", "shifted").Pairs());
        Assert.Contains(Sum("offset", "shifted").Notes(), n => n.Contains("--state offset=shifted", StringComparison.Ordinal));
    }

    /// <summary>A buffer that is overwritten whole does not follow from what it was: called a state on both sides it is one.</summary>
    [Fact]
    public void WhatIsOverwrittenWholeIsAStateByNameOnly()
    {
        OnnxBuilder Delay(string input, string output) => new OnnxBuilder().In("x", 1, H).In(input, 1, H).Node("Tanh", "x", output).Node("Sub", $"{output} {input}", "y").Out("y", 1, H).Out(output, 1, H);
        Assert.Equal([("prev_state", "next_state")], Delay("prev_state", "next_state").Pairs());
        Assert.Empty(Delay("a", "b").Pairs());
    }

    [Fact]
    public void TwoCandidatesAreToldWithBothOptions()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("3", 1, H).Matrix(1, "x", "new", I, H).Constant("a", [], 0.9f).Constant("b", [], 0.5f).Node("Mul", "3 a", "p").Node("Add", "p new", "6").Node("Mul", "3 b", "q").Node("Add", "q new", "7")
            .Node("Add", "6 7", "s").Matrix(3, "s", "y", H, 2).Out("y").Out("6", 1, H).Out("7", 1, H);
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("make it a state with --state 3=6 or --state 3=7", StringComparison.Ordinal));
    }
}
