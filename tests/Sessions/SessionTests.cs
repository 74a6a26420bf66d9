using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

public class SessionTests
{
    [Fact]
    public void LSTM_session_carries_its_state_from_run_to_run()
    {
        const int Hidden = 5, Input = 3, Steps = 7;
        var random = new Random(1);
        using var model = SeqModel.Load(SeqWriter.ToArray(Lstm(random, Input, Hidden, stateful: true)));
        using var whole = SeqModel.Load(SeqWriter.ToArray(Lstm(new Random(1), Input, Hidden, stateful: false)));
        using var steps = model.CreateSession();
        using var sequence = whole.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
        var x = Enumerable.Range(0, Steps * Input).Select(_ => random.NextSingle() - 0.5f).ToArray();
        x.CopyTo(sequence.Input<float>("x"));
        sequence.Run();
        for (var t = 0; t < Steps; t++)
        {
            x.AsSpan(t * Input, Input).CopyTo(steps.Input<float>("x"));
            steps.Run();
            Assert.Equal(sequence.Output<float>("y").Slice(t * Hidden, Hidden).ToArray(), steps.Output<float>("y").ToArray());
        }
    }

    private static SeqModelBuilder Lstm(Random random, int input, int hidden, bool stateful)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var rows = GateRows.Count(4, hidden);
        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        var w = graph.Constant(model.AddPacked("W", TensorFormat.PackedFloat32, rows, input, Float32Format.Pack(Random(rows * input), rows, input)));
        var r = graph.Constant(model.AddPacked("R", TensorFormat.PackedFloat32, rows, hidden, Float32Format.Pack(Random(rows * hidden), rows, hidden)));
        var x = graph.Input("x", ElementType.Float32, stateful ? 1 : "T", 1, input);
        var h = stateful ? graph.State("h", ElementType.Float32, [1, 1, hidden]) : -1;
        var c = stateful ? graph.State("c", ElementType.Float32, [1, 1, hidden]) : -1;
        var y = graph.NodeMany(OpKind.Lstm, [x, -1, h, c, w, r, -1, -1, -1], 3, new Attributes().Set(AttributeKey.Hidden, hidden));
        graph.Output("y", y[0]);
        if (stateful)
        {
            graph.UpdateState(h, y[1]);
            graph.UpdateState(c, y[2]);
        }

        return model;
    }
}
