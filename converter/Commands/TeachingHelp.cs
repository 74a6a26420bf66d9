using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace SeqRuntime.Converter.Commands;

/// <summary>The standard help, examples that use every option, and the exit codes.</summary>
internal sealed class TeachingHelp : SynchronousCommandLineAction
{
    private const int RedirectedWidth = 120;

    private readonly HelpAction _standard = new();
    private readonly Dictionary<Command, (string What, string[] Lines)[]> _examples = [];

    public TeachingHelp()
    {
        if (Console.IsOutputRedirected) _standard.MaxWidth = RedirectedWidth;
    }

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <summary>Sets the examples of a command: their purpose and their command lines.</summary>
    public void Examples(Command command, params (string What, string[] Lines)[] examples) => _examples[command] = examples;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        _standard.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (_examples.TryGetValue(parseResult.CommandResult.Command, out var examples))
        {
            output.WriteLine("Examples:");
            foreach (var (what, lines) in examples)
            {
                output.WriteLine($"  {what}:");
                foreach (var line in lines) output.WriteLine($"    {line}");
            }

            output.WriteLine();
        }

        output.WriteLine("Exit codes: 0 success, 1 wrong input, 2 wrong usage, 70 a bug in seqconvert. Errors are one line on standard error.");
        return ExitCode.Good;
    }
}
