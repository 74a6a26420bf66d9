using SeqRuntime.Format;

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

    internal SeqFormatException(SourceName file, string message, string? section = null, long? offset = null)
        : base(message) =>
        (FileName, Section, Offset) = (file.IsFile ? file.Text : null, section, offset);

    /// <summary>The path that was loaded; null for a model from memory or a stream, and for a fault that is found when a session is made.</summary>
    public string? FileName { get; }

    /// <summary>The four letters of the section that is at fault; null where the fault is in no section, or is found when a session is made.</summary>
    public string? Section { get; }

    /// <summary>How many bytes from the section's start the fault was found; null where that is not known.</summary>
    public long? Offset { get; }
}
