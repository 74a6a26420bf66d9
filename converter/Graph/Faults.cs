using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Graph;

/// <summary>Why one node cannot be converted; gathered, so that all are reported at once. Elsewhere: the report of all of them.</summary>
/// <param name="message">What is missing.</param>
/// <param name="settings">Inputs that settle it if they are fixed.</param>
internal sealed class UnsupportedException(string message, IReadOnlyList<string>? settings = null) : ConversionException(message)
{
    public IReadOnlyList<string> Settings => settings ?? [];
}

/// <summary>What a node is given does not fit together: shapes, at the sizes tried, attributes or contents. Other sizes of the symbolic dimensions may do.</summary>
internal sealed class ShapeFault : ConversionException
{
    private readonly IReadOnlyList<string>? _settings;

    public ShapeFault(string message)
        : base(message)
    {
    }

    /// <param name="message">Where and what.</param>
    /// <param name="inner">What an operator threw, or a node's fault.</param>
    /// <param name="left">Nodes that were still to come: the fewer, the more fits.</param>
    /// <param name="settings">Inputs that settle it if they are fixed.</param>
    public ShapeFault(string message, Exception inner, int left = 0, IReadOnlyList<string>? settings = null)
        : base(message, inner) =>
        (Left, _settings) = (left, settings);

    public int Left { get; }

    public IReadOnlyList<string> Settings => _settings ?? [];

    /// <summary>Whether a shape holds more than a tensor may: no misfit, and smaller sizes do.</summary>
    public bool IsTooLarge => InnerException is TooLargeException or OverflowException or ShapeFault { IsTooLarge: true };

    /// <summary>The value that decides a shape and that only a run computes, or null.</summary>
    public string? Unknown => (InnerException as UnknownValueException)?.Value;

    /// <summary>
    /// Whether an exception is how the runtime's operators and tensors refuse what they are given. Their exact types: what derives from
    /// them, such as an index out of range, is a bug of ours and no fault of the model.
    /// </summary>
    public static bool IsRefusal(Exception fault) => fault is SeqFormatException or SizesException or TooLargeException or UnknownValueException or OverflowException || fault.GetType() == typeof(ArgumentException);
}

/// <summary>Shapes fit together at one size of a symbolic dimension only.</summary>
/// <param name="message">Which, why, and the options.</param>
/// <param name="options">The options with which it converts.</param>
/// <param name="inner">Why no others fit.</param>
internal sealed class OneSizeFault(string message, string options, Exception inner) : ConversionException(message, inner)
{
    public string Options => options;
}

/// <summary>One operator that cannot be converted, and why.</summary>
internal sealed record Unsupported(IrNode Node, UnsupportedException Why)
{
    private const int MostNamed = 3;

    /// <summary>All of them, those of one operator and reason together.</summary>
    public static UnsupportedException All(string graph, IReadOnlyCollection<Unsupported> list)
    {
        var groups = list.GroupBy(u => (u.Node.Op, u.Why.Message)).Select(g => $"{g.Key.Op} ({Nodes([.. g])}): {g.Key.Message}").ToList();
        var all = groups.Count == 1 ? " " + groups[0] : string.Concat(groups.Select(g => "\n  " + g));
        return new UnsupportedException($"graph '{graph}' has {list.Count} node{(list.Count == 1 ? "" : "s")} that cannot be converted:{all}", [.. list.SelectMany(u => u.Why.Settings).Distinct()]);
    }

    private static string Nodes(List<Unsupported> list)
    {
        var names = string.Join(", ", list.Take(MostNamed).Select(u => $"'{u.Node.Name}'"));
        return list.Count == 1 ? $"node {names}" : $"{list.Count} nodes: {names}{(list.Count > MostNamed ? " …" : "")}";
    }
}
