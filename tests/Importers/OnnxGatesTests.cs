using SeqRuntime.Converter;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Weights of recurrent layers get the runtime's gate order wherever a file has them. Other readers of these weights get them unchanged.</summary>
public class OnnxGatesTests
{
    private const int T = 3, N = 2, I = 4, H = 5;

    private static readonly float[] s_x = [.. Enumerable.Range(0, T * N * I).Select(i => MathF.Sin(i))];

    public static TheoryData<string> Layers => ["LSTM", "GRU", "RNN"];

    [Fact]
    public void Gates_of_ONNX_and_Keras_come_into_the_runtimes_order()
    {
        Assert.Equal([0, 2, 3, 1], Undone("LSTM", 1, [1, 4, 1]));
        Assert.Equal([0, 1, 4, 5, 6, 7, 2, 3, 8, 9, 12, 13, 14, 15, 10, 11], Undone("LSTM", 2, [2, 4, 2]));
        Assert.Equal([0, 2, 3, 1, 4, 6, 7, 5], Undone("LSTM", 3, [1, 8]));
        Assert.Equal([0, 2, 1, 3, 5, 4], Undone("LSTM", 7, [2, 3]));
        Assert.Equal([1, 0, 2], Undone("GRU", 2, [1, 3, 1]));
        Assert.Equal([1, 0, 2, 4, 3, 5], Undone("GRU", 3, [1, 6]));
        Assert.Null(GateOrder.OfOnnx(RecurrentOp.Rnn, 1));
        Assert.Null(GateOrder.OfOnnx(RecurrentOp.Lstm, 5));
        Assert.Null(GateOrder.OfOnnx(RecurrentOp.Gru, 7));
        var rows = IrTensor.Of([3, 2], 0f, 1, 2, 3, 4, 5);
        Assert.Equal([2, 3, 0, 1, 4, 5], GateOrder.OfKeras(rows, 3).ToFloats());
        Assert.Same(rows, GateOrder.OfKeras(rows, 4));

        static float[] Undone(string op, int input, int[] shape) =>
            GateOrder.OfOnnx(RecurrentOp.Of(op), input)!.Undo(IrTensor.Of(shape, Array.ConvertAll(Enumerable.Range(0, Numbers.Count(shape)).ToArray(), i => (float)i).AsSpan()), 1).ToFloats();
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Weights_may_be_computed_or_held_by_nodes(string op)
    {
        var expected = Layer(op, value => value).Run(options: null, s_x);
        Assert.Equal(expected, Layer(op, value => value, held: true).Run(options: null, s_x));
        Assert.Equal(expected, Layer(op, value => "computed_" + value).Run(options: null, s_x));
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Weights_with_other_readers_stay_unchanged(string op)
    {
        var plain = Layer(op, value => value).Run(options: null, s_x);
        foreach (var held in (bool[])[false, true])
        {
            using var model = Layer(op, value => value, held).Node("Neg", "w", "negative").Output("negative").Output("b").Load();
            using var session = model.CreateSession();
            s_x.CopyTo(session.Input<float>(0));
            session.Run();
            Assert.Equal(plain, session.Output<float>(0).ToArray());
            Assert.Equal(Array.ConvertAll(Weights(1, Gates(op) * H * I), w => -w), session.Output<float>(1).ToArray());
            Assert.Equal(Weights(3, 2 * Gates(op) * H), session.Output<float>(2).ToArray());
        }
    }

    [Fact]
    public void Layers_of_two_kinds_may_share_a_matrix()
    {
        // Four gates of 3 units, three of 4, one of 12.
        OnnxBuilder Start() => new OnnxBuilder().Input("x", OnnxBuilder.Float, T, N, I).Random("w", 1, 1, 1, 12, I).Random("r3", 2, 1, 1, 12, 3).Random("r4", 3, 1, 1, 12, 4).Random("r12", 4, 1, 1, 12, 12);
        OnnxBuilder Lstm(OnnxBuilder model) => model.Node("LSTM", "x w r3", "y3", ("hidden_size", 3)).Output("y3");
        OnnxBuilder Gru(OnnxBuilder model) => model.Node("GRU", "x w r4", "y4", ("hidden_size", 4)).Output("y4");
        OnnxBuilder Rnn(OnnxBuilder model) => model.Node("RNN", "x w r12", "y12", ("hidden_size", 12)).Output("y12");
        using var all = Rnn(Gru(Lstm(Start()))).Load();
        using var session = all.CreateSession();
        s_x.CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal(Lstm(Start()).Run(options: null, s_x), session.Output<float>(0).ToArray());
        Assert.Equal(Gru(Start()).Run(options: null, s_x), session.Output<float>(1).ToArray());
        Assert.Equal(Rnn(Start()).Run(options: null, s_x), session.Output<float>(2).ToArray());
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_branch_reads_weights_of_the_graph_around_it_and_its_own(string op)
    {
        var plain = Layer(op, value => value);
        var layer = plain.Graph.Node[^1];
        plain.Graph.Node.Remove(layer);
        // R is in the branch.
        var r = plain.Graph.Initializer.First(t => t.Name == "r");
        plain.Graph.Initializer.Remove(r);
        var branch = new GraphProto { Name = "then", Node = { layer }, Initializer = { r }, Output = { OnnxBuilder.Port("y", OnnxBuilder.Float) } };
        var other = new GraphProto { Name = "else", Node = { OnnxBuilder.MakeNode("Identity", "none", "z") }, Output = { OnnxBuilder.Port("z", OnnxBuilder.Float) } };
        plain.Constant("none", [T, 1, N, H], new float[T * N * H]).Constant("yes", [], true).Node("If", "yes", "out", ("then_branch", branch), ("else_branch", other));
        plain.Graph.Output.Clear();
        Assert.Equal(Layer(op, value => value).Run(options: null, s_x), plain.Output("out").Run(options: null, s_x));
    }

    [Fact]
    public void Weights_that_a_loops_body_computes_have_the_names_of_the_file()
    {
        var body = new GraphProto
        {
            Name = "body",
            Input = { OnnxBuilder.Port("round", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("h", OnnxBuilder.Float, N, H) },
            Node =
            {
                OnnxBuilder.MakeNode("Gather", "x round", "row"), OnnxBuilder.MakeNode("Unsqueeze", "row first", "step"), OnnxBuilder.MakeNode("Unsqueeze", "w first", "w3"), OnnxBuilder.MakeNode("Unsqueeze", "r first", "r3"),
                OnnxBuilder.MakeNode("Unsqueeze", "h first", "h3"), OnnxBuilder.MakeNode("GRU", "step w3 r3 - - h3", "- after", ("hidden_size", H)), OnnxBuilder.MakeNode("Squeeze", "after first", "next"),
                OnnxBuilder.MakeNode("Identity", "next", "each"), OnnxBuilder.MakeNode("Identity", "go", "on"),
            },
            Output = { OnnxBuilder.Port("on", OnnxBuilder.Bool), OnnxBuilder.Port("next", OnnxBuilder.Float, N, H), OnnxBuilder.Port("each", OnnxBuilder.Float, N, H) },
        };
        var loop = new OnnxBuilder().Input("x", OnnxBuilder.Float, T, N, I).Random("w", 1, 1, 3 * H, I).Random("r", 2, 1, 3 * H, H).Constant("first", [1], 0L).Constant("zero", [N, H], new float[N * H]).Constant("rounds", [], (long)T).Constant("yes", [], true)
            .Node("Loop", "rounds yes zero", "last y", ("body", body)).Output("y");
        var result = loop.Convert();
        Assert.Equal(["r", "w"], result.Tensors.Where(t => t.Weights is not null).Select(t => t.Name).Order());
        var layer = new OnnxBuilder().Input("x", OnnxBuilder.Float, T, N, I).Random("w", 1, 1, 1, 3 * H, I).Random("r", 2, 1, 1, 3 * H, H).Node("GRU", "x w r", "y", ("hidden_size", H)).Output("y");
        Assert.Equal(layer.Run(options: null, s_x), loop.Run(options: null, s_x));
    }

    [Fact]
    public void Weights_that_follow_from_an_input_are_refused_by_their_name()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, T, N, I).Input("w", OnnxBuilder.Float, 1, 4 * H, I).Random("r", 2, 1, 1, 4 * H, H).Node("LSTM", "x w r", "y", ("hidden_size", H)).Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("W ('w') must be a float32 constant", fault.Message, StringComparison.Ordinal);
    }

    private static int Gates(string op) => op switch { "LSTM" => 4, "GRU" => 3, _ => 1 };

    private static float[] Weights(int seed, int count)
    {
        var random = new Random(seed);
        return Numbers.Random(random, count);
    }

    /// <summary>A layer over <c>x</c> whose weights are named after their inputs.</summary>
    /// <param name="op">The layer.</param>
    /// <param name="name">The name of each weight where it is made. If that differs from the input's name, a node makes the weight from it.</param>
    /// <param name="held">Whether weights are nodes instead of initializers.</param>
    private static OnnxBuilder Layer(string op, Func<string, string> name, bool held = false)
    {
        var gates = Gates(op);
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, T, N, I);
        (string Name, int Seed, long[] Shape)[] weights = [("w", 1, [1, gates * H, I]), ("r", 2, [1, gates * H, H]), ("b", 3, [1, 2 * gates * H]), .. op == "LSTM" ? [("p", 4, [1, 3 * H])] : Array.Empty<(string, int, long[])>()];
        foreach (var (weight, seed, shape) in weights)
        {
            var values = Weights(seed, Numbers.Count(shape));
            if (held) model.Node("Constant", "", name(weight), ("value", OnnxBuilder.Tensor(name(weight), shape, values)));
            else model.Constant(name(weight), shape, values);
            if (name(weight) != weight) model.Node("Identity", name(weight), weight);
        }

        return model.Node(op, op == "LSTM" ? "x w r b - - - p" : "x w r b", "y", ("hidden_size", H)).Output("y");
    }
}
