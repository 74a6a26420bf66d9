using Spectre.Console;

namespace SeqRuntime.Converter.Commands;

/// <summary>Shows progress on standard error for work that takes more than a second, if standard error is a terminal.</summary>
internal sealed class ProgressLine(TextWriter stderr, bool quiet) : IProgress<ConversionProgress>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_refresh = TimeSpan.FromMilliseconds(100);

    private volatile ConversionProgress? _latest;

    /// <inheritdoc/>
    public void Report(ConversionProgress value) => _latest = value;

    /// <summary>Runs <paramref name="work"/> and returns its result or throws its exception.</summary>
    public T Run<T>(Func<T> work)
    {
        if (quiet || Console.IsErrorRedirected || !ReferenceEquals(stderr, Console.Error)) return work();
        var task = Task.Run(work);
        if (!Wait(task, s_patience)) Show(task);
        return task.GetAwaiter().GetResult();
    }

    private static bool Wait(Task task, TimeSpan time) => Task.WaitAny([task], time) == 0;

    private void Show(Task task)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(stderr) });
        console.Progress().AutoClear(true).Start(context =>
        {
            var bar = context.AddTask("converting", maxValue: 1);
            do
            {
                if (_latest is not { } latest) continue;
                bar.Description = Markup.Escape(latest.Stage);
                bar.Value = latest.Fraction;
            }
            while (!Wait(task, s_refresh));
        });
    }
}
