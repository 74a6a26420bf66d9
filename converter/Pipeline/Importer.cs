using SeqRuntime.Converter.Importers;
using SeqRuntime.Converter.Importers.Audio;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Converter.Importers.TorchScript;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Reads a source file with the importer for its kind.</summary>
internal static class Importer
{
    /// <param name="path">A model, or a description.</param>
    /// <param name="name">Name of a graph to which the file gives none.</param>
    /// <param name="notes">Receives notes for the user.</param>
    /// <param name="files">Reads files.</param>
    /// <param name="weights">The file with the weights of an architecture. Null if the user named none.</param>
    /// <param name="isWhole">Whether an encoder-decoder that was saved for training stays one graph.</param>
    /// <param name="sets">Values of inputs that the user has given.</param>
    /// <exception cref="ConversionException">The file is of an unknown kind, or damaged.</exception>
    public static ImportedModel Read(string path, string name, List<string> notes, SourceFiles files, string? weights = null, bool isWhole = false, IReadOnlyDictionary<string, string>? sets = null)
    {
        var content = files.ReadNamed(path);
        var kind = FileKinds.Of(content);
        if (kind == FileKind.Onnx) return FromOnnx(path, ref content, name, notes, files);
        if (kind == FileKind.KerasArchitecture) return KerasReader.Read(KerasParts.Read(path, content, weights, files, notes), name, isWhole, notes);
        if (weights is not null) throw new ConversionException($"--weights-file {weights}: {Path.GetFileName(path)} is {kind.What}; only an architecture that Keras saved as JSON (model.to_json()) takes its weights from another file{(kind == FileKind.Description ? ", a description names its own" : "")}");
        if (kind == FileKind.Hdf5) return KerasReader.Read(KerasSource.OfHdf(path, content), name, isWhole, notes);
        if (kind == FileKind.KerasArchive) return KerasReader.Read(KerasSource.OfArchive(path, content), name, isWhole, notes);
        if (kind == FileKind.TensorFlowLite) return TfliteReader.Read(path, content, name, notes);
        if (kind == FileKind.TorchScript) return TorchScriptReader.Read(path, content, name, notes, sets ?? new Dictionary<string, string>());
        if (kind == FileKind.Description) return DescriptionReader.Read(path, content, notes, files);
        if (kind == FileKind.RtNeural) return RtNeuralReader.Read(path, content, name, notes);
        if (kind == FileKind.GuitarMl) return GuitarMlReader.Read(path, content, name, notes);
        if (kind == FileKind.StateDict) return StateDictReader.Read(path, content, name, notes);
        if (kind == FileKind.Nam) return NamReader.Read(path, content, name, notes);
        if (kind == FileKind.RnNoise) return RnNoiseReader.Read(path, content, name, notes);
        throw new ConversionException(kind.NoModel(path));
    }

    private static ImportedModel FromOnnx(string path, ref byte[] content, string name, List<string> notes, SourceFiles files)
    {
        var graph = OnnxReader.Read(path, ref content, name, notes, files);
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
