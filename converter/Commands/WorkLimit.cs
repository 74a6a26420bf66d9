using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>Most operations of a run: what a hostile file must not ask for, unless the environment lets it.</summary>
internal static class WorkLimit
{
    public const string Variable = "SEQRUNTIME_WORK_LIMIT";

    /// <exception cref="UsageException">The environment variable is no number.</exception>
    public static long Chosen => Read(Environment.GetEnvironmentVariable(Variable));

    /// <exception cref="UsageException">The text is no number.</exception>
    public static long Read(string? text)
    {
        if (string.IsNullOrEmpty(text)) return SeqSessionOptions.DefaultWorkLimit;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)) return limit;
        throw new UsageException($"the environment variable {Variable} is '{text}'; a whole number of operations is needed");
    }
}
