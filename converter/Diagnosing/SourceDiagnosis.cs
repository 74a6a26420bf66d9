using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers;
using SeqRuntime.Converter.Importers.Audio;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Diagnosing;

/// <summary>What a source file is and holds, whether it converts or not.</summary>
/// <param name="Path">The file.</param>
/// <param name="Kind">Its kind, told by its content.</param>
/// <param name="Bytes">Its length, unpacked.</param>
/// <param name="Facts">What it says about itself. Null if it is damaged, or of a kind that says nothing.</param>
/// <param name="Graphs">Its graphs as they are read. Empty if they cannot be read.</param>
internal sealed record SourceDiagnosis(string Path, FileKind Kind, long Bytes, SourceFacts? Facts, IReadOnlyList<IrGraph> Graphs)
{
    /// <summary>Whether the file has weights but no architecture that is read.</summary>
    public bool IsOnlyWeights => IsWeights(Kind) || Facts is { IsComplete: false };

    /// <summary>The name of each operator or layer. A kind of file that does not tell them has those of its graphs.</summary>
    public IEnumerable<string> Parts => Facts is { Parts.Count: > 0 } facts ? facts.Parts : Nodes.Select(n => n.Op);

    /// <summary>Operators that are not supported, needed or not.</summary>
    public IEnumerable<string> Unsupported => Nodes.Select(n => n.Op).Where(op => !Decompose.Knows(op)).Distinct();

    /// <summary>All nodes of its graphs, also those of inner graphs.</summary>
    public IEnumerable<IrNode> Nodes => Graphs.SelectMany(Deep);

    /// <param name="name">The graph's name.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">Which file has the weights of an architecture, and what stays one graph.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">The file cannot be read at all.</exception>
    public static SourceDiagnosis Of(string name, string path, ConversionOptions options, SourceFiles files)
    {
        var content = files.ReadNamed(path);
        var kind = FileKinds.Of(content);
        return new SourceDiagnosis(path, kind, content.Length, Told(() => FactsOf(kind, path, content, files)), kind.Use == KindUse.Model ? Told(() => Importer.Read(path, name, [], files, options.WeightFiles.GetValueOrDefault(name), options.NoSplit, options.Sets))?.Graphs ?? [] : []);
    }

    private static SourceFacts? FactsOf(FileKind kind, string path, byte[] content, SourceFiles files)
    {
        if (kind == FileKind.Onnx) return OnnxFacts.Of(path, content);
        if (kind == FileKind.Hdf5) return KerasFacts.OfHdf(path, content);
        if (kind == FileKind.KerasArchive) return KerasFacts.OfArchive(path, content);
        if (kind == FileKind.KerasArchitecture) return KerasFacts.OfArchitecture(path, content);
        if (kind == FileKind.TensorFlowLite) return TfliteFacts.Of(path, content);
        if (AudioFacts.Of(kind, path, content) is { } sound) return sound;
        if (kind == FileKind.Description) return DescriptionFacts.Of(path, content, files);
        return IsWeights(kind) ? new SourceFacts([], [], WeightFacts.Of(WeightFile.Read(RealPath.Of(path), files, files.FolderOf(path).Find)), IsComplete: false) : null;
    }

    /// <summary>Kinds whose weights a description can name. Of some kinds, which also hold a program, only the weights are read.</summary>
    private static bool IsWeights(FileKind kind) => kind.Use == KindUse.Weights || kind == FileKind.TorchScript || kind == FileKind.PyTorchModule;

    /// <summary>What a damaged file does not tell is left out: the refusal of the conversion says what is wrong with it.</summary>
    private static T? Told<T>(Func<T?> tell)
        where T : class
    {
        try
        {
            return tell();
        }
        catch (ConversionException)
        {
            return null;
        }
    }

    private static IEnumerable<IrNode> Deep(IrGraph graph) => graph.Nodes.SelectMany(n => n.Attributes.Values.OfType<IrGraph>().SelectMany(Deep).Prepend(n));
}
