using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Saved states can be restored only to their own graph and sizes.</summary>
public class SavedStateTests
{
    [Fact]
    public void A_state_of_another_graph_or_model_is_refused_and_changes_nothing()
    {
        using var model = SeqModel.Load(TwoGraphs(seed: 1));
        using var retrained = SeqModel.Load(TwoGraphs(seed: 2));
        using var again = SeqModel.Load(TwoGraphs(seed: 1));
        using var session = model.CreateSession("a", Sizes(2));
        var before = Fill(session);
        foreach (var (other, graph, word) in new[] { (model, "b", "another graph"), (retrained, "a", "another model") })
        {
            using var from = other.CreateSession(graph, Sizes(2));
            using var streams = model.CreateStreams(2, "a", Sizes(2));
            var slot = streams.Join();
            var saved = Save(from);
            Assert.Equal(session.StateBytes, saved.Length);
            Assert.Contains(word, Assert.Throws<ArgumentException>(() => session.RestoreState(saved)).Message, StringComparison.Ordinal);
            Assert.Contains(word, Assert.Throws<ArgumentException>(() => streams.RestoreState(slot, saved)).Message, StringComparison.Ordinal);
            Assert.Equal(before, session.State<float>("s").ToArray());
        }

        using var same = again.CreateSession("a", Sizes(2));
        same.RestoreState(Save(session));
        Assert.Equal(before, same.State<float>("s").ToArray());
    }

    [Fact]
    public void A_state_of_other_sizes_is_refused()
    {
        using var model = SeqModel.Load(TwoGraphs(seed: 1));
        using var session = model.CreateSession("a", Sizes(4));
        var largest = Save(session);
        session.SetSize("T", 3);
        var smaller = Save(session);
        Assert.Contains("other sizes", Assert.Throws<ArgumentException>(() => session.RestoreState(largest)).Message, StringComparison.Ordinal);
        session.RestoreState(smaller);
        session.SetSize("T", 4);
        session.RestoreState(largest);
        Assert.Throws<ArgumentException>(() => session.RestoreState(smaller));
        using var other = model.CreateSession("a", Sizes(5));
        Assert.Throws<ArgumentException>(() => other.RestoreState(largest));
        Assert.Throws<ArgumentException>(() => session.RestoreState(new byte[session.StateBytes]));
        Assert.Throws<ArgumentException>(() => session.RestoreState(largest.AsSpan(1)));
    }

    [Fact]
    public void Sessions_and_streams_go_on_from_each_other()
    {
        using var model = SeqModel.Load(TwoGraphs(seed: 3));
        using var session = model.CreateSession("a", Sizes(3));
        using var streams = model.CreateStreams(3, "a", Sizes(3));
        streams.Join();
        var slot = streams.Join();
        session.SetSize("T", 2);
        streams.SetSize("T", 2);
        var content = Fill(session);
        streams.RestoreState(slot, Save(session));
        Assert.Equal(content, streams.State<float>(slot, 0).ToArray());
        var saved = new byte[streams.StateBytes];
        streams.SaveState(slot, saved);
        session.ResetState();
        session.RestoreState(saved);
        Assert.Equal(content, session.State<float>("s").ToArray());
    }

    /// <summary>Two sessions whose states take the same number of bytes but have other places.</summary>
    [Fact]
    public void A_session_of_other_largest_sizes_is_taken_over_state_by_state()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        foreach (var symbol in new[] { "T", "U" })
        {
            var state = graph.State($"s{symbol}", ElementType.Float32, [symbol, 4]);
            graph.UpdateState(state, state);
            graph.Output($"y{symbol}", state);
        }

        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        using var one = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 50, ["U"] = 2 } });
        using var other = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 2, ["U"] = 50 } });
        Assert.Equal(one.StateBytes, other.StateBytes);
        foreach (var session in new[] { one, other })
        {
            session.SetSize("T", 2);
            session.SetSize("U", 2);
        }

        for (var i = 0; i < 2; i++) one.State<float>(i).Fill(i + 1);
        other.CopyStateFrom(one);
        for (var i = 0; i < 2; i++) Assert.All(other.State<float>(i).ToArray(), value => Assert.Equal(i + 1, value));
        Assert.Throws<ArgumentException>(() => other.RestoreState(Save(one)));
    }

    private static SeqSessionOptions Sizes(int size) => new() { MaxSizes = { ["T"] = size } };

    private static float[] Fill(SeqSession session)
    {
        var state = session.State<float>("s");
        for (var i = 0; i < state.Length; i++) state[i] = i + 1;
        return state.ToArray();
    }

    private static byte[] Save(SeqSession session)
    {
        var saved = new byte[session.StateBytes];
        session.SaveState(saved);
        return saved;
    }

    /// <summary>Two equal graphs with a state of symbolic size.</summary>
    private static byte[] TwoGraphs(int seed)
    {
        var random = new Random(seed);
        var model = new SeqModelBuilder();
        foreach (var name in new[] { "a", "b" })
        {
            var graph = model.AddGraph(name);
            var x = graph.Input("x", ElementType.Float32, "T", 4);
            var state = graph.State("s", ElementType.Float32, ["T", 4]);
            var w = graph.Constant(model.AddPacked($"w{name}", TensorFormat.PackedFloat32, 4, 4, Float32Format.Pack(Numbers.Random(random, 16), 4, 4)));
            var sum = graph.Node(OpKind.Binary, [graph.Node(OpKind.Linear, [x, w]), state], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add));
            graph.UpdateState(state, sum);
            graph.Output("y", sum);
        }

        return SeqWriter.ToArray(model);
    }
}
