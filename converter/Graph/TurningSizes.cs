namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Sizes of symbolic dimensions at which a comparison of single numbers turns: a branch for inputs of four steps, a limit on
/// lengths. Where the sizes that are tried lie all on one side, it would be taken for a constant; both numbers follow the sizes
/// in a straight line mostly, so that two of the sizes tell where they meet.
/// </summary>
internal static class TurningSizes
{
    /// <summary>No size beyond it is tried.</summary>
    private const int Largest = 16000;

    public static bool IsComparison(string op) => op is "Equal" or "Less" or "LessOrEqual" or "Greater" or "GreaterOrEqual";

    /// <summary>Around where the node's inputs meet, sizes that are not among those tried.</summary>
    public static IEnumerable<Sizes> Of(IrNode node, Evaluator evaluator, IReadOnlyList<Sizes> tried)
    {
        if (!IsComparison(node.Op) || node.Inputs.Count != 2) yield break;
        var differences = new double[tried.Count];
        for (var p = 0; p < differences.Length; p++)
        {
            if (evaluator.NumberOf(node.Input(0), p) is not { } a || evaluator.NumberOf(node.Input(1), p) is not { } b) yield break;
            differences[p] = a - b;
        }

        foreach (var symbol in tried[0].Symbols)
        {
            var (from, to) = Along(symbol, tried);
            if (to < 0) continue;
            int size = tried[from][symbol], other = tried[to][symbol];
            var slope = (differences[to] - differences[from]) / (other - size);
            if (slope == 0) continue;
            var meeting = Math.Floor(size - differences[from] / slope);
            for (var next = meeting - 1; next <= meeting + 1; next++)
            {
                if (next is >= 1 and <= Largest && tried[from].With(symbol, (int)next) is var sizes && !tried.Any(t => t.ToString() == sizes.ToString())) yield return sizes;
            }
        }
    }

    /// <summary>Two of the sizes that differ in this dimension only.</summary>
    private static (int From, int To) Along(string symbol, IReadOnlyList<Sizes> tried)
    {
        for (var from = 0; from < tried.Count; from++)
        {
            for (var to = from + 1; to < tried.Count; to++)
            {
                if (tried[from][symbol] != tried[to][symbol] && tried[from].With(symbol, tried[to][symbol]).ToString() == tried[to].ToString()) return (from, to);
            }
        }

        return (-1, -1);
    }
}
