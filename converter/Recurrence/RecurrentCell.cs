using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>One step of a recurrent layer found in a graph, with gates in the runtime's order.</summary>
/// <param name="Op">The recurrent layer.</param>
/// <param name="Units">The number of hidden units.</param>
/// <param name="Sums">The sums of the gates.</param>
/// <param name="Functions">Activations in the order of ONNX's attribute.</param>
internal sealed record RecurrentCell(RecurrentOp Op, int Units, CellSums Sums, Activated[] Functions)
{
    /// <summary>The hidden state that the cell reads. Empty if it is zero and left no trace.</summary>
    public required string Hidden { get; init; }

    /// <summary>The cell state that an LSTM reads.</summary>
    public string Cell { get; init; } = "";

    /// <summary>The node that computes the next hidden state.</summary>
    public required IrNode NextHidden { get; init; }

    /// <summary>The node that computes an LSTM's next cell state.</summary>
    public IrNode? NextCell { get; init; }

    /// <summary>The name of an LSTM's projection matrix [outputs, units]. Empty if there is none.</summary>
    public string Projection { get; init; } = "";

    /// <summary>An LSTM's peephole weights in the order i f o.</summary>
    public float[]? Peephole { get; init; }

    /// <summary>Whether an LSTM's forget gate is 1 minus its input gate.</summary>
    public bool IsCoupled { get; init; }

    /// <summary>Whether a GRU's reset gate multiplies R·h instead of h.</summary>
    public bool IsResetAfter { get; init; }
}

/// <summary>The sums of a cell's gates as ONNX's matrices: W·x + R·h + b, or V + R·h + b with V = W·x computed elsewhere.</summary>
/// <param name="Inputs">The values that W multiplies, concatenated.</param>
/// <param name="W">[gates · units, inputs].</param>
/// <param name="R">[gates · units, states]. Null if there is no product with the state.</param>
/// <param name="B">The biases of W, then those of R.</param>
/// <param name="Made">V. Each gate reads a part of it that begins at <paramref name="Starts"/>. Empty if there is a W.</param>
/// <param name="Starts">Where the gates' parts of V begin.</param>
/// <param name="Names">The constants that W and R come from.</param>
internal sealed record CellSums(List<string> Inputs, float[] W, float[]? R, float[] B, string Made, int[] Starts, (string W, string R) Names)
{
    /// <param name="context">The graph.</param>
    /// <param name="gates">The gates' sums. They are changed.</param>
    /// <param name="first">The gate whose inputs come first and whose weights name those of the cell.</param>
    /// <param name="hidden">The hidden state.</param>
    /// <param name="reset">For a GRU's candidate: the part inside the reset, R·h and a bias.</param>
    /// <param name="resetHidden">For a GRU's candidate: the reset state that it multiplies.</param>
    public static CellSums? Of(CellContext context, LinearForm[] gates, LinearForm first, string hidden, LinearForm? reset = null, string resetHidden = "")
    {
        var units = gates[0].Rows;
        if (reset is not null && (reset.Others.Count > 0 || reset.Products.Exists(p => p.Source != hidden))) return null;
        bool IsState(string source) => source == hidden || (resetHidden.Length > 0 && source == resetHidden);
        foreach (var gate in gates) FoldConstants(context, gate, IsState);
        IEnumerable<LinearForm> all = gates.Prepend(first);
        var inputs = all.SelectMany(g => g.Products).Where(p => !IsState(p.Source)).Select(p => (p.Source, p.Columns)).Distinct().ToList();
        var made = gates.SelectMany(g => g.Others).Select(o => o.Value).Distinct().ToList();
        if (made.Count > 1 || (made.Count == 1 && inputs.Count > 0) || (made.Count == 0 && inputs.Count == 0)) return null;
        if (made.Count == 1 && !Array.TrueForAll(gates, g => g.Others is [{ Scale: var scale }] && Array.TrueForAll(scale, s => s == 1))) return null;
        var states = all.SelectMany(g => g.Products).Where(p => IsState(p.Source)).Concat(reset?.Products ?? []).ToList();
        if (states.Select(s => s.Columns).Distinct().Count() > 1) return null;

        var width = inputs.Sum(i => i.Columns);
        var w = new float[gates.Length * units * width];
        var b = new float[2 * gates.Length * units];
        var r = states.Count == 0 ? null : new float[gates.Length * units * states[0].Columns];
        for (var g = 0; g < gates.Length; g++)
        {
            gates[g].Bias.CopyTo(b, g * units);
            var offset = 0;
            foreach (var (source, columns) in inputs)
            {
                if (gates[g].With(source) is { } product) Copy(product, w, g * units * width + offset, width);
                offset += columns;
            }

            var recurrent = g == gates.Length - 1 && reset is not null ? reset.With(hidden) : g == gates.Length - 1 && resetHidden.Length > 0 ? gates[g].With(resetHidden) : gates[g].With(hidden);
            if (recurrent is not null) Copy(recurrent, r!, g * units * recurrent.Columns, recurrent.Columns);
        }

        reset?.Bias.CopyTo(b, (2 * gates.Length - 1) * units);
        var names = (inputs.Count > 0 ? all.SelectMany(g => g.Products).First(p => p.Source == inputs[0].Source).Weight : made[0], states.Count > 0 ? states[0].Weight : "");
        return new CellSums([.. inputs.Select(i => i.Source)], w, r, b, made.Count > 0 ? made[0] : "", [.. gates.Select(g => g.Others.Count > 0 ? g.Others[0].Start : 0)], names);
    }

    private static void Copy(LinearForm.Product product, float[] to, int start, int stride)
    {
        for (var row = 0; row * product.Columns < product.Matrix.Length; row++) product.Matrix.AsSpan(row * product.Columns, product.Columns).CopyTo(to.AsSpan(start + row * stride));
    }

    /// <summary>Folds products with constants into the bias. A concatenation of inputs may contain constants.</summary>
    private static void FoldConstants(CellContext context, LinearForm gate, Predicate<string> isState)
    {
        foreach (var product in gate.Products.Where(p => !isState(p.Source)).ToList())
        {
            if (context.Rewriter.Constant(product.Source) is not { Type: ElementType.Float32 } constant) continue;
            var values = constant.ToFloats();
            if (values.Length != product.Columns && !constant.IsZero) continue;
            for (var row = 0; row < gate.Rows && !constant.IsZero; row++)
            {
                for (var k = 0; k < product.Columns; k++) gate.Bias[row] += product.Matrix[row * product.Columns + k] * values[k];
            }

            gate.Products.Remove(product);
        }
    }
}
