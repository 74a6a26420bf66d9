using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>States that grow in each run. The cache holds all x so far; sum(t) is their sum.</summary>
public class CacheTests
{
    private const int Most = 6, Width = 3;

    [Fact]
    public void Each_run_adds_its_steps_until_there_is_no_room()
    {
        using var model = SeqModel.Load(File());
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 2 } });
        Assert.Equal([1, 0, Width], session.States[0].Shape.ToArray());
        Assert.Equal(0, session.State<float>("cache").Length);
        session.SetSize("T", 2);
        Assert.Equal([5f, 7, 9], Run(session, 1, 2, 3, 4, 5, 6));
        Assert.Equal([1, 2, Width], session.States[0].Shape.ToArray());
        Assert.Equal([1f, 2, 3, 4, 5, 6], session.State<float>("cache").ToArray());
        session.SetSize("T", 1);
        Assert.Equal([12f, 15, 18], Run(session, 7, 8, 9));
        Assert.Equal([1, 3, Width], session.Outputs[1].Shape.ToArray());
        Assert.Equal([1f, 2, 3, 4, 5, 6, 7, 8, 9], session.Output<float>("all").ToArray());
        session.SetSize("T", 2);
        Run(session, 0, 0, 0, 0, 0, 0);
        var fault = Assert.Throws<SeqSizeException>(() => Run(session, 0, 0, 0, 0, 0, 0));
        Assert.Contains("cache 'cache' would have 7 steps, but has room for 6. Empty it with ResetState, or create the session with MaxSizes[\"P\"] = 7 or more", fault.Message, StringComparison.Ordinal);
        Assert.Equal(5 * Width, session.State<float>(0).Length);
        session.SetSize("T", 1);
        Run(session, 1, 1, 1);
        session.ResetState();
        Assert.Equal(0, session.State<float>(0).Length);
        Assert.Equal([7f, 8, 9], Run(session, 7, 8, 9));
        using var larger = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["P"] = 20 } });
        for (var i = 0; i < 20; i++) Assert.Equal(i + 1, Run(larger, 1, 2, 3)[0]);
        Assert.Throws<SeqSizeException>(() => Run(larger, 1, 2, 3));
    }

    [Fact]
    public void A_cache_is_saved_and_taken_over_with_its_length()
    {
        using var model = SeqModel.Load(File());
        using var session = model.CreateSession();
        Run(session, 1, 2, 3);
        Run(session, 4, 5, 6);
        var saved = new byte[session.StateBytes];
        session.SaveState(saved);
        Run(session, 9, 9, 9);
        session.RestoreState(saved);
        Assert.Equal([1f, 2, 3, 4, 5, 6], session.State<float>(0).ToArray());
        Assert.Equal([6f, 8, 10], Run(session, 1, 1, 1));
        using var fork = model.CreateSession();
        fork.CopyStateFrom(session);
        Assert.Equal([7f, 9, 11], Run(fork, 1, 1, 1));
        using var larger = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["P"] = 9 } });
        Assert.Throws<ArgumentException>(() => larger.RestoreState(saved));
        larger.CopyStateFrom(session);
        Assert.Equal([7f, 9, 11], Run(larger, 1, 1, 1));
        for (var i = 0; i < 4; i++) Run(larger, 1, 1, 1);
        Assert.Contains("has room for 6", Assert.Throws<SeqSizeException>(() => session.CopyStateFrom(larger)).Message, StringComparison.Ordinal);
        Array.Fill(saved, (byte)255, saved.Length - sizeof(int), sizeof(int));
        Assert.Throws<ArgumentException>(() => session.RestoreState(saved));
    }

    [Fact]
    public void Its_length_is_the_sessions_alone()
    {
        using var model = SeqModel.Load(File());
        using var session = model.CreateSession();
        Assert.Contains("'P' cannot be set: it is the number of steps in cache 'cache'", Assert.Throws<ArgumentException>(() => session.SetSize("P", 2)).Message, StringComparison.Ordinal);
        Assert.Contains("Create a session for each stream", Assert.Throws<ArgumentException>(() => model.CreateStreams(2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Growing_allocates_nothing()
    {
        using var model = SeqModel.Load(File());
        using var session = model.CreateSession();
        Allocation.None(() =>
        {
            session.ResetState();
            for (var i = 0; i < Most; i++) session.Run();
        });
    }

    [Fact]
    public void Caches_that_fit_no_state_are_refused()
    {
        Assert.Contains("'T' has a limit of steps, but no state grows along it", Fault(g => g.Largest["T"] = 3), StringComparison.Ordinal);
        Assert.Contains("it must be at least 1", Fault(g => g.Largest["P"] = 0), StringComparison.Ordinal);
        Assert.Contains("symbolic dimension -1 does not exist", Fault(g => g.Largest["Q"] = 3), StringComparison.Ordinal);
        Assert.Contains(", but its next value is ", Fault(g => g.UpdateState(g.Values.FindIndex(v => v.Name == "cache"), g.Inputs[0])), StringComparison.Ordinal);

        static string Fault(Action<GraphDefinition> change)
        {
            var builder = Build();
            change(builder.Graphs[0]);
            var file = SeqWriter.ToArray(builder);
            var fault = Record.Exception(() =>
            {
                using var model = SeqModel.Load(file);
                using var session = model.CreateSession();
            });
            Assert.True(fault is SeqFormatException or ArgumentException, $"{fault}");
            return fault.Message;
        }
    }

    /// <summary>With any byte of the section changed, the file is refused or runs.</summary>
    [Fact]
    public void Damaged_caches_run_or_are_refused()
    {
        var file = File();
        for (var at = SeqLayout.HeaderBytes; at < file.Length; at++)
        {
            foreach (var change in (byte[])[1, 2, 0x80, 0xFF])
            {
                var damaged = (byte[])file.Clone();
                damaged[at] ^= change;
                try
                {
                    using var model = SeqModel.Load(damaged, new SeqModelOptions { VerifyChecksums = false });
                    using var session = model.CreateSession(model.Graphs[0].Name, new SeqSessionOptions { MemoryLimitBytes = 1 << 22, WorkLimit = 1 << 22 });
                    for (var i = 0; i < 3; i++) session.Run();
                    session.SaveState(new byte[session.StateBytes]);
                }
                catch (Exception fault) when (fault is SeqFormatException or ArgumentException)
                {
                    Assert.NotEmpty(fault.Message);
                }
            }
        }
    }

    private static float[] Run(SeqSession session, params float[] x)
    {
        x.CopyTo(session.Input<float>("x"));
        session.Run();
        return session.Output<float>("sum").ToArray();
    }

    private static byte[] File() => SeqWriter.ToArray(Build());

    private static SeqModelBuilder Build()
    {
        var model = SmallSeqWithout();
        var graph = model.Graphs[0];
        var cache = graph.State("cache", ElementType.Float32, [1, "P", Width]);
        var all = graph.Node(OpKind.Concat, [cache, graph.Inputs[0]], new Attributes().Set(AttributeKey.Axis, 1));
        graph.UpdateState(cache, all);
        graph.Output("sum", graph.Node(OpKind.Reduce, [all, graph.Constant<long>("axes", [1], 1)], new Attributes().Set(AttributeKey.Function, ReduceFunction.Sum).Set(AttributeKey.KeepDims, 0)));
        graph.Output("all", all);
        graph.Largest["P"] = Most;
        return model;
    }

    private static SeqModelBuilder SmallSeqWithout()
    {
        var model = new SeqModelBuilder();
        model.AddGraph("main").Input("x", ElementType.Float32, 1, "T", Width);
        return model;
    }
}
