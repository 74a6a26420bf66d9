using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Spans used without unsafe code while sessions end: memory of other objects is never touched.</summary>
public class SpanLifetimeTests
{
    private static readonly byte[] s_file = SeqWriter.ToArray(SmallSeq.Build());

    [Fact]
    public void Spans_outlive_a_disposed_session()
    {
        using var model = SeqModel.Load(s_file);
        var session = model.CreateSession("step");
        var input = session.Input<float>("x");
        var state = session.State<float>("h");
        var output = session.Output<float>("y");
        input.Fill(1);
        session.Run();
        var before = output.ToArray();
        session.Dispose();
        Collect();
        input.Fill(2);
        state.Fill(3);
        Assert.Equal(before, output.ToArray());
        Assert.All(input.ToArray(), x => Assert.Equal(2f, x));
    }

    [Fact]
    public void Spans_outlive_a_session_that_nothing_refers_to()
    {
        using var model = SeqModel.Load(s_file);
        var input = InputOfALostSession(model, out var session);
        for (var i = 0; i < 20 && session.IsAlive; i++) Collect();
        Assert.False(session.IsAlive);
        var others = Enumerable.Range(0, 50).Select(_ => model.CreateSession("step")).ToList();
        input.Fill(7);
        Assert.All(input.ToArray(), x => Assert.Equal(7f, x));
        foreach (var other in others)
        {
            Assert.All(other.Input<float>("x").ToArray(), x => Assert.Equal(0f, x));
            other.Dispose();
        }
    }

    [Fact]
    public void Spans_of_streams_outlive_them()
    {
        using var model = SeqModel.Load(s_file);
        var streams = model.CreateStreams(2, "step");
        var slot = streams.Join();
        var input = streams.Input<float>(slot, 0);
        var output = streams.Output<float>(slot, 0);
        var state = streams.State<float>(slot, 0);
        input.Fill(1);
        streams.Run();
        var before = output.ToArray();
        streams.Dispose();
        Collect();
        input.Fill(2);
        state.Fill(3);
        Assert.Equal(before, output.ToArray());
    }

    [Fact]
    public void Outputs_that_are_constants_or_shapes_outlive_model_and_session()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "T", 3);
        graph.Output("constant", graph.Constant<float>("c", [2], 5, 6));
        graph.Output("shape", graph.Node(OpKind.Shape, [x]));
        using var folder = new TemporaryFolder();
        var path = folder.Write("model.seq", SeqWriter.ToArray(builder));
        var model = SeqModel.Load(path);
        var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 4 } });
        session.Run();
        Assert.Equal([4L, 3], session.Output<long>(1));
        session.SetSize("T", 2);
        session.Run();
        var constant = session.Output<float>(0);
        var shape = session.Output<long>(1);
        session.Dispose();
        model.Dispose();
        Collect();
        Assert.Equal([5f, 6], constant);
        Assert.Equal([2L, 3], shape);
    }

    /// <summary>One thread disposes sessions, streams and then the model while another runs them. Each run ends normally, or says that its session is disposed.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Disposing_on_another_thread_lets_a_run_end(int threads)
    {
        var file = Threading.StackGraphs.File("two LSTMs, views between", TensorFormat.PackedFloat32);
        using var folder = new TemporaryFolder();
        var path = folder.Write("model.seq", file);
        for (var round = 0; round < 30; round++)
        {
            var model = SeqModel.Load(path);
            var options = new SeqSessionOptions { MaxSizes = { [Threading.StackGraphs.Length] = Threading.StackGraphs.Longest }, Threads = threads, LeastSharedWork = 1 };
            var session = model.CreateSession(graph: null, options);
            var streams = model.CreateStreams(2, graph: null, new SeqSessionOptions { MaxSizes = { [Threading.StackGraphs.Length] = 3 } });
            streams.Join();
            var runs = new Thread(() => UntilDisposed(session.Run));
            var steps = new Thread(() => UntilDisposed(streams.Run));
            runs.Start();
            steps.Start();
            Thread.Sleep(round % 5);
            streams.Dispose();
            session.Dispose();
            model.Dispose();
            Assert.True(runs.Join(TimeSpan.FromSeconds(60)) && steps.Join(TimeSpan.FromSeconds(60)));
        }
    }

    private static void UntilDisposed(Action run)
    {
        try
        {
            while (true) run();
        }
        catch (ObjectDisposedException)
        {
            // Expected.
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Span<float> InputOfALostSession(SeqModel model, out WeakReference session)
    {
        var lost = model.CreateSession("step");
        session = new WeakReference(lost);
        return lost.Input<float>("x");
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
