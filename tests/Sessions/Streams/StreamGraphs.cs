using SeqRuntime.Format;
using SeqRuntime.Tests.Operators;

namespace SeqRuntime.Tests.Sessions.Streams;

/// <summary>Small graphs, each named after what could go wrong with many streams.</summary>
internal static class StreamGraphs
{
    private static readonly int[] s_inner = [2, 3, 4];

    /// <summary>Graphs that compute all streams at once, by name.</summary>
    public static readonly Dictionary<string, Action<GraphDefinition, Kit>> All = new()
    {
        ["unary"] = (g, k) => g.Output("y", g.Node(OpKind.Unary, [k.X(2, 5)], Function(UnaryFunction.Tanh))),
        ["binary with a constant"] = (g, k) => g.Output("y", g.Node(OpKind.Binary, [k.X(2, 3, 4), k.Dense(3, 1)], Function(BinaryFunction.Mul))),
        ["binary with a constant of more dimensions"] = (g, k) => g.Output("y", g.Node(OpKind.Binary, [k.X(4), k.Dense(2, 3, 4)], Function(BinaryFunction.Add))),
        ["binary that broadcasts streams' own"] = (g, k) => g.Output("y", g.Node(OpKind.Binary, [k.X(3, 1), k.X(2, 1, 4)], Function(BinaryFunction.Sub))),
        ["binary over a computed input"] = (g, k) =>
        {
            var x = g.Node(OpKind.Unary, [k.X(2, 3)], Function(UnaryFunction.Exp));
            g.Output("y", g.Node(OpKind.Binary, [x, k.Dense(3)], Function(BinaryFunction.Max)));
        },
        ["binary of eight dimensions"] = (g, k) => g.Output("y", g.Node(OpKind.Binary, [k.X(1, 1, 2, 1, 1, 1, 2, 3), k.Dense(2, 1)], Function(BinaryFunction.Mul))),
        ["where"] = (g, k) =>
        {
            var x = k.X(2, 3);
            g.Output("y", g.Node(OpKind.Where, [g.Node(OpKind.Binary, [x, k.X(3)], Function(BinaryFunction.Less)), x, k.Dense(1)]));
        },
        ["clip and cast"] = (g, k) => g.Output("y", g.Node(OpKind.Cast, [g.Node(OpKind.Clip, [k.X(2, 3), k.Scalar(-0.5f), k.Scalar(0.5f)])], new Attributes().Set(AttributeKey.To, ElementType.Int32))),
        ["linear"] = (g, k) => g.Output("y", g.Node(OpKind.Linear, [k.X(2, 7), k.Packed(rows: 5, columns: 7), k.Dense(5)])),
        ["linear of a vector"] = (g, k) => g.Output("y", g.Node(OpKind.Linear, [k.X(7), k.Packed(rows: 5, columns: 7)])),
        ["matmul by a constant"] = (g, k) => g.Output("y", g.Node(OpKind.MatMul, [k.X(2, 3, 7), k.Dense(7, 5)])),
        ["matmul of a vector"] = (g, k) => g.Output("y", g.Node(OpKind.MatMul, [k.X(7), k.Dense(7, 19)])),
        ["matmul of streams' own"] = (g, k) => g.Output("y", g.Node(OpKind.MatMul, [k.X(2, 3, 7), k.X(7, 4)])),
        ["matmul of a constant by a stream's own"] = (g, k) => g.Output("y", g.Node(OpKind.MatMul, [k.Dense(3, 7), k.X(7, 4)])),
        ["softmax inside"] = (g, k) => g.Output("y", g.Node(OpKind.Softmax, [k.X(s_inner)], Axis(1))),
        ["softmax over all"] = (g, k) => g.Output("y", g.Node(OpKind.Softmax, [k.X(s_inner)], Axis(0))),
        ["softmax of a vector"] = (g, k) => g.Output("y", g.Node(OpKind.LogSoftmax, [k.X(6)], Axis(-1))),
        ["normalization"] = (g, k) => g.Output("y", g.Node(OpKind.GroupNormalization, [g.Node(OpKind.LayerNormalization, [k.X(s_inner), k.Dense(4), k.Dense(4)]), k.Dense(3), k.Dense(3)], new Attributes().Set(AttributeKey.NumGroups, 3))),
        ["normalization over all"] = (g, k) => g.Output("y", g.Node(OpKind.LayerNormalization, [k.X(s_inner), k.Dense(2, 3, 4)], Axis(0))),
        ["concat and split"] = (g, k) =>
        {
            var joined = g.Node(OpKind.Concat, [k.X(s_inner), k.X(2, 2, 4)], Axis(1));
            var parts = g.NodeMany(OpKind.Split, [joined], 5, Axis(-2).Set(AttributeKey.NumOutputs, 5));
            for (var i = 0; i < 5; i++) g.Output($"y{i}", parts[i]);
        },
        ["concat on the first axis and with a constant"] = (g, k) => g.Output("y", g.Node(OpKind.Concat, [k.X(2, 3), k.Dense(1, 3)], Axis(0))),
        ["slices"] = (g, k) =>
        {
            var x = k.X(s_inner);
            g.Output("inner", g.Node(OpKind.Slice, [x, k.Long(2, 0), k.Long(0, 4), k.Long(-2, 2), k.Long(-1, 2)]));
            g.Output("outer", g.Node(OpKind.Slice, [x, k.Long(1), k.Long(2)]));
            g.Output("whole and inner", g.Node(OpKind.Slice, [x, k.Long(0, 1), k.Long(int.MaxValue, 3)]));
            g.Output("all there is and inner", g.Node(OpKind.Slice, [x, k.Long(0, 1), k.Long(2, 3)]));
        },
        ["gather"] = (g, k) =>
        {
            var x = k.X(s_inner);
            g.Output("inner", g.Node(OpKind.Gather, [x, k.Long(2, 0)], Axis(1)));
            g.Output("outer", g.Node(OpKind.Gather, [x, k.Long(1)], Axis(0)));
        },
        ["transposes"] = (g, k) =>
        {
            var x = k.X(s_inner);
            g.Output("inner", g.Node(OpKind.Transpose, [x], Perm(0, 2, 1)));
            g.Output("outer", g.Node(OpKind.Transpose, [x], Perm(2, 0, 1)));
        },
        ["reductions"] = (g, k) =>
        {
            var x = k.X(s_inner);
            g.Output("inner", g.Node(OpKind.Reduce, [x, k.Long(1, -1)], Function(ReduceFunction.LogSumExp).Set(AttributeKey.KeepDims, 0)));
            g.Output("outer", g.Node(OpKind.Reduce, [x, k.Long(0)], Function(ReduceFunction.Mean)));
            g.Output("all", g.Node(OpKind.Reduce, [x], Function(ReduceFunction.Max)));
        },
        ["views with fixed sizes"] = (g, k) =>
        {
            var flat = g.Node(OpKind.Reshape, [k.X(1, 3, 4), k.Long(12)]);
            g.Output("y", g.Node(OpKind.Unsqueeze, [g.Node(OpKind.Linear, [flat, k.Packed(rows: 5, columns: 12)]), k.Long(0)]));
        },
        ["shapes, constants and inputs as outputs"] = (g, k) =>
        {
            var x = k.X(2, 3);
            g.Output("shape", g.Node(OpKind.Shape, [x]));
            g.Output("same", g.Node(OpKind.Identity, [x]));
            g.Output("constant", g.Node(OpKind.Identity, [k.Dense(2)]));
        },
        ["convolution"] = (g, k) =>
        {
            var y = g.Node(OpKind.Conv, [k.X(1, 3, 9), k.Packed(rows: 4, columns: 9), k.Dense(4)], Kernel(3));
            g.Output("y", g.Node(OpKind.Pool, [y], new Attributes().Set(AttributeKey.Function, PoolFunction.Max).Set(AttributeKey.KernelShape, new long[] { 2 }).Set(AttributeKey.Strides, new long[] { 2 })));
        },
        ["convolution of one window"] = (g, k) => g.Output("y", g.Node(OpKind.Conv, [k.X(1, 3, 5), k.Packed(rows: 4, columns: 15)], Kernel(5))),
        ["streaming convolution"] = (g, k) =>
        {
            var state = k.State("pad", 1, 3, 2);
            var y = g.NodeMany(OpKind.Conv, [k.X(1, 3, 4), k.Packed(rows: 4, columns: 9), -1, state], 2, Kernel(3));
            g.UpdateState(state, y[1]);
            g.Output("y", y[0]);
        },
        ["depthwise and transposed convolution"] = (g, k) =>
        {
            var y = g.Node(OpKind.Conv, [k.X(2, 3, 9), k.Dense(3, 1, 3), k.Dense(3)], Kernel(3).Set(AttributeKey.Group, 3));
            g.Output("y", g.Node(OpKind.ConvTranspose, [y, k.Dense(3, 2, 4)], Kernel(4).Set(AttributeKey.Strides, new long[] { 2 })));
        },
        ["lstm step"] = (g, k) => Lstm(g, k, steps: 1, batch: 1, inputs: 19, hidden: 21),
        ["lstm sequence"] = (g, k) => Lstm(g, k, steps: 6, batch: 1, inputs: 7, hidden: 16),
        ["lstm sequence of two rows"] = (g, k) => Lstm(g, k, steps: 3, batch: 2, inputs: 7, hidden: 16),
        ["gru step"] = (g, k) => Gru(g, k, steps: 1, directions: 1),
        ["gru in two directions"] = (g, k) => Gru(g, k, steps: 5, directions: 2),
        ["mgu sequence"] = (g, k) =>
        {
            var h = k.State("h", 1, 1, 20);
            var y = g.NodeMany(OpKind.Mgu, [k.X(5, 1, 7), -1, h, k.Packed(rows: 40, columns: 7), k.Packed(rows: 40, columns: 20), k.Dense(40)], 2, new Attributes().Set(AttributeKey.Hidden, 20));
            g.UpdateState(h, y[1]);
            g.Output("y", y[0]);
        },
        ["sru sequence in two directions"] = (g, k) =>
        {
            var c = k.State("c", 2, 1, 19);
            int[] weights = [.. Enumerable.Range(0, 2).SelectMany(_ => new[] { k.Packed(rows: 80, columns: 7), -1, k.Dense(80), k.Dense(2, 19) })];
            var y = g.NodeMany(OpKind.ProjectedSru, [k.X(4, 1, 7), -1, c, .. weights], 2, new Attributes().Set(AttributeKey.Hidden, 19).Set(AttributeKey.Direction, RecurrentDirection.Bidirectional));
            g.UpdateState(c, y[1]);
            g.Output("y", y[0]);
        },
        ["rnn with a constant first state"] = (g, k) =>
        {
            var y = g.NodeMany(OpKind.Rnn, [k.X(3, 1, 4), -1, k.Dense(1, 1, 16), k.Packed(rows: 16, columns: 4), k.Packed(rows: 16, columns: 16)], 2, new Attributes().Set(AttributeKey.Hidden, 16));
            g.Output("y", y[0]);
            g.Output("last", y[1]);
        },
        ["rnn whose first state is a view of a large constant"] = (g, k) =>
        {
            var first = g.Node(OpKind.Reshape, [k.Dense(2, 40), k.Long(1, 1, 80)]);
            g.Output("y", g.NodeMany(OpKind.Rnn, [k.X(3, 1, 4), -1, first, k.Packed(rows: 80, columns: 4), k.Packed(rows: 80, columns: 80)], 2, new Attributes().Set(AttributeKey.Hidden, 80))[0]);
        },
        ["states that change places"] = (g, k) =>
        {
            var (a, b) = (k.State("a", 1, 4), k.State("b", 1, 4));
            g.UpdateState(a, b);
            g.UpdateState(b, g.Node(OpKind.Binary, [a, k.X(1, 4)], Function(BinaryFunction.Add)));
            g.Output("before", g.Node(OpKind.Identity, [a]));
        },
        ["a state that is the input, and one that stays"] = (g, k) =>
        {
            var x = k.X(1, 4);
            var (a, b) = (k.State("a", 1, 4), k.State("b", 2));
            g.UpdateState(a, x);
            g.UpdateState(b, b);
            g.Output("y", g.Node(OpKind.Binary, [a, x], Function(BinaryFunction.Sub)));
        },
    };

    public static SeqModelBuilder Build(string name, TensorFormat format)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        All[name](graph, new Kit(model, graph, format, new Random(7)));
        return model;
    }

    private static Attributes Axis(int axis) => new Attributes().Set(AttributeKey.Axis, axis);

    private static Attributes Perm(params long[] perm) => new Attributes().Set(AttributeKey.Perm, perm);

    private static Attributes Kernel(long size) => new Attributes().Set(AttributeKey.KernelShape, new[] { size });

    private static Attributes Function(Enum function) => new Attributes().Set(AttributeKey.Function, function);

    private static void Lstm(GraphDefinition g, Kit k, int steps, int batch, int inputs, int hidden)
    {
        var rows = GateRows.Count(4, hidden);
        var (h, c) = (k.State("h", 1, batch, hidden), k.State("c", 1, batch, hidden));
        var y = g.NodeMany(OpKind.Lstm, [k.X(steps, batch, inputs), -1, h, c, k.Packed(rows, inputs), k.Packed(rows, hidden), k.Dense(rows), -1, -1], 3, new Attributes().Set(AttributeKey.Hidden, hidden));
        g.UpdateState(h, y[1]);
        g.UpdateState(c, y[2]);
        g.Output("y", y[0]);
    }

    private static void Gru(GraphDefinition g, Kit k, int steps, int directions)
    {
        const int inputs = 5, hidden = 17;
        var rows = GateRows.Count(3, hidden);
        var h = k.State("h", directions, 1, hidden);
        int[] weights = [.. Enumerable.Range(0, directions).SelectMany(_ => new[] { k.Packed(rows, inputs), k.Packed(rows, hidden), k.Dense(2, rows) })];
        var attributes = new Attributes().Set(AttributeKey.Hidden, hidden).Set(AttributeKey.LinearBeforeReset, true).Set(AttributeKey.Direction, directions == 2 ? RecurrentDirection.Bidirectional : RecurrentDirection.Forward);
        var y = g.NodeMany(OpKind.Gru, [k.X(steps, 1, inputs), -1, h, .. weights], 2, attributes);
        g.UpdateState(h, y[1]);
        g.Output("y", y[0]);
    }

    /// <summary>Adds inputs, states and random weights to a graph.</summary>
    internal sealed class Kit(SeqModelBuilder model, GraphDefinition graph, TensorFormat format, Random random)
    {
        public int X(params int[] shape) => graph.Input($"x{graph.Inputs.Count}", ElementType.Float32, [.. shape]);

        public int State(string name, params int[] shape) => graph.State(name, ElementType.Float32, [.. shape]);

        public int Dense(params int[] shape) => graph.Constant<float>($"w{model.Tensors.Count}", shape, Numbers.Random(random, Numbers.Count(shape)));

        public int Scalar(float value) => graph.Constant<float>($"s{model.Tensors.Count}", [], value);

        public int Long(params long[] values) => graph.Constant<long>($"i{model.Tensors.Count}", [values.Length], values);

        public int Packed(int rows, int columns) =>
            graph.Constant(model.AddPacked($"p{model.Tensors.Count}", format, rows, columns, Weights.Pack(format, Numbers.Random(random, rows * columns), rows, columns, out _)));
    }
}
