namespace SeqRuntime.Converter.IO;

/// <summary>The element types of <c>.npy</c> arrays that are read and written: all but bfloat16, which NumPy does not have.</summary>
internal static class NpyTypes
{
    private static readonly (StoredType Type, string Descriptor)[] s_all =
    [
        (StoredType.Float32, "<f4"), (StoredType.Float64, "<f8"), (StoredType.Float16, "<f2"), (StoredType.Int64, "<i8"), (StoredType.Int32, "<i4"),
        (StoredType.Int16, "<i2"), (StoredType.Int8, "|i1"), (StoredType.UInt8, "|u1"), (StoredType.Bool, "|b1"),
    ];

    public static IEnumerable<StoredType> All => s_all.Select(known => known.Type);

    /// <summary>The descriptor in a header, little-endian, such as &lt;f4 or |b1.</summary>
    public static string Descriptor(this StoredType type) => Array.Find(s_all, known => known.Type == type).Descriptor;

    /// <summary>Parses a descriptor. False if the type is not supported.</summary>
    public static bool TryParse(string descriptor, out StoredType type, out bool bigEndian)
    {
        type = default;
        bigEndian = false;
        if (descriptor.Length != 3 || descriptor[0] is not ('<' or '>' or '|' or '=')) return false;
        bigEndian = descriptor[0] == '>';
        foreach (var (candidate, known) in s_all)
        {
            if (!known.AsSpan(1).SequenceEqual(descriptor.AsSpan(1))) continue;
            type = candidate;
            return descriptor[0] != '|' || candidate.Size() == 1;
        }

        return false;
    }
}
