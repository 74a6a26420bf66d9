using System.Globalization;
using System.Security.Cryptography;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Lowering;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter;

/// <summary>The whole way from model files to a <c>.seq</c> model.</summary>
internal static class Converter
{
    /// <param name="sources">Graph name and file of each model.</param>
    /// <param name="options">What to fix, pair and quantize.</param>
    /// <param name="progress">Told as the work goes on.</param>
    /// <exception cref="ConversionException">A file is damaged or holds what cannot be converted; the message says which, what, and what to try.</exception>
    public static ConversionResult Convert(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress = null)
    {
        var resolved = new List<(IrGraph Graph, string Path, int SourceNodes, List<string> Notes)>();
        var unused = new Unused(options);
        for (var i = 0; i < sources.Count; i++)
        {
            var (name, path) = sources[i];
            void Stage(string stage, double part) => progress?.Report(new ConversionProgress($"{name}: {stage}", (i + part) * 0.8 / sources.Count));
            Stage("reading", 0);
            if (!Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
                throw new ConversionException($"{path}: files of this kind are not read; give an ONNX model (.onnx).");
            var notes = new List<string>();
            var graph = Resolve(path, name, options, unused, notes, Stage, out var sourceNodes);
            resolved.Add((graph, path, sourceNodes, notes));
        }

        unused.ThrowIfAny();
        progress?.Report(new ConversionProgress("packing weights", 0.8));
        var graphs = resolved.ConvertAll(r => r.Graph);
        var (model, tensors) = Lower(graphs, options, []);
        if (SensitiveTensors.Find(tensors) is { Count: > 0 } kept) (model, tensors) = Lower(graphs, options, kept);

        model.Metadata["converter"] = $"seqconvert {typeof(Converter).Assembly.GetName().Version}";
        model.Metadata["weights"] = options.Weights == WeightKind.Int8 ? "int8" : "fp32";
        var converted = new List<ConvertedGraph>();
        foreach (var (index, (graph, path, sourceNodes, notes)) in resolved.Index())
        {
            model.Metadata[$"source:{graph.Name}"] = Path.GetFileName(path);
            model.Metadata[$"source-sha256:{graph.Name}"] = System.Convert.ToHexStringLower(Hash(path));
            converted.Add(new ConvertedGraph(graph.Name, Path.GetFileName(path), sourceNodes, model.Graphs[index].Nodes.Count, [.. graph.States.Select(s => new StatePair(s.Name, s.Output, $"[{string.Join(", ", s.Shape)}]"))], notes));
        }

        foreach (var tensor in tensors)
        {
            if (tensor.Error is { } error) model.Metadata["quantization-error:" + tensor.Name] = error.ToString("G4", CultureInfo.InvariantCulture);
        }

        progress?.Report(new ConversionProgress("checking", 0.9));
        var file = SeqWriter.ToArray(model);
        Check(file, graphs);
        progress?.Report(new ConversionProgress("done", 1));
        return new ConversionResult(model, file, converted, tensors);
    }

    private static (SeqModelBuilder Model, List<ConvertedTensor> Tensors) Lower(List<IrGraph> graphs, ConversionOptions options, HashSet<string> kept)
    {
        var model = new SeqModelBuilder();
        var tensors = new List<ConvertedTensor>();
        foreach (var graph in graphs) GraphLowering.Lower(graph, model, options, kept, tensors);
        return (model, tensors);
    }

    /// <summary>Loads what was made and plans a session of each graph: what this converter hands out runs.</summary>
    private static void Check(byte[] file, List<IrGraph> graphs)
    {
        try
        {
            using var loaded = SeqModel.Load(file, new SeqModelOptions { VerifyChecksums = false });
            foreach (var graph in graphs)
            {
                var options = new SeqSessionOptions { MemoryLimitBytes = long.MaxValue };
                foreach (var symbol in graph.Symbols()) options.MaxSizes[symbol] = graph.Probes[^1];
                _ = loaded.GetSessionMemoryBytes(graph.Name, options);
            }
        }
        catch (Exception fault) when (fault is ArgumentException or SeqFormatException or ArithmeticException)
        {
            throw new ConversionException($"the converted model does not run: {fault.Message}", fault);
        }
    }

    private static IrGraph Resolve(string path, string name, ConversionOptions options, Unused unused, List<string> notes, Action<string, double> stage, out int sourceNodes)
    {
        try
        {
            var raw = OnnxReader.Read(path, name, notes);
            sourceNodes = raw.Nodes.Count;
            Bindings.Apply(raw, options, unused, path);
            StatePairing.Apply(raw, options, unused, notes);
            stage("resolving shapes", 0.2);
            var graph = SizeProbes.Resolve(raw, notes, out var sized);
            if (options.AutoStates && StatePairing.Find(graph, notes) is { Count: > 0 } pairs)
            {
                foreach (var (input, output, how) in pairs) StatePairing.Pair(sized, input, output, notes, how);
                graph = SizeProbes.Resolve(sized, notes, out sized);
            }

            if (!StatePairing.Fits(graph) && StatePairing.FixBatch(sized, notes)) graph = SizeProbes.Resolve(sized, notes, out _);

            StatePairing.Check(graph);
            stage("simplifying", 0.5);
            Passes.Run(graph);
            return graph;
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
        catch (Exception fault) when (fault is ArgumentException or ArithmeticException or IndexOutOfRangeException or InvalidOperationException or KeyNotFoundException or SeqFormatException)
        {
            throw new ConversionException($"{path}: the model is damaged: {fault.Message}", fault);
        }
    }

    private static byte[] Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return SHA256.HashData(stream);
    }
}
