using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// A recurrent layer's weights by PyTorch's names: <c>weight_ih</c> [gates · H, I], <c>weight_hh</c> [gates · H, H], <c>bias_ih</c> and
/// <c>bias_hh</c> [gates · H], with a suffix for layer and direction. PyTorch's gate order is the runtime's. A layer without a hidden state
/// has <c>weight_c</c> [vectors · H] instead of <c>weight_hh</c> and <c>bias_hh</c>: vectors that multiply the cell state.
/// </summary>
internal sealed class RecurrentWeights
{
    private readonly string _w;
    private readonly string? _r, _b, _p;

    private RecurrentWeights(int hidden, string w, string? r, string? b, string? p) => (Hidden, _w, _r, _b, _p) = (hidden, w, r, b, p);

    /// <summary>Hidden units of one direction.</summary>
    public int Hidden { get; }

    /// <param name="graph">Receives the constants.</param>
    /// <param name="op">The layer.</param>
    /// <param name="suffixes">The suffix of each direction: <c>_l0</c>, <c>_l0_reverse</c> …, or empty for a cell.</param>
    public static RecurrentWeights Read(GraphComposer graph, RecurrentOp op, params string[] suffixes)
    {
        List<float> w = [], r = [], b = [], p = [];
        int inputs = -1, hidden = -1;
        foreach (var suffix in suffixes)
        {
            if (graph.Optional("weight_hr" + suffix) is not null) throw graph.Fault($"'{graph.NameOf("weight_hr" + suffix)}' is a projection (proj_size), which lstm layers do not support; train the model without it, or describe the step by linear, slice, activation, multiply and add layers, with hidden and cell as states (docs/description.md shows how)");
            var input = graph.Need("weight_ih" + suffix, 2);
            var (rows, columns) = (input.Shape[0], input.Shape[1]);
            var units = op.HasRecurrence ? Recurrent(suffix, rows, columns) : Vectors(suffix, rows, columns);
            if (hidden >= 0 && (hidden != units || inputs != columns)) throw graph.Fault("the two directions differ in size");
            (hidden, inputs) = (units, columns);
            w.AddRange(input.Floats);
            AddBias("bias_ih" + suffix);
            AddBias(op.HasRecurrence ? "bias_hh" + suffix : null);
        }

        var (count, gateRows) = (suffixes.Length, op.Gates * hidden);
        return new RecurrentWeights(
            hidden,
            Constant("weight_ih", IrTensor.Of<float>([count, gateRows, inputs], [.. w])),
            op.HasRecurrence ? Constant("weight_hh", IrTensor.Of<float>([count, gateRows, hidden], [.. r])) : null,
            b.TrueForAll(value => value == 0) ? null : Constant("bias", IrTensor.Of<float>([count, 2 * gateRows], [.. b])),
            op.HasRecurrence ? null : Constant("weight_c", IrTensor.Of<float>([count, op.Vectors * hidden], [.. p])));

        int Recurrent(string suffix, int rows, int columns)
        {
            var recurrent = graph.Need("weight_hh" + suffix, 2);
            var units = recurrent.Shape[1];
            if (rows != op.Gates * (long)units || recurrent.Shape[0] != rows)
                throw graph.Fault($"'{graph.NameOf("weight_ih" + suffix)}' of shape [{rows}, {columns}] and '{graph.NameOf("weight_hh" + suffix)}' of shape [{recurrent.Shape[0]}, {units}] are not the weights of a {op}, which has {op.Gates} gates of {units} rows");
            r.AddRange(recurrent.Floats);
            return units;
        }

        int Vectors(string suffix, int rows, int columns)
        {
            var vectors = graph.Need("weight_c" + suffix, 1);
            var units = vectors.Shape[0] / op.Vectors;
            if (units < 1 || vectors.Shape[0] != op.Vectors * units) throw graph.Fault($"the tensor '{graph.NameOf("weight_c" + suffix)}' has shape [{vectors.Shape[0]}]; it must be [{op.Vectors} · units]");
            if (rows != op.Gates * (long)units) throw graph.Fault($"the tensor '{graph.NameOf("weight_ih" + suffix)}' has shape [{rows}, {columns}]; it must be [{op.Gates * (long)units}, {columns}] for the {units} units of '{graph.NameOf("weight_c" + suffix)}'");
            p.AddRange(vectors.Floats);
            return units;
        }

        // Each direction has a name of its own.
        string Constant(string weight, IrTensor tensor)
        {
            var constant = graph.Constant(graph.NameOf(weight + suffixes[0]), tensor);
            graph.Graph.Sources[constant] = Array.ConvertAll(suffixes, suffix => graph.NameOf(weight + suffix));
            return constant;
        }

        // Gates without a bias have zeros.
        void AddBias(string? name)
        {
            var (first, gates) = op.Biased.GetOffsetAndLength(op.Gates);
            var bias = (name is null ? null : graph.Optional(name)?.ToFloats()) ?? new float[gates * hidden];
            if (bias.Length != gates * hidden) throw graph.Fault($"'{graph.NameOf(name!)}' has {bias.Length} elements instead of {gates * hidden}");
            b.AddRange(new float[first * hidden]);
            b.AddRange(bias);
            b.AddRange(new float[(op.Gates - first - gates) * hidden]);
        }
    }

    /// <summary>A node's inputs, as <see cref="RecurrentOp"/> has them: states that are null begin at zero, and without lengths every step counts.</summary>
    public string?[] Inputs(string x, string? hidden, string? cell, string? lengths = null)
    {
        string?[] inputs = [x, _w, _r, _b, lengths, hidden, cell, _p];
        return inputs[..(Array.FindLastIndex(inputs, input => input is not null) + 1)];
    }
}
