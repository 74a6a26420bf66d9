using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Tests.Decoding;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Threads that use one session, streams or decoder at once: one gets its turn with correct results, and the others are refused.</summary>
public class OneThreadTests
{
    private const int Size = 64;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_session_is_run_by_one_thread_at_a_time(int threads)
    {
        using var model = SeqModel.Load(Counter());
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Size }, Threads = threads, LeastSharedWork = 1 });
        var saved = new byte[session.StateBytes];
        var runs = Compete(session.Run, () =>
        {
            session.SetSize("T", Size / 2);
            session.SetSize("T", Size);
        });
        Assert.Equal(runs, session.State<float>("runs")[0]);
        session.SaveState(saved);
        _ = Compete(() => session.RestoreState(saved), () => session.CopyStateFrom(session));
        Assert.Equal(runs, session.State<float>("runs")[0]);
        session.Run();
    }

    [Fact]
    public void Streams_are_stepped_by_one_thread_at_a_time()
    {
        using var model = SeqModel.Load(Counter());
        using var streams = model.CreateStreams(3, graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Size } });
        int[] slots = [streams.Join(), streams.Join(), streams.Join()];
        streams.Leave(slots[1]);
        var joined = -1; // a stream whose leaving was refused leaves at the next turn
        var steps = Compete(streams.Run, () =>
        {
            streams.SetSize("T", Size / 2);
            if (joined < 0) joined = streams.Join();
            streams.Leave(joined);
            joined = -1;
            streams.SetSize("T", Size);
        });
        Assert.Equal(steps, streams.State<float>(slots[0], 0)[0]);
        Assert.Equal(steps, streams.State<float>(slots[2], 0)[0]);
        var more = Compete(() => streams.Run([slots[2]]), () => streams.Run([slots[2], slots[0]]), countsBoth: true);
        Assert.Equal(steps + more, streams.State<float>(slots[2], 0)[0]);
    }

    [Fact]
    public void A_decoder_searches_for_one_thread_at_a_time()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(2, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 4, MaxResults = 2 });
        decoder.Decode([1]);
        var (tokens, score) = (decoder.Results[0].Tokens.ToArray(), decoder.Results[0].Score);
        _ = Compete(() => decoder.Decode([1]), () => decoder.Decode([1]));
        Assert.Equal(tokens, decoder.Results[0].Tokens.ToArray());
        Assert.Equal(score, decoder.Results[0].Score);

        using var frames = SeqModel.Load(SmallFrames.Transducer(4, batched: true));
        using var reader = frames.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 4 });
        var features = SmallFrames.Features(seed: 1, frames: 8);
        reader.Decode(features);
        var (read, total) = (reader.Results[0].Tokens.ToArray(), reader.Results[0].Score);
        _ = Compete(() => reader.Decode(features), () => reader.Decode(features));
        Assert.Equal(read, reader.Results[0].Tokens.ToArray());
        Assert.Equal(total, reader.Results[0].Score);
    }

    /// <summary>Runs two threads at once until each has often been refused and has often had its turn.</summary>
    /// <returns>Turns of the first, or of both.</returns>
    private static int Compete(Action first, Action second, bool countsBoth = false)
    {
        const int Often = 5;
        int[] turns = [0, 0];
        int[] refusals = [0, 0];
        Exception?[] faults = [null, null];
        var end = DateTime.UtcNow + s_longest;
        Thread[] threads = [new(() => Try(0, first)), new(() => Try(1, second))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) Assert.True(thread.Join(s_longest * 2), "A thread did not end.");
        Assert.All(faults, Assert.Null);
        return countsBoth ? turns[0] + turns[1] : turns[0];

        void Try(int thread, Action use)
        {
            try
            {
                while (DateTime.UtcNow < end && faults[1 - thread] is null && (Volatile.Read(ref turns[0]) < Often || Volatile.Read(ref turns[1]) < Often || Volatile.Read(ref refusals[0]) + Volatile.Read(ref refusals[1]) < Often))
                {
                    try
                    {
                        use();
                        Volatile.Write(ref turns[thread], turns[thread] + 1);
                    }
                    catch (InvalidOperationException fault) when (fault.Message.Contains("other thread", StringComparison.OrdinalIgnoreCase))
                    {
                        Volatile.Write(ref refusals[thread], refusals[thread] + 1);
                    }
                }
            }
            catch (Exception fault)
            {
                faults[thread] = fault;
            }
        }
    }

    /// <summary>Counts its runs, and sorts a product's results: a second thread would change the indices.</summary>
    private static byte[] Counter()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "T", Size);
        var count = graph.State("runs", ElementType.Float32, [1]);
        var next = graph.Node(OpKind.Binary, [count, graph.Constant<float>("one", [1], 1f)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add));
        graph.UpdateState(count, next);
        var turned = graph.Node(OpKind.Transpose, [x], new Attributes().Set(AttributeKey.Perm, new long[] { 1, 0 }));
        var product = graph.Node(OpKind.MatMul, [turned, x]);
        var sorted = graph.NodeMany(OpKind.TopK, [product, graph.Constant<long>("k", [], Size)], 2, new Attributes().Set(AttributeKey.Axis, 1));
        graph.Output("y", sorted[0]);
        return SeqWriter.ToArray(model);
    }
}
