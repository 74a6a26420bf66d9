using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers;

/// <summary>What a source file came to: one graph or several, and what is known beside them.</summary>
internal sealed class ImportedModel(params List<IrGraph> graphs)
{
    public List<IrGraph> Graphs { get; } = graphs;

    /// <summary>Token tables by name.</summary>
    public Dictionary<string, string[]> Tables { get; init; } = [];

    /// <summary>Metadata that the runtime's decoders read.</summary>
    public Dictionary<string, string> Metadata { get; init; } = [];

    /// <summary>Weights of the files that nothing uses.</summary>
    public IReadOnlyList<UnusedWeight> Unused { get; set; } = [];

    /// <summary>Whether the source itself says what is a state, so that nothing is to be paired by name or shape.</summary>
    public bool HasStates { get; init; }
}
