using System.Runtime.InteropServices;

namespace SeqRuntime.Tests.Sessions.Streams;

/// <summary>Streams that join, step and leave at random, each compared with its own session, which must give the same bits at every step.</summary>
internal static class StreamsBesideSessions
{
    /// <param name="model">The model.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="options">Options of streams and sessions.</param>
    /// <param name="capacity">Most streams.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="seed">Seed of all random choices.</param>
    /// <param name="indexBound">Exclusive upper bound of integer inputs.</param>
    /// <param name="scale">Scale of float inputs.</param>
    /// <param name="least">Lower bounds of the symbols' sizes, which change between steps; the options give the upper bounds.</param>
    /// <param name="alone">Options of the sessions, if they differ from those of the streams.</param>
    public static void Run(SeqModel model, string? graph, SeqSessionOptions? options, int capacity, int steps, int seed, int indexBound = 1, float scale = 1, Dictionary<string, int>? least = null, SeqSessionOptions? alone = null)
    {
        var random = new Random(seed);
        using var streams = model.CreateStreams(capacity, graph, options);
        var sessions = new Dictionary<int, SeqSession>();
        var sizes = (least ?? []).Keys.ToDictionary(symbol => symbol, symbol => options!.MaxSizes[symbol]);
        var current = new HashSet<int>(); // Streams whose outputs have the current sizes.
        Span<int> slots = stackalloc int[capacity];
        for (var step = 0; step < steps; step++)
        {
            while (sessions.Count < capacity && random.Next(3) > 0)
            {
                var slot = streams.Join();
                Assert.True(sessions.TryAdd(slot, At(model.CreateSession(graph, alone ?? options), sizes)));
                current.Remove(slot);
            }

            while (sessions.Count > 1 && random.Next(4) == 0)
            {
                var leaving = sessions.Keys.ElementAt(random.Next(sessions.Count));
                streams.Leave(leaving);
                sessions.Remove(leaving, out var ended);
                ended!.Dispose();
            }

            foreach (var (symbol, from) in least ?? [])
            {
                if (random.Next(3) > 0) continue;
                sizes[symbol] = random.Next(from, options!.MaxSizes[symbol] + 1);
                streams.SetSize(symbol, sizes[symbol]);
                foreach (var session in sessions.Values) session.SetSize(symbol, sizes[symbol]);
                current.Clear();
            }

            Assert.Equal(sessions.Count, streams.Count);
            var count = 0;
            var all = random.Next(2) == 0;
            foreach (var slot in sessions.Keys)
            {
                if (all || random.Next(2) == 0) slots[count++] = slot;
            }

            random.Shuffle(slots[..count]);
            foreach (var slot in slots[..count])
            {
                for (var i = 0; i < streams.Inputs.Count; i++) Fill(random, streams, slot, i, sessions[slot], indexBound, scale);
            }

            if (all && count == sessions.Count) streams.Run();
            else streams.Run(slots[..count]);
            foreach (var slot in slots[..count]) sessions[slot].Run();
            current.UnionWith(slots[..count].ToArray());
            foreach (var (slot, session) in sessions) Compare(streams, slot, session, step, sizes.Count == 0 || current.Contains(slot), options, sizes);
        }

        foreach (var session in sessions.Values) session.Dispose();
    }

    public static void Compare(SeqStreams streams, int slot, SeqSession session, int step, bool hasOutputs = true, SeqSessionOptions? options = null, Dictionary<string, int>? sizes = null)
    {
        for (var i = 0; i < streams.Outputs.Count && hasOutputs; i++)
        {
            Assert.Equal(session.Outputs[i].Shape, streams.Outputs[i].Shape);
            var same = Bytes(streams, slot, i).SequenceEqual(session.OutputBytes(i));
            Assert.True(same, $"step {step}, slot {slot} of {streams.Count}: output '{streams.Outputs[i].Name}' differs on {streams.KernelSet}");
        }

        var saved = new byte[streams.StateBytes];
        streams.SaveState(slot, saved);
        var ours = new byte[session.StateBytes];
        session.SaveState(ours);
        using var other = At(session.Model.CreateSession(session.Graph.Name, options ?? Sizes(session)), sizes ?? []);
        other.RestoreState(saved);
        for (var i = 0; i < streams.States.Count; i++) Assert.True(other.StateContent(i).SequenceEqual(session.StateContent(i)), $"step {step}, slot {slot}: state {i} differs on {streams.KernelSet}");
    }

    private static SeqSession At(SeqSession session, Dictionary<string, int> sizes)
    {
        foreach (var (symbol, size) in sizes) session.SetSize(symbol, size);
        return session;
    }

    private static SeqSessionOptions Sizes(SeqSession session)
    {
        var options = new SeqSessionOptions();
        var info = session.Graph;
        for (var i = 0; i < info.Inputs.Count; i++)
        {
            for (var d = 0; d < info.Inputs[i].Dimensions!.Count; d++)
            {
                if (info.Inputs[i].Dimensions![d].Symbol is { } symbol) options.MaxSizes[symbol] = session.Inputs[i].Shape[d];
            }
        }

        return options;
    }

    private static void Fill(Random random, SeqStreams streams, int slot, int input, SeqSession session, int indexBound, float scale)
    {
        switch (streams.Inputs[input].Type)
        {
            case ElementType.Float32:
                var floats = streams.Input<float>(slot, input);
                Numbers.Fill(random, floats, scale);
                floats.CopyTo(session.Input<float>(input));
                break;
            case ElementType.Int32:
                var ints = streams.Input<int>(slot, input);
                foreach (ref var x in ints) x = random.Next(indexBound);
                ints.CopyTo(session.Input<int>(input));
                break;
            default:
                Assert.Fail($"no filling for {streams.Inputs[input].Type}");
                break;
        }
    }

    private static ReadOnlySpan<byte> Bytes(SeqStreams streams, int slot, int output) => streams.Outputs[output].Type switch
    {
        ElementType.Float32 => MemoryMarshal.AsBytes(streams.Output<float>(slot, output)),
        ElementType.Int32 => MemoryMarshal.AsBytes(streams.Output<int>(slot, output)),
        ElementType.Int64 => MemoryMarshal.AsBytes(streams.Output<long>(slot, output)),
        _ => MemoryMarshal.AsBytes(streams.Output<bool>(slot, output)),
    };
}
