using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions.Sharing;

/// <summary>Layers of a random graph: products, attention, normalization, convolution and recurrence, with and without states.</summary>
internal sealed class RandomLayers(RandomGraph graph)
{
    private readonly Random _random = graph.Random;

    public bool Linear()
    {
        if (PickWide(1) is not { } x) return false;
        Linear(x, Width());
        return true;
    }

    /// <summary>x · xᵀ.</summary>
    public bool Square()
    {
        if (graph.Pick(v => v.Type == ElementType.Float32 && v.Rank is 2 or 3) is not { } x) return false;
        graph.Node(OpKind.MatMul, [x.Id, Turned(x).Id], [.. x.Shape[..^1], x.Shape[^2]]);
        return true;
    }

    /// <summary>Keys and values from one value, queries from another.</summary>
    public bool Attention()
    {
        if (PickWide(2) is not { Rank: 2 } memory || PickWide(2) is not { } query) return false;
        Attention(query, memory, Width());
        return true;
    }

    public RandomValue Attention(RandomValue query, RandomValue memory, int width)
    {
        var keys = Linear(memory, width);
        var scores = graph.Node(OpKind.MatMul, [Linear(query, width).Id, Turned(keys).Id], [.. query.Shape[..^1], memory.Shape[0]]);
        var weights = graph.Node(OpKind.Softmax, [scores.Id], scores.Shape, new Attributes().Set(AttributeKey.Axis, -1));
        return graph.Node(OpKind.MatMul, [weights.Id, memory.Id], [.. query.Shape[..^1], memory.Last]);
    }

    public RandomValue Linear(RandomValue x, int width) =>
        graph.Node(OpKind.Linear, [x.Id, graph.Packed(width, x.Last.Constant), _random.Next(2) == 0 ? -1 : graph.Dense(width)], [.. x.Shape[..^1], new Dim(width)]);

    public bool Normalize()
    {
        if (PickWide(2) is not { } x) return false;
        var scale = graph.Dense(x.Last.Constant);
        switch (_random.Next(4))
        {
            case 0 when x.Rank == 3 && x.Shape[1] is { IsConstant: true, Constant: >= 1 } channels:
                graph.Node(OpKind.InstanceNormalization, [x.Id, graph.Dense(channels.Constant), graph.Dense(channels.Constant)], x.Shape);
                return true;
            case 1:
                graph.Node(OpKind.LayerNormalization, [x.Id, scale, graph.Dense(x.Last.Constant)], x.Shape);
                return true;
            case 2:
                graph.Node(OpKind.RmsNormalization, [x.Id, scale], x.Shape);
                return true;
            default:
                graph.Node(OpKind.LpNormalization, [x.Id], x.Shape, new Attributes().Set(AttributeKey.Axis, _random.Next(x.Rank)));
                return true;
        }
    }

    /// <summary>A convolution over the last dimension that keeps its size: padded, or causal with a state.</summary>
    public bool Conv()
    {
        if (graph.Pick(v => v.Type == ElementType.Float32 && v.Rank == 3 && v.Shape[1].IsConstant && v.Shape[0].Declared is not null) is not { } x) return false;
        var (channels, outputs) = (x.Shape[1].Constant, Width());
        Dim[] shape = [x.Shape[0], new Dim(outputs), x.Last];
        var weights = _random.Next(2) == 0 ? graph.Packed(outputs, channels * 3) : graph.Dense(outputs, channels, 3);
        var attributes = new Attributes().Set(AttributeKey.KernelShape, new long[] { 3 });
        if (_random.Next(2) == 0)
        {
            graph.Node(OpKind.Conv, [x.Id, weights, graph.Dense(outputs)], shape, attributes.Set(AttributeKey.Pads, new long[] { 1, 1 }));
            return true;
        }

        var state = graph.State(x.Shape[0], x.Shape[1], new Dim(2));
        var y = graph.NodeMany(OpKind.Conv, [x.Id, weights, -1, state.Id], [shape, state.Shape], attributes);
        graph.Graph.UpdateState(state.Id, y[1]!.Id);
        return true;
    }

    public bool Recurrent()
    {
        if (PickSequence() is not { } x) return false;
        var isTwoWay = _random.Next(3) == 0;
        Recurrent(x, RandomKind(), Width(), isTwoWay ? RecurrentDirection.Bidirectional : (RecurrentDirection)_random.Next(2), hasStates: _random.Next(2) == 0);
        return true;
    }

    /// <summary>Forward layers, each over all outputs of the previous one.</summary>
    public bool Stack()
    {
        if (PickSequence() is not { } x) return false;
        var (kind, width, hasStates) = (RandomKind(), Width(), _random.Next(2) == 0);
        for (var layers = _random.Next(2, 4); layers > 0; layers--)
        {
            var y = Recurrent(x, kind, width, RecurrentDirection.Forward, hasStates);
            if (_random.Next(4) == 0) graph.Node(OpKind.Unary, [y.Id], y.Shape, new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg));
            x = graph.Node(OpKind.Squeeze, [y.Id, graph.Longs(1)], [y.Shape[0], .. y.Shape[2..]]);
        }

        return true;
    }

    /// <summary>Rows of a table by an index input. A run may refuse the indices.</summary>
    public bool Lookup()
    {
        if (graph.Pick(v => v.Type == ElementType.Int32) is not { } indices) return false;
        var width = Width();
        if (_random.Next(2) == 0) graph.Node(OpKind.Embedding, [graph.Packed(RandomGraph.TableRows, width), indices.Id], [.. indices.Shape, new Dim(width)]);
        else graph.Node(OpKind.Gather, [graph.Dense(RandomGraph.TableRows, width), indices.Id], [.. indices.Shape, new Dim(width)], new Attributes().Set(AttributeKey.Axis, 0));
        return true;
    }

    private RandomValue Recurrent(RandomValue x, OpKind kind, int hidden, RecurrentDirection direction, bool hasStates)
    {
        var (gates, biases, count) = kind switch { OpKind.Lstm => (4, 1, 2), OpKind.Gru => (3, 2, 1), _ => (1, 1, 1) };
        var directions = direction == RecurrentDirection.Bidirectional ? 2 : 1;
        var rows = GateRows.Count(gates, hidden);
        Dim[] stateShape = [new Dim(directions), x.Shape[1], new Dim(hidden)];
        RandomValue?[] states = [.. Enumerable.Range(0, count).Select(_ => hasStates ? graph.State(stateShape) : null)];
        var weights = new List<int>();
        for (var d = 0; d < directions; d++)
        {
            weights.AddRange([graph.Packed(rows, x.Last.Constant), graph.Packed(rows, hidden), biases == 2 ? graph.Dense(2, rows) : graph.Dense(rows)]);
            if (kind == OpKind.Lstm) weights.AddRange([-1, -1]);
        }

        var attributes = new Attributes().Set(AttributeKey.Hidden, hidden).Set(AttributeKey.Direction, direction);
        if (kind == OpKind.Gru) attributes.Set(AttributeKey.LinearBeforeReset, _random.Next(2));
        var ends = Enumerable.Range(0, count).Select(_ => hasStates || _random.Next(2) == 0 ? stateShape : null);
        var y = graph.NodeMany(kind, [x.Id, -1, .. states.Select(s => s?.Id ?? -1), .. weights], [[x.Shape[0], new Dim(directions), x.Shape[1], new Dim(hidden)], .. ends], attributes);
        for (var i = 0; i < count && hasStates; i++)
        {
            if (_random.Next(5) > 0) graph.Graph.UpdateState(states[i]!.Id, y[1 + i]!.Id);
        }

        return y[0]!;
    }

    private RandomValue Turned(RandomValue x)
    {
        int[] perm = [.. Enumerable.Range(0, x.Rank - 2), x.Rank - 1, x.Rank - 2];
        return graph.Node(OpKind.Transpose, [x.Id], [.. perm.Select(p => x.Shape[p])], new Attributes().Set(AttributeKey.Perm, perm));
    }

    private OpKind RandomKind() => (OpKind)_random.Next((int)OpKind.Rnn, (int)OpKind.Gru + 1);

    private int Width() => _random.Next(3) == 0 ? 16 : _random.Next(1, 36);

    /// <summary>Floats whose last size is a constant.</summary>
    private RandomValue? PickWide(int leastRank) => graph.Pick(v => v.Type == ElementType.Float32 && v.Rank >= leastRank && v.Last is { IsConstant: true, Constant: >= 1 and < 300 });

    /// <summary>Steps, rows and features.</summary>
    private RandomValue? PickSequence() =>
        graph.Pick(v => v.Type == ElementType.Float32 && v.Rank == 3 && v.Last is { IsConstant: true, Constant: >= 1 and < 300 } && v.Shape[1].Declared is not null);
}
