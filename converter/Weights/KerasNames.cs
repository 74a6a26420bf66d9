using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>
/// Renames the weights of a Keras file to the names that a description's layers look for, transposed and in PyTorch's gate order. A group's
/// <c>kernel</c>, <c>recurrent_kernel</c> and <c>bias</c> become <c>weight_ih_l0</c>, <c>weight_hh_l0</c>, <c>bias_ih_l0</c> (and
/// <c>bias_hh_l0</c>), with <c>_reverse</c> in a backward layer. A dense kernel becomes <c>weight</c>; <c>gamma</c> and <c>beta</c> become
/// <c>weight</c> and <c>bias</c>.
/// </summary>
/// <remarks>
/// The prefix is the layer's name, independent of how the Keras version nests its cells. The path that TensorFlow's Keras 2 writes, such as
/// <c>lstm/lstm_cell</c>, becomes a second name. Keras 3's weight files name folders after classes, and number the weights
/// (<see cref="KerasNumbers"/>).
/// </remarks>
internal static class KerasNames
{
    private const string Backward = "backward_";

    public static WeightSet Read(HdfFile file, string path)
    {
        var numbered = KerasNumbers.Names(file);
        var named = new Dictionary<string, (IrTensor Value, ElementType Stored)>(StringComparer.Ordinal);
        var aliases = new List<(string Name, string Of)>();
        foreach (var group in file.Tensors.Where(t => !KerasPath.IsOfTraining(t.Key)).Select(t => (Path: new KerasPath(t.Key, numbered.GetValueOrDefault(t.Key)), t.Value.Value)).GroupBy(t => string.Join('/', t.Path.Segments[..^1])))
        {
            var place = group.First().Path;
            var isBackward = place.Groups.Any(g => g.StartsWith(Backward, StringComparison.Ordinal));
            var prefix = string.Join('/', [place.Layer, .. place.Groups.Where(g => !IsCellOrDirection(g))]);
            var whole = string.Join('/', place.Segments is [var first, var second, .., _] && first == second ? place.Segments[1..^1] : place.Segments[..^1]);
            if (group.GroupBy(w => w.Path.Weight).FirstOrDefault(w => w.Count() > 1) is { } twice) throw new ConversionException($"{path}: '{group.Key}' has two weights named '{twice.Key}'.");
            foreach (var (name, value, stored) in Rename(group.ToDictionary(w => w.Path.Weight, w => w.Value)))
            {
                var own = isBackward && name.EndsWith("_l0", StringComparison.Ordinal) ? name + "_reverse" : name;
                var full = place.Segments.Length == 1 ? own : $"{prefix}.{own}";
                if (!named.TryAdd(full, (value, stored))) full = $"{whole}.{name}";
                named[full] = (value, stored);
                aliases.Add(($"{whole}.{name}", full));
            }
        }

        var set = new WeightSet(path, [.. named.Select(n => new WeightTensor(n.Key, n.Value.Value) { Stored = n.Value.Stored }), .. file.Tensors.Values.Where(t => KerasPath.IsOfTraining(t.Name))]) { IsKeras = true };
        foreach (var (name, of) in aliases) set.Alias(name, of);
        return set;
    }

    private static bool IsCellOrDirection(string group) =>
        group == "cell" || group.Contains("_cell", StringComparison.Ordinal) || group.StartsWith("forward_", StringComparison.Ordinal) || group.StartsWith(Backward, StringComparison.Ordinal);

    /// <summary>A group's weights with their new names and their types in the file.</summary>
    private static IEnumerable<(string Name, IrTensor Tensor, ElementType Stored)> Rename(Dictionary<string, IrTensor> weights)
    {
        foreach (var (of, name, tensor) in Renamed(weights)) yield return (name, tensor, weights[of].Type);
    }

    private static IEnumerable<(string Of, string Name, IrTensor Tensor)> Renamed(Dictionary<string, IrTensor> weights)
    {
        var gates = weights.TryGetValue("recurrent_kernel", out var recurrent) && recurrent.Shape is [> 0, _] ? recurrent.Shape[1] / recurrent.Shape[0] : 0;
        // CuDNN's layers have two biases in one vector.
        var isCudnn = gates is 3 or 4 && weights.TryGetValue("bias", out var both) && both.Shape.Length == 1 && both.Count == 2 * recurrent!.Shape[1];
        foreach (var (name, given) in weights)
        {
            var tensor = given.Type == ElementType.Float32 ? given : IrTensor.Of<float>(given.Shape, given.ToFloats());
            switch (name)
            {
                case "kernel" when gates > 0 && tensor.Shape.Length == 2: yield return (name, "weight_ih_l0", GateOrder.OfKeras((isCudnn ? KerasKernels.FromCudnn(tensor, gates) : tensor).Transposed(), gates)); break;
                case "recurrent_kernel" when gates > 0: yield return (name, "weight_hh_l0", GateOrder.OfKeras((isCudnn ? KerasKernels.FromCudnn(tensor, gates) : tensor).Transposed(), gates)); break;
                case "bias" when gates > 0 && (isCudnn || tensor.Shape is [2, _]):
                    var width = tensor.Count / 2;
                    yield return (name, "bias_ih_l0", GateOrder.OfKeras(IrTensor.Of<float>([width], tensor.Floats[..width]), gates));
                    yield return (name, "bias_hh_l0", GateOrder.OfKeras(IrTensor.Of<float>([width], tensor.Floats[width..]), gates));
                    break;
                case "bias" when gates > 0: yield return (name, "bias_ih_l0", GateOrder.OfKeras(tensor, gates)); break;
                case "kernel" when tensor.Shape.Length == 2: yield return (name, "weight", tensor.Transposed()); break;
                case "kernel" when tensor.Shape.Length == 3: yield return (name, "weight", KerasKernels.ConvKernel(tensor)); break;
                case "embeddings" or "gamma": yield return (name, "weight", tensor); break;
                case "beta": yield return (name, "bias", tensor); break;
                case "moving_mean": yield return (name, "running_mean", tensor); break;
                case "moving_variance": yield return (name, "running_var", tensor); break;
                default: yield return (name, name, given); break;
            }
        }
    }
}
