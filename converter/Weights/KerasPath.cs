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
    /// <param name="path">Its path with the names of layers and weights, if the file itself has numbers.</param>
    public KerasPath(string name, string? path = null)
    {
        (Name, path) = (name, path ?? name);
        Segments = (path.StartsWith(Root, StringComparison.Ordinal) ? path[Root.Length..] : path).Split('/');
        var last = Segments[^1];
        Weight = Segments[^1] = last.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? last[..colon] : last;
        _groups = [.. Segments[..^1].Skip(Array.LastIndexOf(Segments, Layer, Segments.Length - 2 < 0 ? 0 : Segments.Length - 2) + 1)];
    }

    /// <summary>Whether a dataset belongs to the optimizer's state.</summary>
    public static bool IsOfTraining(string name) => name.StartsWith(Optimizer, StringComparison.Ordinal) || name.StartsWith("optimizer/", StringComparison.Ordinal) || name.StartsWith("_optimizer/", StringComparison.Ordinal);

    /// <summary>The dataset's name in the file.</summary>
    public string Name { get; }

    /// <summary>Parts of the path, without the group of all weights and the number after a colon.</summary>
    public string[] Segments { get; }

    public string Layer => Segments[0];

    public string Weight { get; }

    /// <summary>Groups between the last occurrence of the layer's name and the weight.</summary>
    public IReadOnlyList<string> Groups => _groups;

    /// <summary>The groups between a layer and the weight. Null if the weight belongs to another layer.</summary>
    /// <param name="names">Names of the models and wrappers around the layer and of the layer, outermost first. Other groups may stand between them.</param>
    public IReadOnlyList<string>? Within(string[] names)
    {
        if (Layer != names[0]) return null;
        if (names.Length == 1) return _groups;
        var at = 0;
        foreach (var name in names[1..^1])
        {
            at = Array.IndexOf(Segments, name, at + 1, Segments.Length - 2 - at);
            if (at < 0) return null;
        }

        var last = Segments.Length > 1 ? Array.LastIndexOf(Segments, names[^1], Segments.Length - 2) : -1;
        return last > at ? Segments[(last + 1)..^1] : null;
    }

    /// <summary>Whether a group between a wrapper and the cell inside of it begins with <paramref name="part"/>.</summary>
    /// <param name="names">Names of the models and wrappers around the cell and of the cell, outermost first.</param>
    /// <param name="part">The beginning. Not empty.</param>
    public bool IsAround(string[] names, string part)
    {
        var last = names.Length < 2 || Segments.Length < 2 ? -1 : Array.LastIndexOf(Segments, names[^1], Segments.Length - 2);
        var wrapper = last < 1 ? -1 : Array.LastIndexOf(Segments, names[^2], last - 1);
        return wrapper >= 0 && Segments[(wrapper + 1)..last].Any(g => g.StartsWith(part, StringComparison.Ordinal));
    }

    /// <summary>Whether one of the groups begins with <paramref name="part"/>. True if it is empty.</summary>
    public static bool IsIn(IReadOnlyList<string> groups, string part) => part.Length == 0 || groups.Any(g => g.StartsWith(part, StringComparison.Ordinal));
}
