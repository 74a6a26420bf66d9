using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Initial states that exporters write as zeros for one batch size are removed, so that the batch stays symbolic.</summary>
public class FirstStateTests
{
    private const int I = 5, H = 4, Batch = 6;

    [Theory]
    [InlineData("constant")]
    [InlineData("filled")]
    [InlineData("expanded")]
    [InlineData("sliced")]
    public void Zeros_of_a_fixed_batch_are_no_state(string kind)
    {
        var model = new OnnxBuilder().In("x", "T", "N", I).Constant("zeros", [2, Batch, H], new float[2 * Batch * H]).Integers("shape", 1, Batch, H).Integers("0", 0).Integers("1", 1);
        switch (kind)
        {
            case "filled": model.Node("ConstantOfShape", "shape", "h"); break;
            case "expanded": model.Node("Slice", "zeros 0 1 0", "z").Node("Shape", "x", "all").Node("Slice", "all 1 n 0", "batch").Integers("n", 2).Integers("hidden", H).Node("Concat", "1 batch hidden", "to", ("axis", 0)).Node("Expand", "z to", "h"); break;
            case "sliced": model.Node("Slice", "zeros 0 1 0", "h"); break;
            default: model.Constant("h", [1, Batch, H], new float[Batch * H]); break;
        }

        model.Layer("LSTM", 1, I, H, "x h h", "y hn").Out("y").Out("hn");
        using var loaded = model.Load();
        Assert.Equal(["T", "N"], loaded.Graphs[0].Symbols);
        using var session = loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 3, ["N"] = 2 } });
        session.Run();
        Assert.Equal([1, 2, H], session.Outputs[1].Shape.ToArray());
    }
}
