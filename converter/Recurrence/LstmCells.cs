using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// One written-out step of an LSTM, as in PyTorch's LSTMCell, Keras' layers (in loops or unrolled) and TensorFlow's LSTMCell:
/// c' = f⊙c + i⊙g, and h' = o⊙act(c') or a projection of that. f, i and o have the same activation, or f = 1 - i.
/// </summary>
internal sealed class LstmCells(CellContext context, IrNode sum, int units)
{
    private static readonly Activated s_linear = new("Affine", 1, 0, "");

    private Rewriter Rewriter => context.Rewriter;

    /// <summary>The cell whose next cell state a sum is. Null if there is none.</summary>
    public static RecurrentCell? Match(IrNode sum, CellContext context)
    {
        if (context.Rewriter.Shape(sum.Output(0)).Sizes is not [.., var units and > 0]) return null;
        var cells = new LstmCells(context, sum, units);
        foreach (var (kept, added) in Rewriter.Operands(sum))
        {
            if (context.Maker(kept, "Mul") is not { } forgetting || context.Maker(added, "Mul") is not { } writing) continue;
            foreach (var (forget, c) in Rewriter.Operands(forgetting))
            {
                // Peepholes read the cell states, which are sums too.
                context.Whole.UnionWith([context.Root(c), context.Root(sum.Output(0))]);
                var cell = Rewriter.Operands(writing).Select(w => cells.Match(c, w.A, forget, w.B)).FirstOrDefault(found => found is not null);
                context.Whole.Clear();
                if (cell is not null) return cell;
            }
        }

        return null;
    }

    private RecurrentCell? Match(string c, string input, string forget, string candidate)
    {
        if (Rewriter.Shape(c).Sizes is not [.., var size] || size != units) return null;
        if (context.GateOf(input, units) is not { Function: var f } || context.GateOf(candidate, units) is not { Function: var g }) return null;
        var isCoupled = context.Maker(forget, "Sub") is { } rest && Rewriter.Scalar(rest.Input(0)) == 1 && context.Root(rest.Input(1)) == context.Root(input);
        if (isCoupled) forget = input;
        foreach (var (product, output, h) in Outputs())
        {
            // Joining changes the sums, so each attempt needs new ones.
            Gate?[] gates = [context.GateOf(input, units), context.GateOf(forget, units), context.GateOf(candidate, units), context.GateOf(output, units)];
            if (!Array.TrueForAll(gates, gate => gate is not null) || !gates[1]!.Function.IsLike(f) || !gates[3]!.Function.IsLike(f)) continue;
            var sums = Array.ConvertAll(gates, gate => gate!.Form);
            // The output gate must read the same values as the other gates, from this step and not from the next.
            if (sums[3].Products.Exists(p => !sums[0].Products.Exists(q => q.Source == p.Source) && !sums[2].Products.Exists(q => q.Source == p.Source))) continue;
            var peephole = Peephole(sums, c);
            if (State(product, c, sums) is not { } state || CellSums.Of(context, sums, sums[0], state.Hidden) is not { } joined) continue;
            return new RecurrentCell(RecurrentOp.Lstm, units, joined, [f, g, h])
            {
                Hidden = state.Hidden,
                Cell = c,
                NextHidden = state.Next,
                NextCell = sum,
                Projection = state.Projection,
                Peephole = peephole,
                IsCoupled = isCoupled,
            };
        }

        return null;
    }

    /// <summary>The products o⊙act(c'), each with its output gate and activation.</summary>
    private IEnumerable<(IrNode Product, string Gate, Activated Function)> Outputs()
    {
        var readers = context.ReadersOf(sum.Output(0)).OfType<IrNode>().ToList();
        var isActivated = false;
        foreach (var reader in readers)
        {
            if (Activations.Of(Rewriter, reader.Output(0)) is not { } function) continue;
            foreach (var product in context.ReadersOf(reader.Output(0)).OfType<IrNode>().Where(n => n.Op == "Mul"))
            {
                isActivated = true;
                yield return (product, Other(product, reader.Output(0)), function);
            }
        }

        // The next step multiplies the cell state too. Its product is the output only if there is no other.
        foreach (var product in isActivated ? [] : readers.Where(r => r.Op == "Mul")) yield return (product, Other(product, sum.Output(0)), s_linear);
    }

    private string Other(IrNode product, string value) => context.Root(product.Input(0)) == context.Root(value) ? product.Input(1) : product.Input(0);

    /// <summary>Removes the peephole terms (vectors times the cell state) from the sums of i, f and o.</summary>
    private float[]? Peephole(LinearForm[] sums, string c)
    {
        string before = context.Root(c), after = context.Root(sum.Output(0));
        var weights = new float[3 * units];
        var isThere = false;
        (LinearForm Gate, string State)[] reads = [(sums[0], before), (sums[1], before), (sums[3], after)];
        foreach (var (at, (gate, state)) in reads.Index())
        {
            foreach (var term in gate.Others.Where(o => o.Start == 0 && o.Value == state).ToList())
            {
                for (var u = 0; u < units; u++) weights[at * units + u] += term.Scale[u];
                gate.Others.Remove(term);
                isThere = true;
            }
        }

        return isThere ? weights : null;
    }

    /// <summary>The cell's hidden state, the node that computes the next one, and the projection if there is one.</summary>
    private (string Hidden, IrNode Next, string Projection)? State(IrNode product, string c, LinearForm[] sums)
    {
        var sources = sums.SelectMany(s => s.Products).Select(p => (p.Source, p.Columns)).Distinct().ToList();
        if (sums.Any(s => s.Others.Count > 0) ? sources.Count > 1 : sources.Count == 0) return null;
        var next = context.ReadersOf(product.Output(0)).OfType<IrNode>().Where(n => n.Op == "Linear" && n.Input(2).Length == 0 && Rewriter.Constant(n.Input(1)) is not null).Select(n => (Node: n, Projection: n.Input(1)))
            .Prepend((Node: product, Projection: "")).ToList();
        foreach (var (node, projection) in next)
        {
            if (context.Before(context.Root(node.Output(0))) is { } before && sources.Exists(s => s.Source == before)) return (before, node, projection);
        }

        if (context.IsLoop) return null;
        if (context.HiddenOf(context.Root(c)) is { } paired && sources.Exists(s => s.Source == paired))
            return next.Where(n => Size(n.Projection) == sources.First(s => s.Source == paired).Columns).Select(n => ((string, IrNode, string)?)(paired, n.Node, n.Projection)).FirstOrDefault();

        // x and h occur alike in the sum. h is more likely the value that comes from a state or an input.
        foreach (var (node, projection) in next)
        {
            var fitting = sources.Where(s => s.Columns == Size(projection)).OrderByDescending(s => Rewriter.Constant(s.Source) is not null).ThenByDescending(s => context.ComesFromOutside(s.Source)).ToList();
            var isMade = sums.Any(s => s.Others.Count > 0);
            if (fitting.Count > 0 && (sources.Count > 1 || isMade)) return (fitting[0].Source, node, projection);
        }

        // An initial state of zeros may have left no trace.
        return Rewriter.Constant(c) is { IsZero: true } && next.Count == 1 ? ("", product, "") : null;
    }

    private int Size(string projection) => projection.Length == 0 ? units : Rewriter.Constant(projection)!.Shape[0];
}
