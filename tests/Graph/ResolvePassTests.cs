using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Resolving before any pattern is searched for.</summary>
public class ResolvePassTests
{
    [Fact]
    public void An_omitted_input_does_not_read_an_omitted_output()
    {
        // The Clip has an omitted input and the layer after it an omitted first output. Nothing reads the layer, so all of it is removed.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 1, 3).Random("w", 1, 1, 1, 4, 3).Random("r", 2, 1, 1, 4, 4).Random("h", 3, 1, 1, 1, 4).Constant("top", [], 0.5f)
            .Node("Clip", "x - top", "y").Node("RNN", "y w r - - h", "- last", ("hidden_size", 4)).Output("y");
        Assert.Equal([0.25f, 0.5f, 0.5f, -1f, 0f, 0.5f], model.Run(options: null, [0.25f, 0.5f, 1f, -1f, 0f, 3f]));
    }

    [Fact]
    public void Negative_axes_of_a_permutation_work()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2, 3).Node("Transpose", "x", "t", ("perm", new long[] { 0, -1, -2 })).Node("Neg", "t", "n").Node("Transpose", "n", "y", ("perm", new long[] { -3, 2, 1 })).Output("y");
        Assert.Equal([-1f, -2f, -3f, -4f, -5f, -6f], model.Run(options: null, [1, 2, 3, 4, 5, 6]));
    }
}
