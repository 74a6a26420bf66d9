using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>Reads what the converter noted in a file's metadata about quantization, one entry a tensor.</summary>
internal static class QuantizationErrors
{
    private const string Prefix = "quantization-error:";

    /// <summary>Whether an entry is shown with a tensor rather than by itself.</summary>
    public static bool IsOne(string key) => key.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Relative root-mean-square error of a tensor's quantization; null where it was not quantized.</summary>
    public static double? Of(IReadOnlyDictionary<string, string> metadata, string tensor) =>
        metadata.TryGetValue(Prefix + tensor, out var text) && double.TryParse(text, CultureInfo.InvariantCulture, out var error) ? error : null;
}
