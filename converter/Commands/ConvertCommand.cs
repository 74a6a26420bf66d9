using System.CommandLine;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert convert</c>: converts models to one <c>.seq</c> file. The file is written completely or not at all.</summary>
internal sealed class ConvertCommand(TextWriter stderr)
{
    private readonly Argument<string[]> _sources = new("[GRAPH=]FILE")
    {
        Description = "A model: ONNX, Keras (.keras, .h5, or an architecture in JSON with its weights), TensorFlow Lite, TorchScript, or a description in JSON, maybe packed with gzip or xz; several become named graphs of one file. A file without a name is graph 'main'.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string> _out = new("--out", "-o") { Description = "The file to write.", HelpName = "OUT.seq", Required = true };
    private readonly Option<string> _weights = new("--weights", "-w") { Description = $"How weights are stored: {string.Join("; ", WeightKinds.All.Select(storage => storage.Help))}.", HelpName = string.Join('|', WeightKinds.All.Select(storage => storage.Name)), DefaultValueFactory = _ => "fp32" };
    private readonly Option<string[]> _weightsOf = new("--weights-of") { Description = "Store the tensors whose name matches in another format; '*' stands for any text; the last matching pattern applies.", HelpName = "PATTERN=KIND" };
    private readonly Option<string[]> _dim = new("--dim", "-d") { Description = "Fix a symbolic dimension.", HelpName = "T=1" };
    private readonly Option<string[]> _set = new("--set", "-s") { Description = "Fix a scalar input to a value; everything that follows from it is computed ('If' takes one branch).", HelpName = "sr=16000" };
    private readonly Option<string[]> _state = new("--state") { Description = "Keep this input as a state: the runtime fills it with this output of the previous run.", HelpName = "in=out" };
    private readonly Option<string[]> _drop = new("--drop-output") { Description = "Leave out an output and everything that only it needs.", HelpName = "NAME" };
    private readonly Option<bool> _noAutoState = new("--no-auto-state") { Description = "Do not look for states; use only those given by --state." };
    private readonly Option<bool> _stateful = new("--stateful") { Description = "Keep the states of forward recurrent layers and the past inputs of causal convolutions between runs, so that a sequence may arrive in parts." };
    private readonly Option<int> _cache = new("--cache") { Description = "Keep growing caches (past and present keys of attention) between runs, as states of at most this many steps.", HelpName = "STEPS" };
    private readonly Option<string[]> _keep = new("--keep", "-k") { Description = "Keep tensors whose name matches in fp32; '*' stands for any text.", HelpName = "PATTERN" };
    private readonly Option<string> _decoding = new("--decoding") { Description = "What a decoder needs to know about the graphs: token tables, begin and end tokens, and the role of each value (docs/description.md).", HelpName = "FILE.json" };
    private readonly Option<string[]> _weightsFile = new("--weights-file") { Description = "The weights of a Keras architecture in JSON (model.to_json()): HDF5 or .keras. Without it, the only HDF5 file beside the architecture is taken.", HelpName = "[GRAPH=]FILE" };
    private readonly Option<bool> _noSplit = new("--no-split") { Description = "Keep a Keras encoder-decoder that was saved for training as one graph. Without it, it becomes the graphs 'encoder' and 'step'." };
    private readonly Option<string[]> _allowFolder = new("--allow-folder") { Description = "Let the models read files from this folder too. Without it, external data, weights and tables must lie in the model's own folder.", HelpName = "DIR" };
    private readonly Option<bool> _json = new("--json") { Description = "Print the report as one JSON document on standard output." };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Print only errors." };

    public Command Build(TeachingHelp help)
    {
        _weights.AcceptOnlyFromAmong([.. WeightKinds.All.Select(storage => storage.Name)]);
        var command = new Command("convert", "Converts ONNX models (opset 7 to 23), whole Keras models (.keras, .h5, JSON with weights), TensorFlow Lite models, TorchScript models (.pt), models of RTNeural, GuitarML, Neural Amp Modeler (.nam) and RNNoise (.rnnn), or a JSON description of weights in safetensors, npz, HDF5 or PyTorch's .pt, to one .seq file: folds constants, fixes the given shapes, pairs recurrent states, and packs weights.") { _sources };
        foreach (var option in new Option[] { _out, _weights, _weightsOf, _dim, _set, _state, _noAutoState, _stateful, _cache, _drop, _keep, _decoding, _weightsFile, _noSplit, _allowFolder, _json, _quiet }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("One model", ["seqconvert convert model.onnx -o model.seq"]),
            ("Two models as two graphs of one file, weights in int8 except for one layer", ["seqconvert convert mask=model_1.onnx refine=model_2.onnx -o dtln.seq --weights int8 --keep 'dense_2*'"]),
            ("Weights in int4, but the last layer in int8 and one matrix in fp16", ["seqconvert convert model.onnx -o model.seq --weights int4 --weights-of 'output*=int8' --weights-of encoder.weight=fp16"]),
            ("The 16 kHz branch of a model that takes the sample rate as an input", ["seqconvert convert silero_vad_16k_op15.onnx -o vad.seq --set sr=16000"]),
            ("One step at a time, with the state pairs given by hand", ["seqconvert convert step.onnx -o step.seq --dim T=1 --dim N=1 --no-auto-state --state h_in=h_out --state c_in=c_out"]),
            ("An encoder-decoder described in JSON, its weights beside it", ["seqconvert convert g2p.json -o g2p.seq --weights int8"]),
            ("A policy without the output that samples at random", ["seqconvert convert policy.onnx -o policy.seq --drop-output action"]),
            ("A whole Keras model; the same for a stream that arrives frame by frame", ["seqconvert convert model.h5 -o model.seq", "seqconvert convert model.h5 -o stream.seq --stateful"]),
            ("A Keras architecture in JSON with its weights", ["seqconvert convert model.json --weights-file model.weights.h5 -o model.seq"]),
            ("A Keras encoder-decoder that was saved for training, as one graph", ["seqconvert convert translator.h5 -o translator.seq --no-split"]),
            ("An amplifier of Neural Amp Modeler, a pedal of GuitarML", ["seqconvert convert amp.nam -o amp.seq", "seqconvert convert pedal.json -o pedal.seq"]),
            ("A TensorFlow Lite model", ["seqconvert convert model.tflite -o model.seq"]),
            ("A decoder step whose caches grow: the runtime keeps them, up to 512 steps", ["seqconvert convert decoder.onnx -o decoder.seq --cache 512"]),
            ("Encoder and decoder step as two ONNX files", ["seqconvert convert encoder=thai2rom_encoder.onnx step=thai2rom_decoder.onnx --decoding thai2rom.json -o thai2rom.seq"]),
            ("A description whose weights lie in another folder", ["seqconvert convert model.json -o model.seq --allow-folder ../checkpoints"]),
            ("A report for a program; no report", ["seqconvert convert model.onnx -o model.seq --json", "seqconvert convert model.onnx -o model.seq --quiet"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var sources = Arguments.Sources(result.GetRequiredValue(_sources));
        var target = result.GetRequiredValue(_out);
        CheckTarget(target, sources);
        var options = new ConversionOptions
        {
            Weights = WeightKinds.Parse(result.GetValue(_weights)!) ?? WeightKind.Float32,
            WeightsOf = Arguments.WeightsOf("--weights-of", result.GetValue(_weightsOf)),
            Dimensions = Arguments.Sizes("--dim", "T=1", result.GetValue(_dim)),
            Sets = Arguments.Pairs("--set", "sr=16000", result.GetValue(_set)),
            States = Arguments.Pairs("--state", "in=out", result.GetValue(_state)),
            DropOutputs = result.GetValue(_drop) ?? [],
            AutoStates = !result.GetValue(_noAutoState),
            Stateful = result.GetValue(_stateful),
            CacheSteps = CacheSteps(result),
            Keep = result.GetValue(_keep) ?? [],
            Decoding = result.GetValue(_decoding),
            WeightFiles = WeightFiles(result.GetValue(_weightsFile), sources),
            NoSplit = result.GetValue(_noSplit),
            AllowedFolders = result.GetValue(_allowFolder) ?? [],
            Target = target,
        };
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

        AtomicFile.Check(target);

        var quiet = result.GetValue(_quiet);
        var progress = new ProgressLine(stderr, quiet);
        var conversion = progress.Run(() => Conversion.Convert(sources, options, progress));
        if (quiet)
        {
            AtomicFile.Write(target, stream => stream.Write(conversion.File));
            return ExitCode.Good;
        }

        using var model = SeqModel.Load(conversion.File);
        var report = ConvertReport.From(target, conversion, model);
        AtomicFile.Write(target, stream => stream.Write(conversion.File));
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.ConvertReport);
        else report.Print(output);
        return ExitCode.Good;
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

    private static void CheckTarget(string target, List<(string Graph, string Path)> sources)
    {
        if (!Path.GetExtension(target).Equals(".seq", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"-o {target}: the file must be named OUT.seq");
        if (Directory.Exists(target)) throw new UsageException($"-o {target}: this is a directory; give a file");
        var folder = Path.GetDirectoryName(Path.GetFullPath(target));
        if (!Directory.Exists(folder)) throw new UsageException($"-o {target}: there is no directory '{folder}'; create it first");
        foreach (var (_, path) in sources)
        {
            if (RealPath.AreSame(path, target)) throw new UsageException($"-o {target}: this would overwrite the source");
        }
    }
}
