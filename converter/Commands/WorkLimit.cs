using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>The limit of operations of a run. It stops hostile files; an environment variable raises it.</summary>
internal static class WorkLimit
{
    public const string Variable = "SEQRUNTIME_WORK_LIMIT";

    /// <exception cref="UsageException">The environment variable is not a number.</exception>
    public static long Chosen => Read(Environment.GetEnvironmentVariable(Variable));

    /// <exception cref="UsageException">The text is not a number.</exception>
    public static long Read(string? text)
    {
        if (string.IsNullOrEmpty(text)) return SeqSessionOptions.DefaultWorkLimit;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)) return limit;
        throw new UsageException($"the environment variable {Variable} is '{text}'; give a whole number of operations");
    }
}
