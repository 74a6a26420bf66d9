using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter;

/// <summary>Storage of the tensors whose name matches a pattern; <c>*</c> in the pattern stands for any text.</summary>
/// <param name="Pattern">Name or pattern.</param>
/// <param name="Weights">Their storage.</param>
public sealed record WeightOverride(string Pattern, WeightKind Weights);

/// <summary>The user's choices for a conversion.</summary>
public sealed record ConversionOptions
{
    /// <summary>Storage of the weight matrices.</summary>
    public WeightKind Weights { get; init; }

    /// <summary>Sizes of symbolic dimensions by name; the others stay symbolic.</summary>
    public IReadOnlyDictionary<string, int> Dimensions { get; init; } = new Dictionary<string, int>();

    /// <summary>Inputs that become constants: every element takes the value. The converter folds what depends on them.</summary>
    public IReadOnlyDictionary<string, string> Sets { get; init; } = new Dictionary<string, string>();

    /// <summary>State pairs: each input name with the output that fills it in the next run.</summary>
    public IReadOnlyDictionary<string, string> States { get; init; } = new Dictionary<string, string>();

    /// <summary>Outputs to leave out, with all nodes that only they need.</summary>
    public IReadOnlyList<string> DropOutputs { get; init; } = [];

    /// <summary>Outputs to keep. The others are left out, with all nodes that only they need; one that is the next content of a state still fills it. A graph that has none of these outputs keeps all of its own. Empty keeps all.</summary>
    public IReadOnlyList<string> OnlyOutputs { get; init; } = [];

    /// <summary>Whether to pair inputs and outputs as states where the graph or their names show it.</summary>
    public bool AutoStates { get; init; } = true;

    /// <summary>Whether to keep the states of forward recurrent layers, and the past inputs of causal convolutions, between runs. The source starts each run with zeros.</summary>
    public bool Stateful { get; init; }

    /// <summary>Most steps of growing caches that become states; 0 leaves them inputs that the program feeds back.</summary>
    public int CacheSteps { get; init; }

    /// <summary>Storage of single weight matrices. The last match of a name holds. A pattern without a match is an error.</summary>
    public IReadOnlyList<WeightOverride> WeightsOf { get; init; } = [];

    /// <summary>Names of tensors that stay float32; <c>*</c> stands for any text. A pattern without a match is an error.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>A JSON document with token tables and decoding metadata, for graphs that do not carry them; null for none.</summary>
    public string? Decoding { get; init; }

    /// <summary>Folders that models may read files from (external data, weights, tables), besides each model's own folder.</summary>
    public IReadOnlyList<string> AllowedFolders { get; init; } = [];

    /// <summary>Weights of Keras architectures in JSON, by the graph's name. Without an entry, the only HDF5 file beside the architecture is taken.</summary>
    public IReadOnlyDictionary<string, string> WeightFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether a Keras encoder-decoder that was saved for training stays one graph, instead of becoming encoder and step.</summary>
    public bool NoSplit { get; init; }

    /// <summary>Files with sample inputs, on which outputs are measured against fp32, each with the name of its graph or null. What they lack is generated.</summary>
    public IReadOnlyList<(string? Graph, string Path)> Samples { get; init; } = [];

    /// <summary>Whether to record runs of each graph in the file, so that <see cref="SeqModel.Verify(CancellationToken)"/> can compare their bits on another machine.</summary>
    public bool Golden { get; init; }

    /// <summary>The file to write, so that the converter can refuse to overwrite a file it reads; null if nothing is written.</summary>
    internal string? Target { get; init; }

    /// <summary>Outputs besides <see cref="OnlyOutputs"/> that stay until states are found, because they may be the next content of one.</summary>
    internal IReadOnlyList<string> StateOutputs { get; init; } = [];

    /// <summary>Inputs that become whole constants, for tests of operators whose weights are graph inputs.</summary>
    internal IReadOnlyDictionary<string, IrTensor> Constants { get; init; } = new Dictionary<string, IrTensor>();
}

/// <summary>The progress of a conversion.</summary>
/// <param name="Stage">The current work.</param>
/// <param name="Fraction">Progress from 0 to 1.</param>
public sealed record ConversionProgress(string Stage, double Fraction);
