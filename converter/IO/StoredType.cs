namespace SeqRuntime.Converter.IO;

/// <summary>Types of the elements that files of weights and data hold.</summary>
internal enum StoredType : byte
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
}

/// <summary>Properties of a <see cref="StoredType"/>.</summary>
internal static class StoredTypes
{
    /// <summary>Size of one element in bytes.</summary>
    public static int Size(this StoredType type) => type switch
    {
        StoredType.Float64 or StoredType.Int64 => 8,
        StoredType.Float32 or StoredType.Int32 => 4,
        StoredType.Float16 or StoredType.BFloat16 or StoredType.Int16 => 2,
        _ => 1,
    };

    /// <summary>The name in NumPy and PyTorch, such as float32 or int64.</summary>
    public static string Name(this StoredType type) => type switch
    {
        StoredType.Float32 => "float32",
        StoredType.Float64 => "float64",
        StoredType.Float16 => "float16",
        StoredType.BFloat16 => "bfloat16",
        StoredType.Int64 => "int64",
        StoredType.Int32 => "int32",
        StoredType.Int16 => "int16",
        StoredType.Int8 => "int8",
        StoredType.UInt8 => "uint8",
        _ => "bool",
    };

    /// <summary>The type that stores elements of the runtime's <paramref name="type"/>.</summary>
    public static StoredType From(ElementType type) => type switch
    {
        ElementType.Float64 => StoredType.Float64,
        ElementType.Int64 => StoredType.Int64,
        ElementType.Int32 => StoredType.Int32,
        ElementType.Int8 => StoredType.Int8,
        ElementType.UInt8 => StoredType.UInt8,
        ElementType.Bool => StoredType.Bool,
        _ => StoredType.Float32,
    };
}
