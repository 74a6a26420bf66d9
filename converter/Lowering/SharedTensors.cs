using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
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

/// <summary>Content of a constant: its elements' type and shape, and a hash of the elements before they are packed.</summary>
internal readonly record struct ContentKey(ElementType Type, string Shape, bool IsMatrix, UInt128 High, UInt128 Low)
{
    /// <summary>A dense tensor.</summary>
    public static ContentKey Of(IrTensor tensor) => Of(tensor.Type, string.Join(',', tensor.Shape), false, [tensor.Data]);

    /// <summary>Row-major matrices of one shape.</summary>
    public static ContentKey Of(int rows, int columns, params float[][] matrices) =>
        Of(ElementType.Float32, $"{rows},{columns},{matrices.Length}", true, Array.ConvertAll(matrices, m => MemoryMarshal.AsBytes(m.AsSpan()).ToArray()));

    private static ContentKey Of(ElementType type, string shape, bool isMatrix, byte[][] parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts) hash.AppendData(part);
        var bytes = hash.GetHashAndReset();
        return new ContentKey(type, shape, isMatrix, BinaryPrimitives.ReadUInt128LittleEndian(bytes), BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(16)));
    }
}
