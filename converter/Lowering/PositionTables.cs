using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// Finds lookups by position instead of token. Their tables (sinusoids, rotations, learned positions) tell all layers where a step is, and
/// neighbouring values differ little.
/// </summary>
/// <remarks>
/// A lookup is by position in three cases. First, its index is counted: it comes from a range, a running sum (also with padding set
/// to 0), a shape, or a counting state. Second, the index is an input named position, and the result is added to or multiplied with
/// something. Third, the table follows a formula: each column is a sinusoid, a line or a power.
/// </remarks>
internal static class PositionTables
{
    private const int LeastRows = 16;

    /// <summary>Largest deviation of a column from its formula, relative to its largest value. fp16 tables pass; learned positions do not.</summary>
    private const double Tolerance = 4e-3;

    /// <summary>Operators whose result is data of their first input. The other inputs say which part of it.</summary>
    private static readonly HashSet<string> s_views =
        ["Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice", "Expand", "Tile", "Pad", "Split", "Clip", "Neg", "Abs"];

    private static readonly HashSet<string> s_arithmetic = ["Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Concat"];

    private static readonly HashSet<string> s_sums = ["Add", "Sub", "Mul"];

    private static readonly HashSet<string> s_waves = ["Sin", "Cos"];

    private static readonly HashSet<string> s_counts = ["Range", "CumSum", "Shape", "Size"];

    public static HashSet<IrNode> Find(IrGraph graph)
    {
        var found = new HashSet<IrNode>();
        var producers = graph.Producers();
        var readers = graph.Readers();
        // A running sum counts positions if it sums 1 for tokens and 0 for padding.
        var masks = graph.Nodes.Where(n => n.Op == "CumSum").Select(n => Viewed(n.Input(0), producers)).ToHashSet();
        foreach (var node in graph.Nodes)
        {
            // A position times these frequencies is an angle, which magnifies rounding errors.
            if (node.Op == "Linear" && graph.ConstantOf(node.Input(1)) is { Shape: [_, 1] } && IsCombined(node.Output(0), graph, readers, s_waves)) found.Add(node);
            if (node.Op != "Gather" || node.Int("axis", 0) != 0 || graph.ConstantOf(node.Input(0)) is not { Type: ElementType.Float32, Shape: [> 0, > 0] } table) continue;
            if (IsCounted(node.Input(1), graph, producers, masks, out var inputs) || IsFormula(table) || (inputs.Exists(IsPosition) && IsCombined(node.Output(0), graph, readers, s_sums))) found.Add(node);
        }

        return found;
    }

    /// <summary>Whether a value is counted from single numbers only. If not, collects the graph inputs that it depends on.</summary>
    private static bool IsCounted(string index, IrGraph graph, Dictionary<string, IrNode> producers, HashSet<string> masks, out List<IrPort> inputs)
    {
        bool isCounted = false, isData = false;
        inputs = [];
        var seen = new HashSet<string>();
        var open = new Stack<string>([index]);
        while (open.TryPop(out var value))
        {
            if (value.Length == 0 || graph.ConstantOf(value) is not null || masks.Contains(Viewed(value, producers))) continue;
            var state = graph.States.Find(s => s.Value == value);
            if (!seen.Add(value))
            {
                // A state that depends on itself.
                isCounted |= state is not null;
            }
            else if (state is not null)
            {
                open.Push(state.Update);
            }
            else if (graph.Inputs.Find(i => i.Value == value) is { } input)
            {
                inputs.Add(input);
            }
            else if (!producers.TryGetValue(value, out var node))
            {
                isData = true;
            }
            else if (s_counts.Contains(node.Op))
            {
                isCounted = true;
            }
            else if (s_views.Contains(node.Op))
            {
                open.Push(node.Input(0));
            }
            else if (s_arithmetic.Contains(node.Op) || node.Op == "Where")
            {
                foreach (var operand in node.Op == "Where" ? node.Inputs.Skip(1) : node.Inputs) open.Push(operand);
            }
            else
            {
                isData = true;
            }
        }

        return isCounted && !isData && inputs.TrueForAll(i => Array.TrueForAll(i.Shape, d => d.Size == 1));
    }

    /// <summary>The value that a value is a view of.</summary>
    private static string Viewed(string value, Dictionary<string, IrNode> producers)
    {
        while (producers.TryGetValue(value, out var node) && s_views.Contains(node.Op)) value = node.Input(0);
        return value;
    }

    /// <summary>Whether an input is named as a position, such as <c>pos</c> or <c>position_ids</c>.</summary>
    private static bool IsPosition(IrPort input) =>
        input.Name.Split('_', '.', '/', ':', '-').Any(word => word.Equals("pos", StringComparison.OrdinalIgnoreCase) || word.StartsWith("position", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether one of these operators combines the value with another computed value. The value may be scaled or transposed before.</summary>
    private static bool IsCombined(string value, IrGraph graph, Dictionary<string, List<IrNode?>> readers, HashSet<string> by)
    {
        var seen = new HashSet<string>();
        var open = new Stack<string>([value]);
        while (open.TryPop(out var next))
        {
            if (!seen.Add(next) || !readers.TryGetValue(next, out var nodes)) continue;
            foreach (var node in nodes.OfType<IrNode>())
            {
                var isScaled = node.Op is "Add" or "Sub" or "Mul" && node.Inputs.Exists(i => graph.ConstantOf(i) is not null);
                if (by.Contains(node.Op) && !isScaled) return true;
                if (!isScaled && !s_views.Contains(node.Op) && node.Op != "Concat") continue;
                foreach (var output in node.Outputs) open.Push(output);
            }
        }

        return false;
    }

    /// <summary>Whether each column follows a rule c[t + 1] = a·c[t] + b·c[t - 1], except in the first rows, which may be padding.</summary>
    private static bool IsFormula(IrTensor table)
    {
        int rows = table.Shape[0], columns = table.Shape[1];
        if (rows < LeastRows) return false;
        for (var k = 0; k < columns; k++)
        {
            var values = table.Floats;
            double aa = 0, ab = 0, bb = 0, ac = 0, bc = 0, largest = 0;
            for (var t = rows / 4 + 1; t < rows - 1; t++)
            {
                double before = values[(t - 1) * columns + k], at = values[t * columns + k], after = values[(t + 1) * columns + k];
                (aa, ab, bb) = (aa + at * at, ab + at * before, bb + before * before);
                (ac, bc) = (ac + at * after, bc + before * after);
                largest = Math.Max(largest, Math.Abs(after));
            }

            // A nearly constant column satisfies many rules; take the smallest solution.
            var ridge = 1e-12 * (aa + bb);
            (aa, bb) = (aa + ridge, bb + ridge);
            var determinant = aa * bb - ab * ab;
            if (determinant == 0) continue;
            var (a, b) = ((ac * bb - bc * ab) / determinant, (bc * aa - ac * ab) / determinant);
            for (var t = rows / 4 + 1; t < rows - 1; t++)
            {
                if (!(Math.Abs(a * values[t * columns + k] + b * values[(t - 1) * columns + k] - values[(t + 1) * columns + k]) <= Tolerance * largest)) return false;
            }
        }

        return true;
    }
}
