using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>A storage of the file: an entry of the archive.</summary>
/// <param name="Type">The type of its elements; null for a storage of bytes, whose tensors have the type.</param>
/// <param name="Key">The name of the entry.</param>
/// <param name="Count">The number of elements.</param>
internal sealed record TorchStorage(StoredType? Type, string Key, long Count)
{
    /// <summary>The folder of the entry.</summary>
    public string Folder { get; init; } = "data";

    /// <summary>Bytes of one element.</summary>
    public int ElementBytes => Type?.Size() ?? 1;

    /// <summary>So many of its elements, in words.</summary>
    public string Elements(long count) => Type is { } type ? $"{count} elements of {type.Name()}" : $"{count} bytes";
}

/// <summary>A view into a storage. Every index that its shape and strides give is in the storage.</summary>
internal sealed record TorchTensor(TorchStorage Storage, StoredType Type, long Offset, int[] Shape, long[] Strides)
{
    /// <summary>The number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>A class or function that a pickle names.</summary>
internal sealed record PickledName(string Name);

/// <summary>A dict, as a pickle fills it: a later value of the same key replaces the earlier one.</summary>
internal sealed class PickledDict
{
    public List<KeyValuePair<object?, object?>> Items { get; } = [];
}

/// <summary>A module of TorchScript, or a whole module of Python: its attributes.</summary>
/// <param name="name">The qualified name of its class.</param>
internal sealed class PickledModule(string name)
{
    /// <summary>The qualified name of its class, such as __torch__.torch.nn.modules.linear.Linear.</summary>
    public string Class { get; } = name;

    /// <summary>Whether Python pickled the module as an object, with its tensors in dicts of parameters, buffers and inner modules.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Whether it is an object of Python with what every torch.nn.Module has.</summary>
    public bool HasParts => IsWhole && this["_parameters"] is PickledDict && this["_modules"] is PickledDict;

    /// <summary>An attribute. Null if it is missing or None.</summary>
    public object? this[string attribute] => Attributes.Items.LastOrDefault(item => attribute.Equals(item.Key)).Value;

    public bool Has(string attribute) => Attributes.Items.Exists(item => attribute.Equals(item.Key));

    public PickledDict Attributes { get; set; } = new();
}
