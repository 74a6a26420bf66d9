using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SeqRuntime.Converter.Graph;

/// <summary>Identifies the content of a constant: its element type, its shape, and a hash of the unpacked elements.</summary>
internal readonly record struct ContentKey(ElementType Type, string Shape, bool IsMatrix, UInt128 High, UInt128 Low)
{
    /// <summary>A dense tensor.</summary>
    public static ContentKey Of(IrTensor tensor) => Of(tensor.Type, string.Join(',', tensor.Shape), false, [tensor.Data]);

    /// <summary>Row-major matrices of equal shape.</summary>
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
