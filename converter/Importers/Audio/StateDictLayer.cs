using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>A layer of a <c>state_dict</c>, told by the names and shapes of its weights.</summary>
/// <param name="Name">The prefix of its weights.</param>
/// <param name="Kind">PyTorch's class.</param>
/// <param name="Inputs">The channels that it takes.</param>
/// <param name="Outputs">The channels that it makes.</param>
internal sealed record StateDictLayer(string Name, string Kind, int Inputs, int Outputs)
{
    private const float Epsilon = 1e-5f;

    /// <summary>Adds its nodes for this many channels.</summary>
    public required Func<AudioGraph, string, int, List<string>, string> Emit { get; init; }

    /// <summary>What the file does not say about it.</summary>
    public string? Assumed { get; private init; }

    /// <summary>Whether it changes each channel by itself, and so stands beside the layer before it.</summary>
    public bool IsOfChannels { get; private init; }

    /// <summary>Whether no function is usual after it: it has one in it.</summary>
    public bool IsFollowedByNothing { get; private init; }

    public string Says => $"{(Name.Length > 0 ? $"'{Name}' " : "")}{Kind} {Inputs} → {Outputs}";

    /// <summary>How a state_dict gets a description.</summary>
    public static string WayOut(string file) => $"{{ \"weights\": \"{file}\", \"graphs\": … }} (docs/description.md); seqconvert scaffold {file} -o {System.IO.Path.GetFileNameWithoutExtension(file)}-layers.json drafts it";

    /// <summary>Whether it takes this many channels: its own, groups of them in a convolution, or any with one slope for all.</summary>
    public bool Takes(int channels) => channels == Inputs || (IsOfChannels ? Inputs == 1 && IsFollowedByNothing : Kind == "Conv1d" && channels % Inputs == 0 && Outputs % (channels / Inputs) == 0);

    /// <summary>The layers of one prefix; a stacked recurrent layer is several.</summary>
    public static IEnumerable<StateDictLayer> Of(WeightSet weights, string prefix, HashSet<string> members, string file)
    {
        var shown = prefix.Length > 0 ? $"'{prefix}'" : "the layer without a name";
        if (members.Contains("weight_ih_l0") || members.Contains("weight_ih")) return TorchCells.Stack(weights, prefix, members).Select(cells => Recurrent(prefix, cells));
        if (members.FirstOrDefault(m => m is not ("weight" or "bias" or "running_mean" or "running_var" or "num_batches_tracked" or "eps")) is { } unknown)
            throw new ConversionException($"{shown} has a tensor '{unknown}', by which its kind cannot be told. Describe the layers in JSON: {WayOut(file)}");
        IrTensor? Find(string member) => weights.Read(prefix.Length > 0 ? $"{prefix}.{member}" : member);
        var (weight, bias) = (Find("weight"), Find("bias"));
        if (Find("running_mean") is { } mean) return [BatchNorm(prefix, mean, Find("running_var") ?? throw new ConversionException($"{shown} has a 'running_mean' and no 'running_var'"), weight, bias, Find("eps"))];
        if (weight is null) throw new ConversionException($"{shown} has no tensor 'weight', by which its kind can be told");
        return [weight.Shape switch
        {
            [> 0, > 0] => Linear(prefix, weight, Bias(shown, bias, weight.Shape[0])),
            [> 0, > 0, > 0] => Conv(prefix, shown, weight, bias),
            [> 0] when bias is null => Prelu(prefix, weight),
            _ => throw new ConversionException($"{shown} has a weight of the shape [{string.Join(", ", weight.Shape)}], by which its kind cannot be told. Describe the layers in JSON: {WayOut(file)}"),
        }];
    }

    private static StateDictLayer Recurrent(string prefix, RecurrentCells cells) => new(cells.Layer, cells.Op.Name, cells.W.Shape[1], cells.Hidden)
    {
        Emit = (graph, x, _, _) => graph.Recurrent(x, cells),
        Assumed = cells.Op == RecurrentOp.Rnn ? "the function of the RNN is assumed to be tanh, PyTorch's default" : null,
        IsFollowedByNothing = true,
    };

    private static StateDictLayer Linear(string prefix, IrTensor weight, IrTensor? bias) => new(prefix, "Linear", weight.Shape[1], weight.Shape[0]) { Emit = (graph, x, _, _) => graph.Dense(Named(prefix), x, weight.Transposed(), bias) };

    /// <summary>PyTorch's own defaults, and the past instead of padding. A transposed convolution has its channels the other way round.</summary>
    private static StateDictLayer Conv(string prefix, string shown, IrTensor weight, IrTensor? bias)
    {
        if (bias is not null && bias.Count != weight.Shape[0] && bias.Count == weight.Shape[1]) throw new ConversionException($"{shown} is a transposed convolution, which makes more samples than it takes; it is not supported in a stream");
        var checkedBias = Bias(shown, bias, weight.Shape[0]);
        return new(prefix, "Conv1d", weight.Shape[1], weight.Shape[0])
        {
            Emit = (graph, x, channels, _) => graph.Composer.Transpose(graph.Conv(Named(prefix), graph.Composer.Transpose(x, 0, 2, 1), weight, checkedBias, groups: channels / weight.Shape[1]), 0, 2, 1),
            Assumed = "a convolution is assumed to have PyTorch's defaults (stride 1, dilation 1, one group where the channels allow it) and to see the past only, as RTNeural runs it",
        };
    }

    private static StateDictLayer BatchNorm(string prefix, IrTensor mean, IrTensor variance, IrTensor? weight, IrTensor? bias, IrTensor? epsilon) => new(prefix, "BatchNorm1d", mean.Count, mean.Count)
    {
        Emit = (graph, x, _, _) => graph.Normalize(Named(prefix), x, mean, variance, weight, bias, epsilon is { Count: 1 } ? epsilon.Floats[0] : Epsilon),
        Assumed = epsilon is null ? "eps of the batch normalization is assumed to be 1e-5, PyTorch's default" : null,
        IsOfChannels = true,
    };

    private static StateDictLayer Prelu(string prefix, IrTensor slopes) => new(prefix, "PReLU", slopes.Count, slopes.Count)
    {
        Emit = (graph, x, _, _) => graph.Composer.OpInShape(0, "PRelu", x, graph.Composer.Constant($"{Named(prefix)}.weight", slopes)),
        IsOfChannels = true,
        IsFollowedByNothing = true,
    };

    private static IrTensor? Bias(string shown, IrTensor? bias, int size) =>
        bias is null || (bias.Shape is [var length] && length == size) ? bias : throw new ConversionException($"{shown} has a bias of the shape [{string.Join(", ", bias.Shape)}]; it must be [{size}]");

    private static string Named(string prefix) => prefix.Length > 0 ? prefix : "layer";
}
