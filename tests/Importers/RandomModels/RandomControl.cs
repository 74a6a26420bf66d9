using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary><c>If</c> on constants, sizes and data; <c>Loop</c> and <c>Scan</c> with a known number of rounds.</summary>
internal static class RandomControl
{
    public static bool TryIf(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1) is not { } x) return false;
        var axis = m.Random.Next(x.Rank);
        var condition = m.Random.Next(3) switch
        {
            0 => m.Constant<bool>([], m.Chance(0.5)),
            2 => m.Raw("Equal", [m.Raw("Gather", [m.Raw("Shape", [x.Name]), m.Constant<long>([], axis)], ("axis", 0)), m.Constant<long>([], m.Choose(1, 2, 4))]),
            _ => m.Raw("Greater", [m.Raw("ReduceSum", [x.Name], ("keepdims", 0)), m.Constant<float>([], 0)]),
        };
        m.Node("If", x.Axes, [condition], ("then_branch", Branch(m, x)), ("else_branch", Branch(m, x)));
        return true;
    }

    /// <summary>h = tanh(h W + x) for some rounds, with each round's result.</summary>
    public static bool TryLoop(RandomModel m)
    {
        if (m.Opset < 11 || m.Pick(v => v.Rank == 2 && v.Axes[1].IsFixed && v.Axes[1].Size <= 12) is not { } x) return false;
        var rounds = m.Random.Next(1, 5);
        var name = m.NewName("loop");
        string next = name + "_next", scanned = name + "_scan", weights = m.Weights(0.5f, x.Axes[1].Size, x.Axes[1].Size);
        var body = new GraphProto { Name = name };
        body.Input.Add([OnnxBuilder.Port(name + "_i", OnnxBuilder.Int64), OnnxBuilder.Port(name + "_go", OnnxBuilder.Bool), Open(name + "_h", x.Rank)]);
        body.Node.Add(RandomModel.Make("MatMul", [name + "_h", weights], [name + "_p"]));
        body.Node.Add(RandomModel.Make("Add", [name + "_p", x.Name], [name + "_s"]));
        body.Node.Add(RandomModel.Make("Tanh", [name + "_s"], [next]));
        body.Node.Add(RandomModel.Make("Mul", [next, next], [scanned]));
        body.Node.Add(RandomModel.Make("Identity", [name + "_go"], [name + "_on"]));
        body.Output.Add([OnnxBuilder.Port(name + "_on", OnnxBuilder.Bool), Open(next, x.Rank), Open(scanned, x.Rank)]);
        string last = m.NewName("v"), all = m.NewName("v");
        m.Raw("Loop", [m.Constant<long>([], rounds), m.Chance(0.5) ? "" : m.Constant<bool>([], true), x.Name], [last, all], ("body", body));
        m.Register(new RandomValue(last, x.Axes));
        m.Register(new RandomValue(all, [m.Dimension(rounds), .. x.Axes]));
        return true;
    }

    /// <summary>A running value over a fixed first axis.</summary>
    public static bool TryScan(RandomModel m)
    {
        if (m.Opset < 9 || m.Pick(v => v.Rank is 2 or 3 && v.Axes[0].IsFixed && v.Axes[0].Size <= 6 && m.CanBeInput(v.Axes)) is not { } x) return false;
        IReadOnlyList<RandomAxis> row = [.. x.Axes.Skip(1)];
        var start = m.Input("start", row);
        var name = m.NewName("scan");
        string next = name + "_next", scanned = name + "_out";
        var body = new GraphProto { Name = name };
        body.Input.Add([Open(name + "_s", row.Count), Open(name + "_x", row.Count)]);
        body.Node.Add(RandomModel.Make("Mul", [name + "_s", m.Constant<float>([], 0.7f)], [name + "_k"]));
        body.Node.Add(RandomModel.Make("Add", [name + "_k", name + "_x"], [next]));
        body.Node.Add(RandomModel.Make("Tanh", [next], [scanned]));
        body.Output.Add([Open(next, row.Count), Open(scanned, row.Count)]);
        string last = m.NewName("v"), all = m.NewName("v");
        List<(string, object)> attributes = [("body", body), ("num_scan_inputs", 1)];
        if (m.Chance(0.3)) attributes.Add(("scan_input_directions", new long[] { 1 }));
        if (m.Chance(0.3)) attributes.Add(("scan_output_directions", new long[] { 1 }));
        m.Raw("Scan", [start.Name, x.Name], [last, all], [.. attributes]);
        m.Register(new RandomValue(last, row));
        m.Register(new RandomValue(all, x.Axes));
        return true;
    }

    private static GraphProto Branch(RandomModel m, RandomValue x)
    {
        var name = m.NewName("branch");
        var graph = new GraphProto { Name = name };
        var op = m.Choose("Tanh", "Neg", "Relu", "Mul", "Abs");
        graph.Node.Add(RandomModel.Make(op, op == "Mul" ? [x.Name, m.Constant<float>([], m.Between(-2, 2))] : [x.Name], [name + "_y"]));
        graph.Output.Add(Open(name + "_y", x.Rank));
        return graph;
    }

    /// <summary>A float32 port without declared sizes.</summary>
    private static ValueInfoProto Open(string name, int rank)
    {
        var port = OnnxBuilder.Port(name, OnnxBuilder.Float);
        for (var i = 0; i < rank; i++) port.Type.TensorType.Shape.Dim.Add(new TensorShapeProto.Types.Dimension());
        return port;
    }
}
