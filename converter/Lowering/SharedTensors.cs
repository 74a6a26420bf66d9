using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// What the constants of all graphs hold, and the names that the files have for it. Filled by a lowering that stores nothing, so that all
/// names of a tensor are known before it is stored.
/// </summary>
internal sealed class SharedTensors
{
    private readonly Dictionary<ContentKey, List<string>> _names = [];
    private readonly HashSet<ContentKey> _products = [];

    /// <summary>The names of this content, in the order in which the graphs use it.</summary>
    public IReadOnlyList<string> NamesOf(ContentKey key) => _names[key];

    /// <summary>Whether a product of some graph reads these matrices, not only a lookup.</summary>
    public bool IsProduct(ContentKey key) => _products.Contains(key);

    /// <summary>Remembers a use of content under some names.</summary>
    public void Add(ContentKey key, IReadOnlyList<string> names, bool isProduct)
    {
        if (isProduct) _products.Add(key);
        if (!_names.TryGetValue(key, out var known)) _names[key] = known = [];
        known.AddRange(names.Except(known));
    }
}
