namespace SeqRuntime.Converter.Weights;

/// <summary>
/// Path of a weight in a Keras file: the layer, then the layer's name again (possibly after the model's name), then groups of cells and
/// directions, then the weight. Example: <c>model_weights/lstm/sequential/lstm/lstm_cell/kernel:0</c>.
/// </summary>
internal sealed class KerasPath
{
    private const string Root = "model_weights/";
    private const string Optimizer = "optimizer_weights/";

    private readonly string[] _groups;

    /// <param name="name">Name of the dataset.</param>
    public KerasPath(string name)
    {
        Name = name;
        Segments = (name.StartsWith(Root, StringComparison.Ordinal) ? name[Root.Length..] : name).Split('/');
        var last = Segments[^1];
        Weight = Segments[^1] = last.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? last[..colon] : last;
        _groups = [.. Segments[..^1].Skip(Array.LastIndexOf(Segments, Layer, Segments.Length - 2 < 0 ? 0 : Segments.Length - 2) + 1)];
    }

    /// <summary>Whether a dataset belongs to the optimizer's state.</summary>
    public static bool IsOfTraining(string name) => name.StartsWith(Optimizer, StringComparison.Ordinal);

    /// <summary>The dataset's name in the file.</summary>
    public string Name { get; }

    /// <summary>Parts of the path, without the group of all weights and the number after a colon.</summary>
    public string[] Segments { get; }

    public string Layer => Segments[0];

    public string Weight { get; }

    /// <summary>Groups between the last occurrence of the layer's name and the weight.</summary>
    public IReadOnlyList<string> Groups => _groups;

    /// <summary>Whether a group's name begins with <paramref name="part"/>. True if it is empty.</summary>
    public bool IsIn(string part) => part.Length == 0 || Array.Exists(_groups, g => g.StartsWith(part, StringComparison.Ordinal));
}
