using Spectre.Console;

namespace SeqRuntime.Perf.Commands;

/// <summary>A bar on standard error for work that takes long, where standard error is a terminal.</summary>
internal static class Progress
{
    /// <summary>Runs <paramref name="work"/>, which tells how far it is, on this thread.</summary>
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
