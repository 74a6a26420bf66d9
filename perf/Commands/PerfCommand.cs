using System.CommandLine;
using System.CommandLine.Invocation;
using SeqRuntime.Converter;

namespace SeqRuntime.Perf.Commands;

/// <summary>The entry point of the command line, for the process and for tests. It turns every error into one line and an exit code.</summary>
internal static class PerfCommand
{
    public const string Name = "perf";

    /// <summary>Runs one command line.</summary>
    /// <returns>0 success, 1 a check failed or a file was missing, 2 wrong usage.</returns>
    public static int Invoke(IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr)
    {
        var result = Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is ParseErrorAction)
        {
            var fault = result.UnmatchedTokens.Count > 0 ? $"'{result.UnmatchedTokens[0]}' is not a command or option that is allowed here" : result.Errors[0].Message;
            return Fail(stderr, ExitCode.Usage, $"{fault.TrimEnd('.')}; see '{Name} --help'");
        }

        try
        {
            return result.Invoke(new InvocationConfiguration { Output = stdout, Error = stderr, EnableDefaultExceptionHandler = false });
        }
        catch (UsageException e)
        {
            return Fail(stderr, ExitCode.Usage, e.Message);
        }
        catch (Exception e) when (e is ConversionException or SeqFormatException or SeqDataException or ArgumentException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return Fail(stderr, ExitCode.Failed, e.Message);
        }
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Measures SeqRuntime against ONNX Runtime, the machine's limit, and its own earlier results.");
        root.Subcommands.Add(new CompareCommand().Build());
        root.Subcommands.Add(new ProbeCommand().Build());
        root.Subcommands.Add(new ProductsCommand().Build());
        root.Subcommands.Add(new GateCommand().Build());
        root.Subcommands.Add(new StreamsCommand().Build());
        root.Subcommands.Add(new ThreadsCommand().Build());
        root.Subcommands.Add(new PlotCommand().Build());
        root.Subcommands.Add(new RealtimeCommand().Build());
        root.Subcommands.Add(new SoakCommand().Build());
        root.Subcommands.Add(BenchCommand.Build());
        return root;
    }

    private static int Fail(TextWriter stderr, int code, string message)
    {
        stderr.WriteLine($"{Name}: {message}");
        return code;
    }
}
