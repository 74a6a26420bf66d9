using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions.Streams;

/// <summary>Slots, memory, states and errors of many streams.</summary>
public sealed class StreamsLifeTests : IDisposable
{
    private readonly SeqModel _model = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()));

    [Fact]
    public void Join_gives_the_lowest_free_slot_until_all_are_taken()
    {
        using var streams = _model.CreateStreams(3, "step");
        Assert.Equal((3, 0), (streams.Capacity, streams.Count));
        Assert.Equal([0, 1, 2], new[] { streams.Join(), streams.Join(), streams.Join() });
        Assert.False(streams.TryJoin(out var none));
        Assert.Equal(-1, none);
        Assert.Contains("All 3 slots are taken", Assert.Throws<InvalidOperationException>(() => streams.Join()).Message, StringComparison.Ordinal);
        streams.Leave(1);
        Assert.False(streams.IsJoined(1));
        Assert.Equal(2, streams.Count);
        Assert.True(streams.TryJoin(out var again));
        Assert.Equal(1, again);
    }

    [Fact]
    public void A_new_stream_sees_nothing_of_the_one_before()
    {
        using var streams = _model.CreateStreams(1, "step");
        var slot = streams.Join();
        var first = new byte[streams.StateBytes];
        streams.SaveState(slot, first);
        streams.Input<float>(slot, 0).Fill(1);
        streams.Run();
        Assert.NotEqual(0, streams.Output<float>(slot, 0)[0]);
        streams.Leave(slot);
        Assert.Equal(slot, streams.Join());
        Assert.Equal(new float[3], streams.Input<float>(slot, 0).ToArray());
        Assert.Equal(new float[7], streams.Output<float>(slot, 0).ToArray());
        var now = new byte[streams.StateBytes];
        streams.SaveState(slot, now);
        Assert.Equal(first, now);
    }

    [Theory]
    [InlineData(-1, "There is no slot -1; expected 0 to 1")]
    [InlineData(2, "There is no slot 2; expected 0 to 1")]
    [InlineData(1, "Slot 1 has no stream")]
    public void A_slot_without_a_stream_is_refused_by_every_call(int slot, string why)
    {
        using var streams = _model.CreateStreams(2, "step");
        streams.Join();
        Action[] calls =
        [
            () => streams.Leave(slot), () => streams.ResetState(slot), () => streams.SaveState(slot, new byte[1024]), () => streams.RestoreState(slot, new byte[1024]),
            () => streams.Input<float>(slot, 0)[0] = 1, () => _ = streams.Output<float>(slot, 0)[0], () => streams.State<float>(slot, 0)[0] = 1, () => streams.Run([slot]),
        ];
        Assert.All(calls, call => Assert.Contains(why, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal));
        Assert.Equal(1, streams.Count);
    }

    [Fact]
    public void Values_by_name_are_those_by_index()
    {
        using var streams = _model.CreateStreams(2, "step");
        streams.Join();
        var slot = streams.Join();
        streams.Input<float>(slot, streams.Inputs[0].Name).Fill(2);
        Assert.Equal(2, streams.Input<float>(slot, 0)[0]);
        streams.Run();
        Assert.True(streams.Output<float>(slot, 0).Overlaps(streams.Output<float>(slot, streams.Outputs[0].Name)));
        for (var i = 0; i < streams.States.Count; i++) Assert.True(streams.State<float>(slot, i).Overlaps(streams.State<float>(slot, streams.States[i].Name)));
        Assert.Contains("There is no state 'nothing'", Assert.Throws<ArgumentException>(() => streams.State<float>(slot, "nothing")[0] = 1).Message, StringComparison.Ordinal);
        Assert.Contains("There is no input 7; expected 0 to ", Assert.Throws<ArgumentOutOfRangeException>(() => streams.Input<float>(slot, 7)[0] = 1).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_misuse_is_named()
    {
        using var streams = _model.CreateStreams(2, "step");
        var slot = streams.Join();
        Assert.Contains("Slot 0 is given twice", Assert.Throws<ArgumentException>(() => streams.Run([slot, slot])).Message, StringComparison.Ordinal);
        Assert.Contains("so it cannot be accessed as Int32", Assert.Throws<ArgumentException>(() => streams.Input<int>(slot, 0)[0] = 1).Message, StringComparison.Ordinal);
        Assert.Contains("Available: x", Assert.Throws<ArgumentException>(() => streams.Inputs["z"].Index).Message, StringComparison.Ordinal);
        Assert.Contains("the destination has", Assert.Throws<ArgumentException>(() => streams.SaveState(slot, new byte[1])).Message, StringComparison.Ordinal);
        Assert.Contains("1 were given", Assert.Throws<ArgumentException>(() => streams.RestoreState(slot, new byte[1])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => _model.CreateStreams(0, "step"));
        Assert.Throws<ArgumentException>(() => _model.CreateStreams(1, "nothing"));
        streams.Run([]);
        streams.Dispose();
        Assert.Throws<ObjectDisposedException>(() => streams.Run());
        Assert.Throws<ObjectDisposedException>(() => streams.Join());
        Assert.Throws<ObjectDisposedException>(() => streams.Input<float>(slot, 0)[0] = 1);
        Action[] calls = [() => _ = streams.Inputs[0].Shape.Length, () => _ = streams.Outputs[0].Shape.Length, () => _ = streams.States[0].Shape.Length];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
    }

    [Fact]
    public void States_move_between_streams_and_sessions()
    {
        using var streams = _model.CreateStreams(4, "step");
        using var session = _model.CreateSession("step");
        int[] slots = [streams.Join(), streams.Join(), streams.Join()];
        streams.Input<float>(slots[2], 0).Fill(0.7f);
        streams.Run([slots[2]]);
        streams.Run([slots[2]]);
        var saved = new byte[streams.StateBytes];
        streams.SaveState(slots[2], saved);
        session.RestoreState(saved);
        streams.RestoreState(slots[0], saved);
        session.Input<float>(0).Fill(-0.2f);
        session.Run();
        foreach (var slot in slots) streams.Input<float>(slot, 0).Fill(-0.2f);
        streams.Run();
        Assert.Equal(session.Output<float>(0), streams.Output<float>(slots[2], 0));
        Assert.Equal(session.Output<float>(0), streams.Output<float>(slots[0], 0));
        Assert.NotEqual(session.Output<float>(0)[0], streams.Output<float>(slots[1], 0)[0]);
        session.SaveState(saved);
        streams.RestoreState(slots[1], saved);
        Assert.Equal(session.State<float>("h"), streams.State<float>(slots[1], session.States["h"].Index));
        streams.ResetState(slots[1]);
        Assert.Equal(new float[4], streams.State<float>(slots[1], 0).ToArray());
    }

    [Fact]
    public void An_index_out_of_range_names_its_stream_and_moves_none()
    {
        using var streams = _model.CreateStreams(4, "tokens");
        for (var i = 0; i < 4; i++) streams.Join();
        streams.Leave(1);
        streams.Run();
        var before = States(streams);
        streams.Input<int>(3, 0)[0] = 9;
        var fault = Assert.Throws<SeqDataException>(() => streams.Run());
        Assert.Equal(("tokens", "embedded", 3), (fault.GraphName, fault.NodeName, fault.Slot));
        Assert.StartsWith("stream 3: graph 'tokens', node 'embedded'", fault.Message, StringComparison.Ordinal);
        Assert.Equal(before, States(streams));
        streams.Run([0, 2]);
        Assert.NotEqual(before, States(streams));

        static float[] States(SeqStreams streams) => [.. streams.State<float>(0, 0), .. streams.State<float>(2, 0), .. streams.State<float>(3, 0)];
    }

    [Fact]
    public void Memory_is_known_before_and_a_limit_refuses()
    {
        var needed = _model.GetStreamsMemoryBytes(50, "step");
        Assert.True(needed > _model.GetSessionMemoryBytes("step"));
        using (var streams = _model.CreateStreams(50, "step", new SeqSessionOptions { MemoryLimitBytes = needed })) Assert.Equal(needed, streams.MemoryBytes);
        var fault = Assert.Throws<ArgumentException>(() => _model.CreateStreams(50, "step", new SeqSessionOptions { MemoryLimitBytes = needed - 1 }));
        Assert.StartsWith($"50 streams of graph 'step' need {needed} bytes", fault.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => _model.CreateStreams(int.MaxValue, "step"));
    }

    [Fact]
    public void Nothing_is_allocated_whatever_streams_do()
    {
        foreach (var name in StreamGraphs.All.Keys)
        {
            using var model = SeqModel.Load(SeqWriter.ToArray(StreamGraphs.Build(name, TensorFormat.PackedInt8)));
            using var streams = model.CreateStreams(8);
            var saved = new byte[streams.StateBytes];
            Assert.True(Allocated(() => Use(streams, saved)) == 0, name);
        }

        static void Use(SeqStreams streams, byte[] saved)
        {
            while (streams.TryJoin(out _))
            {
            }

            streams.Run();
            streams.Leave(3);
            streams.Run();
            streams.Run([6, 0, 2]);
            for (var i = 0; i < streams.Inputs.Count; i++) streams.Input<float>(6, i)[0] = 1;
            streams.SaveState(2, saved);
            streams.RestoreState(4, saved);
            streams.ResetState(0);
            streams.Leave(0);
        }
    }

    public void Dispose() => _model.Dispose();

    /// <summary>The least bytes of several rounds, measured like in <see cref="SessionAllocationTests"/>.</summary>
    private static long Allocated(Action use)
    {
        use();
        var least = long.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 5; i++) use();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
