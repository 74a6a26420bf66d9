using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Converter.Importers;

/// <summary>Reads a source file by its kind.</summary>
internal static class Importer
{
    /// <param name="path">An ONNX or Keras model, or a description with its weights beside it.</param>
    /// <param name="name">Name of the graph where the file holds one that has none.</param>
    /// <param name="notes">What the user should know.</param>
    /// <exception cref="ConversionException">The file is of an unknown kind, or damaged.</exception>
    public static ImportedModel Read(string path, string name, List<string> notes) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".ONNX" => FromOnnx(path, name, notes),
        ".JSON" => DescriptionReader.Read(path, notes),
        ".H5" or ".HDF5" => KerasReader.Read(path, name, notes),
        _ => throw new ConversionException($"{path}: files of this kind are not read; give an ONNX model (.onnx), a Keras model (.h5), or a description (.json) of weights in .safetensors, .npz or .h5."),
    };

    private static ImportedModel FromOnnx(string path, string name, List<string> notes)
    {
        var graph = OnnxReader.Read(path, name, notes, out var dataFiles);
        Doubles.Apply(graph, notes);
        Dequantization.Apply(graph, notes);
        ScanAsLoop.Apply(graph);
        var model = GreedyLoop.Split(graph, notes) ?? new ImportedModel(graph);
        model.Files = dataFiles;
        return model;
    }
}
