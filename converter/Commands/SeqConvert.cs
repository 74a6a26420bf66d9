using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace SeqRuntime.Converter.Commands;

/// <summary>The entry point of the command line, for the process and for tests. It turns every error into one line and an exit code.</summary>
internal static class SeqConvert
{
    public const string Name = "seqconvert";

    /// <summary>Runs one command line.</summary>
    /// <returns>0 success, 1 wrong input, 2 wrong usage, 70 a bug of this program.</returns>
    public static int Invoke(IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr)
    {
        var result = Root(stderr).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is ParseErrorAction)
        {
            return Fail(stderr, ExitCode.Usage, $"{ParseFault(result)}; see '{CommandPath(result)} --help'");
        }

        try
        {
            return result.Invoke(new InvocationConfiguration { Output = new PlainWriter(stdout), Error = stderr, EnableDefaultExceptionHandler = false });
        }
        catch (UsageException e)
        {
            return Fail(stderr, ExitCode.Usage, $"{e.Message}; see '{CommandPath(result)} --help'");
        }
        catch (Exception e) when (e is ConversionException or SeqFormatException or IOException or UnauthorizedAccessException)
        {
            return Fail(stderr, ExitCode.Input, e.Message);
        }
        catch (OutOfMemoryException)
        {
            return Fail(stderr, ExitCode.Input, "this machine has too little memory for this model; give smaller sizes with --size or --dim");
        }
        catch (Exception fault)
        {
            return Fail(stderr, ExitCode.Fault, $"this is a bug in {Name}, not in your model or command; please report it with the command, the model if you can share it, and these lines:{Environment.NewLine}{fault}");
        }
    }

    private static int Fail(TextWriter stderr, int code, string message)
    {
        new PlainWriter(stderr).WriteLine($"{Name}: {message}");
        return code;
    }

    /// <summary>The first error in one line. An unknown word takes precedence over anything that it makes missing.</summary>
    private static string ParseFault(ParseResult result)
    {
        if (result.UnmatchedTokens.Count > 0) return $"'{result.UnmatchedTokens[0]}' is not a command, option or argument that is allowed here";
        if (result.CommandResult.Command.Subcommands.Count > 0) return $"give a command: {string.Join(", ", result.CommandResult.Command.Subcommands.Select(c => c.Name))}";
        foreach (var option in result.CommandResult.Children.OfType<OptionResult>())
        {
            if (option.Tokens is [var token, ..] && option.Errors.Any() && option.Option.ValueType.IsPrimitive)
                return $"{option.IdentifierToken?.Value ?? option.Option.Name} {token.Value}: give a {(option.Option.ValueType == typeof(float) ? "number" : "whole number")}";
        }

        return result.Errors.Count == 0 ? "the command is incomplete" : string.Join(' ', result.Errors[0].Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
    }

    private static string CommandPath(ParseResult result) =>
        result.CommandResult.Command.Name == Name ? Name : $"{Name} {result.CommandResult.Command.Name}";

    private static Command Root(TextWriter stderr)
    {
        var help = new TeachingHelp();
        var root = new Command(Name, "Turns trained sequence models (ONNX, Keras, or weights with a JSON description) into one .seq file for SeqRuntime, shows its content, and runs it.");
        root.Subcommands.Add(new ConvertCommand(stderr).Build(help));
        root.Subcommands.Add(new UpgradeCommand().Build(help));
        root.Subcommands.Add(new InspectCommand().Build(help));
        root.Subcommands.Add(new RunCommand().Build(help));
        root.Subcommands.Add(new DecodeCommand().Build(help));
        new InfoCommand().AddTo(root);
        root.Options.Add(new HelpOption("--help", "-h", "-?") { Action = help });
        help.Examples(
            root,
            ("Convert a model and look at the result", ["seqconvert convert model.onnx -o model.seq", "seqconvert inspect model.seq"]),
            ("Run it on arrays saved with NumPy", ["seqconvert run model.seq --inputs in.npz -o out.npz"]),
            ("Decode texts with an encoder-decoder, features with a CTC model or a transducer", ["seqconvert decode model.seq recurrent --best 3", "seqconvert decode speech.seq --input features.npy"]),
            ("What every option of a command does, with examples", ["seqconvert convert --help"]),
            ("The kernel sets of this build and those that this processor runs; the same for a program", ["seqconvert --info", "seqconvert --info --json"]),
            ("Version only", ["seqconvert --version"]));
        return root;
    }
}
