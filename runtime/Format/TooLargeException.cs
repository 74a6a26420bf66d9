namespace SeqRuntime.Format;

/// <summary>A size or the number of elements exceeds the limit of a tensor. Smaller sizes may fit.</summary>
internal sealed class TooLargeException(string message) : ArgumentException(message);
