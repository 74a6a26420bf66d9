namespace SeqRuntime.Converter.Commands;

/// <summary>What the process returns.</summary>
internal static class ExitCode
{
    public const int Good = 0;

    /// <summary>A file or its content is at fault.</summary>
    public const int Input = 1;

    /// <summary>The command line is at fault.</summary>
    public const int Usage = 2;

    /// <summary>This program is at fault.</summary>
    public const int Fault = 70;
}
