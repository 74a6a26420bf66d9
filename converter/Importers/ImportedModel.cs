using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers;

/// <summary>The result of reading a source file: one or more graphs and their metadata.</summary>
internal sealed class ImportedModel(params List<IrGraph> graphs)
{
    public List<IrGraph> Graphs { get; } = graphs;

    /// <summary>Token tables by name.</summary>
    public Dictionary<string, string[]> Tables { get; init; } = [];

    /// <summary>Metadata that the runtime's decoders read.</summary>
    public Dictionary<string, string> Metadata { get; init; } = [];

    /// <summary>Weights of the files that no node uses.</summary>
    public IReadOnlyList<UnusedWeight> Unused { get; set; } = [];

    /// <summary>Names of --set that the reader itself has used, for numbers that are no inputs.</summary>
    public IReadOnlyList<string> Taken { get; init; } = [];

    /// <summary>Whether the source itself defines the states, so that no others are searched for.</summary>
    public bool HasStates { get; init; }

    /// <summary>Whether all layers along time keep their states already, so that --stateful has nothing to do.</summary>
    public bool KeepsAllStates { get; init; }
}
