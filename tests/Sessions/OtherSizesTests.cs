using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>
/// Values that share memory at the largest sizes and cannot at others. Sessions and streams refuse such sizes and never compute wrong
/// results. A session without shared memory accepts them.
/// </summary>
public class OtherSizesTests
{
    [Theory]
    [InlineData("broadcasts", 3, 1, "is larger than 'negative', which it overwrites, at these sizes but not at the largest sizes")]
    [InlineData("turns", 6, 2, "moves elements at these sizes, but not at the largest sizes")]
    public void They_are_refused_and_the_largest_work_again(string graph, int largest, int other, string why)
    {
        using var model = SeqModel.Load(graph == "turns" ? Turns() : Broadcasts());
        var options = new SeqSessionOptions { MaxSizes = { ["T"] = largest } };
        using var session = model.CreateSession(graph: null, options);
        using var alone = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = largest }, SharesMemory = false });
        using var streams = model.CreateStreams(2, graph: null, options);
        int[] slots = [streams.Join(), streams.Join()];
        for (var round = 0; round < 2; round++)
        {
            var expected = Run(alone, largest);
            Assert.Equal(expected, Run(session, largest));
            Assert.All(Step(streams, slots, largest), y => Assert.Equal(expected, y));

            Assert.Equal(expected.Length, Run(alone, other).Length);
            Assert.Contains(why, Assert.Throws<SeqSizeException>(() => Run(session, other)).Message, StringComparison.Ordinal);
            Assert.Contains(why, Assert.Throws<SeqSizeException>(() => Step(streams, slots, other)).Message, StringComparison.Ordinal);
        }
    }

    private static float[] Run(SeqSession session, int size)
    {
        session.SetSize("T", size);
        for (var i = 0; i < session.Inputs.Count; i++) Count(session.Input<float>(i));
        session.Run();
        return session.Output<float>(0).ToArray();
    }

    private static float[][] Step(SeqStreams streams, int[] slots, int size)
    {
        streams.SetSize("T", size);
        foreach (var slot in slots)
        {
            for (var i = 0; i < streams.Inputs.Count; i++) Count(streams.Input<float>(slot, i));
        }

        streams.Run();
        return Array.ConvertAll(slots, slot => streams.Output<float>(slot, 0).ToArray());
    }

    private static void Count(Span<float> numbers)
    {
        for (var i = 0; i < numbers.Length; i++) numbers[i] = i + 1;
    }

    /// <summary>-x [T] + (1, 2, 3): the sum may overwrite -x if T is 3.</summary>
    private static byte[] Broadcasts()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Node(OpKind.Unary, [graph.Input("x", ElementType.Float32, "T")], new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg), "negative");
        graph.Output("y", graph.Node(OpKind.Binary, [x, graph.Constant<float>("c", [3], 1, 2, 3)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
        return SeqWriter.ToArray(model);
    }

    /// <summary>Six numbers in rows of T, transposed: with one row they keep their order.</summary>
    private static byte[] Turns()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var size = graph.Node(OpKind.Shape, [graph.Input("x", ElementType.Float32, "T")]);
        var shape = graph.Node(OpKind.Concat, [graph.Constant<long>("rest", [1], -1L), size], new Attributes().Set(AttributeKey.Axis, 0));
        var rows = graph.Node(OpKind.Reshape, [graph.Node(OpKind.Unary, [graph.Input("a", ElementType.Float32, 6)], new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg)), shape]);
        var turned = graph.Node(OpKind.Transpose, [rows], new Attributes().Set(AttributeKey.Perm, new long[] { 1, 0 }));
        graph.Output("y", graph.Node(OpKind.Unary, [turned], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh)));
        return SeqWriter.ToArray(model);
    }
}
