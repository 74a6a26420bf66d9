using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Upgrading;

/// <summary>The models from which older converters made the files of <c>tests/Golden/upgrade</c>, as its README says.</summary>
internal static class UpgradeSources
{
    public static OnnxBuilder Of(string graph) => graph switch
    {
        "lstm" => Lstm(),
        "gru" => Gru(),
        "conv" => Conv(),
        _ => Tokens(),
    };

    /// <summary>A layer of two blocks of units, the second not whole, and one of a single small block in both directions, with peepholes.</summary>
    private static OnnxBuilder Lstm() => new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 1, 3)
        .Random("W1", 1, 0.6f, 1, 72, 3).Random("R1", 2, 0.4f, 1, 72, 18).Random("B1", 3, 0.3f, 1, 144)
        .Random("W2", 4, 0.7f, 2, 12, 3).Random("R2", 5, 0.5f, 2, 12, 3).Random("B2", 6, 0.3f, 2, 24).Random("P2", 7, 0.3f, 2, 9)
        .Constant("squeeze", [1], 1L).Random("K", 8, 0.4f, 18, 7).Random("b", 9, 0.4f, 7)
        .Node("LSTM", "x W1 R1 B1", "y1", ("hidden_size", 18)).Node("Squeeze", "y1 squeeze", "s1").Node("MatMul", "s1 K", "m").Node("Add", "m b", "y")
        .Node("LSTM", "x W2 R2 B2 - - - P2", "y2 h2 c2", ("hidden_size", 3), ("direction", "bidirectional")).Output("y").Output("y2").Output("c2");

    /// <summary>Layers of a whole block and of others, with the reset before and after the product; layers of different widths whose biases are one tensor of zeros.</summary>
    private static OnnxBuilder Gru() => new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 1, 3)
        .Random("W1", 11, 0.5f, 1, 51, 3).Random("R1", 12, 0.4f, 1, 51, 17).Random("B1", 13, 0.3f, 1, 102)
        .Random("W2", 14, 0.4f, 1, 48, 3).Random("R2", 15, 0.4f, 1, 48, 16).Random("B2", 16, 0.3f, 1, 96)
        .Random("W4", 19, 0.4f, 1, 5, 17).Random("R4", 20, 0.4f, 1, 5, 5).Constant("B4", [1, 10], new float[10])
        .Random("W5", 21, 0.4f, 1, 7, 17).Random("R5", 22, 0.4f, 1, 7, 7).Constant("B5", [1, 14], new float[14])
        .Constant("squeeze", [1], 1L)
        .Node("GRU", "x W1 R1 B1", "y1", ("hidden_size", 17)).Node("Squeeze", "y1 squeeze", "s1")
        .Node("GRU", "x W2 R2 B2", "y2", ("hidden_size", 16), ("linear_before_reset", 1))
        .Node("RNN", "s1 W4 R4 B4", "y4 h4", ("hidden_size", 5)).Node("RNN", "s1 W5 R5 B5", "y5", ("hidden_size", 7)).Output("y1").Output("y2").Output("y4").Output("h4").Output("y5");

    /// <summary>Products of one matrix, of one for each group, and of none (depthwise), and a transposed convolution.</summary>
    private static OnnxBuilder Conv() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3, 12)
        .Random("A", 31, 0.5f, 18, 3, 3).Random("a", 32, 0.3f, 18).Random("B", 33, 0.4f, 20, 9, 3).Random("C", 34, 0.5f, 20, 1, 3).Random("c", 35, 0.3f, 20).Random("D", 36, 0.4f, 20, 6, 2)
        .Node("Conv", "x A a", "p", ("pads", new long[] { 1, 1 })).Node("Relu", "p", "r").Node("Conv", "r B", "q", ("group", 2)).Node("Conv", "q C c", "z", ("group", 20))
        .Node("ConvTranspose", "z D", "y", ("strides", new long[] { 2 })).Output("y");

    /// <summary>Layers that look up the products with their W, in one and in two directions, and a table that is stored like a matrix.</summary>
    private static OnnxBuilder Tokens() => new OnnxBuilder().Input("ids", OnnxBuilder.Int64, "T", 1)
        .Random("small", 41, 0.9f, 3, 20).Random("W", 42, 0.4f, 1, 15, 20).Random("R", 43, 0.5f, 1, 15, 5).Random("B", 44, 0.3f, 1, 30)
        .Random("W2", 47, 0.4f, 2, 12, 20).Random("R2", 48, 0.5f, 2, 12, 3)
        .Random("table", 45, 0.9f, 9, 40).Random("K", 46, 0.4f, 40, 5)
        .Node("Gather", "small ids", "e").Node("GRU", "e W R B", "y h", ("hidden_size", 5), ("linear_before_reset", 1))
        .Node("LSTM", "e W2 R2", "y2", ("hidden_size", 3), ("direction", "bidirectional"))
        .Node("Gather", "table ids", "f").Node("MatMul", "f K", "z").Output("y").Output("y2").Output("z").Output("f");
}
