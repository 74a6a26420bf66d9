namespace SeqRuntime;

/// <summary>
/// An input, or a value computed from it, holds data that a node cannot use: an index outside a table, or a length of more steps than
/// the sequence has. The message names the node, the value and the allowed range. States keep the content from before the run.
/// </summary>
public sealed class SeqDataException : Exception
{
    /// <summary>Creates the exception with a default message.</summary>
    public SeqDataException()
        : base("An input holds data that the graph cannot use.")
    {
    }

    /// <summary>Creates the exception with a message.</summary>
    public SeqDataException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public SeqDataException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal SeqDataException(string message, string graph, string node, int? slot, Exception innerException)
        : base(message, innerException) =>
        (GraphName, NodeName, Slot) = (graph, node, slot);

    /// <summary>Name of the graph.</summary>
    public string? GraphName { get; }

    /// <summary>Name of the node that found the fault, as <c>seqconvert inspect --nodes</c> lists it.</summary>
    public string? NodeName { get; }

    /// <summary>The stream with the wrong data; null in a session, and if all streams were computed together.</summary>
    public int? Slot { get; }
}
