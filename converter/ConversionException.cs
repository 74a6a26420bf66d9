namespace SeqRuntime.Converter;

/// <summary>An input file is damaged, hostile, or needs something that the converter cannot do. The message says which file, what is wrong, and what to do.</summary>
public class ConversionException : Exception
{
    /// <summary>Creates the exception with a message.</summary>
    public ConversionException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public ConversionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception with a default message.</summary>
    public ConversionException()
        : base("The model cannot be converted.")
    {
    }
}
