using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Reads a TensorFlow Lite model: each signature becomes a graph, or the first subgraph if there are none.</summary>
internal sealed class TfliteReader
{
    private readonly TfliteModel _model;
    private readonly TfliteOperators _operators = new();
    private readonly Budget _budget = new();
    private readonly List<string> _notes;

    private TfliteReader(TfliteModel model, long bytes, List<string> notes)
    {
        (_model, _notes) = (model, notes);
        _budget.Holds(bytes, model.Subgraphs.Sum(graph => graph.Operators.Length));
    }

    /// <exception cref="ConversionException">The file is damaged, or has unsupported operators; the message names all of these.</exception>
    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        var model = TfliteFile.Read(content, path);
        try
        {
            return new TfliteReader(model, content.Length, notes).Model(name);
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
    }

    private ImportedModel Model(string name)
    {
        _operators.Check(_model);
        var signatures = _model.Signatures.DistinctBy(s => s.Subgraph).ToList();
        List<IrGraph> graphs = signatures.Count < 2
            ? [Graph(name, _model.Subgraphs[signatures.FirstOrDefault()?.Subgraph ?? 0], signatures.FirstOrDefault())]
            : signatures.ConvertAll(signature => Graph(signature.Key.Length > 0 ? signature.Key : name, _model.Subgraphs[signature.Subgraph], signature));
        if (graphs.Count > 1) _notes.Add($"{name}: each signature of the file is a graph: {string.Join(", ", graphs.Select(g => $"'{g.Name}'"))}{(graphs.Exists(g => g.States.Count > 0) ? ". Each has its own states" : "")}");
        _notes.AddRange(_model.Notes);
        var unused = TfliteLeftovers.Of(_model);
        if (UnusedWeights.Note(unused, " (none of the file's operators reads them, so TensorFlow Lite does not use them either)") is { } note) _notes.Add(note);
        return new ImportedModel(graphs) { Unused = unused };
    }

    private IrGraph Graph(string name, TfliteSubgraph subgraph, TfliteSignature? signature)
    {
        var notes = new TfliteNotes();
        var context = new TfliteContext(_model, subgraph, _budget, notes);
        var composer = context.Composer(name);
        var scope = new TfliteScope(context, subgraph, composer);
        var (graph, sizes, taken) = (composer.Graph, new OpenSizes(), new HashSet<string>());
        foreach (var index in subgraph.Inputs)
        {
            var tensor = subgraph.Tensors[index];
            var port = Named(signature?.Inputs, index, tensor, taken, $"input_{index}");
            var value = graph.Fresh(port);
            IrDim[] shape = [.. tensor.Shape.Select((size, axis) => tensor.Signature.Length > 0 && tensor.Signature[axis] < 0 ? new IrDim(-1, sizes.Symbol(port, axis)) : new IrDim(size, null))];
            graph.Inputs.Add(new IrPort(port, value, tensor.Element, shape));
            notes.Port("input", port, tensor);
            scope.Set(index, value);
        }

        scope.Run(_operators);
        var outputs = scope.Outputs();
        var carriers = graph.Inputs.Select(i => i.Value).Concat(graph.States.Select(s => s.Value)).ToHashSet();
        taken.Clear();
        for (var i = 0; i < outputs.Length; i++)
        {
            var tensor = subgraph.Tensors[subgraph.Outputs[i]];
            var port = Named(signature?.Outputs, subgraph.Outputs[i], tensor, taken, $"output_{i}");
            if (TfliteVariables.IsHandle(outputs[i]) || tensor.Element == 0) throw new ConversionException($"output '{port}' is {TfliteConstants.NameOf(tensor.Type)}, which is not supported");
            var value = carriers.Contains(outputs[i]) || graph.ConstantOf(outputs[i]) is not null ? composer.Op("Identity", [outputs[i]]) : outputs[i];
            graph.Outputs.Add(new IrPort(port, value, 0, []));
            notes.Port("output", port, tensor);
        }

        context.Variables.Finish(graph);
        graph.Stepped.UnionWith(notes.Stepped);
        Constants.Check(graph);
        _notes.AddRange(notes.All(name));
        if (graph.States.Count > 0) _notes.Add($"{name}: {graph.States.Count} tensors keep their values from run to run, as in TensorFlow Lite: reset the states before each new sequence");
        return graph;
    }

    /// <summary>The signature's name of a tensor, or else the tensor's own.</summary>
    private static string Named(IReadOnlyList<(string Name, int Tensor)>? names, int index, TfliteTensor tensor, HashSet<string> taken, string otherwise)
    {
        var given = names?.FirstOrDefault(n => n.Tensor == index && n.Name.Length > 0).Name?.Replace('~', '-') ?? TfliteNotes.Clean(tensor.Name, otherwise);
        var name = given;
        for (var i = 2; !taken.Add(name); i++) name = $"{given}#{i}";
        return name;
    }
}
