using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter;

/// <summary>Storage of the tensors whose name matches; <c>*</c> in the pattern stands for any text.</summary>
/// <param name="Pattern">Name or pattern.</param>
/// <param name="Weights">Their storage.</param>
public sealed record WeightOverride(string Pattern, WeightKind Weights);

/// <summary>What the user asks of a conversion.</summary>
public sealed record ConversionOptions
{
    /// <summary>Storage of the weight matrices.</summary>
    public WeightKind Weights { get; init; }

    /// <summary>Sizes of symbolic dimensions by name; the others stay symbolic.</summary>
    public IReadOnlyDictionary<string, int> Dimensions { get; init; } = new Dictionary<string, int>();

    /// <summary>Inputs that become constants: every element takes the value. What follows from them is resolved.</summary>
    public IReadOnlyDictionary<string, string> Sets { get; init; } = new Dictionary<string, string>();

    /// <summary>State pairs: input name to the output that becomes its content for the next run.</summary>
    public IReadOnlyDictionary<string, string> States { get; init; } = new Dictionary<string, string>();

    /// <summary>Outputs that are left out, with all that only they need.</summary>
    public IReadOnlyList<string> DropOutputs { get; init; } = [];

    /// <summary>Whether inputs and outputs are paired as states where the graph or their names show it.</summary>
    public bool AutoStates { get; init; } = true;

    /// <summary>Whether graphs keep the states of forward recurrent layers, and the past of convolutions that look back only, between runs, though the source begins anew in each.</summary>
    public bool Stateful { get; init; }

    /// <summary>Most steps of caches that grow, which become states; 0 to leave them inputs that the program gives back.</summary>
    public int CacheSteps { get; init; }

    /// <summary>Storage of single weight matrices; the last that matches a name holds. A pattern that matches none is an error.</summary>
    public IReadOnlyList<WeightOverride> WeightsOf { get; init; } = [];

    /// <summary>Names of tensors that stay float32; <c>*</c> stands for any text. A pattern that matches none is an error.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>A document of tables and of what a decoder needs to know, for graphs that do not carry it; null for none.</summary>
    public string? Decoding { get; init; }

    /// <summary>Folders, beside each model's own, that the models may read files from: external data, weights, tables.</summary>
    public IReadOnlyList<string> AllowedFolders { get; init; } = [];

    /// <summary>The file to be written, so that it is none of those that are read; null where nothing is written.</summary>
    internal string? Target { get; init; }

    /// <summary>Inputs that become whole constants, for tests of operators whose weights are graph inputs.</summary>
    internal IReadOnlyDictionary<string, IrTensor> Constants { get; init; } = new Dictionary<string, IrTensor>();
}

/// <summary>How far a conversion is.</summary>
/// <param name="Stage">What is being done.</param>
/// <param name="Fraction">From 0 to 1.</param>
public sealed record ConversionProgress(string Stage, double Fraction);
