using SeqRuntime;
using SeqRuntime.Format;

namespace BitHash;

/// <summary>Models of one layer: recurrent layers of every kind, direction and format at odd sizes, and other layers.</summary>
internal static class LayerCases
{
    private static readonly (int Input, int Hidden)[] RecurrentSizes = [(1, 1), (5, 7), (16, 16), (19, 33), (40, 64), (65, 129)];

    public static void Add(CaseList cases)
    {
        foreach (var format in CaseList.Formats) Add(cases, format);
        cases.Add("ConvTranspose", kernels => ModelRun.Hash(kernels, Single([2, 6, 19], 51, (graph, x, numbers) => graph.Node(
            OpKind.ConvTranspose,
            [x, graph.Constant<float>("w", [6, 5, 4], numbers.Floats(120)), graph.Constant<float>("b", [5], numbers.Floats(5))],
            new Attributes().Set(AttributeKey.KernelShape, new[] { 4 }).Set(AttributeKey.Strides, new[] { 2 }).Set(AttributeKey.Pads, new[] { 1, 1 })))));
        cases.Add("LayerNormalization", kernels => ModelRun.Hash(kernels, Single([5, 37], 52, (graph, x, numbers) => graph.Node(
            OpKind.LayerNormalization,
            [x, graph.Constant<float>("scale", [37], numbers.Floats(37)), graph.Constant<float>("bias", [37], numbers.Floats(37))]))));
        cases.Add("RmsNormalization", kernels => ModelRun.Hash(kernels, Single([5, 70], 53, (graph, x, numbers) => graph.Node(
            OpKind.RmsNormalization,
            [x, graph.Constant<float>("scale", [70], numbers.Floats(70))]))));
        cases.Add("GroupNormalization", kernels => ModelRun.Hash(kernels, Single([2, 6, 23], 54, (graph, x, numbers) => graph.Node(
            OpKind.GroupNormalization,
            [x, graph.Constant<float>("scale", [6], numbers.Floats(6)), graph.Constant<float>("bias", [6], numbers.Floats(6))],
            new Attributes().Set(AttributeKey.NumGroups, 3)))));
        foreach (var function in (PoolFunction[])[PoolFunction.Max, PoolFunction.Average])
        {
            cases.Add($"Pool/{function}", kernels => ModelRun.Hash(kernels, Single([2, 3, 29], 55, (graph, x, _) => graph.Node(
                OpKind.Pool,
                [x],
                new Attributes().Set(AttributeKey.Function, function).Set(AttributeKey.KernelShape, new[] { 3 }).Set(AttributeKey.Strides, new[] { 2 }).Set(AttributeKey.Pads, new[] { 1, 1 })))));
        }

        cases.Add("Softmax", kernels => ModelRun.Hash(kernels, Single([3, 7, 5], 56, (graph, x, _) => graph.Node(OpKind.Softmax, [x], new Attributes().Set(AttributeKey.Axis, 1)))));
        cases.Add("MatMul", kernels => ModelRun.Hash(kernels, Single([3, 7, 45], 57, (graph, x, numbers) => graph.Node(OpKind.MatMul, [x, graph.Constant<float>("b", [45, 33], numbers.Floats(45 * 33))]))));
    }

    public static void Add(CaseList cases, TensorFormat format)
    {
        foreach (var kind in (OpKind[])[OpKind.Lstm, OpKind.Gru, OpKind.Rnn])
        {
            foreach (var direction in Enum.GetValues<RecurrentDirection>())
            {
                foreach (var (input, hidden) in RecurrentSizes)
                    cases.Add($"{kind}/{format}/{direction}/{input}x{hidden}", kernels => ModelRun.Hash(kernels, Recurrent(kind, format, direction, input, hidden, new Attributes()), 2));
            }
        }

        foreach (var kind in (OpKind[])[OpKind.Lstm, OpKind.Gru, OpKind.Rnn])
            cases.Add($"{kind}/{format}/small states", kernels => ModelRun.Hash(kernels, Recurrent(kind, format, RecurrentDirection.Bidirectional, 19, 45, new Attributes(), scale: 1e-3f), 2));
        cases.Add($"Lstm/{format}/peephole,projection", kernels => ModelRun.Hash(kernels, Recurrent(OpKind.Lstm, format, RecurrentDirection.Bidirectional, 20, 40, new Attributes(), peephole: true, projection: 24)));
        cases.Add($"Lstm/{format}/coupled,clip", kernels => ModelRun.Hash(kernels, Recurrent(OpKind.Lstm, format, RecurrentDirection.Forward, 20, 40, new Attributes().Set(AttributeKey.InputForget, 1).Set(AttributeKey.CellClip, 0.4f))));
        cases.Add($"Lstm/{format}/activations", kernels => ModelRun.Hash(kernels, Recurrent(OpKind.Lstm, format, RecurrentDirection.Forward, 9, 21, new Attributes().Set(AttributeKey.Activations, "HardSigmoid,Softsign,ScaledTanh"))));
        cases.Add($"Gru/{format}/after", kernels => ModelRun.Hash(kernels, Recurrent(OpKind.Gru, format, RecurrentDirection.Bidirectional, 20, 40, new Attributes().Set(AttributeKey.LinearBeforeReset, 1))));
        cases.Add($"Rnn/{format}/relu", kernels => ModelRun.Hash(kernels, Recurrent(OpKind.Rnn, format, RecurrentDirection.Forward, 20, 40, new Attributes().Set(AttributeKey.Activations, "Relu"))));
        foreach (var (rows, columns) in ((int, int)[])[(1, 1), (16, 16), (31, 100), (257, 128), (100, 33)])
            cases.Add($"Linear/{format}/{columns}x{rows}", kernels => ModelRun.Hash(kernels, Linear(format, rows, columns)));
        cases.Add($"Conv/{format}", kernels => ModelRun.Hash(kernels, Convolution(format, 1)));
        cases.Add($"Conv/{format}/grouped", kernels => ModelRun.Hash(kernels, Convolution(format, 3)));
        cases.Add($"Embedding/{format}", kernels => ModelRun.Hash(kernels, Embedding(format)));
    }

    /// <summary>A model of one layer with one input and one output.</summary>
    private static SeqModelBuilder Single(int[] shape, ulong seed, Func<GraphDefinition, int, Numbers, int> node)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, [.. shape.Cast<object>()]);
        graph.Output("y", node(graph, x, new Numbers(seed)));
        return model;
    }

    private static SeqModelBuilder Linear(TensorFormat format, int rows, int columns)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var numbers = new Numbers(61);
        var x = graph.Input("x", ElementType.Float32, 3, columns);
        var w = graph.Constant(model.AddPacked("w", format, rows, columns, numbers.Packed(format, rows, columns)));
        graph.Output("y", graph.Node(OpKind.Linear, [x, w, graph.Constant<float>("b", [rows], numbers.Floats(rows))]));
        return model;
    }

    private static SeqModelBuilder Convolution(TensorFormat format, int groups)
    {
        const int Channels = 12;
        const int Outputs = 21;
        const int Kernel = 3;
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var numbers = new Numbers(62);
        var x = graph.Input("x", ElementType.Float32, 2, Channels, 40);
        var matrices = new byte[groups][];
        for (var g = 0; g < groups; g++) matrices[g] = numbers.Packed(format, Outputs / groups, Channels / groups * Kernel);
        var w = graph.Constant(model.AddPacked("w", format, Outputs / groups, Channels / groups * Kernel, matrices));
        var attributes = new Attributes().Set(AttributeKey.KernelShape, new[] { Kernel }).Set(AttributeKey.Strides, new[] { 2 }).Set(AttributeKey.Pads, new[] { 2, 1 })
            .Set(AttributeKey.Dilations, new[] { 2 }).Set(AttributeKey.Group, groups);
        graph.Output("y", graph.Node(OpKind.Conv, [x, w, graph.Constant<float>("b", [Outputs], numbers.Floats(Outputs))], attributes));
        return model;
    }

    private static SeqModelBuilder Embedding(TensorFormat format)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var numbers = new Numbers(63);
        var indices = graph.Input("indices", ElementType.Int32, 2, 9);
        var w = graph.Constant(model.AddPacked("w", format, 30, 27, numbers.Packed(format, 30, 27)));
        graph.Output("y", graph.Node(OpKind.Embedding, [w, indices]));
        return model;
    }

    /// <summary>A recurrent layer over 6 steps of 3 sequences of different lengths, with initial states.</summary>
    private static SeqModelBuilder Recurrent(OpKind kind, TensorFormat format, RecurrentDirection direction, int input, int hidden, Attributes attributes, bool peephole = false, int projection = 0, float scale = 1)
    {
        const int Steps = 6;
        const int Batch = 3;
        var gates = kind switch { OpKind.Lstm => 4, OpKind.Gru => 3, _ => 1 };
        var directions = direction == RecurrentDirection.Bidirectional ? 2 : 1;
        var rows = GateRows.Count(gates, hidden);
        var state = projection > 0 ? projection : hidden;
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var numbers = new Numbers((ulong)(1000 * hidden + input));
        var inputs = new List<int>
        {
            graph.Input("x", ElementType.Float32, Steps, Batch, input),
            graph.Constant<int>("lengths", [Batch], [Steps, 1, Steps - 2]),
            graph.Constant<float>("h0", [directions, Batch, state], numbers.Floats(directions * Batch * state, scale)),
        };
        if (kind == OpKind.Lstm) inputs.Add(graph.Constant<float>("c0", [directions, Batch, hidden], numbers.Floats(directions * Batch * hidden, scale)));
        for (var d = 0; d < directions; d++)
        {
            inputs.Add(graph.Constant(model.AddPacked($"w{d}", new WeightLayout(format, rows, input, GateRows.Panel(gates)), numbers.Gates(format, gates, hidden, input, 1.5f * scale))));
            inputs.Add(graph.Constant(model.AddPacked($"r{d}", new WeightLayout(format, rows, state, GateRows.Panel(gates)), numbers.Gates(format, gates, hidden, state))));
            var bias = numbers.GateRow(gates, hidden, 0.3f * scale);
            inputs.Add(graph.Constant<float>($"b{d}", kind == OpKind.Gru ? [2, rows] : [rows], kind == OpKind.Gru ? [.. bias, .. numbers.GateRow(gates, hidden, 0.3f * scale)] : bias));
            if (kind != OpKind.Lstm) continue;
            inputs.Add(peephole ? graph.Constant<float>($"p{d}", [3, hidden], numbers.Floats(3 * hidden, 0.5f)) : -1);
            inputs.Add(projection > 0 ? graph.Constant(model.AddPacked($"projection{d}", format, projection, hidden, numbers.Packed(format, projection, hidden))) : -1);
        }

        var outputs = graph.NodeMany(kind, [.. inputs], kind == OpKind.Lstm ? 3 : 2, attributes.Set(AttributeKey.Hidden, hidden).Set(AttributeKey.Direction, direction));
        string[] names = ["y", "h", "c"];
        for (var i = 0; i < outputs.Length; i++) graph.Output(names[i], outputs[i]);
        return model;
    }
}
