namespace SeqRuntime.Format;

/// <summary>A size, or the elements of a shape, are more than one tensor may hold; smaller sizes may do.</summary>
internal sealed class TooLargeException(string message) : ArgumentException(message);
