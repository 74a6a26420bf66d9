namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// Recurrent operators. Their states are tensors that keep their values, so a run continues where the last one ended. Inputs are numbered as in
/// TensorFlow Lite's kernels.
/// </summary>
internal static class TfliteRecurrent
{
    public static Dictionary<string, Action<TfliteCall>> All { get; } = new()
    {
        ["UNIDIRECTIONAL_SEQUENCE_LSTM"] = Lstm,
        ["BIDIRECTIONAL_SEQUENCE_LSTM"] = BidirectionalLstm,
        ["LSTM"] = LstmStep,
        ["UNIDIRECTIONAL_SEQUENCE_RNN"] = call => Rnn(call, isSequence: true),
        ["RNN"] = call => Rnn(call, isSequence: false),
        ["BIDIRECTIONAL_SEQUENCE_RNN"] = BidirectionalRnn,
        ["SVDF"] = Svdf,
    };

    private static void Lstm(TfliteCall call)
    {
        var o = call.Options;
        if (o.Flag(5)) throw call.Fault("recurrent weights that are diagonals are not supported");
        var cell = TfliteLstmCell.Read(call, new LstmPlaces(1, 5, 9, 12, 16, 20), o.Byte(0), o.Float(1), o.Float(2));
        var isTimeFirst = o.Flag(3);
        var run = Run(call, cell, TimeFirst(call, 0, isTimeFirst), 18, isBackward: false);
        call.Set(0, InOrder(call, run, isTimeFirst));
    }

    private static void LstmStep(TfliteCall call)
    {
        const int basic = 1;
        var o = call.Options;
        var isBasic = o.Byte(3) == basic;
        var cell = isBasic ? TfliteLstmCell.ReadBasic(call) : TfliteLstmCell.Read(call, new LstmPlaces(1, 5, 9, 12, 16, 20), o.Byte(0), o.Float(1), o.Float(2));
        var (h, c) = isBasic ? (1, 4) : (18, 19);
        var (sequence, states) = cell.Write(call.Graph.Unsqueeze(call.Value(0), 0), [call.Value(h), call.Value(c)], isBackward: false);
        var y = call.Graph.Squeeze(sequence, 0);
        call.Keep(h, states[0]);
        call.Keep(c, states[1]);
        // Older files have the states and scratch memory among the outputs.
        call.Set(isBasic || call.Outputs < 4 ? 0 : 3, y);
        if (isBasic || call.Outputs == 4) call.Set(isBasic ? 1 : 2, states[1]);
        if (!isBasic && call.Outputs == 4) call.Set(1, states[0]);
    }

    private static void BidirectionalLstm(TfliteCall call)
    {
        var o = call.Options;
        var isTimeFirst = o.Flag(4, otherwise: true);
        var forward = TfliteLstmCell.Read(call, new LstmPlaces(1, 5, 9, 12, 16, -1), o.Byte(0), o.Float(1), o.Float(2));
        var backward = TfliteLstmCell.Read(call, new LstmPlaces(18, 22, 26, 29, 33, -1), o.Byte(0), o.Float(1), o.Float(2));
        for (var i = 40; i < 48; i++) if (call.Has(i)) throw call.Fault("a second input with weights of its own is not supported");
        Both(call, isTimeFirst, o.Flag(3), 39, x => Run(call, forward, x, 35, isBackward: false), x => Run(call, backward, x, 37, isBackward: true));
    }

    private static void Rnn(TfliteCall call, bool isSequence)
    {
        var o = call.Options;
        var cell = TfliteRnnCell.Read(call, 1, o.Byte(isSequence ? 1 : 0));
        var isTimeFirst = isSequence && o.Flag(0);
        var x = isSequence ? TimeFirst(call, 0, isTimeFirst) : call.Graph.Unsqueeze(call.Value(0), 0);
        var run = Run(call, cell, x, 4, isBackward: false);
        call.Set(0, isSequence ? InOrder(call, run, isTimeFirst) : call.Graph.Squeeze(run, 0));
    }

    private static void BidirectionalRnn(TfliteCall call)
    {
        var o = call.Options;
        var (forward, backward) = (TfliteRnnCell.Read(call, 1, o.Byte(1)), TfliteRnnCell.Read(call, 5, o.Byte(1)));
        if (call.Has(10) || call.Has(11)) throw call.Fault("a second input with weights of its own is not supported");
        Both(call, o.Flag(0), o.Flag(2), 9, x => Run(call, forward, x, 4, isBackward: false), x => Run(call, backward, x, 8, isBackward: true));
    }

    /// <summary>Two directions. A second input without weights of its own is what the second direction reads.</summary>
    private static void Both(TfliteCall call, bool isTimeFirst, bool isMerged, int second, Func<string, string> forward, Func<string, string> backward)
    {
        var x = TimeFirst(call, 0, isTimeFirst);
        var (ahead, back) = (InOrder(call, forward(x), isTimeFirst), InOrder(call, backward(call.Has(second) ? TimeFirst(call, second, isTimeFirst) : x), isTimeFirst));
        call.Set(0, isMerged ? call.Graph.Op("Concat", [ahead, back], ("axis", -1L)) : ahead);
        if (!isMerged) call.Set(1, back);
    }

    /// <summary>One direction over [steps, batch, features]. States are the inputs from <paramref name="state"/> on.</summary>
    private static string Run(TfliteCall call, TfliteCell cell, string x, int state, bool isBackward)
    {
        string[] first = [.. Enumerable.Range(state, cell.States).Select(call.Value)];
        var (sequence, last) = cell.Write(x, first, isBackward);
        for (var i = 0; i < last.Length; i++) call.Keep(state + i, last[i]);
        return sequence;
    }

    private static string TimeFirst(TfliteCall call, int input, bool isTimeFirst)
    {
        if (call.Tensor(input).Rank != 3) throw call.Fault($"its input has shape [{string.Join(", ", call.Tensor(input).Shape)}]; three dimensions are needed");
        return isTimeFirst ? call.Value(input) : call.Graph.Transpose(call.Value(input), 1, 0, 2);
    }

    private static string InOrder(TfliteCall call, string sequence, bool isTimeFirst) => isTimeFirst ? sequence : call.Graph.Transpose(sequence, 1, 0, 2);

    /// <summary>
    /// Filters that are products of a vector over features and one over time: the products with the features of the last steps are the state
    /// [batch, filters · steps], and each unit sums over its filters what they give over the steps.
    /// </summary>
    private static void Svdf(TfliteCall call)
    {
        var (graph, rank) = (call.Graph, call.Options.Int(0));
        var (features, times) = (call.Constant(1), call.Constant(2));
        if (features is not { Type: ElementType.Float32, Shape: [var filters, _] } || times is not { Type: ElementType.Float32, Shape: [var rows, var memory] } || rows != filters || rank < 1 || filters % rank != 0 || memory < 1) throw call.Fault("its weights and its rank do not fit together");
        var units = filters / rank;
        var state = graph.Op("Reshape", [call.Value(4), graph.Axes(-1, filters, memory)]);
        var product = graph.Unsqueeze(graph.Product(call.Value(0), features, TfliteNotes.Clean(call.Tensor(1).Name, call.Name + "/features")), 2);
        var next = memory == 1 ? product : graph.Op("Concat", [graph.Op("Slice", [state, graph.Axes(1), graph.Axes(long.MaxValue), graph.Axes(2)]), product], ("axis", 2L));
        var weighted = graph.Op("ReduceSum", [graph.Op("Mul", [next, graph.Constant(TfliteNotes.Clean(call.Tensor(2).Name, call.Name + "/time"), times)]), graph.Axes(2)], ("keepdims", 0L));
        var y = rank == 1 ? weighted : graph.Op("ReduceSum", [graph.Op("Reshape", [weighted, graph.Axes(-1, units, rank)]), graph.Axes(2)], ("keepdims", 0L));
        if (call.Has(3)) y = graph.Op("Add", [y, call.Value(3)]);
        call.Keep(4, graph.Op("Reshape", [next, graph.Axes(-1, filters * memory)]));
        call.Set(0, TfliteActivations.Of(call, y, call.Options.Byte(1)));
    }
}
