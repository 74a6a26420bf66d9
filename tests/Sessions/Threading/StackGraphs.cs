using SeqRuntime.Format;
using SeqRuntime.Tests.Operators;

namespace SeqRuntime.Tests.Sessions.Threading;

/// <summary>Stacked and bidirectional layers as exporters write them, with a sequence of symbolic length T.</summary>
internal sealed class StackGraphs
{
    public const string Length = "T";
    public const int Longest = 70;
    private readonly SeqModelBuilder _model = new();
    private readonly GraphDefinition _graph;
    private readonly TensorFormat _format;
    private readonly Random _random = new(5);

    private StackGraphs(TensorFormat format)
    {
        _format = format;
        _graph = _model.AddGraph("main");
    }

    /// <summary>Graphs whose layers are divided between two threads, by name.</summary>
    public static Dictionary<string, Action<StackGraphs>> Shared { get; } = new()
    {
        ["two LSTMs, views between"] = s => s.Stack(OpKind.Lstm, layers: 2, batch: 1, hidden: 64, hasStates: true, Between.Squeeze),
        ["two LSTMs of three rows without states"] = s => s.Stack(OpKind.Lstm, layers: 2, batch: 3, hidden: 48, hasStates: false, Between.Squeeze),
        ["three GRUs, transposed and reshaped"] = s => s.Stack(OpKind.Gru, layers: 3, batch: 1, hidden: 50, hasStates: true, Between.TransposeAndReshape),
        ["four RNNs, back and forth to batch first"] = s => s.Stack(OpKind.Rnn, layers: 4, batch: 1, hidden: 96, hasStates: true, Between.BatchFirst),
        ["three MGUs"] = s => s.Stack(OpKind.Mgu, layers: 3, batch: 1, hidden: 60, hasStates: true, Between.Squeeze),
        ["three SRUs"] = s => s.Stack(OpKind.Sru, layers: 3, batch: 1, hidden: 90, hasStates: true, Between.Squeeze),
        ["an SRU in two directions, rows of different lengths"] = s => s.Bidirectional(OpKind.ProjectedSru, 1, hasLengths: true),
        ["two LSTMs with a middle output"] = s => s.Stack(OpKind.Lstm, layers: 2, batch: 1, hidden: 64, hasStates: true, Between.Squeeze, showsMiddle: true),
        ["states sliced between the layers"] = s => s.SlicedStates(),
        ["a bidirectional LSTM"] = s => s.Bidirectional(OpKind.Lstm, 1, hasLengths: false),
        ["two bidirectional GRUs, rows of different lengths"] = s => s.Bidirectional(OpKind.Gru, 2, hasLengths: true),
    };

    /// <summary>Graphs with nothing to share.</summary>
    public static Dictionary<string, Action<StackGraphs>> Single { get; } = new()
    {
        ["one layer"] = s => s.Stack(OpKind.Lstm, layers: 1, batch: 1, hidden: 64, hasStates: true, Between.Squeeze),
        ["rows and steps exchanged between"] = s => s.Stack(OpKind.Gru, layers: 2, batch: 2, hidden: 40, hasStates: false, Between.Exchange),
        ["the upper layer starts from the lower one's end"] = s => s.EndAsStart(),
    };

    private enum Between
    {
        Squeeze,
        TransposeAndReshape,
        BatchFirst,
        Exchange,
    }

    public static byte[] File(string name, TensorFormat format)
    {
        var graphs = new StackGraphs(format);
        (Shared.GetValueOrDefault(name) ?? Single[name])(graphs);
        return SeqWriter.ToArray(graphs._model);
    }

    private void Stack(OpKind kind, int layers, int batch, int hidden, bool hasStates, Between between, bool showsMiddle = false)
    {
        var x = _graph.Input("x", ElementType.Float32, Length, batch, hidden);
        for (var layer = 0; layer < layers; layer++)
        {
            int[] states = [.. Enumerable.Range(0, kind == OpKind.Lstm ? 2 : 1).Select(i => hasStates ? _graph.State($"s{layer}.{i}", ElementType.Float32, [1, batch, hidden]) : -1)];
            var y = Layer(kind, x, -1, states, hidden, hidden, RecurrentDirection.Forward);
            if (hasStates)
            {
                for (var i = 0; i < states.Length; i++) _graph.UpdateState(states[i], y[1 + i]);
            }

            if (showsMiddle && layer == 0) _graph.Output("middle", _graph.Node(OpKind.Transpose, [y[0]], Perm(3, 1, 2, 0)));
            x = Join(between, y[0], batch, hidden);
        }

        _graph.Output("y", x);
    }

    private int Join(Between between, int y, int batch, int hidden)
    {
        var squeezed = _graph.Node(OpKind.Squeeze, [y, Long(1)]);
        return between switch
        {
            Between.Squeeze => squeezed,
            Between.TransposeAndReshape => _graph.Node(OpKind.Reshape, [_graph.Node(OpKind.Transpose, [y], Perm(0, 2, 1, 3)), Long(-1, batch, hidden)]),
            Between.BatchFirst => _graph.Node(OpKind.Transpose, [_graph.Node(OpKind.Transpose, [squeezed], Perm(1, 0, 2))], Perm(1, 0, 2)),
            _ => _graph.Node(OpKind.Reshape, [_graph.Node(OpKind.Transpose, [squeezed], Perm(1, 0, 2)), Long(-1, batch, hidden)]),
        };
    }

    /// <summary>PyTorch's export: one state for all layers, split between them and joined at the end.</summary>
    private void SlicedStates()
    {
        const int hidden = 64;
        var x = _graph.Input("x", ElementType.Float32, Length, 1, hidden);
        var h = _graph.State("h", ElementType.Float32, [2, 1, hidden]);
        var ends = new int[2];
        for (var layer = 0; layer < 2; layer++)
        {
            var part = _graph.Node(OpKind.Slice, [h, Long(layer), Long(layer + 1), Long(0)]);
            var y = Layer(OpKind.Gru, x, -1, [part], hidden, hidden, RecurrentDirection.Forward);
            _graph.Output($"tanh{layer}", _graph.Node(OpKind.Unary, [y[0]], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh)));
            ends[layer] = y[1];
            x = Join(Between.Squeeze, y[0], 1, hidden);
        }

        _graph.UpdateState(h, _graph.Node(OpKind.Concat, ends, new Attributes().Set(AttributeKey.Axis, 0)));
    }

    private void EndAsStart()
    {
        const int hidden = 64;
        var x = _graph.Input("x", ElementType.Float32, Length, 1, hidden);
        var y = Layer(OpKind.Gru, x, -1, [-1], hidden, hidden, RecurrentDirection.Forward);
        _graph.Output("y", Layer(OpKind.Gru, Join(Between.Squeeze, y[0], 1, hidden), -1, [y[1]], hidden, hidden, RecurrentDirection.Forward)[0]);
    }

    private void Bidirectional(OpKind kind, int layers, bool hasLengths)
    {
        const int batch = 2, hidden = 40;
        var inputs = 30;
        var x = _graph.Input("x", ElementType.Float32, Length, batch, inputs);
        var lengths = hasLengths ? _graph.Input("lengths", ElementType.Int32, batch) : -1;
        for (var layer = 0; layer < layers; layer++)
        {
            int[] states = [.. Enumerable.Range(0, kind == OpKind.Lstm ? 2 : 1).Select(i => _graph.State($"s{layer}.{i}", ElementType.Float32, [2, batch, hidden]))];
            var y = Layer(kind, x, lengths, states, inputs, hidden, RecurrentDirection.Bidirectional);
            for (var i = 0; i < states.Length; i++) _graph.UpdateState(states[i], y[1 + i]);
            inputs = 2 * hidden;
            x = _graph.Node(OpKind.Reshape, [_graph.Node(OpKind.Transpose, [y[0]], Perm(0, 2, 1, 3)), Long(0, batch, inputs)]);
        }

        _graph.Output("y", x);
    }

    private int[] Layer(OpKind kind, int x, int lengths, int[] states, int inputs, int hidden, RecurrentDirection direction)
    {
        var (gates, biases) = kind switch { OpKind.Lstm => (4, 1), OpKind.Gru => (3, 2), OpKind.Mgu => (2, 1), OpKind.Sru => (3, 1), OpKind.ProjectedSru => (4, 1), _ => (1, 1) };
        var rows = GateRows.Count(gates, hidden);
        var weights = new List<int>();
        for (var d = 0; d < (direction == RecurrentDirection.Bidirectional ? 2 : 1); d++)
        {
            var hasState = kind is not (OpKind.Sru or OpKind.ProjectedSru);
            weights.AddRange([Packed(rows, inputs), hasState ? Packed(rows, hidden) : -1, _graph.Constant<float>($"b{_model.Tensors.Count}", biases == 2 ? [2, rows] : [rows], Numbers.Random(_random, biases * rows, 0.1f))]);
            if (!hasState) weights.Add(_graph.Constant<float>($"v{_model.Tensors.Count}", [2, hidden], Numbers.Random(_random, 2 * hidden)));
            if (kind == OpKind.Lstm) weights.AddRange([-1, -1]);
        }

        var attributes = new Attributes().Set(AttributeKey.Hidden, hidden).Set(AttributeKey.Direction, direction);
        if (kind == OpKind.Gru) attributes.Set(AttributeKey.LinearBeforeReset, true);
        return _graph.NodeMany(kind, [x, lengths, .. states, .. weights], kind == OpKind.Lstm ? 3 : 2, attributes);
    }

    private int Packed(int rows, int columns) =>
        _graph.Constant(_model.AddPacked($"p{_model.Tensors.Count}", _format, rows, columns, Weights.Pack(_format, Numbers.Random(_random, rows * columns, 0.2f), rows, columns, out _)));

    private int Long(params long[] values) => _graph.Constant<long>($"i{_model.Tensors.Count}", [values.Length], values);

    private static Attributes Perm(params long[] perm) => new Attributes().Set(AttributeKey.Perm, perm);
}
