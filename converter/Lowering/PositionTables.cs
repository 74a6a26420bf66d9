using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// Lookups by position, not by token: their tables (sinusoids, rotations, positions that were learned) tell all layers where a step is, and few
/// values of them are like another.
/// </summary>
/// <remarks>
/// A lookup is by position where its index is counted (a range, a running sum, whether or not padding is set to 0 in it, a shape, a state that only counts), where an input called a
/// position gives it and what is looked up is added to or multiplied with something, and where a formula made the table: each column
/// a sinusoid, a line or a power.
/// </remarks>
internal static class PositionTables
{
    private const int LeastRows = 16;

    /// <summary>Largest deviation of a column from its formula, relative to its largest value: that of fp16 passes, learned positions do not.</summary>
    private const double Tolerance = 4e-3;

    /// <summary>Operators whose result is their first input's data; what else they read says how much of it, and where.</summary>
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
        // What is summed up to count with is 1 for a token and 0 for padding.
        var masks = graph.Nodes.Where(n => n.Op == "CumSum").Select(n => Viewed(n.Input(0), producers)).ToHashSet();
        foreach (var node in graph.Nodes)
        {
            // Frequencies: a position times each of them is an angle, which magnifies what they lose.
            if (node.Op == "Linear" && graph.ConstantOf(node.Input(1)) is { Shape: [_, 1] } && IsCombined(node.Output(0), graph, readers, s_waves)) found.Add(node);
            if (node.Op != "Gather" || node.Int("axis", 0) != 0 || graph.ConstantOf(node.Input(0)) is not { Type: ElementType.Float32, Shape: [> 0, > 0] } table) continue;
            if (IsCounted(node.Input(1), graph, producers, masks, out var inputs) || IsFormula(table) || (inputs.Exists(IsPosition) && IsCombined(node.Output(0), graph, readers, s_sums))) found.Add(node);
        }

        return found;
    }

    /// <summary>Whether a value is counted, from single numbers at most; otherwise, which inputs of the graph it follows from.</summary>
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
                // A state that follows from itself.
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

    /// <summary>Whether an input is called a position: <c>pos</c>, <c>position_ids</c>.</summary>
    private static bool IsPosition(IrPort input) =>
        input.Name.Split('_', '.', '/', ':', '-').Any(word => word.Equals("pos", StringComparison.OrdinalIgnoreCase) || word.StartsWith("position", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether one of these operators takes a value, and no constant beside it; the value may be scaled or turned before.</summary>
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

    /// <summary>Whether each column follows a rule c[t + 1] = a·c[t] + b·c[t - 1], but for rows at the start, which may be padding.</summary>
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

            // Of a column that is nearly constant any rule holds: the least of its solutions.
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
