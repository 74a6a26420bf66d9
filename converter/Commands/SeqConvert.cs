using System.CommandLine;
using System.CommandLine.Help;

namespace SeqRuntime.Converter.Commands;

/// <summary>The commands of seqconvert.</summary>
internal static class SeqConvert
{
    public const string Name = "seqconvert";

    /// <summary>Runs one command line.</summary>
    public static int Invoke(IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr) => CommandRunner.Invoke(Root(stderr), args, stdout, stderr);

    private static Command Root(TextWriter stderr)
    {
        var help = new TeachingHelp();
        var root = new Command(Name, "Turns trained sequence models (ONNX, Keras, PyTorch, TensorFlow Lite and others: docs/converting.md) into .seq files for SeqRuntime, shows their content, and runs them.");
        root.Subcommands.Add(new ConvertCommand(stderr).Build(help));
        root.Subcommands.Add(new DoctorCommand(stderr).Build(help));
        root.Subcommands.Add(new ScaffoldCommand().Build(help));
        root.Subcommands.Add(new UpgradeCommand().Build(help));
        root.Subcommands.Add(new VerifyCommand(stderr).Build(help));
        root.Subcommands.Add(new InspectCommand().Build(help));
        root.Subcommands.Add(new GraphCommand(stderr).Build(help));
        root.Subcommands.Add(new RunCommand().Build(help));
        root.Subcommands.Add(new DecodeCommand().Build(help));
        new InfoCommand().AddTo(root);
        root.Options.Add(new HelpOption("--help", "-h", "-?") { Action = help });
        help.Examples(
            root,
            ("Convert a model and look at the result", ["seqconvert convert model.onnx -o model.seq", "seqconvert inspect model.seq"]),
            ("What is in a file, and the exact command to convert it", ["seqconvert doctor model.onnx"]),
            ("Draft the description that weights without an architecture need", ["seqconvert scaffold weights.pt -o model.json"]),
            ("What differs between two files", ["seqconvert inspect --diff int8.seq int4.seq"]),
            ("Its graph as a picture", ["seqconvert graph model.seq -o model.svg"]),
            ("How far it is from its source", ["seqconvert verify model.seq --against model.onnx"]),
            ("Run it on arrays saved with NumPy", ["seqconvert run model.seq --inputs in.npz -o out.npz"]),
            ("Decode texts with an encoder-decoder, features with a CTC model or a transducer", ["seqconvert decode model.seq recurrent --best 3", "seqconvert decode speech.seq --input features.npy"]),
            ("What every option of a command does, with examples", ["seqconvert convert --help"]),
            ("The kernel sets of this build and those that this processor runs; the same for a program", ["seqconvert --info", "seqconvert --info --json"]),
            ("Version only", ["seqconvert --version"]));
        return root;
    }
}
