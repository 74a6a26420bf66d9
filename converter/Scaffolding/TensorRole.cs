using System.Globalization;
using System.Text.RegularExpressions;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>What a tensor's name tells: its module, and its role there in PyTorch's words (<c>weight</c>, <c>bias</c>, <c>weight_ih_l0</c>).</summary>
/// <param name="Tensor">The tensor.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Module">The name of the module. Empty for a tensor of the outermost.</param>
/// <param name="Role">The role.</param>
internal sealed partial record TensorRole(WeightTensor Tensor, IReadOnlyList<int> Shape, string Module, string Role)
{
    private static readonly HashSet<string> s_leaves = new(["weight", "bias", "running_mean", "running_var", "num_batches_tracked", "in_proj_weight", "in_proj_bias"], StringComparer.Ordinal);

    /// <summary>The name of a CRF's scores of one label after another, which no layer computes with.</summary>
    public const string Transitions = "transitions";

    /// <summary>Matrices that are no layer's: filters of spectrograms, masks, frequencies of positions.</summary>
    private static readonly HashSet<string> s_buffers = new(["fb", "dct_mat", "tril", "mask", "attn_mask", "causal_mask", "inv_freq", "freqs_cos", "freqs_sin", "freqs_cis", "cos_cached", "sin_cached", Transitions], StringComparer.Ordinal);

    /// <summary>Whether a description finds the tensor by its module's name alone.</summary>
    public bool IsPlain => Tensor.Name == (Module.Length == 0 ? Role : $"{Module}.{Role}");

    public static TensorRole Of(WeightTensor tensor, IReadOnlyList<int> shape)
    {
        var name = tensor.Name;
        if (Recurrent().Match(name) is { Success: true } found)
        {
            var kind = found.Groups["kind"].ValueSpan[0] is 'b' or 'B' ? "bias" : "weight";
            var layer = found.Groups["layer"].Success ? $"_l{found.Groups["layer"].Value}" : "";
            return new(tensor, shape, found.Groups["module"].Value, $"{kind}_{found.Groups["part"].Value.ToLower(CultureInfo.InvariantCulture)}{layer}{found.Groups["back"].Value}");
        }

        var cut = name.AsSpan().LastIndexOfAny('.', '/');
        if (s_leaves.Contains(name[(cut + 1)..])) return new(tensor, shape, cut < 0 ? "" : name[..cut], name[(cut + 1)..]);
        // Norms that a program wrote itself.
        if (cut >= 0 && name[(cut + 1)..] is "gamma" or "beta") return new(tensor, shape, name[..cut], name[cut + 1] == 'g' ? "weight" : "bias");
        // fc_w and fc_b, fc.w, fc_weight.
        if (Short().Match(name) is { Success: true } own) return new(tensor, shape, own.Groups["module"].Value, own.Groups["kind"].ValueSpan[0] is 'b' or 'B' ? "bias" : "weight");
        // A matrix without such a name, like an embedding's; others may be anything, such as a buffer.
        return new(tensor, shape, name, shape.Count == 2 && !s_buffers.Contains(name[(cut + 1)..]) ? "weight" : "");
    }

    [GeneratedRegex(@"^(?:(?<module>.*)[./]|(?<module>.*)_|)(?<kind>weight|bias|w|b)_(?<part>ih|hh|hr)(?:_?l(?<layer>\d{1,3}))?(?<back>_reverse)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Recurrent();

    [GeneratedRegex("^(?<module>.*[^._/])[._/](?<kind>weight|bias|w|b)$", RegexOptions.IgnoreCase)]
    private static partial Regex Short();
}
