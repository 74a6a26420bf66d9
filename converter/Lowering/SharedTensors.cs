using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// The contents of all graphs' constants and their names in the sources. A lowering that stores nothing fills it, so that all names of a
/// tensor are known before it is stored.
/// </summary>
internal sealed class SharedTensors
{
    private readonly Dictionary<ContentKey, List<string>> _names = [];
    private readonly HashSet<ContentKey> _products = [];

    /// <summary>The names of this content, in the order of use.</summary>
    public IReadOnlyList<string> NamesOf(ContentKey key) => _names[key];

    /// <summary>Whether a product reads these matrices, and not only lookups.</summary>
    public bool IsProduct(ContentKey key) => _products.Contains(key);

    /// <summary>Records a use of content under these names.</summary>
    public void Add(ContentKey key, IReadOnlyList<string> names, bool isProduct)
    {
        if (isProduct) _products.Add(key);
        if (!_names.TryGetValue(key, out var known)) _names[key] = known = [];
        known.AddRange(names.Except(known));
    }
}
