namespace SeqRuntime;

/// <summary>A <c>.seq</c> file is damaged, truncated, hostile, or needs a newer runtime. The message says what is wrong, where, and what to do.</summary>
public sealed class SeqFormatException : Exception
{
    /// <summary>Creates the exception with a message.</summary>
    public SeqFormatException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public SeqFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception with a default message.</summary>
    public SeqFormatException()
        : base("The .seq file is not valid.")
    {
    }
}
