using System.CommandLine;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary>The sources of a converted model and the options of its conversion: from the command line, and from what its file records.</summary>
internal sealed class SourceOptions
{
    private readonly ConversionArguments _conversion = new();

    private readonly Option<string[]> _against = new("--against", "-a")
    {
        Description = "The model that the file was converted from, with graph names as in convert. It is imported in fp32 with the options that the file records, and both run side by side.",
        HelpName = "[GRAPH=]FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_against);
        _conversion.AddImportTo(command);
    }

    /// <summary>Whether sources were given.</summary>
    public bool AreGiven(ParseResult result) => result.GetValue(_against) is { Length: > 0 };

    /// <summary>The sources and options to import.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="model">The converted model.</param>
    /// <param name="path">Its file.</param>
    /// <param name="notes">Receives what the user should know.</param>
    /// <exception cref="UsageException">The sources or options do not fit what the file records.</exception>
    /// <exception cref="ConversionException">The record is damaged, or a file that it names is missing.</exception>
    public (List<(string Graph, string Path)> Sources, ConversionOptions Options) Of(ParseResult result, SeqModel model, string path, List<string> notes)
    {
        var given = (result.GetValue(_against) ?? []).Select(Arguments.NamedFile).ToList();
        if (!model.Metadata.TryGetValue(ConversionRecord.Key, out var line))
        {
            notes.Add($"{path} does not record the options of its conversion (it was written by an older seqconvert, or upgraded); only the options of this command count");
            var named = Named(given, model);
            var own = _conversion.Options(result, named);
            ConversionArguments.MustExist(named, own);
            return (named, own);
        }

        if (_conversion.GivenChoice(result) is { } choice) throw new UsageException($"{choice}: the file records the options of its conversion ({line}); leave out all options but --decoding, --weights-file and --allow-folder");
        var (recorded, options) = Read(line, path);
        var sources = Matched(given, recorded);
        var files = _conversion.Options(result, sources);
        options = options with
        {
            Weights = WeightKind.Float32,
            WeightsOf = [],
            Keep = [],
            Decoding = files.Decoding ?? Beside(sources, options.Decoding, "--decoding"),
            WeightFiles = options.WeightFiles.ToDictionary(w => w.Key, w => files.WeightFiles.GetValueOrDefault(w.Key) ?? Beside(sources.Where(s => s.Graph == w.Key), w.Value, "--weights-file")!),
            AllowedFolders = files.AllowedFolders,
        };
        ConversionArguments.MustExist(sources, options);
        return (sources, options);
    }

    /// <summary>Sources and options of a recorded line.</summary>
    private static (List<(string Graph, string Path)> Sources, ConversionOptions Options) Read(string line, string path)
    {
        try
        {
            var conversion = new ConversionArguments();
            var command = new Command("convert");
            conversion.AddTo(command);
            var result = command.Parse(ShellWords.Split(line) ?? throw new UsageException("a quote does not end"), new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (result.Errors.Count > 0) throw new UsageException(result.Errors[0].Message);
            return (conversion.Sources(result), conversion.Options(result));
        }
        catch (UsageException fault)
        {
            throw new ConversionException($"{path}: the recorded options of the conversion, '{line}', cannot be read: {fault.Message}. Convert the model again.", fault);
        }
    }

    /// <summary>The given files with the names of their graphs. A file without a name is told by its own name, or is the only one.</summary>
    private static List<(string Graph, string Path)> Matched(List<(string? Graph, string Path)> given, List<(string Graph, string Path)> recorded)
    {
        var found = new Dictionary<string, string>();
        foreach (var (graph, path) in given)
        {
            var name = graph
                ?? recorded.Find(r => !found.ContainsKey(r.Graph) && r.Path == Path.GetFileName(path)).Graph
                ?? (recorded.Count == 1 ? recorded[0].Graph : throw new UsageException($"--against {path}: say which graph it is of: {string.Join(" ", recorded.Select(r => $"{r.Graph}={r.Path}"))}"));
            if (!recorded.Exists(r => r.Graph == name)) throw new UsageException($"--against {name}={path}: the file was converted from {string.Join(" ", recorded.Select(r => $"{r.Graph}={r.Path}"))}");
            if (!found.TryAdd(name, path)) throw new UsageException($"--against: graph '{name}' is given twice");
        }

        var missing = recorded.FindAll(r => !found.ContainsKey(r.Graph));
        if (missing.Count > 0) throw new UsageException($"--against: give all files that the model was converted from; missing: {string.Join(" ", missing.Select(r => $"{r.Graph}={r.Path}"))}");
        return [.. recorded.Select(r => (r.Graph, found[r.Graph]))];
    }

    /// <summary>The given files, if the model does not record how it was converted. A single file without a name is that of the only graph, or of 'main'.</summary>
    private static List<(string Graph, string Path)> Named(List<(string? Graph, string Path)> given, SeqModel model)
    {
        if (given is [{ Graph: null } only]) return [(model.Graphs.Count == 1 ? model.Graphs[0].Name : "main", only.Path)];
        if (given.Find(g => g.Graph is null) is { Path: { } unnamed }) throw new UsageException($"--against {unnamed}: several files need names: GRAPH={unnamed}, with one of {string.Join(", ", model.Graphs.Select(g => g.Name))}");
        return [.. given.Select(g => (g.Graph!, g.Path))];
    }

    /// <summary>A recorded file in the folder of a source.</summary>
    private static string? Beside(IEnumerable<(string Graph, string Path)> sources, string? name, string option)
    {
        if (name is null) return null;
        var file = Path.GetFileName(name);
        return sources.Select(s => Path.Combine(Path.GetDirectoryName(s.Path) ?? "", file)).FirstOrDefault(File.Exists)
            ?? throw new ConversionException($"the conversion used {option} {file}, which is not beside the source; give {option} FILE");
    }
}
