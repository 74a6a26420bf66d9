using SeqRuntime.Converter.Upgrading;
using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Upgrading;

/// <summary>Files of every older format, upgraded: they run with the bits that they had.</summary>
public class UpgradedFileTests
{
    public static TheoryData<string> Files => OlderFiles.All;

    [Theory]
    [MemberData(nameof(Files))]
    public void Outputs_and_states_have_the_bits_of_the_old_runtime_on_every_kernel_set(string name)
    {
        var upgraded = OlderFiles.Upgraded(name);
        var expected = OlderFiles.Expected(name);
        foreach (var kernels in SeqKernelSets.Supported)
        {
            using var model = SeqModel.Load(upgraded, new SeqModelOptions { KernelSet = kernels });
            Numbers.AssertSameBits(expected, OlderFiles.Run(model), $"{name} {kernels}");
        }
    }

    /// <summary>Graphs, values, states, tables and metadata are those of the file.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void Everything_else_stays(string name)
    {
        var before = OlderReader.Read(OlderFiles.PathOf(name), OlderFiles.Read(name));
        using var after = SeqModel.Load(OlderFiles.Upgraded(name));
        Assert.Equal(before.Metadata.ToList(), [.. after.Metadata]);
        Assert.Equal(before.Tables, after.Tables);
        Assert.Equal(before.Tensors.Select(t => t.Stored.Name), after.Loaded.Tensors.Take(before.Tensors.Length).Select(t => t.Name));
        Assert.Equal(before.Tensors.Select(t => (t.Stored.Format, t.Stored.Type, t.Stored.Count)), after.Loaded.Tensors.Take(before.Tensors.Length).Select(t => (t.Format, t.Type, t.PackedCount)));
        Assert.Equal(before.Graphs.Length, after.Graphs.Count);
        foreach (var (old, graph) in before.Graphs.Zip(after.Loaded.Graphs))
        {
            Assert.Equal(old.Name, graph.Name);
            Assert.Equal(old.Symbols, graph.Symbols);
            Assert.Equal(old.Largest, graph.Largest);
            Assert.Equal(old.Inputs, graph.Inputs);
            Assert.Equal(old.Outputs, graph.Outputs);
            Assert.Equal(old.States, graph.States);
            Assert.Equal(old.Values.Select(v => (v.Name, v.Kind, v.Type)), graph.Values.Take(old.Values.Length).Select(v => (v.Name, v.Kind, v.Constant is null ? v.Type : 0)));
            var kept = graph.Nodes.Where(node => !node.Name.EndsWith("/order", StringComparison.Ordinal)).ToList();
            Assert.Equal(old.Nodes.Select(n => (n.Name, n.Kind)), kept.Select(n => (n.Name, n.Kind)));
            Assert.Equal(old.Nodes.SelectMany(n => n.Outputs), kept.SelectMany(n => n.Outputs));
            Assert.Equal(old.Nodes.SelectMany(n => n.Attributes.Pairs), kept.SelectMany(n => n.Attributes.Pairs));
        }
    }

    /// <summary>Rows are no longer padded to 16, and 1.0 and 1.1 stored names and indices at length.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void The_upgraded_file_is_smaller(string name) => Assert.InRange(OlderFiles.Upgraded(name).Length, 1, OlderFiles.Read(name).Length - 1);

    [Fact]
    public void A_decoder_finds_the_words_that_the_old_one_found()
    {
        using var model = SeqModel.Load(OlderFiles.Upgraded("upgrade/1.2-words"));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 3, MaxResults = 3 });
        var found = new List<(string, double)>();
        foreach (var result in decoder.Decode("abcd")) found.Add((result.Text, Math.Round(result.LogProbability, 4)));
        Assert.Equal([("", -3.4682), ("B", -5.0087), ("C", -5.2748)], found);
    }

    /// <summary>Layers that look up products with W: a node takes them into today's order, and the layer's R has no rows of padding.</summary>
    [Fact]
    public void Products_of_tokens_are_brought_into_order_by_a_node()
    {
        using var model = SeqModel.Load(OlderFiles.Upgraded("upgrade/1.2-fp32"));
        var graph = model.Loaded.Graphs.Single(g => g.Name == "tokens");
        var orders = graph.Nodes.Where(node => node.Name.EndsWith("/order", StringComparison.Ordinal)).ToList();
        Assert.Equal([OpKind.Gather, OpKind.Gather], orders.Select(node => node.Kind));
        Assert.Equal([3 * 8, 2 * 4 * 4], orders.Select(node => graph.Values[node.Inputs[1]].Constant!.Count));
        var gru = graph.Nodes.Single(node => node.Kind == OpKind.Gru);
        Assert.Equal((orders[0].Outputs[0], -1, 3 * 8), (gru.Inputs[0], gru.Inputs[3], graph.Values[gru.Inputs[4]].Constant!.Layout.Rows));
    }
}
