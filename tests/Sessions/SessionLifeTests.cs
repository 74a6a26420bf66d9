using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Memory, states, sharing and the end of a session.</summary>
public class SessionLifeTests
{
    private static readonly byte[] s_file = SeqWriter.ToArray(SmallSeq.Build());

    [Theory]
    [InlineData("tokens", 1)]
    [InlineData("tokens", 3)]
    [InlineData("step", 0)]
    [InlineData("shapes", 2)]
    public void Memory_is_known_before_a_session_is_made(string graph, int length)
    {
        using var model = SeqModel.Load(s_file);
        var options = Options(length);
        var needed = model.GetSessionMemoryBytes(graph, options);
        using var session = model.CreateSession(graph, options);
        Assert.Equal(needed, session.MemoryBytes);
        session.Run();
        Assert.Equal(needed, session.MemoryBytes);
    }

    [Fact]
    public void A_limit_refuses_with_both_numbers()
    {
        using var model = SeqModel.Load(s_file);
        var needed = model.GetSessionMemoryBytes("tokens", Options(3));
        using (model.CreateSession("tokens", Options(3, needed)))
        {
        }

        var fault = Assert.Throws<ArgumentException>(() => model.CreateSession("tokens", Options(3, needed - 1)));
        Assert.Contains($"needs {needed} bytes", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"allows {needed - 1}", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Largest_sizes_that_cannot_be_are_named()
    {
        using var model = SeqModel.Load(s_file);
        foreach (var size in new[] { 0, -3 })
        {
            var fault = Assert.Throws<SeqSizeException>(() => model.CreateSession("tokens", Options(size, SmallSeq.Length)));
            Assert.StartsWith($"Graph 'tokens': MaxSizes[\"T\"] is {size}; it must be at least 1.", fault.Message, StringComparison.Ordinal);
        }

        Assert.Equal("MaxSizes", Assert.Throws<ArgumentNullException>(() => new SeqSessionOptions { MaxSizes = null! }).ParamName);

        static SeqSessionOptions Options(int size, string symbol) => new() { MaxSizes = { [symbol] = size } };
    }

    [Fact]
    public void States_have_names_types_and_shapes()
    {
        using var model = SeqModel.Load(s_file);
        foreach (var info in model.Graphs)
        {
            using var session = model.CreateSession(info.Name);
            using var streams = model.CreateStreams(2, info.Name);
            Assert.Equal(info.States.Count, session.States.Count);
            for (var i = 0; i < info.States.Count; i++)
            {
                int[] shape = [.. info.States[i].Dimensions!.Select(d => d.Size ?? 1)];
                Assert.Equal((info.States[i].Name, info.States[i].Type, i), (session.States[i].Name, session.States[i].Type, session.States[info.States[i].Name].Index));
                Assert.Equal((info.States[i].Name, info.States[i].Type, i), (streams.States[i].Name, streams.States[i].Type, streams.States[info.States[i].Name].Index));
                Assert.Equal(shape, session.States[i].Shape);
                Assert.Equal(shape, streams.States[i].Shape);
            }
        }
    }

    [Fact]
    public void An_index_that_there_is_not_is_named()
    {
        using var model = SeqModel.Load(s_file);
        using var session = model.CreateSession("step");
        Action[] calls = [() => session.Input<float>(9)[0] = 1, () => _ = session.Inputs[-1], () => _ = session.Output<float>(9)[0], () => _ = session.Outputs[9].Shape.Length, () => session.State<float>(9)[0] = 1, () => _ = session.States[9]];
        Assert.All(calls, call => Assert.Matches("^There is no (input|output|state) -?[19]; expected 0 to [0-9]+\\.", Assert.Throws<ArgumentOutOfRangeException>(call).Message));
    }

    [Fact]
    public void A_stream_forks_and_comes_back()
    {
        using var model = SeqModel.Load(s_file);
        using var one = model.CreateSession("step");
        using var two = model.CreateSession("step");
        var first = Steps(one, 1, 2, 3);
        one.ResetState();
        Assert.Equal(first, Steps(one, 1, 2, 3));

        var saved = new byte[one.StateBytes];
        one.SaveState(saved);
        two.CopyStateFrom(one);
        var next = Steps(one, 4, 5);
        Assert.NotEqual(first[..next.Length], next);
        Assert.Equal(next, Steps(two, 4, 5));
        one.RestoreState(saved);
        Assert.Equal(next, Steps(one, 4, 5));
    }

    [Fact]
    public void A_state_begins_with_its_initial_content_after_every_reset()
    {
        using var model = SeqModel.Load(s_file);
        using var session = model.CreateSession("tokens", Options(1));
        Assert.All(session.State<float>("hidden").ToArray(), value => Assert.Equal(1f, value));
        session.Run();
        Assert.Contains(session.State<float>("hidden").ToArray(), value => value != 1f);
        session.ResetState();
        Assert.All(session.State<float>("hidden").ToArray(), value => Assert.Equal(1f, value));
    }

    [Fact]
    public void States_that_swap_both_take_the_others_old_content()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, 2);
        var a = graph.State("a", ElementType.Float32, [2]);
        var b = graph.State("b", ElementType.Float32, [2]);
        graph.Output("sum", graph.Node(OpKind.Binary, [x, a], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
        graph.UpdateState(a, b);
        graph.UpdateState(b, a);
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        using var session = model.CreateSession();
        new float[] { 1, 2 }.CopyTo(session.State<float>("a"));
        new float[] { 3, 4 }.CopyTo(session.State<float>("b"));
        session.Run();
        Assert.Equal([3, 4], session.State<float>("a").ToArray());
        Assert.Equal([1, 2], session.State<float>("b").ToArray());
        Assert.Equal([1, 2], session.Output<float>("sum").ToArray());
        session.Run();
        Assert.Equal([1, 2], session.State<float>("a").ToArray());
        Assert.Equal([3, 4], session.Output<float>("sum").ToArray());
    }

    [Fact]
    public void A_session_outlives_its_model_and_ends_once()
    {
        var model = SeqModel.Load(s_file);
        var session = model.CreateSession("step");
        var before = Steps(session, 1);
        session.ResetState();
        model.Dispose();
        Assert.Equal(before, Steps(session, 1));
        Assert.Throws<ObjectDisposedException>(() => model.CreateSession("step"));
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(session.Run);
        Assert.Throws<ObjectDisposedException>(() => session.Input<float>(0).Length);
        Assert.Throws<ObjectDisposedException>(session.ResetState);
        Action[] calls =
        [
            () => _ = session.Output<float>("y").Length, () => _ = session.State<float>(0).Length, () => _ = session.Inputs[0].Shape.Length, () => _ = session.Outputs[0].Shape.Length,
            () => _ = session.States[0].Shape.Length, () => session.SetSize("T", 1), () => session.SaveState([]),
        ];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
        Assert.Equal("x", session.Inputs[0].Name);

        using var again = SeqModel.Load(s_file);
        var resized = again.CreateSession("tokens", Options(3));
        resized.SetSize(SmallSeq.Length, 2);
        resized.Dispose();
        Assert.Throws<ObjectDisposedException>(() => resized.Outputs[0].Shape.Length);
        Assert.Throws<ObjectDisposedException>(() => resized.Output<float>(0).Length);
    }

    [Fact]
    public void Threads_share_a_model_and_get_the_bits_of_one()
    {
        using var model = SeqModel.Load(s_file);
        float[] inputs = [.. Enumerable.Range(0, 200).Select(i => MathF.Sin(i))];
        using var alone = model.CreateSession("step");
        var expected = Steps(alone, inputs);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var session = model.CreateSession("step");
            Assert.Equal(expected, Steps(session, inputs));
        });
    }

    [Fact]
    public void Wrong_names_types_and_sizes_say_what_there_is()
    {
        using var model = SeqModel.Load(s_file);
        using var session = model.CreateSession("tokens", Options(2));
        Assert.Contains("indices", Assert.Throws<ArgumentException>(() => session.Inputs["index"].Index).Message, StringComparison.Ordinal);
        Assert.Contains("int32", Assert.Throws<ArgumentException>(() => session.Input<float>("indices").Length).Message, StringComparison.Ordinal);
        var size = Assert.Throws<SeqSizeException>(() => session.SetSize(SmallSeq.Length, 3));
        Assert.Equal((3, 2), (size.Sizes[SmallSeq.Length], size.FittingSizes![SmallSeq.Length]));
        Assert.Throws<ArgumentException>(() => session.SetSize("U", 1));
        Assert.Throws<ArgumentException>(() => session.SaveState(new byte[session.StateBytes - 1]));
        Assert.Throws<ArgumentException>(() => session.RestoreState(new byte[session.StateBytes - 1]));
        session.Input<int>("indices")[1] = 9;
        var fault = Assert.Throws<SeqDataException>(session.Run);
        Assert.Equal(("tokens", "embedded", null), (fault.GraphName, fault.NodeName, fault.Slot));
        Assert.All(session.State<float>("hidden").ToArray(), value => Assert.Equal(1f, value));
    }

    private static SeqSessionOptions Options(int length, long limit = 1 << 24) =>
        length == 0 ? new() { MemoryLimitBytes = limit } : new() { MaxSizes = { [SmallSeq.Length] = length }, MemoryLimitBytes = limit };

    private static float[] Steps(SeqSession session, params float[] inputs)
    {
        var outputs = new List<float>();
        foreach (var input in inputs)
        {
            session.Input<float>("x").Fill(input);
            session.Run();
            outputs.AddRange(session.Output<float>("y"));
        }

        return [.. outputs];
    }
}
