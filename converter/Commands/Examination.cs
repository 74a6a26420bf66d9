using SeqRuntime.Converter.Diagnosing;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary>Gathers what <c>doctor</c> reports.</summary>
internal static class Examination
{
    /// <exception cref="ConversionException">A file cannot be read at all.</exception>
    public static DoctorReport Of(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress = null)
    {
        var found = Diagnosis.Of(sources, options, progress);
        var (graphs, precisions, kept) = (new List<DoctorGraph>(), new List<DoctorPrecision>(), (List<string>?)null);
        if (found is { Prepared: { } prepared, Converted: { } converted })
        {
            using var stored = converted.Stored;
            using var model = stored.Load();
            graphs = [.. prepared.Copy().Graphs.Select((g, i) => Graph(found, g, converted.Graphs[i], model, i))];
            kept = [.. model.Loaded.Graphs.SelectMany(g => g.Nodes).Select(n => n.Name)];
            precisions = [.. WeightKinds.All.Select((storage, i) =>
            {
                progress?.Report(new ConversionProgress($"weights in {storage.Name}", (double)i / WeightKinds.All.Count));
                return Precision(storage.Kind, prepared, found.Options, graphs);
            })];
        }

        return new DoctorReport(
            found.Refusal is null,
            [.. found.Sources.Select(s => Source(s, found, kept))],
            graphs,
            precisions,
            [.. found.Needs.Select(n => new DoctorNeed(CommandText.Added(n.Before, n.After), Plain(n.Why, found.Sources)))],
            found.Converted?.WeightNotes ?? [],
            found.Refusal is { } refusal ? Plain(refusal, found.Sources) : null,
            found.Refusal is null ? CommandText.Convert(sources, found.Options) : found.Sources.FirstOrDefault(s => s.IsOnlyWeights) is { } weights ? CommandText.Scaffold(weights.Path) : null);
    }

    private static DoctorSource Source(SourceDiagnosis source, Diagnosis found, List<string>? kept) => new(
        source.Path,
        source.Kind == FileKind.Hdf5 ? source.IsOnlyWeights ? "weights in HDF5" : "a Keras model in HDF5" : source.Kind.What,
        source.Bytes,
        source.Facts?.Facts ?? [],
        source.Facts?.PartsName ?? "operators",
        OperatorUse.Of(source, found.Unsupported, kept),
        source.Facts?.Weights,
        found.Refusal is null ? [] : [.. source.Graphs.SelectMany(g => g.Inputs.Select(p => Value("input", p)).Concat(g.Outputs.Select(p => Value("output", p))))]);

    private static DoctorValue Value(string role, IrPort port) => new(role, port.Name, port.Type == 0 ? "unknown" : port.Type.Name(), [.. port.Shape.Select(DimensionReport.From)]);

    private static DoctorGraph Graph(Diagnosis found, PreparedGraph prepared, ConvertedGraph converted, SeqModel model, int index)
    {
        var report = Inspection.Graph(model, index, new Dictionary<string, int>(), nodes: false);
        var read = found.Sources.Where(s => s.Path == prepared.Path).SelectMany(s => s.Graphs).FirstOrDefault(g => g.Name == prepared.Graph.Name);
        return new DoctorGraph(
            prepared.Graph.Name,
            report,
            [.. prepared.States.Select(StateReport.From)],
            DimensionBeliefs.Of(prepared.Graph, read, found.Options),
            [.. converted.Sizes.Select(SizeReport.From)],
            model.Loaded.Graphs[index].Nodes.GroupBy(n => n.Kind.ToString()).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count()),
            report.Session.Fault is null ? StepCost.Of(model, index, report.Session.Sizes).MultiplyAccumulates : null,
            prepared.Notes);
    }

    /// <summary>The model with its weights in one storage. The user's choices by name hold.</summary>
    private static DoctorPrecision Precision(WeightKind kind, PreparedModel prepared, ConversionOptions options, List<DoctorGraph> graphs)
    {
        try
        {
            using var converted = Conversion.Store(prepared.Copy(), options with { Weights = kind });
            using var model = converted.Stored.Load();
            var read = graphs.Select((g, i) => (g.Name, Bytes: g.Graph.Session.Fault is null ? StepCost.Of(model, i, g.Graph.Session.Sizes).WeightBytes : 0));
            return new DoctorPrecision(kind.Name(), converted.Stored.Length, read.ToDictionary(r => r.Name, r => r.Bytes), converted.Tensors.Max(t => t.Error), null);
        }
        catch (ConversionException fault)
        {
            return new DoctorPrecision(kind.Name(), null, graphs.ToDictionary(g => g.Name, _ => 0L), null, fault.Message);
        }
    }

    /// <summary>A refusal in one line. The report names its only file already.</summary>
    private static string Plain(ConversionException fault, IReadOnlyList<SourceDiagnosis> sources)
    {
        var message = string.Join(' ', fault.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return sources.Count == 1 && message.StartsWith($"{sources[0].Path}: ", StringComparison.Ordinal) ? message[(sources[0].Path.Length + 2)..] : message;
    }
}
