using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Finds weights of a whole Keras model by layer and name.</summary>
internal sealed class KerasWeights
{
    private readonly HdfFile _file;
    private readonly KerasFolders? _folders;
    private readonly WeightSet _weights;
    private readonly ILookup<(string Layer, string Weight), KerasPath> _paths;
    private readonly Dictionary<(string Layer, string Part, string Weight), List<(KerasPath Path, IReadOnlyList<string> Groups)>> _found = [];

    /// <param name="file">The weights.</param>
    /// <param name="path">The file's name for messages.</param>
    /// <param name="folders">Names of the file's numbered variables. Null if it has names.</param>
    public KerasWeights(HdfFile file, string path, KerasFolders? folders)
    {
        (_file, _folders, _weights) = (file, folders, new WeightSet(path, file.Tensors.Values));
        _paths = file.Tensors.Keys.Where(name => !KerasPath.IsOfTraining(name)).Select(PathOf).ToLookup(p => (p.Layer, p.Weight));
    }

    /// <summary>A weight of a layer. Null if there is none.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="part">Prefix of a group between layer and weight: <c>forward_</c>, <c>query</c> …. Empty for any.</param>
    /// <param name="weight">Name of the weight.</param>
    public IrTensor? Find(KerasLayer layer, string part, string weight)
    {
        if (_folders?.Faults.GetValueOrDefault(layer.WeightsOf) is { } fault) throw layer.Fault(fault);
        if (All(layer, part, weight) is not { Count: > 0 } found)
        {
            var other = _file.Others.FirstOrDefault(name => PathOf(name) is var path && path.Weight == weight && path.Within(layer.WeightsOf.Split('/')) is { } groups && KerasPath.IsIn(groups, part));
            return other is null ? null : throw layer.Fault($"its weight '{weight}' ('{other}') has elements that are neither floats of 2, 4 or 8 bytes nor integers; save it as float32");
        }

        if (found.Count > 1) throw layer.Fault($"the file has {found.Count} weights '{weight}' for it: {string.Join(", ", found.Select(p => $"'{p.Path.Name}'"))}");
        var tensor = _weights.Read(found[0].Path.Name)!;
        return tensor.Type == ElementType.Float32 ? tensor : throw layer.Fault($"its weight '{weight}' holds integers ({tensor.Type.Name()}) like quantized weights, and their scale is unknown; save the model before quantization (--weights int8 quantizes it here)");
    }

    /// <summary>A weight's name in the file without repeated parts: <c>lstm/lstm_cell/kernel</c>.</summary>
    public string NameOf(KerasLayer layer, string part, string weight) =>
        All(layer, part, weight) is not [var (path, groups), ..] ? $"{layer.WeightsOf}/{weight}"
        : KerasPath.IsIn(groups, part) ? string.Join('/', [layer.WeightsOf, .. groups, path.Weight])
        : string.Join('/', path.Segments.Distinct());

    /// <summary>Whether the file has a weight of a layer.</summary>
    public bool Has(KerasLayer layer, string part, string weight) => All(layer, part, weight).Count > 0;

    /// <summary>The weights that no layer has read.</summary>
    public List<UnusedWeight> Unused() => _weights.Unused();

    private KerasPath PathOf(string name) => new(name, _folders?.Names.GetValueOrDefault(name));

    private List<(KerasPath Path, IReadOnlyList<string> Groups)> All(KerasLayer layer, string part, string weight)
    {
        if (_found.TryGetValue((layer.WeightsOf, part, weight), out var known)) return known;
        var names = layer.WeightsOf.Split('/');
        List<(KerasPath Path, IReadOnlyList<string> Groups)> found = [];
        foreach (var path in _paths[(names[0], weight)])
        {
            if (path.Within(names) is { } groups && (KerasPath.IsIn(groups, part) || path.IsAround(names, part))) found.Add((path, groups));
        }

        return _found[(layer.WeightsOf, part, weight)] = found;
    }
}
