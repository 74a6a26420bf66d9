using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// Finds slices of one step in a loop's body, from a number to that number plus one, as PyTorch and TensorFlow write x[:, t]. They become
/// lookups, whose shape does not depend on the number.
/// </summary>
internal sealed class StepSlices
{
    private const int Depth = 16;

    /// <summary>Limit of the values visited to analyse a bound.</summary>
    private const int MostSeen = 64;

    private readonly IrGraph _body;
    private readonly Func<string, IrTensor?> _constantOf;
    private readonly Dictionary<string, IrNode> _producers;

    private int _seen;

    private StepSlices(IrGraph body, Func<string, IrTensor?> constantOf) => (_body, _constantOf, _producers) = (body, constantOf, body.Producers());

    /// <param name="body">A body as it was read.</param>
    /// <param name="constantOf">Constants of the body and of outer graphs.</param>
    public static void Run(IrGraph body, Func<string, IrTensor?> constantOf)
    {
        var slices = new StepSlices(body, constantOf);
        for (var i = 0; i < body.Nodes.Count; i++)
        {
            if (body.Nodes[i].Op != "Slice" || slices.LookUp(body.Nodes[i]) is not { } nodes) continue;
            body.Nodes.RemoveAt(i);
            body.Nodes.InsertRange(i, nodes);
            i += nodes.Count - 1;
        }
    }

    private List<IrNode>? LookUp(IrNode slice)
    {
        _seen = 0;
        if (_constantOf(slice.Input(3)) is not { } given || Elements(slice.Input(1), 0) is not { } starts || Elements(slice.Input(2), 0) is not { } ends) return null;
        var axes = given.Integers();
        var steps = slice.Input(4).Length == 0 ? [.. Enumerable.Repeat(1L, axes.Length)] : _constantOf(slice.Input(4))?.Integers();
        if (starts.Count != axes.Length || ends.Count != axes.Length || steps?.Length != axes.Length) return null;
        bool IsOne(int i) => starts[i].Root.Length > 0 && starts[i].Root == ends[i].Root && ends[i].Offset == starts[i].Offset + 1 && steps[i] == 1;
        int[] ones = [.. Enumerable.Range(0, axes.Length).Where(IsOne)], others = [.. Enumerable.Range(0, axes.Length).Where(i => !IsOne(i))];
        if (ones.Length == 0 || Array.Exists(others, i => starts[i].Root.Length > 0 || ends[i].Root.Length > 0)) return null;

        var x = new Expansion(slice, _body);
        var value = slice.Input(0);
        if (others.Length > 0) value = x.Add("Slice", [value, Vector(i => starts[i].Offset), Vector(i => ends[i].Offset), Vector(i => axes[i]), Vector(i => steps[i])]);
        foreach (var i in ones) value = x.Add("Gather", [value, x.Add("Reshape", [starts[i].Name, x.Vector(1)])], ("axis", axes[i]));
        return x.Finish(value);

        string Vector(Func<int, long> of) => x.Vector([.. others.Select(of)]);
    }

    /// <summary>The elements of a vector: numbers, or values as a root plus a constant.</summary>
    private List<Element>? Elements(string value, int depth)
    {
        if (value.Length == 0 || depth > Depth || ++_seen > MostSeen) return null;
        if (_constantOf(value) is { } constant) return constant.Count <= 8 && constant.Type is ElementType.Int64 or ElementType.Int32 ? [.. constant.Integers().Select(n => new Element("", "", n))] : null;
        if (_producers.GetValueOrDefault(value) is not { } node) return [new Element(value, value, 0)];
        switch (node.Op)
        {
            case "Unsqueeze" or "Squeeze" or "Reshape" or "Identity":
                return Elements(node.Input(0), depth + 1);
            case "Concat":
                var all = new List<Element>();
                foreach (var input in node.Inputs)
                {
                    if (Elements(input, depth + 1) is not { } part || all.Count + part.Count > 8) return null;
                    all.AddRange(part);
                }

                return all;
            default:
                return [Less(value)];
        }
    }

    private Element Less(string value)
    {
        var (root, offset) = (value, 0L);
        for (var steps = 0; steps < Depth && _producers.GetValueOrDefault(root) is { } node; steps++)
        {
            if (node.Op is "Identity" or "Cast" or "Unsqueeze" or "Squeeze" or "Reshape")
            {
                root = node.Input(0);
            }
            else if (node.Op is "Add" or "Sub" && Number(node.Input(1)) is { } second)
            {
                (root, offset) = (node.Input(0), offset + (node.Op == "Add" ? second : -second));
            }
            else if (node.Op == "Add" && Number(node.Input(0)) is { } first)
            {
                (root, offset) = (node.Input(1), offset + first);
            }
            else
            {
                break;
            }
        }

        return new Element(value, root, offset);
    }

    private long? Number(string value) => _constantOf(value) is { Count: 1, Type: ElementType.Int64 or ElementType.Int32 } constant ? constant.Integers()[0] : null;

    /// <param name="Name">The value. Empty for a number.</param>
    /// <param name="Root">The value without the constant offset. Empty for a number.</param>
    /// <param name="Offset">The constant offset, or the number.</param>
    private sealed record Element(string Name, string Root, long Offset);
}
