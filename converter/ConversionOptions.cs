using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter;

/// <summary>How weight matrices are stored.</summary>
public enum WeightKind
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>Signed 8-bit integers, symmetric, one scale a row; small tensors stay float32.</summary>
    Int8,
}

/// <summary>What the user asks of a conversion.</summary>
public sealed class ConversionOptions
{
    /// <summary>Storage of the weight matrices.</summary>
    public WeightKind Weights { get; init; }

    /// <summary>Sizes of symbolic dimensions by name; the others stay symbolic.</summary>
    public IReadOnlyDictionary<string, int> Dimensions { get; init; } = new Dictionary<string, int>();

    /// <summary>Inputs that become constants: every element takes the value. What follows from them is resolved.</summary>
    public IReadOnlyDictionary<string, string> Sets { get; init; } = new Dictionary<string, string>();

    /// <summary>State pairs: input name to the output that becomes its content for the next run.</summary>
    public IReadOnlyDictionary<string, string> States { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether inputs and outputs whose names or shapes show it are paired as states.</summary>
    public bool AutoStates { get; init; } = true;

    /// <summary>Names of tensors that stay float32; <c>*</c> stands for any text.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>A document of tables and of what a decoder needs to know, for graphs that do not carry it; null for none.</summary>
    public string? Decoding { get; init; }

    /// <summary>Inputs that become whole constants, for tests of operators whose weights are graph inputs.</summary>
    internal IReadOnlyDictionary<string, IrTensor> Constants { get; init; } = new Dictionary<string, IrTensor>();
}

/// <summary>How far a conversion is.</summary>
/// <param name="Stage">What is being done.</param>
/// <param name="Fraction">From 0 to 1.</param>
public sealed record ConversionProgress(string Stage, double Fraction);
