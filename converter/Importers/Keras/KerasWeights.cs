using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Weights of a Keras file: found by layer and name, or all of them under PyTorch's names for a description.</summary>
internal sealed class KerasWeights(HdfFile file)
{
    private const string Root = "model_weights/";

    private readonly List<(string[] Path, IrTensor Tensor)> _all =
        [.. file.Tensors.Where(t => !t.Key.StartsWith("optimizer_weights/", StringComparison.Ordinal)).Select(t => (Segments(t.Key), t.Value))];

    /// <summary>A weight of a layer, or null.</summary>
    /// <param name="layer">The layer's name.</param>
    /// <param name="part">What a group between layer and weight begins with: <c>forward_</c>, <c>query</c> …; empty for any.</param>
    /// <param name="weight">Name of the weight.</param>
    public IrTensor? Find(string layer, string part, string weight)
    {
        foreach (var (path, tensor) in _all)
        {
            if (path[0] == layer && path[^1] == weight && (part.Length == 0 || path[1..^1].Any(s => s.StartsWith(part, StringComparison.Ordinal)))) return tensor;
        }

        return null;
    }

    /// <summary>
    /// Every weight under the names that a description's layers look for: a group's <c>kernel</c>, <c>recurrent_kernel</c> and
    /// <c>bias</c> as <c>weight_ih_l0</c>, <c>weight_hh_l0</c>, <c>bias_ih_l0</c>, a dense kernel as <c>weight</c>, <c>gamma</c> and
    /// <c>beta</c> as <c>weight</c> and <c>bias</c>. The prefix is the group, which Keras names twice, once.
    /// </summary>
    public Dictionary<string, IrTensor> ByPyTorchNames()
    {
        var named = new Dictionary<string, IrTensor>(StringComparer.Ordinal);
        foreach (var group in _all.GroupBy(w => Prefix(w.Path)))
        {
            var weights = group.GroupBy(w => w.Path[^1]).ToDictionary(w => w.Key, w => w.First().Tensor);
            foreach (var (name, tensor) in Rename(weights)) named[group.Key.Length == 0 ? name : $"{group.Key}.{name}"] = tensor;
        }

        return named;
    }

    private static IEnumerable<(string Name, IrTensor Tensor)> Rename(Dictionary<string, IrTensor> weights)
    {
        var gates = weights.TryGetValue("recurrent_kernel", out var recurrent) && recurrent.Shape is [> 0, _] ? recurrent.Shape[1] / recurrent.Shape[0] : 0;
        foreach (var (name, tensor) in weights)
        {
            switch (name)
            {
                case "kernel" when gates > 0 && tensor.Shape.Length == 2: yield return ("weight_ih_l0", Rows(GraphComposer.Transposed(tensor), gates)); break;
                case "recurrent_kernel" when gates > 0: yield return ("weight_hh_l0", Rows(GraphComposer.Transposed(tensor), gates)); break;
                case "bias" when gates > 0 && tensor.Shape is [2, var width]:
                    yield return ("bias_ih_l0", Rows(IrTensor.Of<float>([width], tensor.Floats[..width]), gates));
                    yield return ("bias_hh_l0", Rows(IrTensor.Of<float>([width], tensor.Floats[width..]), gates));
                    break;
                case "bias" when gates > 0: yield return ("bias_ih_l0", Rows(tensor, gates)); break;
                case "kernel" when tensor.Shape.Length == 2: yield return ("weight", GraphComposer.Transposed(tensor)); break;
                case "kernel" when tensor.Shape.Length == 3: yield return ("weight", ConvKernel(tensor)); break;
                case "embeddings" or "gamma": yield return ("weight", tensor); break;
                case "beta": yield return ("bias", tensor); break;
                case "moving_mean": yield return ("running_mean", tensor); break;
                case "moving_variance": yield return ("running_var", tensor); break;
                default: yield return (name, tensor); break;
            }
        }
    }

    /// <summary>[taps, inputs, outputs] to [outputs, inputs, taps].</summary>
    public static IrTensor ConvKernel(IrTensor kernel)
    {
        var (taps, inputs, outputs) = (kernel.Shape[0], kernel.Shape[1], kernel.Shape[2]);
        var from = kernel.Floats;
        var to = new float[from.Length];
        for (var k = 0; k < taps; k++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var o = 0; o < outputs; o++) to[(o * inputs + i) * taps + k] = from[(k * inputs + i) * outputs + o];
            }
        }

        return IrTensor.Of<float>([outputs, inputs, taps], to);
    }

    /// <summary>A GRU's gates z r h as PyTorch's r z n; an LSTM's i f c o are PyTorch's.</summary>
    private static IrTensor Rows(IrTensor rows, int gates)
    {
        if (gates != 3) return rows;
        var from = rows.Floats;
        var gate = from.Length / 3;
        float[] to = [.. from.Slice(gate, gate), .. from[..gate], .. from[(2 * gate)..]];
        return IrTensor.Of<float>(rows.Shape, to);
    }

    private static string Prefix(string[] path) => string.Join('/', path.Length > 2 && path[0] == path[1] ? path[1..^1] : path[..^1]);

    private static string[] Segments(string path)
    {
        var segments = (path.StartsWith(Root, StringComparison.Ordinal) ? path[Root.Length..] : path).Split('/');
        var last = segments[^1];
        segments[^1] = last.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? last[..colon] : last;
        return segments;
    }
}
