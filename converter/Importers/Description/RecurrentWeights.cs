using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// A recurrent layer's weights by PyTorch's names: <c>weight_ih</c> [gates · H, I], <c>weight_hh</c> [gates · H, H], <c>bias_ih</c> and
/// <c>bias_hh</c> [gates · H], with a suffix for layer and direction. PyTorch's gate order is the runtime's.
/// </summary>
internal sealed class RecurrentWeights
{
    private RecurrentWeights(int hidden, string w, string r, string? b)
    {
        Hidden = hidden;
        W = w;
        R = r;
        B = b;
    }

    /// <summary>Hidden units of one direction.</summary>
    public int Hidden { get; }

    /// <summary>ONNX's input W: [directions, gates · H, I].</summary>
    public string W { get; }

    /// <summary>ONNX's input R: [directions, gates · H, H].</summary>
    public string R { get; }

    /// <summary>ONNX's input B: [directions, 2 · gates · H]. Null without a bias.</summary>
    public string? B { get; }

    /// <param name="graph">Receives the constants.</param>
    /// <param name="op">The layer.</param>
    /// <param name="suffixes">The suffix of each direction: <c>_l0</c>, <c>_l0_reverse</c> …, or empty for a cell.</param>
    public static RecurrentWeights Read(GraphComposer graph, RecurrentOp op, params string[] suffixes)
    {
        List<float> w = [], r = [], b = [];
        int inputs = -1, hidden = -1;
        foreach (var suffix in suffixes)
        {
            if (graph.Optional("weight_hr" + suffix) is not null) throw graph.Fault($"'{graph.NameOf("weight_hr" + suffix)}' is a projection (proj_size), which lstm layers do not support; train the model without it, or describe the step by linear, slice, activation, multiply and add layers, with hidden and cell as states (docs/description.md shows how)");
            var input = graph.Need("weight_ih" + suffix, 2);
            var recurrent = graph.Need("weight_hh" + suffix, 2);
            var (rows, columns, units) = (input.Shape[0], input.Shape[1], recurrent.Shape[1]);
            if (rows != op.Gates * (long)units || recurrent.Shape[0] != rows)
                throw graph.Fault($"'{graph.NameOf("weight_ih" + suffix)}' of shape [{rows}, {columns}] and '{graph.NameOf("weight_hh" + suffix)}' of shape [{recurrent.Shape[0]}, {units}] are not the weights of a {op}, which has {op.Gates} gates of {units} rows");
            if (hidden >= 0 && (hidden != units || inputs != columns)) throw graph.Fault("the two directions differ in size");
            (hidden, inputs) = (units, columns);
            w.AddRange(input.Floats);
            r.AddRange(recurrent.Floats);
            AddBias("bias_ih" + suffix);
            AddBias("bias_hh" + suffix);
        }

        var (count, gateRows) = (suffixes.Length, op.Gates * hidden);
        return new RecurrentWeights(
            hidden,
            Constant("weight_ih", IrTensor.Of<float>([count, gateRows, inputs], [.. w])),
            Constant("weight_hh", IrTensor.Of<float>([count, gateRows, hidden], [.. r])),
            b.TrueForAll(value => value == 0) ? null : Constant("bias", IrTensor.Of<float>([count, 2 * gateRows], [.. b])));

        // Each direction has a name of its own.
        string Constant(string weight, IrTensor tensor)
        {
            var constant = graph.Constant(graph.NameOf(weight + suffixes[0]), tensor);
            graph.Graph.Sources[constant] = Array.ConvertAll(suffixes, suffix => graph.NameOf(weight + suffix));
            return constant;
        }

        void AddBias(string name)
        {
            var bias = graph.Optional(name)?.ToFloats() ?? new float[op.Gates * hidden];
            if (bias.Length != op.Gates * hidden) throw graph.Fault($"'{graph.NameOf(name)}' has {bias.Length} elements instead of {op.Gates * hidden}");
            b.AddRange(bias);
        }
    }
}
