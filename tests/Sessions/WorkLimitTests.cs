using System.Diagnostics;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>A file of a few bytes cannot take years of computing, and a run can be cancelled.</summary>
public class WorkLimitTests
{
    /// <summary>Graphs of small memory and endless work, by name.</summary>
    private static readonly Dictionary<string, Action<SeqModelBuilder, GraphDefinition>> s_bombs = new()
    {
        ["a pool over all of a large image at every place"] = (_, g) => g.Node(
            OpKind.Pool,
            [g.Input("x", ElementType.Float32, 1, 1, 11000, 11000)],
            new Attributes().Set(AttributeKey.Function, PoolFunction.Max).Set(AttributeKey.KernelShape, new long[] { 10999, 10999 }).Set(AttributeKey.Pads, new long[] { 5499, 5499, 5499, 5499 })),
        ["products of large matrices"] = (_, g) => g.Node(OpKind.MatMul, [g.Input("a", ElementType.Float32, 8192, 8192), g.Input("b", ElementType.Float32, 8192, 8192)]),
        ["products of many matrices with one column"] = (_, g) => g.Node(OpKind.MatMul, [g.Input("a", ElementType.Float32, 1, 8000, 8000), g.Input("b", ElementType.Float32, 8000, 8000, 1)]),
        ["integer products"] = (_, g) => g.Node(OpKind.MatMul, [g.Input("a", ElementType.Int64, 4000, 4000), g.Input("b", ElementType.Int64, 4000, 4000)]),
        ["a layer over millions of steps"] = (m, g) =>
        {
            var rows = 4 * 512;
            var (w, r) = (Packed(m, g, rows, 1), Packed(m, g, rows, 512));
            g.NodeMany(OpKind.Lstm, [g.Input("x", ElementType.Float32, 2_000_000, 1, 1), -1, -1, -1, w, r, -1, -1, -1], 2, new Attributes().Set(AttributeKey.Hidden, 512));
        },
        ["a chain of nodes over a large tensor"] = (_, g) =>
        {
            var x = g.Input("x", ElementType.Float32, 30_000_000);
            for (var i = 0; i < 1000; i++) x = g.Node(OpKind.Softmax, [x], new Attributes().Set(AttributeKey.Axis, 0));
        },
        ["the largest of many, sorted"] = (_, g) =>
        {
            var x = g.Input("x", ElementType.Float32, 50_000_000);
            for (var i = 0; i < 8; i++) x = g.NodeMany(OpKind.TopK, [x, g.Constant<long>($"k{i}", [], 50_000_000)], 2, new Attributes().Set(AttributeKey.Axis, 0))[0];
        },
        ["loops over empty tensors"] = (_, g) =>
        {
            var x = g.Input("x", ElementType.Float32, 2_000_000_000, 0);
            for (var i = 0; i < 20; i++) x = g.Node(OpKind.Concat, [x, x], new Attributes().Set(AttributeKey.Axis, 1));
        },
        ["a convolution with a long kernel"] = (_, g) => g.Node(
            OpKind.Conv,
            [g.Input("x", ElementType.Float32, 1, 1, 8_000_000), g.Constant("w", [1, 1, 200_000], new float[200_000])],
            new Attributes().Set(AttributeKey.KernelShape, new long[] { 200_000 })),
        ["a transposed convolution with a long kernel and a large stride"] = (_, g) => g.Node(
            OpKind.ConvTranspose,
            [g.Input("x", ElementType.Float32, 600, 1, 4), g.Constant("w", [1, 1, 1_000_000], new float[1_000_000])],
            new Attributes().Set(AttributeKey.KernelShape, new long[] { 1_000_000 }).Set(AttributeKey.Strides, new long[] { 500_000 }).Set(AttributeKey.Dilations, new long[] { 2 })),
    };

    public static TheoryData<string> Bombs => [.. s_bombs.Keys];

    [Theory]
    [MemberData(nameof(Bombs))]
    public void More_work_than_the_limit_is_refused_at_once(string name)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        s_bombs[name](model, graph);
        graph.Output("y", graph.Nodes[^1].Outputs[0]);
        using var loaded = SeqModel.Load(SeqWriter.ToArray(model));
        var watch = Stopwatch.StartNew();
        var fault = Assert.Throws<ArgumentException>(() => loaded.CreateSession(graph: null, new SeqSessionOptions { MemoryLimitBytes = 1L << 40 }));
        Assert.Contains("WorkLimit", fault.Message, StringComparison.Ordinal);
        Assert.Contains(graph.Nodes[^1].Kind.ToString(), fault.Message, StringComparison.Ordinal);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
    }

    [Fact]
    public void The_limit_is_that_of_the_sizes_and_counts_all_streams()
    {
        using var model = SeqModel.Load(Square());
        var work = (long)model.GetRunWork(graph: null, new Dictionary<string, int> { ["T"] = 100 });
        Assert.InRange(work, 100 * 100 * 4 / 16, 100 * 100 * 4 * 2);
        using (var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 100 }, WorkLimit = work })) session.Run();
        Assert.Throws<ArgumentException>(() => model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 100 }, WorkLimit = work - 1 }));
        using (var streams = model.CreateStreams(5, graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 100 }, WorkLimit = 5 * work })) streams.Join();
        Assert.Contains("5 streams", Assert.Throws<ArgumentException>(() => model.CreateStreams(5, graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 100 }, WorkLimit = 5 * work - 1 })).Message, StringComparison.Ordinal);
    }

    /// <summary>A product whose inner size depends on T: small at the largest T, large at smaller ones.</summary>
    [Fact]
    public void A_graph_that_takes_more_work_at_smaller_sizes_is_refused_there()
    {
        const int most = 4096;
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "T");
        var a = graph.Input("a", ElementType.Float32, most * 256);
        var size = graph.Node(OpKind.Shape, [x]);
        var rows = graph.Node(OpKind.Concat, [size, graph.Constant<long>("rest", [1], -1L)], new Attributes().Set(AttributeKey.Axis, 0));
        var columns = graph.Node(OpKind.Concat, [graph.Constant<long>("rest2", [1], -1L), size], new Attributes().Set(AttributeKey.Axis, 0));
        graph.Output("y", graph.Node(OpKind.Reduce, [graph.Node(OpKind.MatMul, [graph.Node(OpKind.Reshape, [a, columns]), graph.Node(OpKind.Reshape, [a, rows])])], new Attributes().Set(AttributeKey.Function, ReduceFunction.Sum)));
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        var work = (long)model.GetRunWork(graph: null, new Dictionary<string, int> { ["T"] = 1024 });
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 1024 }, WorkLimit = 2 * work });
        session.SetSize("T", 1024);
        session.Run();
        session.SetSize("T", 256);
        Assert.Throws<SeqSizeException>(session.Run);
    }

    [Fact]
    public void A_cancelled_run_leaves_the_states_and_the_next_one_is_right()
    {
        using var model = SeqModel.Load(Square());
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 5 } });
        using var other = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 5 } });
        using var streams = model.CreateStreams(2, graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 5 } });
        using var stop = new CancellationTokenSource();
        var slot = streams.Join();
        foreach (var input in new[] { 0.5f, -1f })
        {
            session.Input<float>(0).Fill(input);
            other.Input<float>(0).Fill(input);
            streams.Input<float>(slot, 0).Fill(input);
            session.Run(stop.Token);
            other.Run();
            streams.Run([slot], stop.Token);
        }

        stop.Cancel();
        var before = session.State<float>(0).ToArray();
        Assert.Throws<OperationCanceledException>(() => session.Run(stop.Token));
        Assert.Throws<OperationCanceledException>(() => streams.Run(stop.Token));
        Assert.Throws<OperationCanceledException>(() => streams.Run([slot], stop.Token));
        Assert.Equal(before, session.State<float>(0).ToArray());
        Assert.Equal(before, streams.State<float>(slot, 0).ToArray());
        session.Run();
        other.Run();
        streams.Run();
        Assert.Equal(other.Output<float>(0).ToArray(), session.Output<float>(0).ToArray());
        Assert.Equal(other.Output<float>(0).ToArray(), streams.Output<float>(slot, 0).ToArray());
        Assert.Equal(other.State<float>(0).ToArray(), streams.State<float>(slot, 0).ToArray());
    }

    [Fact]
    public void A_run_is_cancelled_on_its_way()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, 100_000);
        for (var i = 0; i < 20_000; i++) x = graph.Node(OpKind.Unary, [x], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh));
        graph.Output("y", x);
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        using var session = model.CreateSession();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        var watch = Stopwatch.StartNew();
        Assert.Throws<OperationCanceledException>(() =>
        {
            for (var run = 0; run < int.MaxValue; run++) session.Run(stop.Token);
        });
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
    }

    /// <summary>y = x · xᵀ of [T, 4], and a state that sums x.</summary>
    private static byte[] Square()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "T", 4);
        var state = graph.State("s", ElementType.Float32, ["T", 4]);
        var sum = graph.Node(OpKind.Binary, [x, state], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add));
        graph.UpdateState(state, sum);
        graph.Output("y", graph.Node(OpKind.MatMul, [sum, graph.Node(OpKind.Transpose, [sum])]));
        return SeqWriter.ToArray(builder);
    }

    private static int Packed(SeqModelBuilder model, GraphDefinition graph, int rows, int columns) =>
        graph.Constant(model.AddPacked($"w{model.Tensors.Count}", TensorFormat.PackedFloat32, rows, columns, Float32Format.Pack(Numbers.Random(new Random(1), rows * columns), rows, columns)));
}
