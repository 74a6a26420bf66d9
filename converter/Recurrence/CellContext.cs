using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>The surroundings of a graph's cells: the values that a loop carries, the readers of values, and the cells found so far.</summary>
/// <param name="rewriter">The graph.</param>
/// <param name="carried">For each value that a loop carries into the next round, its value in this round. Empty outside of loops.</param>
internal sealed class CellContext(Rewriter rewriter, IReadOnlyDictionary<string, string> carried)
{
    private readonly Dictionary<string, List<IrNode?>> _readers = rewriter.Graph.Readers();
    private readonly Dictionary<string, string> _hiddenOfCell = [];

    public Rewriter Rewriter { get; } = rewriter;

    public IReadOnlyDictionary<string, string> Carried => carried;

    /// <summary>States that sums of gates read. They are not taken apart further.</summary>
    public HashSet<string> Whole { get; } = [];

    /// <summary>A gate: an activation of a sum of products.</summary>
    public Gate? GateOf(string value, int rows, int start = 0)
    {
        for (var steps = 0; steps < 16; steps++)
        {
            value = Root(value);
            if (Activations.Of(Rewriter, value) is { } function) return LinearForm.Of(Rewriter, function.Of, start, rows, Whole) is { } form ? new Gate(function, form) : null;
            if (Rewriter.Producer(value) is not { } node || LinearForm.Part(Rewriter, node, value) is not { } part) return null;
            (value, start) = (part.Of, start + part.Offset);
        }

        return null;
    }

    public string Root(string value) => LinearForm.Root(Rewriter, value);

    /// <summary>The node that computes a value before any views, if it has this operator.</summary>
    public IrNode? Maker(string value, string op) => Rewriter.Producer(Root(value), op);

    /// <summary>The nodes that read a value, also through views. Null stands for a graph output.</summary>
    public List<IrNode?> ReadersOf(string value)
    {
        var all = new List<IrNode?>();
        var open = new Stack<string>([value]);
        while (open.TryPop(out var next))
        {
            foreach (var reader in _readers.GetValueOrDefault(next, []))
            {
                if (reader is not null && Root(reader.Output(0)) != reader.Output(0) && all.Count < 1 << 16) open.Push(reader.Output(0));
                else all.Add(reader);
            }
        }

        return all;
    }

    /// <summary>Records the cell state and hidden state of a cell.</summary>
    public void Found(string cellState, string hidden) => _hiddenOfCell[cellState] = hidden;

    /// <summary>The carried value whose next value is <paramref name="update"/>.</summary>
    public string? Before(string update) => carried.TryGetValue(update, out var before) ? before : null;

    /// <summary>Whether the graph is a loop's body.</summary>
    public bool IsLoop => carried.Count > 0;

    /// <summary>The hidden state that belongs to a cell state.</summary>
    public string? HiddenOf(string cellState) => _hiddenOfCell.GetValueOrDefault(cellState);

    /// <summary>Whether a value comes from a state or an input. A hidden state does; the output of a layer below does not.</summary>
    public bool ComesFromOutside(string value)
    {
        for (var steps = 0; steps < 1 << 10 && Rewriter.Producer(value) is { } node; steps++)
        {
            if (!NoOps.IsView(node) && node.Op is not ("Slice" or "Gather" or "Split" or "Transpose")) return false;
            value = node.Input(0);
        }

        return true;
    }
}

/// <summary>An activation and the sum that it is applied to.</summary>
internal sealed record Gate(Activated Function, LinearForm Form);
