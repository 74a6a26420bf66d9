using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Tells files of Keras 1, whose layers, settings and weights are others.</summary>
internal static partial class Keras1
{
    private static readonly HashSet<string> s_layers = ["Highway", "MaxoutDense", "Merge", "TimeDistributedDense", "Convolution1D", "AtrousConvolution1D"];
    private static readonly HashSet<string> s_settings = ["output_dim", "inner_activation", "nb_filter", "nb_feature", "dropout_W", "dropout_U", "W_regularizer", "consume_less"];

    /// <exception cref="ConversionException">The model was saved by Keras 1.</exception>
    public static void Refuse(string path, JsonElement model, string? version, HdfFile file)
    {
        var signs = new List<string>();
        foreach (var layer in Layers(model))
        {
            var kind = Json.TextOf(Json.Optional(layer, "class_name")) ?? "";
            if (s_layers.Contains(kind)) signs.Add(kind);
            // An embedding has an output_dim in all versions.
            else if (kind != "Embedding" && Json.Optional(layer, "config") is { ValueKind: JsonValueKind.Object } config && config.EnumerateObject().Select(m => m.Name).FirstOrDefault(s_settings.Contains) is { } setting) signs.Add($"{kind} with '{setting}'");
        }

        var weight = file.Tensors.Keys.FirstOrDefault(name => Weight().IsMatch(name));
        var isOld = version is not null && int.TryParse(version.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) && major < 2;
        if (!isOld && (version is not null || (signs.Count == 0 && weight is null))) return;
        var named = string.Join(", ", signs.Distinct().Take(6).Append(weight is null ? null : $"the weight '{weight}'").OfType<string>());
        throw new ConversionException($"{path}: this model was saved by Keras 1{(isOld ? $" ({version})" : "")}, which is not supported: its layers and the names of its weights are others{(named.Length > 0 ? $" ({named})" : "")}. Load it with Keras 2.0 to 2.2, which still read Keras 1, and save it again (model.save(\"model.h5\")).");
    }

    private static IEnumerable<JsonElement> Layers(JsonElement model)
    {
        var config = Json.Optional(model, "config") ?? default;
        var layers = config.ValueKind == JsonValueKind.Array ? config : Json.Optional(config, "layers") ?? default;
        return layers.ValueKind == JsonValueKind.Array ? layers.EnumerateArray().Where(l => l.ValueKind == JsonValueKind.Object) : [];
    }

    /// <summary>Separate arrays for each gate, or W and b of a layer.</summary>
    [GeneratedRegex("(^|/)[^/]+_([WUb]_[a-z]|W|U|b)$")]
    private static partial Regex Weight();
}
