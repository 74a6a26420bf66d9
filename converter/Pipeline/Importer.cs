using SeqRuntime.Converter.Importers;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Reads a source file with the importer for its kind.</summary>
internal static class Importer
{
    /// <param name="path">An ONNX or Keras model, or a description.</param>
    /// <param name="name">Name of a graph to which the file gives none.</param>
    /// <param name="notes">Receives notes for the user.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">The file is of an unknown kind, or damaged.</exception>
    public static ImportedModel Read(string path, string name, List<string> notes, SourceFiles files)
    {
        var kind = FileKinds.OfName(path);
        var isRead = kind is FileKind.Unknown or FileKind.Onnx or FileKind.Json or FileKind.Hdf5 || FileKinds.MayBeHdf5(kind, path);
        byte[] content = isRead ? files.ReadNamed(path) : [];
        if (isRead && kind is not (FileKind.Onnx or FileKind.Hdf5) && FileContent.ButOther(content) is { Length: > 0 } other && (kind == FileKind.Unknown || content.Length > 0))
            throw new ConversionException($"{path}: this is not a model{other}.");
        if (kind == FileKind.Unknown) kind = FileKinds.OfContent(content);
        if (FileKinds.MayBeHdf5(kind, path) && FileKinds.OfContent(content) == FileKind.Hdf5) kind = FileKind.Hdf5;
        if (kind == FileKind.Json && FileContent.ButBinary(content) is { Length: > 0 } but) throw new ConversionException($"{path}: this is not JSON{but}.");
        return kind switch
        {
            FileKind.Onnx => FromOnnx(path, content, name, notes, files),
            FileKind.Json => DescriptionReader.Read(path, content, notes, files),
            FileKind.Hdf5 => KerasReader.Read(path, content, name, notes),
            FileKind.Npz or FileKind.Safetensors => throw new ConversionException($"{path}: this file has weights but no architecture; write a description (.json, docs/description.md) that names it as its weights."),
            _ => throw new ConversionException($"{path}: {FileKinds.Advice(kind, path) ?? "files of this kind are not supported; give an ONNX model (.onnx), a Keras model (.h5), or a description (.json) of weights in .safetensors, .npz, .h5 or a PyTorch file (.pt, .pth)"}."),
        };
    }

    private static ImportedModel FromOnnx(string path, byte[] content, string name, List<string> notes, SourceFiles files)
    {
        var graph = OnnxReader.Read(path, content, name, notes, files);
        graph.Budget.Holds(graph.ConstantBytes(), graph.DeepCount());
        var unused = OnnxLeftovers.Unused(graph, path);
        if (UnusedWeights.Note(unused) is { } note) notes.Add(note);
        Doubles.Apply(graph, notes);
        Constants.Check(graph);
        Dequantization.Apply(graph, notes);
        ScanAsLoop.Apply(graph);
        OnnxGates.Apply(graph);
        var model = GreedyLoop.Split(graph, notes) ?? new ImportedModel(graph);
        model.Unused = unused;
        return model;
    }
}
