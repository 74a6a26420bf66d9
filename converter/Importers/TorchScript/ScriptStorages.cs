namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Which values of the graph are one tensor of the code, and which are views of its elements. An operation in place makes a tensor another value
/// for all that reads it afterwards; views of its elements do not follow and may not be read any more.
/// </summary>
internal sealed class ScriptStorages
{
    private readonly Dictionary<string, Storage> _storages = new(StringComparer.Ordinal);

    /// <summary>What a tensor is now. Null if it shares elements with one that was computed on in place.</summary>
    public string? Now(string value) => _storages.TryGetValue(value, out var storage) ? storage.Now : value;

    /// <summary>Notes that a tensor is a view of another's elements.</summary>
    public void Share(ScriptTensor of, ScriptTensor view)
    {
        if (view.Value is null || view.Value == of.Value) return;
        var family = of.Value is { } value ? Of(value).Family : [];
        var storage = Of(view.Value);
        family.Add(storage);
        storage.Family = family;
        // Weights and new tensors are values only once they are used, so writing a part of them is refused.
        storage.IsOfBuffer = of.Value is null || of.Buffer is not null || Of(of.Value).IsOfBuffer;
    }

    /// <summary>Whether a tensor is a part of a buffer, of a weight or of a new tensor.</summary>
    public bool IsPart(string value) => _storages.TryGetValue(value, out var storage) && storage.IsOfBuffer;

    /// <summary>Makes a tensor another value. Its views, and what it is a view of, are not known afterwards.</summary>
    public void Replace(string value, string now)
    {
        var storage = Of(value);
        foreach (var other in storage.Family) other.Now = null;
        storage.Now = now;
        storage.Family = [storage];
    }

    /// <summary>Makes a value another name of the same tensor.</summary>
    public void Alias(string value, string of) => _storages[value] = Of(of);

    private Storage Of(string value) => _storages.TryGetValue(value, out var known) ? known : _storages[value] = new Storage(value);

    private sealed class Storage
    {
        public Storage(string value) => (Now, Family) = (value, [this]);

        public string? Now { get; set; }

        public List<Storage> Family { get; set; }

        public bool IsOfBuffer { get; set; }
    }
}
