using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>
/// Sizes of symbolic dimensions at which something may come out otherwise than at those that are tried. A comparison turns where its
/// sides meet: a branch for inputs of four steps, a limit on lengths. Both sides follow the sizes in a straight line mostly, so that
/// two of the sizes tell where that is. A division by a constant goes through all its remainders: padding that follows from a stride.
/// </summary>
internal static class TurningSizes
{
    /// <summary>No size beyond it is tried.</summary>
    private const int Largest = 16000;

    /// <summary>Remainders are gone through up to this divisor.</summary>
    private const int LargestDivisor = 16;

    /// <summary>Sizes that are not among those tried.</summary>
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

    /// <summary>Around where both sides are equal.</summary>
    private static double[] Meeting(int size, int distance, (double A, double B) from, (double A, double B) to)
    {
        var slope = (to.A - to.B - from.A + from.B) / distance;
        if (slope == 0) return [];
        var meeting = Math.Floor(size - (from.A - from.B) / slope);
        return [meeting - 1, meeting, meeting + 1];
    }

    /// <summary>As many sizes in a row as the divisor, where it is a constant and what it divides is not.</summary>
    private static IEnumerable<double> Remainders(int size, (double A, double B) from, (double A, double B) to) =>
        from.B == to.B && from.A != to.A && from.B is > 1 and <= LargestDivisor ? Enumerable.Range(0, (int)from.B).Select(i => (double)(size + i)) : [];

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
