using System.CommandLine;
using System.Text;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert scaffold</c>: lists what a weight file holds, and drafts the description that converts it.</summary>
internal sealed class ScaffoldCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "A weight file: a PyTorch checkpoint (.pt, .pth, .bin, .ckpt), safetensors, npz, or Keras HDF5, maybe packed with gzip or xz." };
    private readonly Option<string> _out = new("--out", "-o") { Description = "The description to write. Without it, the draft is printed.", HelpName = "MODEL.json" };
    private readonly Option<bool> _defaults = new("--defaults") { Description = "Answer questions that have a default in PyTorch by that default, such as a convolution's padding of 0; each is named." };
    private readonly Option<bool> _stateful = new("--stateful") { Description = "Keep the states of forward recurrent layers between runs, so that a sequence may arrive in parts." };
    private readonly Option<bool> _json = new("--json") { Description = "Print the report, with the draft in it, as one JSON document on standard output." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("scaffold", "Lists the tensors of a weight file without an architecture, tells which layers they are by their names and shapes, and drafts the description (JSON) that converts it, with a question mark where names and shapes do not tell.") { _file };
        foreach (var option in new Option[] { _out, _defaults, _stateful, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("Draft a description beside the weights, and convert it", ["seqconvert scaffold tagger.pt -o tagger.json", "seqconvert convert tagger.json -o tagger.seq"]),
            ("Print the draft", ["seqconvert scaffold tagger.pt"]),
            ("A draft for a stream that arrives frame by frame", ["seqconvert scaffold tagger.pt -o tagger.json --stateful"]),
            ("Padding, strides and their like as PyTorch has them where nothing is said", ["seqconvert scaffold model.safetensors -o model.json --defaults"]),
            ("For a program", ["seqconvert scaffold tagger.pt --json"]));
        return command;
    }

    /// <summary>The draft for a file and what the file is.</summary>
    /// <param name="path">The weight file.</param>
    /// <param name="content">Its bytes, unpacked.</param>
    /// <param name="name">The file as the description names it.</param>
    /// <param name="options">How the draft is written.</param>
    public static (Draft Draft, FileKind Kind) DraftOf(string path, byte[] content, string name, DraftOptions options)
    {
        var kind = FileKinds.Of(content);
        if (kind.Use == KindUse.Model && kind != FileKind.Hdf5 && kind != FileKind.TorchScript) throw new ConversionException($"{path}: this is {kind.What}, not a file of weights alone; {(kind == FileKind.Description ? "scaffold takes the weight file" : $"it needs no description: seqconvert convert {Path.GetFileName(path)} -o {Path.GetFileNameWithoutExtension(path)}.seq")}.");
        var isWhole = kind == FileKind.TorchScript || (kind == FileKind.Hdf5 && content.AsSpan().IndexOf("model_config"u8) >= 0);
        if (isWhole) options = options with { Hint = $"the file holds {(kind == FileKind.Hdf5 ? "an architecture" : "code")} too: seqconvert convert {Path.GetFileName(path)} -o {Path.GetFileNameWithoutExtension(path)}.seq needs no description" };
        return (Draft.Of(WeightFile.Read(path, content), name, $"{Path.GetFileName(path)}, {kind.What}", options), kind);
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var target = result.GetValue(_out);
        ModelFile.MustExist(path);
        if (target is not null)
        {
            if (!Path.GetExtension(target).Equals(".json", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"-o {target}: the file must be named MODEL.json");
            if (RealPath.AreSame(path, target)) throw new UsageException($"-o {target}: this would overwrite the weight file");
            AtomicFile.Check(target);
        }

        var files = new SourceFiles([]);
        var content = files.ReadNamed(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(target ?? path))!;
        var name = Path.GetRelativePath(folder, Path.GetFullPath(path)).Replace(Path.DirectorySeparatorChar, '/');
        var (draft, kind) = DraftOf(path, content, name, new DraftOptions { IsAnswered = result.GetValue(_defaults), IsStateful = result.GetValue(_stateful) });
        var written = target ?? Path.ChangeExtension(path, ".json");
        var isElsewhere = name.StartsWith("..", StringComparison.Ordinal);
        var next = $"seqconvert convert {written} -o {Path.ChangeExtension(written, ".seq")}{(isElsewhere ? $" --allow-folder {Path.GetDirectoryName(Path.GetFullPath(path))}" : "")}";
        TensorEntry[] tensors = [.. draft.Tensors.Select(TensorEntry.Of)];
        var report = new ScaffoldReport(path, kind.What, tensors, draft.Skipped, tensors.Sum(tensor => tensor.Parameters), [.. draft.Modules.Select(ModuleEntry.Of)], draft.Questions, draft.Guesses, draft.Unplaced, target, next, draft.Text);
        if (target is not null) AtomicFile.Write(target, stream => stream.Write(Encoding.UTF8.GetBytes(draft.Text)));
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json))
        {
            JsonReports.Write(output, report, JsonReports.Default.ScaffoldReport);
            return ExitCode.Good;
        }

        if (target is not null)
        {
            report.Print(output);
            return ExitCode.Good;
        }

        // A draft with the list as comments, so that the output is a description too.
        using var list = new StringWriter { NewLine = "\n" };
        report.Print(list);
        foreach (var line in list.ToString().TrimEnd('\n').Split('\n')) output.WriteLine($"// {DraftGraph.OneLine(line)}");
        output.Write(draft.Text);
        return ExitCode.Good;
    }
}
