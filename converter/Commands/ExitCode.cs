namespace SeqRuntime.Converter.Commands;

/// <summary>The exit codes of all programs with commands.</summary>
internal static class ExitCode
{
    public const int Good = 0;

    /// <summary>A file or its content is wrong, or a check failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The program has a bug.</summary>
    public const int Fault = 70;
}
