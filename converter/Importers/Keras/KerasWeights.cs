using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Finds weights of a whole Keras model by layer and name.</summary>
internal sealed class KerasWeights(HdfFile file, string path)
{
    private readonly WeightSet _weights = new(path, file.Tensors.Values);
    private readonly ILookup<(string Layer, string Weight), KerasPath> _paths = file.Tensors.Keys.Where(name => !KerasPath.IsOfTraining(name)).Select(name => new KerasPath(name)).ToLookup(p => (p.Layer, p.Weight));

    /// <summary>A weight of a layer. Null if there is none.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="part">Prefix of a group between layer and weight: <c>forward_</c>, <c>query</c> …. Empty for any.</param>
    /// <param name="weight">Name of the weight.</param>
    public IrTensor? Find(KerasLayer layer, string part, string weight)
    {
        if (All(layer, part, weight) is not { Count: > 0 } found)
        {
            var other = file.Others.FirstOrDefault(name => new KerasPath(name) is var path && path.Layer == layer.WeightsOf && path.Weight == weight && path.IsIn(part));
            return other is null ? null : throw layer.Fault($"its weight '{weight}' ('{other}') has elements that are neither floats of 2, 4 or 8 bytes nor integers; save it as float32");
        }

        if (found.Count > 1) throw layer.Fault($"the file has {found.Count} weights '{weight}' for it: {string.Join(", ", found.Select(p => $"'{p.Name}'"))}");
        var tensor = _weights.Read(found[0].Name)!;
        return tensor.Type == ElementType.Float32 ? tensor : throw layer.Fault($"its weight '{weight}' holds integers ({tensor.Type.Name()}) like quantized weights, and their scale is unknown; save the model before quantization (--weights int8 quantizes it here)");
    }

    /// <summary>A weight's name in the file without repeated parts: <c>lstm/lstm_cell/kernel</c>.</summary>
    public string NameOf(KerasLayer layer, string part, string weight) => All(layer, part, weight) is [var path, ..] ? string.Join('/', [path.Layer, .. path.Groups, path.Weight]) : $"{layer.WeightsOf}/{weight}";

    /// <summary>Whether the file has a weight of a layer.</summary>
    public bool Has(KerasLayer layer, string part, string weight) => All(layer, part, weight).Count > 0;

    /// <summary>The weights that no layer has read.</summary>
    public List<UnusedWeight> Unused() => _weights.Unused();

    private List<KerasPath> All(KerasLayer layer, string part, string weight) => [.. _paths[(layer.WeightsOf, weight)].Where(p => p.IsIn(part))];
}
