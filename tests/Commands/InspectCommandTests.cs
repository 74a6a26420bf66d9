using System.Text.Encodings.Web;
using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Commands;

public sealed class InspectCommandTests : IDisposable
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly CommandLine _cli = new();

    public InspectCommandTests() => TinyModel.Write(_cli["tiny.seq"]);

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Text_shows_graphs_values_states_tensors_and_tables()
    {
        _cli.Good("inspect", _cli["tiny.seq"], "--tensors", "--nodes");
        foreach (var part in (string[])["made by a test", "graph sum: 1 node", "graph half: 2 nodes, symbols T", "table labels: 2 entries", "1 tensor", "kernels built"])
            Assert.Contains(part, _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"input\s+x\s+float32\s+\[1, 3\]", _cli.Out);
        Assert.Matches(@"state\s+total\s+float32\s+\[1, 3\]", _cli.Out);
        Assert.Matches(@"input\s+sequence\s+float32\s+\[T, 2\]", _cli.Out);
        Assert.Matches(@"Binary\s+mul\s+\(sequence, scale\) -> \(scaled\) Function=Mul", _cli.Out);
        Assert.Matches(@"output\s+scaled\s+float32\s+\[T, 2\]", _cli.Out);
        Assert.Matches(@"scale\s+dense float32\s+\[2\]\s+8 B", _cli.Out);
    }

    [Fact]
    public void Json_is_one_document_with_the_same_facts()
    {
        var report = _cli.Json("inspect", _cli["tiny.seq"], "--json", "--tensors", "--nodes");
        Assert.Equal(new FileInfo(_cli["tiny.seq"]).Length, report.GetProperty("fileBytes").GetInt64());
        var half = report.GetProperty("graphs")[1];
        Assert.Equal("[\"T\",2]", JsonSerializer.Serialize(half.GetProperty("inputs")[0].GetProperty("shape")));
        Assert.Equal("[\"T\",2]", JsonSerializer.Serialize(half.GetProperty("outputs")[0].GetProperty("shape")));
        Assert.Equal("[1,3]", JsonSerializer.Serialize(report.GetProperty("graphs")[0].GetProperty("states")[0].GetProperty("shape")));
        Assert.Equal("Mul", half.GetProperty("nodes")[0].GetProperty("attributes").GetProperty("Function").GetString());
        Assert.Equal(2, half.GetProperty("nodes").GetArrayLength());
        Assert.True(half.GetProperty("session").GetProperty("bytes").GetInt64() > 0);
        Assert.Equal("scale", report.GetProperty("tensors")[0].GetProperty("name").GetString());
        Assert.Equal(2, report.GetProperty("tables").GetProperty("labels").GetInt32());
        Assert.False(_cli.Json("inspect", _cli["tiny.seq"], "--json").TryGetProperty("tensors", out _));
    }

    [Fact]
    public void Attributes_are_numbers_in_json_and_the_smallest_session_that_fits_is_shown()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "N", 1, "T");
        graph.Output("y", graph.Node(OpKind.Pool, [x], new Attributes().Set(AttributeKey.Function, PoolFunction.Max).Set(AttributeKey.KernelShape, new long[] { 5 }), "pool"));
        AtomicFile.Write(_cli["pool.seq"], stream => SeqWriter.Write(model, stream));
        var report = _cli.Json("inspect", _cli["pool.seq"], "--json", "--nodes").GetProperty("graphs")[0];
        Assert.Equal("[5]", JsonSerializer.Serialize(report.GetProperty("nodes")[0].GetProperty("attributes").GetProperty("KernelShape")));
        Assert.Equal("{\"N\":1,\"T\":5}", JsonSerializer.Serialize(report.GetProperty("session").GetProperty("sizes")));
        _cli.Good("inspect", _cli["pool.seq"]);
        Assert.Contains(" at N = 1, T = 5", _cli.Out, StringComparison.Ordinal);
    }

    /// <summary>Shapes of outputs whose sizes are equal at the smallest sizes, or that fit at few sizes.</summary>
    [Fact]
    public void Outputs_have_the_symbols_on_which_their_sizes_depend()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "N", 1, "T");
        Attributes Window(long size, long stride) => new Attributes().Set(AttributeKey.Function, PoolFunction.Max).Set(AttributeKey.KernelShape, new[] { size }).Set(AttributeKey.Strides, new[] { stride });
        graph.Output("thirds", graph.Node(OpKind.Pool, [x], Window(size: 1, stride: 3), "thirds"));
        graph.Output("second", graph.Node(OpKind.Pool, [x], Window(size: 1, stride: 160), "second"));
        graph.Output("twice", graph.Node(OpKind.Concat, [x, x], new Attributes().Set(AttributeKey.Axis, 2), "twice"));
        graph.Output("rows", graph.Node(OpKind.Reshape, [x, graph.Constant<long>("row", [1], -1)], new Attributes(), "rows"));
        graph.Output("either", graph.Node(OpKind.Binary, [x, graph.Input("z", ElementType.Float32, "N", 1, "S")], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add), "either"));
        AtomicFile.Write(_cli["shapes.seq"], stream => SeqWriter.Write(model, stream));
        var outputs = _cli.Json("inspect", _cli["shapes.seq"], "--json").GetProperty("graphs")[0].GetProperty("outputs");
        Assert.Equal(["[\"N\",1,\"f(T)\"]", "[\"N\",1,\"f(T)\"]", "[\"N\",1,\"2*T\"]", "[\"N*T\"]", "[\"N\",1,\"f(T, S)\"]"], outputs.EnumerateArray().Select(o => JsonSerializer.Serialize(o.GetProperty("shape"), s_plain)));
    }

    [Fact]
    public void Sizes_change_the_memory_of_a_session()
    {
        var small = Bytes("T=1");
        var large = Bytes("T=10000");
        Assert.True(large > small + 100_000, $"{small} and {large}");
        _cli.Fails(2, ["inspect", _cli["tiny.seq"], "--size", "N=2"], "no graph has a symbolic dimension 'N'");

        long Bytes(string size) => _cli.Json("inspect", _cli["tiny.seq"], "--json", "--size", size).GetProperty("graphs")[1].GetProperty("session").GetProperty("bytes").GetInt64();
    }

    /// <summary>An output of some gigabytes is a line of text and takes no memory.</summary>
    [Fact]
    public void Shapes_are_told_without_a_session()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        graph.Output("y", graph.Node(OpKind.Expand, [graph.Input("x", ElementType.Float32, 1), graph.Constant<long>("shape", [1], 2_000_000_000L)]));
        File.WriteAllBytes(_cli["large.seq"], SeqWriter.ToArray(model));
        var before = GC.GetTotalAllocatedBytes();
        _cli.Good("inspect", _cli["large.seq"]);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1L << 30);
        Assert.Matches(@"output\s+y\s+float32\s+\[2000000000\]", _cli.Out);
        Assert.Contains("session 7629", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_file_is_named_and_exit_code_1()
    {
        var bytes = File.ReadAllBytes(_cli["tiny.seq"]);
        File.WriteAllBytes(_cli["cut.seq"], bytes[..(bytes.Length / 2)]);
        File.WriteAllText(_cli["text.seq"], "this is no model");
        _cli.Fails(1, ["inspect", _cli["cut.seq"]], _cli["cut.seq"]);
        _cli.Fails(1, ["inspect", _cli["text.seq"], "--json"], _cli["text.seq"]);
        _cli.Fails(1, ["run", _cli["text.seq"]], _cli["text.seq"]);
    }
}
