using System.Globalization;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>The kinds of modules that names and shapes tell apart.</summary>
internal enum ModuleKind
{
    Embedding,
    Linear,
    Recurrent,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    Prelu,
    RmsNorm,
    GroupNorm,
    LayerNorm,
    BatchNorm,
    Attention,
    TransformerEncoder,

    /// <summary>Features of positions that are added, in a tensor of three axes.</summary>
    Positions,

    /// <summary>Scores of all steps, by which their weighted sum is taken.</summary>
    AttentionPool,

    /// <summary>A module that is known, but that a description has no layer for.</summary>
    Other,
}

/// <summary>A module of a weight file.</summary>
/// <param name="Path">Its name. Empty for the outermost.</param>
/// <param name="Kind">What it is.</param>
/// <param name="What">The same for people, with its sizes: LSTM 40 → 64.</param>
/// <param name="Why">What tells it.</param>
/// <param name="Tensors">Its tensors.</param>
internal sealed record Module(string Path, ModuleKind Kind, string What, string Why, IReadOnlyList<TensorRole> Tensors)
{
    /// <summary>The features that it takes. 0 if it takes tokens, or if it is not known.</summary>
    public int In { get; init; }

    /// <summary>The features that it gives.</summary>
    public int Out { get; init; }

    /// <summary>The layer of a recurrent module in a description: lstm, gru, rnn or mgu.</summary>
    public string Cell { get; init; } = "";

    /// <summary>The hidden units of one direction, after a projection.</summary>
    public int State { get; init; }

    /// <summary>The units of one direction.</summary>
    public int Units { get; init; }

    public int Layers { get; init; } = 1;

    public bool IsBidirectional { get; init; }

    /// <summary>Whether the file may also mean something else, such as an embedding that may be a linear layer.</summary>
    public string? Doubt { get; init; }

    /// <summary>The norms of a block, if their names do not tell which is the attention's.</summary>
    public string[]? UntoldNorms { get; init; }

    /// <summary>The object, if the file holds whole modules.</summary>
    public WholeModule? Whole { get; init; }

    /// <summary>Whether its channels are those of an image: a Conv2d, or a norm after one.</summary>
    public bool IsOfImage { get; init; }

    /// <summary>Whether the model computes with it, though a description has no layer for it.</summary>
    public bool IsMissed => Kind == ModuleKind.Other && Why.Length > 0;

    /// <summary>Whether it holds features of places instead of tokens.</summary>
    public bool IsOfPositions => Kind == ModuleKind.Embedding && (Path.Contains("pos", StringComparison.OrdinalIgnoreCase) || ShortName == "wpe");

    /// <summary>The last part of the name.</summary>
    public string ShortName => Path.Length == 0 ? "layer" : Path[(Path.AsSpan().LastIndexOfAny('.', '/') + 1)..];

    /// <summary>The number that the module has among its parent's, and the parent's name. Null if it has a name.</summary>
    public (string Parent, int Number)? Place =>
        int.TryParse(ShortName, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (Path[..^ShortName.Length], number) : null;

    /// <summary>Whether a part of the name is one of these words.</summary>
    public bool IsNamed(params string[] words) => Path.Split('.', '/', '_').Any(part => words.Contains(part, StringComparer.OrdinalIgnoreCase));

    public IReadOnlyList<int>? Shape(string role) => Tensors.FirstOrDefault(tensor => tensor.Role == role)?.Shape;

    public override string ToString() => Path.Length == 0 ? $"the outermost module ({What})" : $"'{Path}' ({What})";
}
