using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Format;

namespace SeqRuntime.Converter;

/// <summary>A converted model, ready to be written, and what was done to it.</summary>
internal sealed record ConversionResult(SeqModelBuilder Model, byte[] File, IReadOnlyList<ConvertedGraph> Graphs, IReadOnlyList<ConvertedTensor> Tensors, long SourceBytes)
{
    /// <summary>Weights of the sources that nothing uses.</summary>
    public IReadOnlyList<UnusedWeight> Unused { get; init; } = [];

    /// <summary>What the user should know of how weights are stored.</summary>
    public IReadOnlyList<string> WeightNotes { get; init; } = [];
}

/// <summary>One source and the graph it became.</summary>
/// <param name="Name">Name of the graph.</param>
/// <param name="Source">The source file.</param>
/// <param name="SourceNodes">Nodes of the source.</param>
/// <param name="Nodes">Nodes of the graph.</param>
/// <param name="States">Inputs and outputs that became states.</param>
/// <param name="Sizes">Symbolic dimensions at which not every size fits.</param>
/// <param name="Notes">What the user should know: dimensions fixed, pairs not made, types widened.</param>
internal sealed record ConvertedGraph(string Name, string Source, int SourceNodes, int Nodes, IReadOnlyList<StatePair> States, IReadOnlyList<SizeRange> Sizes, IReadOnlyList<string> Notes);

/// <summary>A state: the input it was, the output that fed it, its shape, and what shows that they are one.</summary>
internal sealed record StatePair(string Input, string Output, IReadOnlyList<IrDim> Shape, string Reason);

/// <summary>A constant of the model as stored.</summary>
/// <param name="Name">Name.</param>
/// <param name="Shape">Shape; of a matrix its outputs and inputs, without padding.</param>
/// <param name="Format">Storage: dense float32, packed float32, packed int8 …</param>
/// <param name="Bytes">Bytes in the file.</param>
/// <param name="Error">Relative root-mean-square error of the weights against the source, where they are no float32.</param>
/// <param name="Weights">Storage of a weight matrix that might be stored otherwise; null for all else.</param>
/// <param name="IsAsked">The user named this tensor's storage.</param>
/// <param name="Graph">The graph that reads it.</param>
/// <param name="Finer">Why it is stored finer than asked for, where it is.</param>
/// <param name="Also">The other names that the sources have for the same content.</param>
/// <param name="Padding">How many of its bytes are padding of rows.</param>
/// <param name="IsTokenTable">It holds a layer's products with all tokens, worked out once.</param>
/// <param name="IsCopy">Its content is stored once more in another format, as the user asked for both.</param>
/// <param name="General">How it would be stored if the user had not named it.</param>
/// <param name="NoSmaller">A finer storage that would take no more bytes than what the user asked for.</param>
internal sealed record ConvertedTensor(string Name, IReadOnlyList<int> Shape, string Format, long Bytes, double? Error, WeightKind? Weights = null, bool IsAsked = false, string Graph = "", string? Finer = null, IReadOnlyList<string>? Also = null, bool IsCopy = false, long Padding = 0, bool IsTokenTable = false, WeightKind? General = null, WeightKind? NoSmaller = null)
{
    /// <summary>The stored matrix whose content this one has turned round; null for most.</summary>
    public string? TurnedOf { get; init; }

    /// <summary>All names of its content, that of the file first.</summary>
    public IEnumerable<string> Names => [Name, .. Also ?? []];

    public long Count => Shape.Aggregate(1L, (a, b) => a * b);
}
