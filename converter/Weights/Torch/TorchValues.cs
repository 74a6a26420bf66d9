namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>Element types of PyTorch's storages that are read.</summary>
internal enum TorchType : byte
{
    Float32,
    Float64,
    Float16,
    BFloat16,
    Int64,
    Int32,
    Int16,
    Int8,
    UInt8,
    Bool,

    /// <summary>A storage of bytes, whose tensors have the type.</summary>
    Untyped,
}

/// <summary>Properties of a <see cref="TorchType"/>.</summary>
internal static class TorchTypes
{
    /// <summary>Size of one element in bytes.</summary>
    public static int Size(this TorchType type) => type switch
    {
        TorchType.Float64 or TorchType.Int64 => 8,
        TorchType.Float32 or TorchType.Int32 => 4,
        TorchType.Float16 or TorchType.BFloat16 or TorchType.Int16 => 2,
        _ => 1,
    };
}

/// <summary>A storage of the file: an entry of the archive.</summary>
/// <param name="Type">The type of its elements.</param>
/// <param name="Key">The name of the entry.</param>
/// <param name="Count">The number of elements.</param>
internal sealed record TorchStorage(TorchType Type, string Key, long Count)
{
    /// <summary>The folder of the entry.</summary>
    public string Folder { get; init; } = "data";
}

/// <summary>A view into a storage. Every index that its shape and strides give is in the storage.</summary>
internal sealed record TorchTensor(TorchStorage Storage, TorchType Type, long Offset, int[] Shape, long[] Strides)
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
