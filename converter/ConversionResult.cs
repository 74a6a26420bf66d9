using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Measuring;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Format;

namespace SeqRuntime.Converter;

/// <summary>A converted model, ready to be written, and a record of what the conversion did. The model reads its tensors from the stored file, if that is large; disposing the result deletes it.</summary>
internal sealed record ConversionResult(SeqModelBuilder Model, ConvertedFile Stored, IReadOnlyList<ConvertedGraph> Graphs, IReadOnlyList<ConvertedTensor> Tensors, long SourceBytes) : IDisposable
{
    /// <summary>The file's bytes.</summary>
    public byte[] File => Stored.ToArray();

    /// <summary>Weights of the sources that no node uses.</summary>
    public IReadOnlyList<UnusedWeight> Unused { get; init; } = [];

    /// <summary>The errors of the outputs against fp32. Null if no weights were rounded, or if nobody asked for them.</summary>
    public Measurement? Measured { get; init; }

    /// <summary>The recorded runs. Null if nobody asked for them.</summary>
    public GoldenPairs? Golden { get; init; }

    public void Dispose() => Stored.Dispose();

    /// <summary>Notes for the user about how weights are stored.</summary>
    public IReadOnlyList<string> WeightNotes { get; init; } = [];
}

/// <summary>A source and the graph made from it.</summary>
/// <param name="Name">Name of the graph.</param>
/// <param name="Source">The source file.</param>
/// <param name="SourceNodes">Number of nodes in the source.</param>
/// <param name="Nodes">Number of nodes in the graph.</param>
/// <param name="States">Inputs and outputs that became states.</param>
/// <param name="Sizes">Symbolic dimensions that do not accept every size.</param>
/// <param name="Notes">Notes for the user: dimensions fixed, pairs not made, types widened.</param>
internal sealed record ConvertedGraph(string Name, string Source, int SourceNodes, int Nodes, IReadOnlyList<StatePair> States, IReadOnlyList<SizeRange> Sizes, IReadOnlyList<string> Notes);

/// <summary>A state: its input and output in the source, its shape, and the reason for pairing them.</summary>
internal sealed record StatePair(string Input, string Output, IReadOnlyList<IrDim> Shape, string Reason);

/// <summary>A stored constant of the model.</summary>
/// <param name="Name">Name.</param>
/// <param name="Shape">Shape. For a matrix: outputs and inputs, without padding.</param>
/// <param name="Format">Storage, such as dense float32 or packed int8.</param>
/// <param name="Bytes">Bytes in the file.</param>
/// <param name="Error">Relative root-mean-square error of the weights against the source. Null for float32.</param>
/// <param name="Weights">Storage of a weight matrix whose storage can be chosen. Null for all other constants.</param>
/// <param name="IsAsked">Whether the user chose the storage of this tensor by name.</param>
/// <param name="Graph">The graph that reads it.</param>
/// <param name="Finer">Why it is stored more precisely than requested. Null if it is not.</param>
/// <param name="Also">Other names of the same content in the sources.</param>
/// <param name="Padding">Bytes of padding rows.</param>
/// <param name="IsTokenTable">Whether it holds a layer's products with all tokens, computed in advance.</param>
/// <param name="IsCopy">Whether the user asked for two formats, so that its content is stored twice.</param>
/// <param name="General">The storage that the general options give, without a choice by name.</param>
/// <param name="NoSmaller">A more precise storage that takes no more bytes than the requested one.</param>
internal sealed record ConvertedTensor(string Name, IReadOnlyList<int> Shape, string Format, long Bytes, double? Error, WeightKind? Weights = null, bool IsAsked = false, string Graph = "", string? Finer = null, IReadOnlyList<string>? Also = null, bool IsCopy = false, long Padding = 0, bool IsTokenTable = false, WeightKind? General = null, WeightKind? NoSmaller = null)
{
    /// <summary>The stored matrix of which this one is the transpose. Null if it is none.</summary>
    public string? TurnedOf { get; init; }

    /// <summary>All names of its content. The file's name comes first.</summary>
    public IEnumerable<string> Names => [Name, .. Also ?? []];

    public long Count => Shape.Aggregate(1L, (a, b) => a * b);
}
