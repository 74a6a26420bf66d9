using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions.Streams;

/// <summary>Streams whose symbolic dimensions change between steps, each compared with a session of the same sizes.</summary>
public sealed class StreamsSizesTests
{
    private const int Most = 5;

    private static readonly Dictionary<string, (int Least, Action<GraphDefinition, StreamGraphs.Kit> Add)> s_graphs = new()
    {
        ["lstm and what follows"] = (0, (g, k) =>
        {
            var (h, c) = (k.State("h", 1, 1, 16), k.State("c", 1, 1, 16));
            var y = g.NodeMany(OpKind.Lstm, [g.Input("x", ElementType.Float32, "T", 1, 7), -1, h, c, k.Packed(rows: 64, columns: 7), k.Packed(rows: 64, columns: 16), k.Dense(64), -1, -1], 3, new Attributes().Set(AttributeKey.Hidden, 16));
            g.UpdateState(h, y[1]);
            g.UpdateState(c, y[2]);
            var logits = g.Node(OpKind.Linear, [y[0], k.Packed(rows: 9, columns: 16), k.Dense(9)]);
            g.Output("p", g.Node(OpKind.Softmax, [logits], new Attributes().Set(AttributeKey.Axis, -1)));
            g.Output("last", y[1]);
        }
        ),
        ["states of a batch"] = (1, (g, k) =>
        {
            var h = g.State("h", ElementType.Float32, [1, "T", 16]);
            var steady = k.State("steady", 1, 3);
            var y = g.NodeMany(OpKind.Rnn, [g.Input("x", ElementType.Float32, 2, "T", 4), -1, h, k.Packed(rows: 16, columns: 4), k.Packed(rows: 16, columns: 16)], 2, new Attributes().Set(AttributeKey.Hidden, 16));
            g.UpdateState(h, y[1]);
            g.UpdateState(steady, g.Node(OpKind.Binary, [steady, k.X(1, 3)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
            g.Output("y", y[0]);
            g.Output("steady", g.Node(OpKind.Identity, [steady]));
        }
        ),
        ["convolution"] = (3, (g, k) =>
        {
            var y = g.Node(OpKind.Conv, [g.Input("x", ElementType.Float32, 1, 3, "T"), k.Packed(rows: 4, columns: 9), k.Dense(4)], new Attributes().Set(AttributeKey.KernelShape, new long[] { 3 }));
            g.Output("y", g.Node(OpKind.Unary, [y], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh)));
        }
        ),
        ["a cache and two symbols"] = (0, (g, k) =>
        {
            var cache = g.State("cache", ElementType.Float32, ["T", 3]);
            var sum = g.Node(OpKind.Binary, [g.Input("x", ElementType.Float32, "T", 3), cache], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add));
            g.UpdateState(cache, sum);
            g.Output("all", g.Node(OpKind.Concat, [sum, g.Input("new", ElementType.Float32, "U", 3), k.Dense(1, 3)], new Attributes().Set(AttributeKey.Axis, 0)));
            g.Output("before", g.Node(OpKind.Identity, [cache]));
        }
        ),
    };

    public static TheoryData<string> Graphs => [.. s_graphs.Keys];

    [Theory]
    [MemberData(nameof(Graphs))]
    public void Every_size_gives_the_bits_of_single_sessions(string name)
    {
        foreach (var format in (TensorFormat[])[TensorFormat.PackedFloat32, TensorFormat.PackedInt8])
        {
            foreach (var path in SeqKernelSets.Supported)
            {
                using var model = SeqModel.Load(Build(name, format), new SeqModelOptions { KernelSet = path });
                var options = Largest(model);
                StreamsBesideSessions.Run(model, graph: null, options, capacity: 6, steps: 60, seed: 11, least: options.MaxSizes.Keys.ToDictionary(symbol => symbol, _ => s_graphs[name].Least));
            }
        }
    }

    [Theory]
    [InlineData("tokens")]
    [InlineData("shapes")]
    public void What_is_computed_from_shapes_follows(string graph)
    {
        foreach (var path in SeqKernelSets.Supported)
        {
            using var model = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()), new SeqModelOptions { KernelSet = path });
            var options = new SeqSessionOptions { MaxSizes = { [SmallSeq.Length] = 4 } };
            StreamsBesideSessions.Run(model, graph, options, capacity: 5, steps: 60, seed: 12, indexBound: 9, least: new() { [SmallSeq.Length] = 1 });
        }
    }

    [Fact]
    public void Only_the_states_of_the_symbol_start_anew_in_every_stream()
    {
        using var model = SeqModel.Load(Build("states of a batch", TensorFormat.PackedFloat32));
        using var streams = model.CreateStreams(4, graph: null, Largest(model));
        for (var slot = 0; slot < 3; slot++)
        {
            streams.Join();
            for (var i = 0; i < 2; i++) streams.Input<float>(slot, i).Fill(slot + 1);
        }

        streams.Run();
        Assert.All(Enumerable.Range(0, 3), slot => Assert.NotEqual(0, streams.State<float>(slot, 0)[0]));
        streams.SetSize("T", 2);
        Assert.Equal([2, 2, 4], streams.Inputs[0].Shape);
        Assert.Equal([2, 1, 2, 16], streams.Outputs[0].Shape);
        for (var slot = 0; slot < 3; slot++)
        {
            Assert.Equal(new float[2 * 16], streams.State<float>(slot, 0).ToArray());
            Assert.Equal([slot + 1, slot + 1, slot + 1], streams.State<float>(slot, 1).ToArray());
        }

        streams.SetSize("T", 2); // No change, so nothing is reset.
        streams.State<float>(1, 0)[5] = 7;
        streams.SetSize("T", 2);
        Assert.Equal(7, streams.State<float>(1, 0)[5]);

        // A stream that joins now is not affected by the others.
        var joined = streams.Join();
        Assert.Equal(new float[2 * 2 * 4], streams.Input<float>(joined, 0).ToArray());
        Assert.Equal(new float[2 * 2 * 16], streams.Output<float>(joined, 0).ToArray());
        Assert.Equal(new float[2 * 16], streams.State<float>(joined, 0).ToArray());
    }

    [Fact]
    public void A_stream_that_waits_sees_nothing_of_the_others_outputs_at_another_size()
    {
        using var model = SeqModel.Load(Build("states of a batch", TensorFormat.PackedFloat32));
        using var streams = model.CreateStreams(3, graph: null, Largest(model));
        for (var slot = 0; slot < 3; slot++)
        {
            streams.Join();
            for (var i = 0; i < 2; i++) streams.Input<float>(slot, i).Fill(slot + 1);
        }

        streams.Run();
        Assert.All(Enumerable.Range(0, 3), slot => Assert.NotEqual(0, streams.Output<float>(slot, 0)[0]));
        streams.SetSize("T", 2);
        streams.Run([0]);
        Assert.All(Enumerable.Range(1, 2), slot => Assert.Equal(new float[streams.Output<float>(slot, 0).Length], streams.Output<float>(slot, 0).ToArray()));
    }

    [Fact]
    public void Sizes_that_are_none_are_refused()
    {
        using var model = SeqModel.Load(Build("a cache and two symbols", TensorFormat.PackedFloat32));
        using var streams = model.CreateStreams(2, graph: null, Largest(model));
        using var session = model.CreateSession(graph: null, Largest(model));
        foreach (var (symbol, size, says) in new[] { ("V", 1, "There is no symbolic dimension 'V'. Available: T, U."), ("T", -1, "Size -1 of dimension 'T' is outside 0 to 5"), ("T", 6, "Size 6 of dimension 'T' is outside 0 to 5") })
        {
            var fault = Assert.ThrowsAny<ArgumentException>(() => streams.SetSize(symbol, size));
            Assert.StartsWith(says, fault.Message, StringComparison.Ordinal);
            Assert.Equal(fault.Message, Assert.ThrowsAny<ArgumentException>(() => session.SetSize(symbol, size)).Message);
        }

        streams.Dispose();
        Assert.Throws<ObjectDisposedException>(() => streams.SetSize("T", 1));
    }

    [Fact]
    public void Sizes_that_do_not_fit_together_move_no_stream_and_others_then_do()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var sum = graph.State("sum", ElementType.Float32, [1]);
        var bent = graph.Node(OpKind.Unary, [graph.Input("x", ElementType.Float32, "T", 2)], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh));
        graph.Output("y", graph.Node(OpKind.Binary, [bent, graph.Input("z", ElementType.Float32, "U", 2)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
        graph.UpdateState(sum, graph.Node(OpKind.Binary, [sum, graph.Input("one", ElementType.Float32, 1)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        using var streams = model.CreateStreams(3, graph: null, Largest(model));
        for (var slot = 0; slot < 3; slot++) streams.Join();
        foreach (var (size, says) in new[] { (2, "Shapes [2, "), (1, "at these sizes but not at the largest sizes") })
        {
            streams.SetSize("T", size);
            for (var slot = 0; slot < 3; slot++) streams.Input<float>(slot, 2)[0] = 1;
            Assert.Throws<SeqSizeException>(() => streams.Output<float>(0, 0)[0]);
            Assert.Contains(says, Assert.Throws<SeqSizeException>(() => streams.Run()).Message, StringComparison.Ordinal);
            Assert.All(Enumerable.Range(0, 3), slot => Assert.Equal(0, streams.State<float>(slot, 0)[0]));
        }

        streams.SetSize("T", 4);
        streams.SetSize("U", 4);
        for (var slot = 0; slot < 3; slot++) streams.Input<float>(slot, 1).Fill(slot);
        streams.Run();
        for (var slot = 0; slot < 3; slot++)
        {
            Assert.Equal(Enumerable.Repeat((float)slot, 8), streams.Output<float>(slot, 0).ToArray());
            Assert.Equal(1, streams.State<float>(slot, 0)[0]);
        }
    }

    [Fact]
    public void A_layer_goes_stream_after_stream_at_sizes_that_forbid_one_product()
    {
        using var model = SeqModel.Load(Build("lstm and what follows", TensorFormat.PackedFloat32));
        using var streams = model.CreateStreams(3, graph: null, Largest(model));
        streams.Join();
        foreach (var (size, isBatched) in new[] { (5, true), (0, false), (2, true) })
        {
            streams.SetSize("T", size);
            streams.Run();
            Assert.Equal(isBatched, streams.IsBatched);
        }
    }

    [Fact]
    public void Nothing_is_allocated_whatever_the_sizes()
    {
        foreach (var name in s_graphs.Keys)
        {
            using var model = SeqModel.Load(Build(name, TensorFormat.PackedInt8));
            using var streams = model.CreateStreams(4, graph: null, Largest(model));
            while (streams.Count < 4) streams.Join();
            string[] symbols = [.. model.Graphs[0].Symbols];
            var bytes = streams.MemoryBytes;
            Allocation.None(() =>
            {
                for (var size = s_graphs[name].Least; size <= Most; size++)
                {
                    foreach (var symbol in symbols) streams.SetSize(symbol, size);
                    streams.Run([3, 1]);
                    _ = streams.Output<float>(2, 0);
                    streams.Run();
                }
            });
            Assert.Equal(bytes, streams.MemoryBytes);
        }
    }

    private static byte[] Build(string name, TensorFormat format)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        s_graphs[name].Add(graph, new StreamGraphs.Kit(model, graph, format, new Random(7)));
        return SeqWriter.ToArray(model);
    }

    private static SeqSessionOptions Largest(SeqModel model) => new() { MaxSizes = model.Graphs[0].Symbols.ToDictionary(symbol => symbol, _ => Most) };
}
