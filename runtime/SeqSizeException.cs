namespace SeqRuntime;

/// <summary>
/// Sizes of symbolic dimensions cannot be: shapes do not fit together at them, they are outside of what a session was made for, or a cache
/// would become longer than there is room for. The message says what does not fit, and what does.
/// </summary>
public sealed class SeqSizeException : ArgumentException
{
    /// <summary>Creates the exception with a default message.</summary>
    public SeqSizeException()
        : base("Shapes do not fit together at these sizes.")
    {
    }

    /// <summary>Creates the exception with a message.</summary>
    public SeqSizeException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and the fault that led to it.</summary>
    public SeqSizeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal SeqSizeException(string message, IReadOnlyDictionary<string, int> sizes, IReadOnlyDictionary<string, int>? fittingSizes, Exception? innerException = null)
        : base(message, innerException) =>
        (Sizes, FittingSizes) = (sizes, fittingSizes);

    /// <summary>The sizes that were asked for, by symbol: all of the graph's, or the one that is out of range.</summary>
    public IReadOnlyDictionary<string, int> Sizes { get; } = new Dictionary<string, int>();

    /// <summary>Sizes of the same symbols that are possible; null where none were found.</summary>
    public IReadOnlyDictionary<string, int>? FittingSizes { get; }

    /// <summary>What does not fit, without advice.</summary>
    internal string Cause { get => field ?? Message; init; }

    /// <summary>The sizes asked for, as <c>T = 1, N = 4</c>.</summary>
    internal string SizesText { get => field ?? string.Join(", ", Sizes.Select(size => $"{size.Key} = {size.Value}")); init; }
}
