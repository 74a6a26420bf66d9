using System.CommandLine;
using System.Globalization;
using System.IO.Enumeration;
using Spectre.Console;

namespace SeqRuntime.Perf.Commands;

/// <summary>The exit codes of the process.</summary>
internal static class ExitCode
{
    public const int Good = 0;

    /// <summary>A check failed, or a file was missing.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;
}

/// <summary>The command line is wrong. The message says what to write instead.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Checks that several commands share.</summary>
internal static class Arguments
{
    /// <summary>Refuses smaller numbers.</summary>
    public static void AtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var value) && value < least) result.AddError($"{option.Name} {value}: it must be at least {least}");
    });

    /// <summary>Refuses times that are not positive or over a day.</summary>
    public static void Minutes(Option<double> option) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 1 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var minutes) && minutes is not (> 0 and <= 1440)) result.AddError($"{option.Name} {minutes}: it must be over 0 and at most 1440");
    });
}

/// <summary>Patterns of --only: <c>*</c> stands for any text. A word without it may occur anywhere in a name.</summary>
internal static class Wildcard
{
    public static bool Matches(string name, string pattern) => FileSystemName.MatchesSimpleExpression(pattern.Contains('*') ? pattern : $"*{pattern}*", name);
}

/// <summary>A progress bar on standard error for long work, if standard error is a terminal.</summary>
internal static class Progress
{
    /// <summary>Runs <paramref name="work"/> on this thread. The work reports its progress.</summary>
    public static T Run<T>(TextWriter stderr, string what, Func<Action<double>, T> work)
    {
        if (Console.IsErrorRedirected || !ReferenceEquals(stderr, Console.Error)) return work(_ => { });
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(stderr) });
        return console.Progress().AutoClear(true).Start(context =>
        {
            var bar = context.AddTask(what, maxValue: 1);
            return work(part => bar.Value = part);
        });
    }
}
