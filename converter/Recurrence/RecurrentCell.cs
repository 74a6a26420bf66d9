using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>One step of a recurrent layer, found in a graph, with gates in the runtime's order.</summary>
/// <param name="Op">The layer that it is a step of.</param>
/// <param name="Units">Hidden units.</param>
/// <param name="Sums">What the gates are sums of.</param>
/// <param name="Functions">Activations in the order of ONNX's attribute.</param>
internal sealed record RecurrentCell(RecurrentOp Op, int Units, CellSums Sums, Activated[] Functions)
{
    /// <summary>The hidden state that it reads; empty where that is zero, and then nothing of it is left.</summary>
    public required string Hidden { get; init; }

    /// <summary>An LSTM's cell state that it reads.</summary>
    public string Cell { get; init; } = "";

    /// <summary>The node that makes the next hidden state.</summary>
    public required IrNode NextHidden { get; init; }

    /// <summary>The node that makes an LSTM's next cell state.</summary>
    public IrNode? NextCell { get; init; }

    /// <summary>An LSTM's matrix [outputs, units] that makes the hidden state, by its name; empty for none.</summary>
    public string Projection { get; init; } = "";

    /// <summary>An LSTM's peephole weights, in the order i f o.</summary>
    public float[]? Peephole { get; init; }

    /// <summary>An LSTM's forget gate is 1 less its input gate.</summary>
    public bool IsCoupled { get; init; }

    /// <summary>A GRU's reset gate multiplies R·h, not h.</summary>
    public bool IsResetAfter { get; init; }
}

/// <summary>The sums of a cell's gates, joined to ONNX's matrices: W·x + R·h + b, or V + R·h + b where W·x was made elsewhere.</summary>
/// <param name="Inputs">The values that W multiplies, joined.</param>
/// <param name="W">[gates · units, inputs].</param>
/// <param name="R">[gates · units, states]; null where there is no product with the state.</param>
/// <param name="B">Biases of W, then those of R.</param>
/// <param name="Made">V, of which each gate reads a part that begins at <paramref name="Starts"/>; empty where there is a W.</param>
/// <param name="Starts">Where the gates' parts of V begin.</param>
/// <param name="Names">The constants that W and R come from.</param>
internal sealed record CellSums(List<string> Inputs, float[] W, float[]? R, float[] B, string Made, int[] Starts, (string W, string R) Names)
{
    /// <param name="context">The graph.</param>
    /// <param name="gates">The gates' sums, which are used up.</param>
    /// <param name="first">The gate whose inputs come first, and after whose weights those of the cell are named.</param>
    /// <param name="hidden">The hidden state.</param>
    /// <param name="reset">A GRU's candidate: the part inside of its reset, R·h and a bias.</param>
    /// <param name="resetHidden">A GRU's candidate: the reset state that it multiplies.</param>
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

    /// <summary>A product with a constant is one: a join of inputs may hold some.</summary>
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
