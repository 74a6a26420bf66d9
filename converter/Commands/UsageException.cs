namespace SeqRuntime.Converter.Commands;

/// <summary>The command line is wrong. The message says what to write instead.</summary>
internal sealed class UsageException(string message) : Exception(message);
