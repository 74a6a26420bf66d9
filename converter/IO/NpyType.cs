namespace SeqRuntime.Converter.IO;

/// <summary>Element types of <c>.npy</c> arrays that are read and written.</summary>
internal enum NpyType : byte
{
    Float32,
    Float64,
    Float16,
    Int64,
    Int32,
    Int16,
    Int8,
    UInt8,
    Bool,
}

/// <summary>Properties of an <see cref="NpyType"/>.</summary>
internal static class NpyTypes
{
    /// <summary>Size of one element in bytes.</summary>
    public static int Size(this NpyType type) => type switch
    {
        NpyType.Float64 or NpyType.Int64 => 8,
        NpyType.Float32 or NpyType.Int32 => 4,
        NpyType.Float16 or NpyType.Int16 => 2,
        _ => 1,
    };

    /// <summary>NumPy's name, such as float32 or int64.</summary>
    public static string Name(this NpyType type) => type switch
    {
        NpyType.Float32 => "float32",
        NpyType.Float64 => "float64",
        NpyType.Float16 => "float16",
        NpyType.Int64 => "int64",
        NpyType.Int32 => "int32",
        NpyType.Int16 => "int16",
        NpyType.Int8 => "int8",
        NpyType.UInt8 => "uint8",
        _ => "bool",
    };

    /// <summary>The descriptor in a header, little-endian, such as &lt;f4 or |b1.</summary>
    public static string Descriptor(this NpyType type) => type switch
    {
        NpyType.Float32 => "<f4",
        NpyType.Float64 => "<f8",
        NpyType.Float16 => "<f2",
        NpyType.Int64 => "<i8",
        NpyType.Int32 => "<i4",
        NpyType.Int16 => "<i2",
        NpyType.Int8 => "|i1",
        NpyType.UInt8 => "|u1",
        _ => "|b1",
    };

    /// <summary>Parses a descriptor. False if the type is not supported.</summary>
    public static bool TryParse(string descriptor, out NpyType type, out bool bigEndian)
    {
        type = default;
        bigEndian = false;
        if (descriptor.Length != 3 || descriptor[0] is not ('<' or '>' or '|' or '=')) return false;
        bigEndian = descriptor[0] == '>';
        foreach (var candidate in Enum.GetValues<NpyType>())
        {
            if (!candidate.Descriptor().AsSpan(1).SequenceEqual(descriptor.AsSpan(1))) continue;
            type = candidate;
            return descriptor[0] != '|' || candidate.Size() == 1;
        }

        return false;
    }

    /// <summary>The type that stores elements of the runtime's <paramref name="type"/>.</summary>
    public static NpyType From(ElementType type) => type switch
    {
        ElementType.Float64 => NpyType.Float64,
        ElementType.Int64 => NpyType.Int64,
        ElementType.Int32 => NpyType.Int32,
        ElementType.Int8 => NpyType.Int8,
        ElementType.UInt8 => NpyType.UInt8,
        ElementType.Bool => NpyType.Bool,
        _ => NpyType.Float32,
    };
}
