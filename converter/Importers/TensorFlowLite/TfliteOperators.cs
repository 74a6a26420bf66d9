namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>All operators that can be written as nodes.</summary>
internal sealed class TfliteOperators
{
    /// <summary>Fixed parts of names that TensorFlow's own operators have in a TensorFlow Lite file.</summary>
    private const string Flex = "Flex";

    private const int MostNamed = 3;

    private readonly Dictionary<string, Action<TfliteCall>> _all = [];

    public TfliteOperators()
    {
        foreach (var table in (Dictionary<string, Func<TfliteCall, string>>[])[TfliteElementwise.All, TfliteShaping.All, TfliteReductions.All, TfliteProducts.All, TfliteSpatial.All, TfliteSpectral.All, TfliteAudio.All])
        {
            foreach (var (name, write) in table) _all[name] = call => call.Set(0, write(call));
        }

        foreach (var table in (Dictionary<string, Action<TfliteCall>>[])[TfliteParts.All, TfliteRecurrent.All, TfliteTensorLists.All, new TfliteControl(this).All])
        {
            foreach (var (name, write) in table) _all[name] = write;
        }
    }

    /// <summary>Their names.</summary>
    public IReadOnlyCollection<string> Names => _all.Keys;

    /// <summary>Writes an operator's nodes.</summary>
    public void Write(TfliteCall call)
    {
        call.Graph.Scope = call.Name;
        if (Enumerable.Range(0, call.Inputs).Any(i => call.Has(i) && call.Tensor(i).Type == TfliteType.Complex64) && !TfliteSpectral.TakeComplex.Contains(call.Op)) throw call.Fault("complex values are not supported in it");
        _all[call.Op](call);
        TfliteActivations.Limit(call);
        for (var i = 0; i < call.Outputs; i++) call.Scope.Context.Notes.Value(call.Result(i));
    }

    /// <summary>Refuses all operators that cannot be written, together.</summary>
    public void Check(TfliteModel model)
    {
        var unknown = model.Subgraphs.SelectMany(graph => graph.Operators.Where(op => !IsKnown(op)).Select(op => (Name: op.IsCustom ? $"{(op.Name.StartsWith(Flex, StringComparison.Ordinal) ? "TensorFlow's" : "the custom")} {op.Name}" : op.Name, At: NameOf(graph, op)))).ToList();
        if (unknown.Count == 0) return;
        var list = unknown.GroupBy(op => op.Name).Select(group => $"{group.Key} ({string.Join(", ", group.Take(MostNamed).Select(op => $"'{op.At}'"))}{(group.Count() > MostNamed ? $" and {group.Count() - MostNamed} more" : "")})");
        throw new ConversionException($"{model.Path}: these operators are not supported: {string.Join(", ", list)}. If the original model is there, convert it to ONNX, python -m tf2onnx.convert --saved-model FOLDER --output {Path.GetFileNameWithoutExtension(model.Path)}.onnx, and convert that.");
    }

    /// <summary>Whether it can be written. A custom operator may have the name of another one.</summary>
    private bool IsKnown(TfliteOperator op) => op.IsCustom ? TfliteTensorLists.All.ContainsKey(op.Name) || TfliteAudio.All.ContainsKey(op.Name) : _all.ContainsKey(op.Name);

    private static string NameOf(TfliteSubgraph graph, TfliteOperator op) => op.Outputs is [var first, ..] ? TfliteNotes.Clean(graph.Tensors[first].Name, op.Name) : op.Name;
}
