using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Values computed once from fixed inputs, such as decoders' attention keys, stay the same in all later runs.</summary>
public sealed class FixedInputsTests : IDisposable
{
    private const int Longest = 7;
    private readonly SeqModel _model = SeqModel.Load(TwoAttentions());
    private readonly SeqSession _once;
    private readonly SeqSession _always;

    public FixedInputsTests()
    {
        _once = _model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Longest }, FixedInputs = ["memory"] });
        _always = _model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Longest } });
    }

    [Fact]
    public void Keys_of_a_second_attention_outlive_the_first_one_s_work()
    {
        Fill(1);
        for (var step = 0; step < 5; step++) RunBoth(step);
    }

    [Fact]
    public void They_are_computed_anew_where_the_input_or_a_size_changes()
    {
        for (var size = 1; size <= Longest; size += 3)
        {
            _once.SetSize("T", size);
            _always.SetSize("T", size);
            for (var fill = 0; fill < 2; fill++)
            {
                Fill(10 * size + fill);
                for (var step = 0; step < 3; step++) RunBoth(step);
            }
        }
    }

    [Fact]
    public void A_run_that_fails_half_way_leaves_the_next_one_right()
    {
        Fill(2);
        _once.Input<int>("token")[0] = 99;
        Assert.Throws<SeqDataException>(_once.Run);
        Fill(3);
        for (var step = 0; step < 3; step++) RunBoth(step);
        _once.Input<int>("token")[0] = 9;
        Assert.Throws<SeqDataException>(_once.Run);
        for (var step = 0; step < 3; step++) RunBoth(step);
    }

    public void Dispose()
    {
        _once.Dispose();
        _always.Dispose();
        _model.Dispose();
    }

    private void Fill(int seed)
    {
        var memory = Numbers.Random(new Random(seed), _once.Input<float>("memory").Length);
        memory.CopyTo(_once.Input<float>("memory"));
        memory.CopyTo(_always.Input<float>("memory"));
        _once.FixedInputsChanged();
    }

    private void RunBoth(int token)
    {
        foreach (var session in new[] { _once, _always })
        {
            session.Input<int>("token")[0] = token;
            session.Run();
        }

        for (var i = 0; i < _once.Outputs.Count; i++) Assert.True(_once.OutputBytes(i).SequenceEqual(_always.OutputBytes(i)), $"'{_once.Outputs[i].Name}' differs at token {token}");
    }

    /// <summary>The keys of the second attention fit into memory that the first has used before. One value of the fixed part is also an output.</summary>
    private static byte[] TwoAttentions()
    {
        const int tokens = 9, width = 16;
        var random = new Random(4);
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var token = graph.Input("token", ElementType.Int32, 1);
        var memory = graph.Input("memory", ElementType.Float32, "T", width);
        var embedded = graph.Node(OpKind.Embedding, [Packed(tokens, width), token]);
        var query = embedded;
        foreach (var size in new[] { 48, 16 })
        {
            var keys = graph.Node(OpKind.Linear, [memory, Packed(size, width), -1]);
            var turned = graph.Node(OpKind.Transpose, [Apply(UnaryFunction.Tanh, keys)], new Attributes().Set(AttributeKey.Perm, new long[] { 1, 0 }));
            var projected = Apply(UnaryFunction.Tanh, graph.Node(OpKind.Linear, [query, Packed(size, width), -1]));
            var weights = graph.Node(OpKind.Softmax, [graph.Node(OpKind.MatMul, [projected, turned])], new Attributes().Set(AttributeKey.Axis, -1));
            query = graph.Node(OpKind.Binary, [query, graph.Node(OpKind.MatMul, [weights, memory])], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add));
            if (size == 16) graph.Output("keys", keys);
        }

        graph.Output("y", query);
        return SeqWriter.ToArray(model);

        int Packed(int rows, int columns) =>
            graph.Constant(model.AddPacked($"w{model.Tensors.Count}", TensorFormat.PackedFloat32, rows, columns, Float32Format.Pack(Numbers.Random(random, rows * columns, 0.4f), rows, columns)));

        int Apply(UnaryFunction function, int value) => graph.Node(OpKind.Unary, [value], new Attributes().Set(AttributeKey.Function, function));
    }
}
