using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Commands;

/// <summary><c>convert</c> reports what a file stores besides the weights, and which names share a tensor.</summary>
public class CostReportTests
{
    [Fact]
    public void Padding_tables_and_names_are_said()
    {
        long[] table = [.. Enumerable.Range(0, 80).Select(i => (long)(i * 7 % 80))];
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 80, 24).Constant("t", [8, 10], table).Random("k", 1, 1, 24, 17).Random("same", 1, 1, 24, 17).Node("Gather", "x t", "g")
            .Node("MatMul", "g k", "a").Node("MatMul", "g same", "b").Node("Sub", "a b", "y").Output("y");
        using var file = new TemporaryModel(Google.Protobuf.MessageExtensions.ToByteArray(model.Model));
        using var command = new CommandLine();
        command.Good("convert", file.Path, "-o", command["m.seq"]);
        // 3 of 20 rows of 24 weights are padding; 80 indices of four bytes.
        Assert.Contains("besides the weights: rows padded to 4 288 B; tables of indices 320 B", command.Out, StringComparison.Ordinal);
        Assert.Contains("'k' is stored once and also serves 'same'", command.Out, StringComparison.Ordinal);
        var beside = command.Json("convert", file.Path, "-o", command["m.seq"], "--json", "--weights", "int8", "--weights-of", "k=fp32", "--weights-of", "same=int8").GetProperty("beside");
        Assert.Equal("same", beside.GetProperty("copied")[0].GetString());
        Assert.True(beside.GetProperty("copies").GetInt64() > 0);
    }

    [Fact]
    public void A_matrix_that_is_read_both_ways_is_said()
    {
        // y = (x · W) · Wᵀ, as in tied autoencoders.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 48).Random("w", 1, 1, 48, 32).Node("MatMul", "x w", "code").Node("Gemm", "code w", "y", ("transB", 1)).Output("y");
        using var file = new TemporaryModel(Google.Protobuf.MessageExtensions.ToByteArray(model.Model));
        using var command = new CommandLine();
        command.Good("convert", file.Path, "-o", command["m.seq"]);
        Assert.Contains("besides the weights: matrices also stored transposed 6.0 KiB ('w#2 of w')", command.Out, StringComparison.Ordinal);
        var beside = command.Json("convert", file.Path, "-o", command["m.seq"], "--json", "--weights", "int8").GetProperty("beside");
        Assert.True(beside.GetProperty("turned").GetInt64() > 0);
        Assert.Equal("w#2 of w", beside.GetProperty("turnedRound")[0].GetString());
    }
}
