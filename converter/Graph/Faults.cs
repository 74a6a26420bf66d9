namespace SeqRuntime.Converter.Graph;

/// <summary>Why one node cannot be converted; gathered, so that all are reported at once. Elsewhere: the report of all of them.</summary>
/// <param name="message">What, and what to do.</param>
/// <param name="isSetting">An option of the conversion is all that is missing.</param>
internal sealed class UnsupportedException(string message, bool isSetting = false) : ConversionException(message)
{
    public bool IsSetting => isSetting;
}

/// <summary>Shapes do not fit together at the sizes tried; other sizes of the symbolic dimensions may do.</summary>
internal sealed class ShapeFault(string message, Exception inner) : ConversionException(message, inner);

/// <summary>One operator that cannot be converted, and why.</summary>
internal sealed record Unsupported(IrNode Node, string Why, bool IsSetting)
{
    private const int MostListed = 100;

    public static UnsupportedException All(string graph, IReadOnlyCollection<Unsupported> list) => new(
        $"graph '{graph}' has {list.Count} node{(list.Count == 1 ? "" : "s")} that cannot be converted:\n"
        + string.Join('\n', list.Take(MostListed).Select(u => $"  {u.Node.Name}: {u.Node.Op}: {u.Why}"))
        + (list.Count > MostListed ? $"\n  … and {list.Count - MostListed} more" : "")
        + (list.All(u => u.IsSetting) ? "" : "\nTry exporting the model without these operators, with fixed shapes (--dim), or simplified (onnxsim)."));
}
