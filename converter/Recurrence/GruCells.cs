using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// One written-out step of a GRU: h' = z⊙h + (1 - z)⊙n, also as n + z⊙(h - n), and with z replaced by 1 - z. The reset gate
/// acts after the product, n = act(W·x + b + r⊙(R·h + b')), as in PyTorch and Keras' reset_after, or before it, n = act(W·x + R·(r⊙h) + b).
/// </summary>
internal static class GruCells
{
    /// <summary>The cell whose next hidden state a node computes. Null if there is none.</summary>
    public static RecurrentCell? Match(IrNode sum, CellContext context)
    {
        if (context.Rewriter.Shape(sum.Output(0)).Sizes is not [.., var units and > 0]) return null;
        foreach (var (gate, first, second) in Blends(sum, context))
        {
            if (Match(sum, gate, first, second, false, units, context) is { } cell) return cell;
            if (Match(sum, gate, second, first, true, units, context) is { } turned) return turned;
        }

        return null;
    }

    /// <summary>The ways to read a node as gate⊙a + (1 - gate)⊙b.</summary>
    private static IEnumerable<(string Gate, string A, string B)> Blends(IrNode node, CellContext context)
    {
        var rewriter = context.Rewriter;
        foreach (var (left, right) in node.Op == "Add" ? Rewriter.Operands(node) : [(node.Input(0), node.Input(1))])
        {
            if (context.Maker(right, "Mul") is not { } product) continue;
            foreach (var (gate, other) in Rewriter.Operands(product))
            {
                // b + gate·(a - b), or b - gate·(b - a)
                if (context.Maker(other, "Sub") is { } difference && context.Root(difference.Input(node.Op == "Add" ? 1 : 0)) == context.Root(left)) yield return (gate, difference.Input(node.Op == "Add" ? 0 : 1), left);
                if (node.Op != "Add" || context.Maker(left, "Mul") is not { } rest) continue;

                // (1 - gate)·b + gate·a
                foreach (var (one, b) in Rewriter.Operands(rest))
                {
                    if (context.Maker(one, "Sub") is { } complement && rewriter.Scalar(complement.Input(0)) == 1 && context.Root(complement.Input(1)) == context.Root(gate)) yield return (gate, other, b);
                }
            }
        }
    }

    private static RecurrentCell? Match(IrNode sum, string update, string h, string candidate, bool isTurned, int units, CellContext context)
    {
        if (context.GateOf(update, units) is not { } z || context.GateOf(candidate, units) is not { } n || (isTurned && !z.Function.IsSymmetric)) return null;
        var hidden = context.Root(h);
        if (context.IsLoop ? context.Before(context.Root(sum.Output(0))) != hidden : context.Rewriter.Shape(h).Sizes[^1] != units) return null;
        if (isTurned) z.Form.Negated();
        var isZero = context.Rewriter.Constant(hidden) is { IsZero: true };
        var (r, reset, resetHidden) = Reset(n.Form, hidden, isZero, units, context);
        if (r is null || !r.Function.IsLike(z.Function)) return null;
        if (CellSums.Of(context, [r.Form, z.Form, n.Form], z.Form, hidden, reset, resetHidden) is not { } sums || (sums.R is null && !isZero)) return null;
        return new RecurrentCell(RecurrentOp.Gru, units, sums, [z.Function, n.Function]) { Hidden = sums.R is null ? "" : hidden, NextHidden = sum, IsResetAfter = reset is not null };
    }

    /// <summary>The reset gate and its operand: R·h and its bias, removed from the candidate's sum, or the state.</summary>
    private static (Gate? Gate, LinearForm? Reset, string ResetHidden) Reset(LinearForm candidate, string hidden, bool isZero, int units, CellContext context)
    {
        // If the state is zero, only the bias remains inside the reset.
        foreach (var term in isZero ? candidate.Others : [])
        {
            if (context.GateOf(term.Value, units, term.Start) is not { } r) continue;
            candidate.Others.Remove(term);
            return (r, LinearForm.Of(term.Scale, context.Rewriter), "");
        }

        foreach (var term in candidate.Others.Where(o => o.Start == 0 && Array.TrueForAll(o.Scale, s => s == 1)))
        {
            if (context.Maker(term.Value, "Mul") is not { } product) continue;
            foreach (var (gate, other) in Rewriter.Operands(product))
            {
                if (context.GateOf(gate, units) is not { } r || LinearForm.Of(context.Rewriter, other, 0, units, context.Whole) is not { Others.Count: 0 } form) continue;
                if (form.With(hidden) is null ? !isZero || form.Products.Count > 0 : form.Products.Count > 1) continue;
                candidate.Others.Remove(term);
                return (r, form, "");
            }
        }

        foreach (var product in candidate.Products)
        {
            if (context.Maker(product.Source, "Mul") is not { } multiplied) continue;
            foreach (var (gate, other) in Rewriter.Operands(multiplied))
            {
                if (context.Root(other) == hidden && context.GateOf(gate, units) is { } r) return (r, null, product.Source);
            }
        }

        return (null, null, "");
    }
}
