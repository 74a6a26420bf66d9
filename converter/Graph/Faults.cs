using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Graph;

/// <summary>The reason why a node cannot be converted. Reasons are collected and reported together; the report of all of them has this type too.</summary>
/// <param name="message">What is missing.</param>
/// <param name="settings">Inputs that may be fixed to avoid the fault.</param>
internal sealed class UnsupportedException(string message, IReadOnlyList<string>? settings = null) : ConversionException(message)
{
    public IReadOnlyList<string> Settings => settings ?? [];

    /// <summary>The nodes, if this is the report of all.</summary>
    public IReadOnlyList<Unsupported> Nodes { get; init; } = [];
}

/// <summary>A node's inputs do not fit together: shapes at the tried sizes, attributes or contents. Other sizes of the symbolic dimensions may fit.</summary>
internal sealed class ShapeFault : ConversionException
{
    private readonly IReadOnlyList<string>? _settings;

    public ShapeFault(string message)
        : base(message)
    {
    }

    /// <param name="message">What is wrong, and where.</param>
    /// <param name="inner">The operator's exception, or the fault of a node.</param>
    /// <param name="left">The number of nodes after the fault. Fewer means that more of the graph fits.</param>
    /// <param name="settings">Inputs that may be fixed to avoid the fault.</param>
    public ShapeFault(string message, Exception inner, int left = 0, IReadOnlyList<string>? settings = null)
        : base(message, inner) =>
        (Left, _settings) = (left, settings);

    public int Left { get; }

    public IReadOnlyList<string> Settings => _settings ?? [];

    /// <summary>Whether a shape exceeds the limit of a tensor, so that smaller sizes fit.</summary>
    public bool IsTooLarge => InnerException is TooLargeException or OverflowException or ShapeFault { IsTooLarge: true };

    /// <summary>The value that decides a shape and is known only at run time. Null if there is none.</summary>
    public string? Unknown => (InnerException as UnknownValueException)?.Value;

    /// <summary>
    /// Whether the runtime's operators and tensors refuse their inputs with this exception. Only these exact types count. A derived
    /// type, such as an index out of range, is a bug of the converter.
    /// </summary>
    public static bool IsRefusal(Exception fault) => fault is SeqFormatException or SeqSizeException or TooLargeException or UnknownValueException or OverflowException || fault.GetType() == typeof(ArgumentException);
}

/// <summary>The shapes fit together if symbolic dimensions are fixed.</summary>
/// <param name="message">Which sizes, why, and the options to use.</param>
/// <param name="sizes">Sizes at which the graph converts.</param>
/// <param name="inner">Why it does not convert otherwise.</param>
internal sealed class FixedSizeFault(string message, IReadOnlyDictionary<string, int> sizes, Exception inner) : ConversionException(message, inner)
{
    public IReadOnlyDictionary<string, int> Sizes => sizes;

    /// <summary>The options with which the graph converts.</summary>
    public string Options => OptionsOf(sizes);

    public static string OptionsOf(IEnumerable<KeyValuePair<string, int>> sizes) => string.Join(' ', sizes.Select(s => $"--dim {s.Key}={s.Value}"));
}

/// <summary>Finds the cause of a refusal that stages of the conversion have wrapped.</summary>
internal static class Cause
{
    /// <summary>The first exception of this type among a fault and its causes. Null if there is none.</summary>
    public static T? Of<T>(Exception? fault)
        where T : Exception
    {
        for (; fault is not null; fault = fault.InnerException)
        {
            if (fault is T found) return found;
        }

        return null;
    }
}

/// <summary>A refusal with options that avoid it. They were tried.</summary>
/// <param name="message">What is wrong, and the options in words.</param>
/// <param name="way">The user's options with the change that avoids the refusal.</param>
/// <param name="inner">The refusal.</param>
internal sealed class AvoidableException(string message, ConversionOptions way, Exception inner) : ConversionException(message, inner)
{
    public ConversionOptions Way => way;
}

/// <summary>An operator that cannot be converted, and the reason.</summary>
internal sealed record Unsupported(IrNode Node, UnsupportedException Why)
{
    private const int MostNamed = 3;

    /// <summary>One exception for all faults, grouped by operator and reason.</summary>
    public static UnsupportedException All(string graph, IReadOnlyCollection<Unsupported> list)
    {
        var groups = list.GroupBy(u => (u.Node.Op, u.Why.Message)).Select(g => $"{g.Key.Op} ({Nodes([.. g])}): {g.Key.Message}").ToList();
        var all = groups.Count == 1 ? " " + groups[0] : string.Concat(groups.Select(g => "\n  " + g));
        return new UnsupportedException($"graph '{graph}' has {list.Count} node{(list.Count == 1 ? "" : "s")} that cannot be converted:{all}", [.. list.SelectMany(u => u.Why.Settings).Distinct()]) { Nodes = [.. list] };
    }

    private static string Nodes(List<Unsupported> list)
    {
        var names = string.Join(", ", list.Take(MostNamed).Select(u => $"'{u.Node.Name}'"));
        return list.Count == 1 ? $"node {names}" : $"{list.Count} nodes: {names}{(list.Count > MostNamed ? " …" : "")}";
    }
}
