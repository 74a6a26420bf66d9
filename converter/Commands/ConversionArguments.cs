using System.CommandLine;
using SeqRuntime.Converter.Kinds;

namespace SeqRuntime.Converter.Commands;

/// <summary>The sources and options of a conversion on the command line. <see cref="CommandText"/> writes them.</summary>
internal sealed class ConversionArguments
{
    private readonly Argument<string[]> _sources = new("[GRAPH=]FILE")
    {
        Description = "A model of any kind in docs/converting.md: ONNX, Keras (.keras, .h5, JSON), TensorFlow Lite, TorchScript (.pt), audio plugins (RTNeural, GuitarML, .nam, .rnnn), or a JSON description of weights. Several become named graphs of one file; a file without a name is graph 'main'.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string> _weights = new("--weights", "-w") { Description = $"How weights are stored: {string.Join("; ", WeightKinds.All.Select(storage => storage.Help))}.", HelpName = string.Join('|', WeightKinds.All.Select(storage => storage.Name)), DefaultValueFactory = _ => "fp32" };
    private readonly Option<string[]> _weightsOf = new("--weights-of") { Description = "Store the tensors whose name matches in another format; '*' stands for any text; the last matching pattern applies.", HelpName = "PATTERN=KIND" };
    private readonly Option<string[]> _dim = new("--dim", "-d") { Description = "Fix a symbolic dimension.", HelpName = "T=1" };
    private readonly Option<string[]> _set = new("--set", "-s") { Description = "Fix a scalar input to a value; everything that follows from it is computed ('If' takes one branch).", HelpName = "sr=16000" };
    private readonly Option<string[]> _state = new("--state") { Description = "Keep this input as a state: the runtime fills it with this output of the previous run.", HelpName = "in=out" };
    private readonly Option<string[]> _drop = new("--drop-output") { Description = "Leave out an output and everything that only it needs.", HelpName = "NAME" };
    private readonly Option<string[]> _only = new("--only-output") { Description = "Keep this output, and leave out all others that no --only-output names. An output that fills a state still does.", HelpName = "NAME" };
    private readonly Option<bool> _noAutoState = new("--no-auto-state") { Description = "Do not look for states; use only those given by --state." };
    private readonly Option<bool> _stateful = new("--stateful") { Description = "Keep the states of forward recurrent layers and the past inputs of causal convolutions between runs, so that a sequence may arrive in parts." };
    private readonly Option<int> _cache = new("--cache") { Description = "Keep growing caches (past and present keys of attention) between runs, as states of at most this many steps.", HelpName = "STEPS" };
    private readonly Option<string[]> _keep = new("--keep", "-k") { Description = "Keep tensors whose name matches in fp32; '*' stands for any text.", HelpName = "PATTERN" };
    private readonly Option<string> _decoding = new("--decoding") { Description = "What a decoder needs to know about the graphs: token tables, begin and end tokens, and the role of each value (docs/description.md).", HelpName = "FILE.json" };
    private readonly Option<string[]> _weightsFile = new("--weights-file") { Description = "The weights of a Keras architecture in JSON (model.to_json()): HDF5 or .keras. Without it, the only HDF5 file beside the architecture is taken.", HelpName = "[GRAPH=]FILE" };
    private readonly Option<bool> _noSplit = new("--no-split") { Description = "Keep a Keras encoder-decoder that was saved for training as one graph. Without it, it becomes the graphs 'encoder' and 'step'." };
    private readonly Option<string[]> _allowFolder = new("--allow-folder") { Description = "Let the models read files from this folder too. Without it, external data, weights and tables must lie in the model's own folder.", HelpName = "DIR" };

    public void AddTo(Command command)
    {
        _weights.AcceptOnlyFromAmong([.. WeightKinds.All.Select(storage => storage.Name)]);
        command.Arguments.Add(_sources);
        foreach (var option in new Option[] { _weights, _weightsOf, _dim, _set, _state, _noAutoState, _stateful, _cache, _drop, _only, _keep, _decoding, _weightsFile, _noSplit, _allowFolder }) command.Options.Add(option);
    }

    /// <summary>Adds only the options that decide which graphs the sources give.</summary>
    public void AddImportTo(Command command)
    {
        foreach (var option in Choices.Concat([_decoding, _weightsFile, _allowFolder])) command.Options.Add(option);
    }

    /// <summary>The first given option that decides which graphs the sources give, and names no file. Null if there is none.</summary>
    public string? GivenChoice(ParseResult result) => Choices.FirstOrDefault(option => result.GetResult(option) is { Implicit: false })?.Name;

    private IEnumerable<Option> Choices => [_dim, _set, _state, _noAutoState, _stateful, _cache, _drop, _only, _noSplit];

    public List<(string Graph, string Path)> Sources(ParseResult result) => Arguments.Sources(result.GetRequiredValue(_sources));

    /// <exception cref="UsageException">An option is written wrong.</exception>
    public ConversionOptions Options(ParseResult result) => Options(result, Sources(result));

    /// <inheritdoc cref="Options(ParseResult)"/>
    /// <param name="result">The command line.</param>
    /// <param name="sources">Graph name and file of each source.</param>
    public ConversionOptions Options(ParseResult result, List<(string Graph, string Path)> sources) => new()
    {
        Weights = WeightKinds.Parse(result.GetValue(_weights) ?? "") ?? WeightKind.Float32,
        WeightsOf = Arguments.WeightsOf("--weights-of", result.GetValue(_weightsOf)),
        Dimensions = Arguments.Sizes("--dim", "T=1", result.GetValue(_dim)),
        Sets = Arguments.Pairs("--set", "sr=16000", result.GetValue(_set)),
        States = Arguments.Pairs("--state", "in=out", result.GetValue(_state)),
        DropOutputs = result.GetValue(_drop) ?? [],
        OnlyOutputs = result.GetValue(_only) ?? [],
        AutoStates = !result.GetValue(_noAutoState),
        Stateful = result.GetValue(_stateful),
        CacheSteps = CacheSteps(result),
        Keep = result.GetValue(_keep) ?? [],
        Decoding = result.GetValue(_decoding),
        WeightFiles = WeightFiles(result.GetValue(_weightsFile), sources),
        NoSplit = result.GetValue(_noSplit),
        AllowedFolders = result.GetValue(_allowFolder) ?? [],
    };

    /// <summary>Refuses files and folders that do not exist, before anything else is done.</summary>
    public static void MustExist(IEnumerable<(string Graph, string Path)> sources, ConversionOptions options)
    {
        foreach (var (_, path) in sources)
        {
            if (Directory.Exists(path)) throw new ConversionException(FolderKinds.No(path));
            ModelFile.MustExist(path);
        }

        foreach (var weights in options.WeightFiles.Values) ModelFile.MustExist(weights);
        if (options.Decoding is { } decoding) ModelFile.MustExist(decoding);
        foreach (var folder in options.AllowedFolders)
        {
            if (!Directory.Exists(folder)) throw new UsageException($"--allow-folder {folder}: there is no such directory");
        }
    }

    /// <summary>The weight files by graph.</summary>
    private static Dictionary<string, string> WeightFiles(string[]? values, List<(string Graph, string Path)> sources)
    {
        var files = new Dictionary<string, string>();
        foreach (var (graph, path) in Arguments.Sources(values ?? []))
        {
            var name = sources is [var only] && graph == "main" ? only.Graph : graph;
            if (!sources.Exists(s => s.Graph == name)) throw new UsageException($"--weights-file {path}: there is no graph '{graph}'; write --weights-file GRAPH={path} with one of {string.Join(", ", sources.Select(s => s.Graph))}");
            if (!files.TryAdd(name, path)) throw new UsageException($"--weights-file: graph '{name}' is given twice");
        }

        return files;
    }

    private int CacheSteps(ParseResult result)
    {
        if (result.GetResult(_cache) is null) return 0;
        return result.GetValue(_cache) is > 0 and var steps ? steps : throw new UsageException("--cache takes the largest number of steps of a cache, at least 1, such as --cache 512");
    }
}
