namespace SeqRuntime;

/// <summary>
/// An input, or a value computed from it, holds what a node of the graph cannot use: an index outside of a table, a length of more steps than
/// there are. The message says which node, which value, and what is possible. States are then as they were before the run.
/// </summary>
public sealed class SeqDataException : Exception
{
    /// <summary>Creates the exception with a default message.</summary>
    public SeqDataException()
        : base("An input holds what the graph cannot use.")
    {
    }

    /// <summary>Creates the exception with a message.</summary>
    public SeqDataException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and the fault that led to it.</summary>
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

    /// <summary>The stream whose data is at fault; null in a session, and where all streams of a run were computed together.</summary>
    public int? Slot { get; }
}
