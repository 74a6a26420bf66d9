using System.CommandLine;
using System.IO.Enumeration;
using SeqRuntime.Converter.Commands;
using Spectre.Console;

namespace SeqRuntime.Perf.Commands;

/// <summary>The commands of perf.</summary>
internal static class PerfCommand
{
    public const string Name = "perf";

    /// <summary>Runs one command line.</summary>
    public static int Invoke(IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr) =>
        CommandRunner.Invoke(Root(), args, stdout, stderr, fault => fault is SeqDataException or ArgumentException or InvalidDataException);

    private static Command Root()
    {
        var root = new Command(Name, "Measures SeqRuntime against ONNX Runtime, the machine's limit, and its own earlier results.");
        root.Subcommands.Add(new CompareCommand().Build());
        root.Subcommands.Add(new ProbeCommand().Build());
        root.Subcommands.Add(new ProductsCommand().Build());
        root.Subcommands.Add(new ProfileCommand().Build());
        root.Subcommands.Add(new GateCommand().Build());
        root.Subcommands.Add(new ArmCommand().Build());
        root.Subcommands.Add(new FirstFramesCommand().Build());
        root.Subcommands.Add(new StreamsCommand().Build());
        root.Subcommands.Add(new ThreadsCommand().Build());
        root.Subcommands.Add(new PlotCommand().Build());
        root.Subcommands.Add(new RealtimeCommand().Build());
        root.Subcommands.Add(new SoakCommand().Build());
        root.Subcommands.Add(BenchCommand.Build());
        return root;
    }
}

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
