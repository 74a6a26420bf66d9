namespace SeqRuntime.Perf.Commands;

/// <summary>What the process returns.</summary>
internal static class ExitCode
{
    public const int Good = 0;

    /// <summary>A check failed, or something was not there.</summary>
    public const int Failed = 1;

    /// <summary>The command line is at fault.</summary>
    public const int Usage = 2;
}

/// <summary>The command line asks for what cannot be; the message says what to write instead.</summary>
internal sealed class UsageException(string message) : Exception(message);
