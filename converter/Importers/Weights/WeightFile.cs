using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Weights;

/// <summary>Named tensors of a file, by its extension.</summary>
internal static class WeightFile
{
    /// <exception cref="ConversionException">The file is missing, damaged or of an unknown kind.</exception>
    public static Dictionary<string, IrTensor> Read(string path)
    {
        if (!File.Exists(path)) throw new ConversionException($"{path}: there is no such weight file.");
        return Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".SAFETENSORS" => SafetensorsReader.ReadFile(path),
            ".NPZ" => NpzFile.ReadFile(path).ToDictionary(a => a.Key, a => IrTensor.Of<float>(a.Value.Shape, a.Value.ToFloats()), StringComparer.Ordinal),
            ".H5" or ".HDF5" => new KerasWeights(HdfFile.Read(path)).ByPyTorchNames(),
            var other => throw new ConversionException($"{path}: weight files of kind '{other}' are not read; give .safetensors, .npz or .h5."),
        };
    }
}
