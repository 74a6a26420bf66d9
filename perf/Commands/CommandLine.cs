using System.CommandLine;
using System.IO.Enumeration;
using SeqRuntime.Converter.Commands;
using Spectre.Console;

namespace SeqRuntime.Perf.Commands;

/// <summary>The option for the time of a long run.</summary>
internal static class Minutes
{
    public static Option<double> Option() => new("--minutes") { Description = "How long.", HelpName = "N", DefaultValueFactory = _ => 10 };

    /// <summary>Its value. Times that are not positive or over a day are refused.</summary>
    public static double Of(ParseResult result, Option<double> option) => result.GetValue(option) is > 0 and <= 1440 and var minutes ? minutes : throw new UsageException($"{option.Name} {result.GetValue(option)}: give over 0 and at most 1440");
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
