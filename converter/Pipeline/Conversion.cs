using System.Globalization;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Converter.Resolving;
using SeqRuntime.Converter.States;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Converts model files to a <c>.seq</c> model, from beginning to end.</summary>
internal static class Conversion
{
    /// <summary>Limit of a session's bytes for the check that makes a decoder.</summary>
    private const long MostDecoded = 256L << 20;

    /// <param name="sources">Graph name and file of each model.</param>
    /// <param name="options">What to fix, pair and quantize.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <exception cref="ConversionException">A file is damaged or cannot be converted; the message says what, where, and what to try.</exception>
    public static ConversionResult Convert(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress = null) =>
        Store(Prepare(sources, options, progress), options, progress);

    /// <summary>Everything before weights are stored: reads the files, resolves shapes, pairs states, fuses nodes.</summary>
    /// <inheritdoc cref="Convert"/>
    public static PreparedModel Prepare(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress = null)
    {
        CheckKernels();
        var resolved = new List<PreparedGraph>();
        var tables = new Dictionary<string, string[]>();
        var metadata = new Dictionary<string, string>();
        var files = new SourceFiles(options.AllowedFolders, options.Target);
        var read = new List<(IrGraph Raw, string Path, ImportedModel Source, List<string> Notes)>();
        foreach (var (i, (name, path)) in sources.Index())
        {
            progress?.Report(new ConversionProgress($"{name}: reading", Phase.Reading.At((double)i / sources.Count)));
            foreach (var (raw, imported, notes) in Read(path, name, files, options.WeightFiles.GetValueOrDefault(name), options.NoSplit, options.Sets))
            {
                if (read.Exists(r => r.Raw.Name == raw.Name)) throw new ConversionException($"{path}: two graphs are named '{raw.Name}'.");
                read.Add((raw, path, imported, notes));
                foreach (var (table, entries) in imported.Tables) tables[table] = entries;
                foreach (var (key, value) in imported.Metadata) metadata[key] = value;
            }
        }

        OptionNames.Check(read.ConvertAll(r => r.Raw), options, [.. read.SelectMany(r => r.Source.Taken)]);
        if (options.Decoding is { } document)
        {
            var (documentTables, documentMetadata) = DecodingReader.Read(document, sources.Select(s => s.Path), files);
            foreach (var (table, entries) in documentTables) tables[table] = entries;
            foreach (var (key, value) in documentMetadata) metadata[key] = value;
        }

        var isOfSentences = metadata.GetValueOrDefault(DecodingKeys.Kind) == DecodingKeys.EncoderDecoder;
        if (isOfSentences && options.Stateful) throw new ConversionException("--stateful: an encoder-decoder starts again with each sentence; remove the option.");
        foreach (var (i, (raw, path, imported, notes)) in read.Index())
        {
            void Stage(string stage, double part) => progress?.Report(new ConversionProgress($"{raw.Name}: {stage}", Phase.Resolving.At((i + part) / read.Count)));
            var (graph, states) = Resolve(raw, path, imported, isOfSentences, options, notes, Stage);
            var left = OnnxLeftovers.OfBranches(raw, path);
            if (UnusedWeights.Note(left, ": they belong to branches that are not taken") is { } note) notes.Add(note);
            imported.Unused = [.. imported.Unused, .. left];
            resolved.Add(new PreparedGraph(graph, path, raw.Nodes.Count, states, notes));
        }

        Garbage.Collect(resolved.Sum(r => r.Graph.ConstantBytes()));
        CheckDecoding(resolved.ConvertAll(r => r.Graph), metadata, tables, resolved[^1].Notes, resolved.SelectMany(r => r.Notes).FirstOrDefault(note => note.Contains(KerasTranslator.Whole, StringComparison.Ordinal)));
        return new PreparedModel([.. sources], resolved, tables, metadata, files, [.. read.Select(r => r.Source).Distinct().SelectMany(source => source.Unused)]);
    }

    /// <summary>Stores a prepared model's weights as the options say, and checks that the file runs. The graphs are changed: <see cref="PreparedModel.Copy"/> keeps them.</summary>
    /// <exception cref="ConversionException">The options cannot be met, or the model does not run.</exception>
    public static ConversionResult Store(PreparedModel prepared, ConversionOptions options, IProgress<ConversionProgress>? progress = null)
    {
        progress?.Report(new ConversionProgress("rounding weights", Phase.Rounding.At(0)));
        var (files, graphs) = (prepared.Files, prepared.Graphs.Select(r => r.Graph).ToList());
        var (model, tensors, weightNotes) = prepared.Lower(options, share => progress?.Report(new ConversionProgress("rounding weights", Phase.Rounding.At(share))));
        model.Metadata["converter"] = $"seqconvert {typeof(Conversion).Assembly.GetName().Version}";
        model.Metadata["weights"] = options.Weights.Name();
        model.Metadata[ConversionRecord.Key] = ConversionRecord.Of(prepared.Sources, options);
        var converted = new List<ConvertedGraph>();
        foreach (var (index, (graph, path, sourceNodes, states, notes)) in prepared.Graphs.Index())
        {
            model.Metadata[$"source:{graph.Name}"] = Path.GetFileName(path);
            model.Metadata[SourceHashes.Prefix + graph.Name] = files.Of(path).Sha256;
            converted.Add(new ConvertedGraph(graph.Name, path, sourceNodes, model.Graphs[index].Nodes.Count, states, graph.Ranges, notes));
            SizeNotes.Add(model.Metadata, graph);
        }

        foreach (var read in files.Read.Where(f => f.IsModel && !prepared.Sources.Any(source => files.Of(source.Path) == f))) model.Metadata[SourceHashes.Prefix + Path.GetFileName(read.Path)] = read.Sha256;
        QuantizationErrors.Note(model.Metadata, tensors);

        progress?.Report(new ConversionProgress("packing weights", Phase.Checking.At(0)));
        var file = ConvertedFile.Of(model);
        try
        {
            progress?.Report(new ConversionProgress("checking", Phase.Checking.At(0.5)));
            Check(file, graphs, prepared.Graphs[^1].Notes);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        progress?.Report(new ConversionProgress("checked", Phase.Checking.At(1)));
        return new ConversionResult(model, file, converted, tensors, files.Read.Where(f => f.IsModel).Sum(f => f.Bytes)) { Unused = prepared.Unused, WeightNotes = weightNotes };
    }

    /// <summary>Checks the decoding document, and notes the largest context of a language model. If a model stayed one graph, the fault says why.</summary>
    private static void CheckDecoding(List<IrGraph> graphs, Dictionary<string, string> metadata, Dictionary<string, string[]> tables, List<string> notes, string? whole)
    {
        try
        {
            if (DecodingCheck.Run(graphs, metadata, tables, notes) is { } context) metadata[DecodingKeys.Context] = context.ToString(CultureInfo.InvariantCulture);
        }
        catch (ConversionException fault) when (whole is not null)
        {
            throw new ConversionException($"{fault.Message} {char.ToUpperInvariant(whole[0])}{whole[1..]}.", fault);
        }
    }

    /// <summary>Checks the kernel set that the environment names, because a wrong name is not a fault of the model.</summary>
    private static void CheckKernels()
    {
        try
        {
            _ = KernelRegistry.Choose();
        }
        catch (ArgumentException fault)
        {
            throw new ConversionException(fault.Message, fault);
        }
    }

    /// <summary>Loads the file, plans a session of each graph and makes a decoder, so that every converted model runs.</summary>
    private static void Check(ConvertedFile file, List<IrGraph> graphs, List<string> notes)
    {
        var bytes = 0L;
        try
        {
            using var loaded = file.Load();
            foreach (var graph in graphs)
            {
                for (var i = 0; i < graph.Probes.Count; i++) bytes = Math.Max(bytes, Plan(loaded, graph, graph.Probes[i], isSmallest: i == 0));
                if (graph.Largest.Count > 0) CheckCaches(loaded, graph);
            }

            // A plan only counts memory; a decoder allocates it.
            if (loaded.GetDecoding() is not { } decoding || bytes > MostDecoded) return;
            if (decoding.Kind == DecodingKind.LanguageModel) LanguageCheck.Run(loaded, notes);
            else if (decoding.Kind == DecodingKind.EncoderDecoder) loaded.CreateDecoder().Dispose();
            else loaded.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = Math.Max(32, graphs.Max(graph => graph.Symbols().Select(symbol => graph.Probes[0][symbol]).Append(1).Max())) }).Dispose();
        }
        catch (Exception fault) when (ShapeFault.IsRefusal(fault))
        {
            throw new ConversionException($"the converted model does not run: {fault.Message}", fault);
        }
    }

    /// <summary>Plans a session at sizes at which the graph was resolved, and returns its bytes at the smallest. At larger sizes, tables of products added since may exceed the limit of a tensor.</summary>
    private static long Plan(SeqModel model, IrGraph graph, Sizes sizes, bool isSmallest)
    {
        var options = new SeqSessionOptions { MemoryLimitBytes = long.MaxValue, WorkLimit = long.MaxValue };
        foreach (var symbol in graph.Symbols()) options.MaxSizes[symbol] = sizes[symbol];
        try
        {
            var bytes = model.GetSessionMemoryBytes(graph.Name, options);
            return isSmallest ? bytes : 0;
        }
        catch (ArgumentException fault) when (!isSmallest && IsTooLarge(fault))
        {
            // Sessions of smaller sizes still work.
            return 0;
        }
    }

    /// <summary>Checks that the graph runs with empty caches and with caches of their largest size.</summary>
    private static void CheckCaches(SeqModel model, IrGraph graph)
    {
        var options = new SeqSessionOptions { MemoryLimitBytes = long.MaxValue, WorkLimit = long.MaxValue };
        foreach (var symbol in graph.Symbols()) options.MaxSizes[symbol] = graph.Largest.GetValueOrDefault(symbol, graph.Probes[0][symbol]);
        try
        {
            _ = model.GetSessionMemoryBytes(graph.Name, options);
        }
        catch (ArgumentException fault)
        {
            throw new ConversionException($"--cache {graph.Largest.Values.Max()}: graph '{graph.Name}' does not run with caches that long: {fault.Message}", fault);
        }

        foreach (var symbol in graph.Largest.Keys) options.MaxSizes[symbol] = graph.Probes[0][symbol];
        try
        {
            using var session = model.CreateSession(graph.Name, options);
            if (session.Outputs.Count > 0) _ = session.Outputs[0].Shape;
        }
        catch (ArgumentException fault)
        {
            throw new ConversionException($"--cache: graph '{graph.Name}' does not run with empty caches: {fault.Message} Remove --cache and give the caches as inputs.", fault);
        }
    }

    private static bool IsTooLarge(Exception? fault) => fault is TooLargeException or OverflowException || (fault?.InnerException is { } inner && IsTooLarge(inner));

    private static IEnumerable<(IrGraph Raw, ImportedModel Source, List<string> Notes)> Read(string path, string name, SourceFiles files, string? weights, bool isWhole, IReadOnlyDictionary<string, string> sets)
    {
        var notes = new List<string>();
        var imported = Guarded(path, () => Importer.Read(path, name, notes, files, weights, isWhole, sets));
        foreach (var (index, graph) in imported.Graphs.Index()) yield return (graph, imported, index == 0 ? notes : []);
    }

    private static (IrGraph Graph, IReadOnlyList<StatePair> States) Resolve(IrGraph raw, string path, ImportedModel source, bool isOfSentences, ConversionOptions options, List<string> notes, Action<string, double> stage) => Guarded(path, () =>
    {
        raw.Budget.Holds(raw.ConstantBytes(), raw.DeepCount());
        var asRead = raw.Copy();
        asRead.Budget = raw.Budget.Anew();
        var ways = new WaysOut(asRead, options, path);
        try
        {
            return Resolved(raw, path, source, isOfSentences, options with { StateOutputs = ways.StateOutputs() }, notes, stage);
        }
        catch (ConversionException fault)
        {
            throw ways.Tell(fault);
        }
    });

    private static (IrGraph Graph, IReadOnlyList<StatePair> States) Resolved(IrGraph raw, string path, ImportedModel source, bool isOfSentences, ConversionOptions options, List<string> notes, Action<string, double> stage)
    {
        Bindings.Apply(raw, options, path);
        var pairing = new StatePairing(raw, notes);
        pairing.Apply(raw, options);
        stage("resolving shapes", 0);
        var graph = SizeProbes.Resolve(raw, notes, out var sized);
        if (options.AutoStates && !source.HasStates)
        {
            stage("finding states", 0.4);
            var found = StateFinder.Find(raw, graph, pairing.Outputs, notes);
            foreach (var match in found.Pairs) pairing.Pair(sized, match);
            foreach (var cache in found.Caches) pairing.Grow(sized, cache, options.CacheSteps);
            if (found.Pairs.Count > 0 || sized.Largest.Count > 0) graph = SizeProbes.Resolve(sized, notes, out sized);
        }

        if (!source.HasStates && !StatePairing.Fits(graph) && pairing.FixBatch(sized)) graph = SizeProbes.Resolve(sized, notes, out _);

        if (options.CacheSteps > 0 && graph.Largest.Count == 0) notes.Add($"--cache changes nothing: {(options.AutoStates ? "no output holds an input and new steps" : "--no-auto-state finds no caches")}");
        StatePairing.Check(graph, options);
        pairing.DropOutputs(graph, options);
        stage("simplifying", 0.5);
        Passes.Fuse(graph);
        IReadOnlyList<StatePair> kept = [];
        if (options.Stateful && source.KeepsAllStates) notes.Add("--stateful changes nothing: all layers along time already keep their states");
        else if (options.Stateful) kept = StreamStates.Keep(graph, notes);
        else if (!isOfSentences) StreamStates.Note(graph, notes);
        UnreadInputs.Tell(graph, notes);
        return (graph, [.. pairing.Pairs, .. kept]);
    }

    /// <summary>Runs a step of the conversion. Its errors become exceptions that name the file.</summary>
    private static T Guarded<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
    }
}
