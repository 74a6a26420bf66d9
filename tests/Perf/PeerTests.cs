using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Tests.Perf;

/// <summary>The programs that perf compares do the same work; otherwise its ratios mean nothing.</summary>
public sealed class PeerTests
{
    [Theory]
    [InlineData("LSTM", "fp32", false, 1e-5)]
    [InlineData("LSTM", "int8", false, 0.02)]
    [InlineData("LSTM", "int8", true, 0.03)]
    [InlineData("GRU", "fp32", false, 1e-5)]
    [InlineData("GRU", "int8", false, 0.02)]
    public void A_layer_gives_what_ONNX_Runtime_gives(string op, string storage, bool dynamic, double tolerance)
    {
        var layer = new RecurrentLayer(op, 48, 64, 7, 2);
        using var ours = LayerContests.Start(layer, Storage.Find(storage)!);
        using var theirs = LayerContests.StartOrt(layer, dynamic);
        var (a, b) = (ours.Output!(), theirs.Output!());
        Assert.Equal(7 * 2 * 64, b.Length);
        var difference = Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum() / b.Sum(y => (double)y * y));
        Assert.InRange(difference, 0, tolerance);
    }

    /// <summary>The contender is made only after every word gave the same tokens and probability in both.</summary>
    [Fact]
    public void Decoders_give_the_same_words_as_ONNX_Runtime()
    {
        Models.Need("g2p_en/checkpoint20.npz");
        Models.Need("thai2rom/thai2rom_encoder.onnx");
        var contests = DecodingContests.All(Models.Find(".")!).ToList();
        Assert.Equal(4, contests.Count);
        foreach (var contest in contests)
        {
            using var theirs = contest.Contenders["ort"]();
            theirs.Run();
        }
    }
}
