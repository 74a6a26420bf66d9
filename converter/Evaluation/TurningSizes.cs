using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>
/// Sizes of symbolic dimensions at which a result may differ from the results at the probes. A comparison changes where its
/// sides meet, for example a branch for inputs of four steps or a limit on lengths. Both sides are mostly linear in the size, so
/// two sizes tell where they meet. A division by a constant gets one size for each remainder: padding that depends on a stride.
/// </summary>
internal static class TurningSizes
{
    /// <summary>The largest size that is tried.</summary>
    private const int Largest = 16000;

    /// <summary>The largest divisor whose remainders are tried.</summary>
    private const int LargestDivisor = 16;

    /// <summary>Sizes that were not tried yet.</summary>
    public static IEnumerable<Sizes> Of(IrNode node, Evaluator evaluator, IReadOnlyList<Sizes> tried)
    {
        if (node.Inputs.Count != 2 || node.Op is not ("Equal" or "Less" or "LessOrEqual" or "Greater" or "GreaterOrEqual" or "Div" or "Mod")) yield break;
        var sides = new (double[] A, double[] B)[tried.Count];
        for (var p = 0; p < sides.Length; p++)
        {
            if (evaluator.NumbersOf(node.Input(0), p) is not { } a || evaluator.NumbersOf(node.Input(1), p) is not { } b || (p > 0 && (a.Length != sides[0].A.Length || b.Length != sides[0].B.Length))) yield break;
            sides[p] = (a, b);
        }

        foreach (var symbol in tried[0].Symbols)
        {
            var (from, to) = Along(symbol, tried);
            if (to < 0) continue;
            var (size, distance) = (tried[from][symbol], tried[to][symbol] - tried[from][symbol]);
            for (var i = 0; i < Math.Max(sides[0].A.Length, sides[0].B.Length); i++)
            {
                foreach (var next in node.Op is "Div" or "Mod" ? Remainders(size, At(from, i), At(to, i)) : Meeting(size, distance, At(from, i), At(to, i)))
                {
                    if (next is >= 1 and <= Largest && tried[from].With(symbol, (int)next) is var sizes && !tried.Any(t => t.ToString() == sizes.ToString())) yield return sizes;
                }
            }
        }

        (double A, double B) At(int probe, int element) => (sides[probe].A[element % sides[probe].A.Length], sides[probe].B[element % sides[probe].B.Length]);
    }

    /// <summary>Sizes around the one at which both sides are equal.</summary>
    private static double[] Meeting(int size, int distance, (double A, double B) from, (double A, double B) to)
    {
        var slope = (to.A - to.B - from.A + from.B) / distance;
        if (slope == 0) return [];
        var meeting = Math.Floor(size - (from.A - from.B) / slope);
        return [meeting - 1, meeting, meeting + 1];
    }

    /// <summary>As many consecutive sizes as the divisor, if the divisor is constant and the dividend is not.</summary>
    private static IEnumerable<double> Remainders(int size, (double A, double B) from, (double A, double B) to) =>
        from.B == to.B && from.A != to.A && from.B is > 1 and <= LargestDivisor ? Enumerable.Range(0, (int)from.B).Select(i => (double)(size + i)) : [];

    /// <summary>Two of the tried sizes that differ in this dimension only.</summary>
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
