using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace SeqRuntime.Converter.Commands;

/// <summary>Runs a command line, for a process and for tests. It turns every error into one line and an exit code. perf and training use it too.</summary>
internal static class CommandRunner
{
    /// <summary>Runs one command line.</summary>
    /// <param name="root">The program's commands. Its name stands before every error.</param>
    /// <param name="args">The command line.</param>
    /// <param name="stdout">Receives the results.</param>
    /// <param name="stderr">Receives the error.</param>
    /// <param name="isFailure">Which exceptions are no bug, besides those of files and models.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static int Invoke(Command root, IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr, Func<Exception, bool>? isFailure = null)
    {
        if (!root.Options.OfType<HelpOption>().Any()) root.Options.Add(new HelpOption());
        var result = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is ParseErrorAction) return Wrong(ParseFault(result));
        try
        {
            return result.Invoke(new InvocationConfiguration { Output = new PlainWriter(stdout), Error = stderr, EnableDefaultExceptionHandler = false });
        }
        catch (UsageException e)
        {
            return Wrong(e.Message);
        }
        catch (Exception e) when (e is ConversionException or SeqFormatException or IOException or UnauthorizedAccessException || isFailure?.Invoke(e) == true)
        {
            return Fail(ExitCode.Failed, e.Message);
        }
        catch (OutOfMemoryException)
        {
            var sizes = result.CommandResult.Command.Options.Where(option => option.Name is "--size" or "--dim").Select(option => option.Name).ToList();
            return Fail(ExitCode.Failed, $"this machine has too little memory for this model{(sizes.Count > 0 ? $"; give smaller sizes with {string.Join(" or ", sizes)}" : "")}");
        }
        catch (Exception fault)
        {
            return Fail(ExitCode.Fault, $"this is a bug in {root.Name}, not in your model or command; please report it with the command, the model if you can share it, and these lines:{Environment.NewLine}{fault}");
        }

        int Wrong(string message)
        {
            var command = result.CommandResult.Command;
            return Fail(ExitCode.Usage, $"{message}; see '{(command == root ? root.Name : $"{root.Name} {command.Name}")} --help'");
        }

        int Fail(int code, string message)
        {
            new PlainWriter(stderr).WriteLine($"{root.Name}: {message}");
            return code;
        }
    }

    /// <summary>The first error in one line. An unknown word takes precedence over anything that it makes missing.</summary>
    private static string ParseFault(ParseResult result)
    {
        if (result.UnmatchedTokens.Count > 0) return $"'{result.UnmatchedTokens[0]}' is not a command, option or argument that is allowed here";
        if (result.CommandResult.Command.Subcommands.Count > 0) return $"give a command: {string.Join(", ", result.CommandResult.Command.Subcommands.Select(c => c.Name))}";
        foreach (var option in result.CommandResult.Children.OfType<OptionResult>())
        {
            if (option.Tokens is [var token, ..] && option.Errors.Any() && option.Option.ValueType is { IsPrimitive: true } type)
                return $"{option.IdentifierToken?.Value ?? option.Option.Name} {token.Value}: give a {(type == typeof(float) || type == typeof(double) ? "number" : "whole number")}";
        }

        return result.Errors.Count == 0 ? "the command is incomplete" : string.Join(' ', result.Errors[0].Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
    }
}
