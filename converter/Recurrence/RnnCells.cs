using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>One written-out step of a simple RNN, h' = act(W·x + R·h + b): in a loop that carries h, or in a chain of steps with one R.</summary>
internal static class RnnCells
{
    /// <summary>The cell that computes its next hidden state from the given one at this node. Null if there is none.</summary>
    public static RecurrentCell? Match(IrNode function, string hidden, CellContext context)
    {
        if (context.Rewriter.Shape(function.Output(0)).Sizes is not [.., var units and > 0]) return null;
        if (context.GateOf(function.Output(0), units) is not { } gate || gate.Form.With(hidden) is not { } product || product.Columns != units) return null;
        return CellSums.Of(context, [gate.Form], gate.Form, hidden) is { R: not null } sums ? new RecurrentCell(RecurrentOp.Rnn, units, sums, [gate.Function]) { Hidden = hidden, NextHidden = function } : null;
    }
}
