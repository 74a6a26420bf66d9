namespace SeqRuntime.Converter.Graph;

/// <summary>A graph holds operators that cannot be converted; the message lists all of them.</summary>
internal sealed class UnsupportedException(string message) : ConversionException(message);
