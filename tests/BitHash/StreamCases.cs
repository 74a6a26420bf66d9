using SeqRuntime;
using SeqRuntime.Format;

namespace BitHash;

/// <summary>A small network stepped many times with its states kept by the session, so that a difference of one bit grows.</summary>
internal static class StreamCases
{
    private const int Steps = 100;

    public static void Add(CaseList cases)
    {
        foreach (var format in CaseList.Formats) Add(cases, format);
    }

    public static void Add(CaseList cases, TensorFormat format)
    {
        foreach (var units in (int[])[24, 64, 100])
            cases.Add($"stream/{format}/{units}", kernels => ModelRun.Hash(kernels, Network(format, units), Steps));
    }

    /// <summary>Linear, LSTM, layer normalization, GRU, Linear, softmax; one step in each run.</summary>
    private static SeqModelBuilder Network(TensorFormat format, int units)
    {
        const int Features = 13;
        const int Classes = 29;
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var numbers = new Numbers((ulong)units);
        var padded = GateRows.PadUnits(units);

        int Packed(string name, int rows, int columns) => graph.Constant(model.AddPacked(name, format, rows, columns, numbers.Packed(format, rows, columns)));
        int Gates(string name, int gates, int columns) => graph.Constant(model.AddPacked(name, new WeightLayout(format, gates * padded, columns, GateRows.Panel(gates)), numbers.Gates(format, gates, units, columns)));
        int Dense(string name, params int[] shape) => graph.Constant<float>(name, shape, numbers.Floats(shape.Aggregate(1, (a, b) => a * b), 0.3f));

        var x = graph.Input("x", ElementType.Float32, 1, 1, Features);
        var h = graph.State("lstm.h", ElementType.Float32, [1, 1, units]);
        var c = graph.State("lstm.c", ElementType.Float32, [1, 1, units]);
        var g = graph.State("gru.h", ElementType.Float32, [1, 1, units]);
        var inner = graph.Node(OpKind.Linear, [x, Packed("in.w", units, Features), Dense("in.b", units)]);
        var lstm = graph.NodeMany(
            OpKind.Lstm,
            [inner, -1, h, c, Gates("lstm.w", 4, units), Gates("lstm.r", 4, units), graph.Constant<float>("lstm.b", [4 * padded], numbers.GateRow(4, units, 0.3f)), -1, -1],
            3,
            new Attributes().Set(AttributeKey.Hidden, units));
        graph.UpdateState(h, lstm[1]);
        graph.UpdateState(c, lstm[2]);
        var normal = graph.Node(OpKind.LayerNormalization, [lstm[1], Dense("norm.scale", units), Dense("norm.bias", units)]);
        var gru = graph.NodeMany(
            OpKind.Gru,
            [normal, -1, g, Gates("gru.w", 3, units), Gates("gru.r", 3, units), graph.Constant<float>("gru.b", [2, 3 * padded], [.. numbers.GateRow(3, units, 0.3f), .. numbers.GateRow(3, units, 0.3f)])],
            2,
            new Attributes().Set(AttributeKey.Hidden, units).Set(AttributeKey.LinearBeforeReset, 1));
        graph.UpdateState(g, gru[1]);
        var logits = graph.Node(OpKind.Linear, [gru[1], Packed("out.w", Classes, units), Dense("out.b", Classes)]);
        graph.Output("y", graph.Node(OpKind.Softmax, [logits], new Attributes().Set(AttributeKey.Axis, -1)));
        return model;
    }
}
