using System.Globalization;

namespace SeqRuntime.Converter.Quantization;

/// <summary>The quantization errors in a file's metadata, by tensor index: <c>1:0.0046 4:0.0067</c>.</summary>
internal static class QuantizationErrors
{
    private const string Key = "quantization-errors";

    /// <summary>Older files have one entry for each tensor name.</summary>
    private const string Prefix = "quantization-error:";

    public static void Note(Dictionary<string, string> metadata, IReadOnlyList<ConvertedTensor> tensors)
    {
        var errors = tensors.Index().Where(t => t.Item.Error is not null).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Index}:{t.Item.Error:G3}")).ToList();
        if (errors.Count > 0) metadata[Key] = string.Join(' ', errors);
    }

    /// <summary>Whether a metadata entry holds quantization errors. Those are shown with the tensors, not as metadata.</summary>
    public static bool IsOne(string key) => key == Key || key.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Finds the relative root-mean-square error of a tensor by its index and name; null if the tensor is not quantized.</summary>
    public static Func<int, string, double?> Read(IReadOnlyDictionary<string, string> metadata)
    {
        var errors = new Dictionary<int, double>();
        foreach (var entry in metadata.GetValueOrDefault(Key, "").Split(' '))
        {
            if (entry.Split(':') is [var place, var error] && int.TryParse(place, CultureInfo.InvariantCulture, out var index) && double.TryParse(error, CultureInfo.InvariantCulture, out var value)) errors[index] = value;
        }

        return (place, name) => errors.TryGetValue(place, out var error) || (metadata.TryGetValue(Prefix + name, out var text) && double.TryParse(text, CultureInfo.InvariantCulture, out error)) ? error : null;
    }
}
