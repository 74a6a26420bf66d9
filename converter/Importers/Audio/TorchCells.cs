using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>PyTorch's recurrent layers by the names and shapes of their weights: <c>weight_ih_l0</c>, <c>weight_hh_l0</c> and biases, layer after layer.</summary>
internal static class TorchCells
{
    /// <summary>The layers of a stack.</summary>
    /// <param name="weights">The file's tensors.</param>
    /// <param name="prefix">The prefix of their names.</param>
    /// <param name="members">The names after the prefix.</param>
    public static List<RecurrentCells> Stack(WeightSet weights, string prefix, HashSet<string> members)
    {
        if (members.FirstOrDefault(m => m.EndsWith("_reverse", StringComparison.Ordinal)) is { } reverse) throw new ConversionException($"'{prefix}.{reverse}' is of a bidirectional layer, which reads the future and cannot run in a stream; describe the layers (docs/description.md) to run it over whole sequences");
        if (members.FirstOrDefault(m => m.StartsWith("weight_hr", StringComparison.Ordinal)) is { } projection) throw new ConversionException($"'{prefix}.{projection}' is a projection (proj_size), which is not supported here; export the model as ONNX");
        var layers = new List<RecurrentCells>();
        for (var i = 0; ; i++)
        {
            var suffix = members.Contains("weight_ih") ? "" : $"_l{i}";
            if (layers.Count > 0 && (suffix.Length == 0 || !members.Contains("weight_ih" + suffix))) return layers;
            layers.Add(One(weights, prefix, suffix));
        }
    }

    private static RecurrentCells One(WeightSet weights, string prefix, string suffix)
    {
        string Name(string weight) => prefix.Length > 0 ? $"{prefix}.{weight}{suffix}" : weight + suffix;
        IrTensor Need(string weight) => weights.Read(Name(weight)) is not { } tensor ? throw new ConversionException($"the file has no tensor '{Name(weight)}'")
            : tensor.Shape is [> 0, > 0] ? tensor : throw new ConversionException($"the tensor '{Name(weight)}' has the shape [{string.Join(", ", tensor.Shape)}]; it must be a matrix");
        var (w, r) = (Need("weight_ih"), Need("weight_hh"));
        var rows = w.Shape[0];
        if (r.Shape[0] != rows || RecurrentCells.Kind(rows, r.Shape[1]) is not { } op)
            throw new ConversionException($"the tensors '{Name("weight_ih")}' [{string.Join(", ", w.Shape)}] and '{Name("weight_hh")}' [{string.Join(", ", r.Shape)}] are not those of an LSTM (4 gates), a GRU (3) or an RNN (1)");
        IrTensor? Bias(string weight) => weights.Read(Name(weight)) is not { } bias ? null
            : bias.Shape is [var length] && length == rows ? bias : throw new ConversionException($"the tensor '{Name(weight)}' has the shape [{string.Join(", ", bias.Shape)}]; it must be [{rows}]");
        return new RecurrentCells(StateOf(prefix, suffix), op, w, r) { InputBias = Bias("bias_ih"), HiddenBias = Bias("bias_hh") };
    }

    /// <summary>The name of a layer of a stack: the first one has the stack's.</summary>
    private static string StateOf(string prefix, string suffix) => (prefix.Length > 0 ? prefix : "layer") + (suffix is "" or "_l0" ? "" : suffix);
}
