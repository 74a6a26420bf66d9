using System.Globalization;
using System.Security.Cryptography;

namespace SeqRuntime.Converter.Commands;

/// <summary>What a file says about where it comes from: converter, sources with their SHA-256, weight format, measured errors.</summary>
internal static class ConversionMetadata
{
    private const string ErrorPrefix = "quantization-error:";

    public static void AddTo(ConversionResult conversion, IReadOnlyList<(string Graph, string Path)> sources, string weights)
    {
        var metadata = conversion.Model.Metadata;
        metadata["converter"] = $"{SeqConvert.Name} {InfoCommand.Version}";
        metadata["weights"] = weights;
        foreach (var (graph, path) in sources)
        {
            metadata[$"source:{graph}"] = Path.GetFileName(path);
            using var stream = File.OpenRead(path);
            metadata[$"sha256:{graph}"] = Convert.ToHexStringLower(SHA256.HashData(stream));
        }

        foreach (var tensor in conversion.Tensors)
        {
            if (tensor.Error is { } error) metadata[ErrorPrefix + tensor.Name] = error.ToString("G4", CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Whether an entry is shown with a tensor rather than by itself.</summary>
    public static bool IsError(string key) => key.StartsWith(ErrorPrefix, StringComparison.Ordinal);

    /// <summary>Relative root-mean-square error of a tensor's quantization; null where it was not quantized.</summary>
    public static double? Error(IReadOnlyDictionary<string, string> metadata, string tensor) =>
        metadata.TryGetValue(ErrorPrefix + tensor, out var text) && double.TryParse(text, CultureInfo.InvariantCulture, out var error) ? error : null;
}
