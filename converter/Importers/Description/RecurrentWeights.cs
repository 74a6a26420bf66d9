using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// A recurrent layer's weights by PyTorch's names: <c>weight_ih</c> [gates · H, I], <c>weight_hh</c> [gates · H, H], <c>bias_ih</c> and
/// <c>bias_hh</c> [gates · H], with a suffix for layer and direction. PyTorch's gate order is the runtime's. A layer without a hidden state
/// has <c>weight_c</c> [vectors · H] instead of <c>weight_hh</c> and <c>bias_hh</c>: vectors that multiply the cell state. An LSTM with a projection
/// (PyTorch's <c>proj_size</c>) has <c>weight_hr</c> [P, H], and <c>weight_hh</c> [gates · H, P].
/// </summary>
internal sealed class RecurrentWeights
{
    private readonly string _w;
    private readonly string? _r, _b, _p, _projection;

    private RecurrentWeights(int hidden, string w, string? r, string? b, string? p, string? projection) => (Hidden, _w, _r, _b, _p, _projection) = (hidden, w, r, b, p, projection);

    /// <summary>Hidden units of one direction.</summary>
    public int Hidden { get; }

    /// <param name="graph">Receives the constants.</param>
    /// <param name="op">The layer.</param>
    /// <param name="suffixes">The suffix of each direction: <c>_l0</c>, <c>_l0_reverse</c> …, or empty for a cell. A layer with a projection is read one direction at a time.</param>
    public static RecurrentWeights Read(GraphComposer graph, RecurrentOp op, params string[] suffixes)
    {
        List<IrTensor> w = [], r = [];
        List<float> b = [], p = [];
        int inputs = -1, hidden = -1, state = -1;
        IrTensor? projection = null;
        foreach (var suffix in suffixes)
        {
            projection = graph.Optional("weight_hr" + suffix);
            if (projection is not null && !op.HasProjection) throw graph.Fault($"'{graph.NameOf("weight_hr" + suffix)}' is a projection, which only an LSTM has");
            var input = graph.Need("weight_ih" + suffix, 2);
            var (rows, columns) = (input.Shape[0], input.Shape[1]);
            var units = op.HasRecurrence ? Recurrent(suffix, rows, columns) : Vectors(suffix, rows, columns);
            if (hidden >= 0 && (hidden != units || inputs != columns)) throw graph.Fault("the two directions differ in size");
            (hidden, inputs) = (units, columns);
            w.Add(input);
            AddBias("bias_ih" + suffix);
            AddBias(op.HasRecurrence ? "bias_hh" + suffix : null);
        }

        var (count, gateRows) = (suffixes.Length, op.Gates * hidden);
        return new RecurrentWeights(
            hidden,
            Constant("weight_ih", IrTensor.Joined([count, gateRows, inputs], w)),
            op.HasRecurrence ? Constant("weight_hh", IrTensor.Joined([count, gateRows, state], r)) : null,
            b.TrueForAll(value => value == 0) ? null : Constant("bias", IrTensor.Of<float>([count, 2 * gateRows], [.. b])),
            op.HasRecurrence ? null : Constant("weight_c", IrTensor.Of<float>([count, op.Vectors * hidden], [.. p])),
            projection is null ? null : Constant("weight_hr", projection));

        int Recurrent(string suffix, int rows, int columns)
        {
            var recurrent = graph.Need("weight_hh" + suffix, 2);
            state = recurrent.Shape[1];
            var units = projection is { Shape: [_, var wide] } ? wide : state;
            if (projection is not null && (projection.Shape.Length != 2 || projection.Shape[0] != state)) throw graph.Fault($"'{graph.NameOf("weight_hr" + suffix)}' has shape [{string.Join(", ", projection.Shape)}]; a projection to the {state} columns of '{graph.NameOf("weight_hh" + suffix)}' must be [{state}, units]");
            if (rows != op.Gates * (long)units || recurrent.Shape[0] != rows)
                throw graph.Fault($"'{graph.NameOf("weight_ih" + suffix)}' of shape [{rows}, {columns}] and '{graph.NameOf("weight_hh" + suffix)}' of shape [{recurrent.Shape[0]}, {units}] are not the weights of a {op}, which has {op.Gates} gates of {units} rows");
            r.Add(recurrent);
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

    /// <summary>The weights of one direction that an importer has read by other names.</summary>
    /// <param name="graph">Receives the constants.</param>
    /// <param name="layer">The layer's name.</param>
    /// <param name="w">[gates · H, inputs] in the runtime's order of gates.</param>
    /// <param name="r">[gates · H, H].</param>
    /// <param name="bias">[1, 2 · gates · H], or null.</param>
    public static RecurrentWeights Of(GraphComposer graph, string layer, IrTensor w, IrTensor r, IrTensor? bias) => new(
        r.Shape[1],
        graph.Constant($"{layer}.weight_ih", w.Reshaped(1, w.Shape[0], w.Shape[1])),
        graph.Constant($"{layer}.weight_hh", r.Reshaped(1, r.Shape[0], r.Shape[1])),
        bias is null ? null : graph.Constant($"{layer}.bias", bias),
        p: null,
        projection: null);

    /// <summary>A node's inputs, as <see cref="RecurrentOp"/> has them: states that are null begin at zero, and without lengths every step counts.</summary>
    public string?[] Inputs(string x, string? hidden, string? cell, string? lengths = null)
    {
        string?[] inputs = [x, _w, _r, _b, lengths, hidden, cell, _p, _projection];
        return inputs[..(Array.FindLastIndex(inputs, input => input is not null) + 1)];
    }
}
