using System.Globalization;
using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Weights;

/// <summary>
/// The numbered variables of Keras 3's weight files (<c>layers/lstm/cell/vars/0</c>): folders that are named after a layer's class, and which
/// weight each number is.
/// </summary>
internal static partial class KerasVariables
{
    private const string Kernel = "kernel", Bias = "bias";

    private static readonly string[] s_cell = [Kernel, "recurrent_kernel", Bias];
    private static readonly string[] s_plain = [Kernel, Bias];
    private static readonly string[] s_separable = ["depthwise_kernel", "pointwise_kernel", Bias];
    private static readonly string[] s_moments = ["mean", "variance", "count"];

    /// <summary>Whether a tensor's name is a number in a folder of variables. The folder is empty for variables of the model itself.</summary>
    public static (string Folder, int Number)? Split(string name) =>
        Place().Match(name) is { Success: true } place && int.TryParse(place.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (place.Groups[1].Value, number) : null;

    /// <summary>A class as Keras writes it in a folder's name: <c>SimpleRNN</c> is <c>simple_rnn</c>.</summary>
    public static string FolderOf(string kind) => Hump().Replace(Word().Replace(NotWord().Replace(kind, ""), "$1_$2"), "$1_$2").ToLowerInvariant();

    /// <summary>A folder's name without its counter: <c>lstm_1</c> is <c>lstm</c>.</summary>
    public static (string Kind, int Count) Counted(string folder) =>
        Counter().Match(folder) is { Success: true } counted && int.TryParse(counted.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? (counted.Groups[1].Value, count) : (folder, 0);

    /// <summary>Names of a layer's variables in the order of their numbers. Null if they are unknown.</summary>
    /// <param name="kind">The layer's class as in a folder's name.</param>
    /// <param name="setting">Value of a setting of the layer, from its value if it is not given. Null if nothing is known of the layer.</param>
    /// <param name="given">How many variables there are.</param>
    public static IReadOnlyList<string>? Of(string kind, Func<string, bool, bool>? setting, int given)
    {
        bool Is(string name, bool otherwise) => setting!(name, otherwise);
        string[] Taken(string[] all) => setting is null ? all[..Math.Min(all.Length, given)] : Is("use_bias", true) ? all : all[..^1];
        return kind switch
        {
            "lstm" or "gru" or "simple_rnn" or "cell" or "lstm_cell" or "gru_cell" or "simple_rnn_cell" or "conv_lstm1d" or "conv_lstm2d" or "conv_lstm3d" => Taken(s_cell),
            "dense" or "einsum_dense" or "conv1d" or "conv2d" or "conv3d" or "conv1d_transpose" or "conv2d_transpose" or "conv3d_transpose" or "locally_connected1d" or "locally_connected2d" => Taken(s_plain),
            "depthwise_conv1d" or "depthwise_conv2d" => Taken(["depthwise_kernel", Bias]),
            "separable_conv1d" or "separable_conv2d" => Taken(s_separable),
            "embedding" => ["embeddings"],
            "p_re_lu" => ["alpha"],
            "rms_normalization" or "additive_attention" => setting is null || Is("use_scale", true) ? ["scale"] : [],
            "attention" when setting is not null => [.. Is("use_scale", false) ? ["scale"] : Array.Empty<string>(), .. Is("score_mode=concat", false) ? ["concat_score_weight"] : Array.Empty<string>()],
            "normalization" => s_moments,
            "layer_normalization" or "group_normalization" => Scaled(given, setting is null ? null : Is("scale", true) || Is("rms_scaling", false), setting is null ? null : Is("center", true) && !Is("rms_scaling", false), []),
            "batch_normalization" => Scaled(given, setting is null ? null : Is("scale", true), setting is null ? null : Is("center", true), ["moving_mean", "moving_variance"]),
            _ => null,
        };
    }

    /// <summary>gamma, beta and the moments. Without settings, the number of variables tells whether there are both, or none of them.</summary>
    private static string[]? Scaled(int given, bool? hasScale, bool? hasCenter, string[] moments)
    {
        if (hasScale is null)
        {
            if (given != moments.Length && given != moments.Length + 2) return null;
            hasScale = hasCenter = given > moments.Length;
        }

        return [.. hasScale == true ? ["gamma"] : Array.Empty<string>(), .. hasCenter == true ? ["beta"] : Array.Empty<string>(), .. moments];
    }

    [GeneratedRegex("^(?:(.+)/)?vars/([0-9]{1,6})$")]
    private static partial Regex Place();

    [GeneratedRegex("^(.+?)_([1-9][0-9]{0,5})$")]
    private static partial Regex Counter();

    [GeneratedRegex(@"\W+")]
    private static partial Regex NotWord();

    [GeneratedRegex("(.)([A-Z][a-z]+)")]
    private static partial Regex Word();

    [GeneratedRegex("([a-z])([A-Z])")]
    private static partial Regex Hump();
}
