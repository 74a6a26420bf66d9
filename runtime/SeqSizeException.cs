namespace SeqRuntime;

/// <summary>
/// Sizes of symbolic dimensions are not possible: shapes do not fit together, a size is outside the largest sizes of a session, or a cache
/// would become too long. The message says what does not fit, and which sizes do.
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

    /// <summary>Creates the exception with a message and its cause.</summary>
    public SeqSizeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal SeqSizeException(string message, IReadOnlyDictionary<string, int> sizes, IReadOnlyDictionary<string, int>? fittingSizes, Exception? innerException = null)
        : base(message, innerException) =>
        (Sizes, FittingSizes) = (sizes, fittingSizes);

    /// <summary>The requested sizes by symbol: all of the graph's, or only the one that is out of range.</summary>
    public IReadOnlyDictionary<string, int> Sizes { get; } = new Dictionary<string, int>();

    /// <summary>Possible sizes of the same symbols; null if none were found.</summary>
    public IReadOnlyDictionary<string, int>? FittingSizes { get; }

    /// <summary>The reason, without advice.</summary>
    internal string Cause { get => field ?? Message; init; }

    /// <summary>The sizes asked for, as <c>T = 1, N = 4</c>.</summary>
    internal string SizesText { get => field ?? string.Join(", ", Sizes.Select(size => $"{size.Key} = {size.Value}")); init; }
}
