using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Weights;

/// <summary>The named tensors of a weight file, their aliases, and which of them were read.</summary>
internal sealed class WeightSet
{
    private const int MostNamed = 6;

    private readonly Dictionary<string, WeightTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<string>> _ambiguous = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    /// <param name="file">The file that holds them.</param>
    /// <param name="tensors">Its tensors.</param>
    public WeightSet(string file, IEnumerable<WeightTensor> tensors)
    {
        File = Path.GetFileName(file);
        foreach (var tensor in tensors) _tensors[tensor.Name] = tensor;
    }

    /// <summary>The file, without its folder.</summary>
    public string File { get; }

    /// <summary>Whether it is a Keras file, whose biases show the form of a GRU.</summary>
    public bool IsKeras { get; init; }

    /// <summary>The names of the layers in the order in which they were made. Null if the file does not tell it.</summary>
    public IReadOnlyList<string>? Layers { get; set; }

    /// <summary>Whether the tensors are in the order in which their layers were made, as in PyTorch's files.</summary>
    public bool IsInOrder { get; init; }

    /// <summary>Names of objects in the file that were not read, such as a class of settings.</summary>
    public IReadOnlyCollection<string> Ignored { get; init; } = [];

    /// <summary>Numbers, texts and truths beside the tensors, by their paths, as JSON.</summary>
    public IReadOnlyList<(string Path, string Json)> Settings { get; init; } = [];

    /// <summary>The whole modules of the file, in its order. Other files have none.</summary>
    public IReadOnlyList<WholeModule> Modules { get; init; } = [];

    /// <summary>The real paths of the files that an index names. Empty if the tensors are in one file.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>The tensors, in the order of the file.</summary>
    public IReadOnlyCollection<WeightTensor> Tensors => _tensors.Values;

    /// <summary>Whether a tensor exists. This does not mark it as read.</summary>
    public bool Has(string name) => _tensors.ContainsKey(Known(name)) || _ambiguous.ContainsKey(name);

    /// <summary>Adds a second name for a tensor, unless another tensor has that name.</summary>
    public void Alias(string name, string of)
    {
        if (!_tensors.ContainsKey(name)) _aliases.TryAdd(name, of);
    }

    /// <summary>Adds a second name for a tensor, unless another tensor has that name. If it would name several, it is refused when it is read.</summary>
    public void Alias(string name, IReadOnlyList<string> candidates)
    {
        if (candidates is [var of]) Alias(name, of);
        else if (!_tensors.ContainsKey(name)) _ambiguous[name] = candidates;
    }

    /// <summary>A tensor. Null if there is none.</summary>
    /// <exception cref="ConversionException">It holds values that are not finite, or several tensors may have this name.</exception>
    public IrTensor? Read(string name)
    {
        if (_ambiguous.TryGetValue(name, out var candidates)) throw new ConversionException($"the name '{name}' may be {string.Join(" or ", candidates.Take(MostNamed).Select(candidate => $"'{candidate}'"))}; give the whole name");
        name = Known(name);
        if (!_tensors.TryGetValue(name, out var stored)) return null;
        var tensor = stored.Value;
        if (_read.Add(name) && NonFinite.Fault(name, tensor) is { } fault) throw new ConversionException(fault);
        return tensor;
    }

    /// <summary>The type of a tensor in the file.</summary>
    public ElementType TypeOf(string name) => _tensors[Known(name)] is var tensor ? tensor.Stored ?? tensor.Value.Type : default;

    /// <summary>The tensors that nothing has read, in the order of the file.</summary>
    public List<UnusedWeight> Unused() => [.. _tensors.Where(t => !_read.Contains(t.Key)).Select(t => new UnusedWeight(File, t.Key, ShapeOf(t.Value)))];

    private static IReadOnlyList<int>? ShapeOf(WeightTensor tensor)
    {
        try
        {
            return tensor.Shape;
        }
        catch (ConversionException)
        {
            return null; // Texts or objects, which models do not use.
        }
    }

    private string Known(string name) => _tensors.ContainsKey(name) || !_aliases.TryGetValue(name, out var of) ? name : of;
}
