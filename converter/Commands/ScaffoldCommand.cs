using System.CommandLine;
using System.Text;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert scaffold</c>: lists what a weight file holds, and drafts the description that converts it.</summary>
internal sealed class ScaffoldCommand
{
    private readonly Argument<string[]> _files = new("FILE") { Arity = ArgumentArity.OneOrMore, Description = "A weight file, or several, such as those of an encoder and its decoder: a PyTorch checkpoint (.pt, .pth, .bin, .ckpt), safetensors, npz, Keras HDF5, a state_dict as JSON, or the index of weights in several files (.index.json), maybe packed with gzip or xz." };
    private readonly Option<string> _out = new("--out", "-o") { Description = "The description to write. Without it, the draft is printed.", HelpName = "MODEL.json" };
    private readonly Option<bool> _defaults = new("--defaults") { Description = "Answer questions that have a default in PyTorch by that default, such as a convolution's padding of 0; each is named." };
    private readonly Option<bool> _stateful = new("--stateful") { Description = "Keep the states of forward recurrent layers between runs, so that a sequence may arrive in parts." };
    private readonly Option<string[]> _set = new("--set") { Description = "Answer a question of all layers, by the member that it stands in: heads=8, activation=gelu, stride=2.", HelpName = "MEMBER=VALUE", AllowMultipleArgumentsPerToken = false };
    private readonly Option<bool> _json = new("--json") { Description = "Print the report, with the draft in it, as one JSON document on standard output." };

    /// <summary>Kinds that convert as they are, and that are also read as weights alone.</summary>
    private static readonly FileKind[] s_both = [FileKind.Hdf5, FileKind.TorchScript, FileKind.StateDict, FileKind.GuitarMl];

    public Command Build(TeachingHelp help)
    {
        var command = new Command("scaffold", "Lists the tensors of a weight file without an architecture, tells which layers they are by their names and shapes, and drafts the description (JSON) that converts it, with a question mark where names and shapes do not tell.") { _files };
        foreach (var option in new Option[] { _out, _set, _defaults, _stateful, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("Draft a description beside the weights, and convert it", ["seqconvert scaffold tagger.pt -o tagger.json", "seqconvert convert tagger.json -o tagger.seq"]),
            ("Print the draft", ["seqconvert scaffold tagger.pt"]),
            ("A draft for a stream that arrives frame by frame", ["seqconvert scaffold tagger.pt -o tagger.json --stateful"]),
            ("Padding, strides and their like as PyTorch has them where nothing is said", ["seqconvert scaffold model.safetensors -o model.json --defaults"]),
            ("The heads of all attention layers, which weights do not tell", ["seqconvert scaffold model.safetensors -o model.json --set heads=8"]),
            ("An encoder and its decoder in two files", ["seqconvert scaffold encoder.pth decoder.pth -o model.json"]),
            ("For a program", ["seqconvert scaffold tagger.pt --json"]));
        return command;
    }

    /// <summary>The draft for a file and what the file is.</summary>
    /// <param name="path">The weight file.</param>
    /// <param name="content">Its bytes, unpacked.</param>
    /// <param name="name">The file as the description names it.</param>
    /// <param name="options">How the draft is written.</param>
    public static (Draft Draft, FileKind? Kind) DraftOf(string path, byte[] content, string name, DraftOptions options) => DraftOf(path, content, name, options, new SourceFiles([]));

    /// <param name="path">The weight file.</param>
    /// <param name="content">Its bytes, unpacked.</param>
    /// <param name="name">The file as the description names it.</param>
    /// <param name="options">How the draft is written.</param>
    /// <param name="files">Reads the files beside it.</param>
    /// <inheritdoc cref="DraftOf(string, byte[], string, DraftOptions)"/>
    public static (Draft Draft, FileKind? Kind) DraftOf(string path, byte[] content, string name, DraftOptions options, SourceFiles files)
    {
        var kind = FileKinds.Of(content);
        var way = $"seqconvert convert {Path.GetFileName(path)} -o {Path.GetFileNameWithoutExtension(path)}.seq";
        if (kind.Use == KindUse.Model && !s_both.Contains(kind)) throw new ConversionException($"{path}: this is {kind.What}, not a file of weights alone; {(kind == FileKind.Description ? "scaffold takes the weight file" : $"it needs no description: {way}")}.");
        if (kind == FileKind.TorchScript || (kind == FileKind.Hdf5 && content.AsSpan().IndexOf("model_config"u8) >= 0) || kind == FileKind.GuitarMl)
            options = options with { Hint = $"the file holds {(kind == FileKind.TorchScript ? "code" : "an architecture")} too: {way} needs no description" };
        else if (kind == FileKind.StateDict)
            options = options with { Hint = $"if its layers follow one another with nothing between them, {way} needs no description" };
        return (Draft.Of(WeightFile.Read(path, content, files), DraftGraph.Quoted(name), $"{Path.GetFileName(path)}, {kind.What}", options), kind);
    }

    /// <summary>The draft for several files, whose tensors get the names of their files in front.</summary>
    private static Draft DraftOf(string[] paths, Func<string, string> nameOf, DraftOptions options, SourceFiles files)
    {
        var prefixes = Array.ConvertAll(paths, path => Path.GetFileName(path).Split('.')[0]);
        if (prefixes.Distinct(StringComparer.Ordinal).Count() < paths.Length || prefixes.Contains("")) throw new UsageException("several files are told apart by their names before the first dot, which are the same here; rename them");
        var (tensors, isInOrder, ignored) = (new List<WeightTensor>(), true, new SortedSet<string>(StringComparer.Ordinal));
        foreach (var (path, prefix) in paths.Zip(prefixes))
        {
            var part = WeightFile.Read(path, files.ReadNamed(path), files);
            if (part.IsKeras) throw new ConversionException($"{path}: this is a Keras file; a description takes one Keras file alone.");
            tensors.AddRange(DescriptionWeights.Prefixed(part, prefix));
            isInOrder &= part.IsInOrder;
            ignored.UnionWith(part.Ignored);
            options.Settings.Add(Path.GetFileName(path), part.Settings);
        }

        var weights = new WeightSet(string.Join(" and ", paths.Select(path => Path.GetFileName(path))), tensors) { IsInOrder = isInOrder, Ignored = ignored };
        var named = $"{{ {string.Join(", ", paths.Zip(prefixes, (path, prefix) => $"{DraftGraph.Quoted(prefix)}: {DraftGraph.Quoted(nameOf(path))}"))} }}";
        return Draft.Of(weights, named, weights.File, options);
    }

    private int Run(ParseResult result)
    {
        var paths = result.GetRequiredValue(_files);
        var path = paths[0];
        var target = result.GetValue(_out);
        foreach (var each in paths) ModelFile.MustExist(each);
        if (target is not null)
        {
            if (!Path.GetExtension(target).Equals(".json", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"-o {target}: the file must be named MODEL.json");
            if (Array.Exists(paths, each => RealPath.AreSame(each, target))) throw new UsageException($"-o {target}: this would overwrite the weight file");
            AtomicFile.Check(target);
        }

        var files = new SourceFiles([]);
        var folder = Path.GetDirectoryName(Path.GetFullPath(target ?? path))!;
        string NameOf(string file) => Path.GetRelativePath(folder, Path.GetFullPath(file)).Replace(Path.DirectorySeparatorChar, '/');
        var options = new DraftOptions { IsAnswered = result.GetValue(_defaults), IsStateful = result.GetValue(_stateful), Answers = DraftAnswers.Of(result.GetValue(_set) ?? []), Settings = ConfigFile.Beside(path, files) };
        var (draft, kind) = paths.Length > 1 ? (DraftOf(paths, NameOf, options, files), null) : DraftOf(path, files.ReadNamed(path), NameOf(path), options, files);
        DraftAnswers.Check(options);
        var written = target ?? (Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase) ? Path.ChangeExtension(path, null) + "-layers.json" : Path.ChangeExtension(path, ".json"));
        var elsewhere = paths.Where(each => NameOf(each).StartsWith("..", StringComparison.Ordinal)).Select(each => Path.GetDirectoryName(Path.GetFullPath(each))!).Distinct();
        var next = $"seqconvert convert {written} -o {Path.ChangeExtension(written, ".seq")}{string.Concat(elsewhere.Select(each => $" --allow-folder {each}"))}";
        TensorEntry[] tensors = [.. draft.Tensors.Select(TensorEntry.Of)];
        var report = new ScaffoldReport(string.Join(" and ", paths), kind?.What ?? "weights in several files", tensors, draft.Skipped, tensors.Sum(tensor => tensor.Parameters), [.. draft.Modules.Select(ModuleEntry.Of)], draft.Questions, draft.Guesses, draft.Unplaced, target, next, draft.Text);
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
