using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SeqRuntime.Converter.Graph;

/// <summary>Identifies the content of a constant: its element type, its shape, and a hash of the unpacked elements.</summary>
internal readonly record struct ContentKey(ElementType Type, string Shape, bool IsMatrix, UInt128 High, UInt128 Low)
{
    /// <summary>A dense tensor.</summary>
    public static ContentKey Of(IrTensor tensor)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(tensor.Data);
        return Of(tensor.Type, string.Join(',', tensor.Shape), false, hash);
    }

    /// <summary>Row-major matrices of equal shape.</summary>
    public static ContentKey Of(int rows, int columns, params float[][] matrices)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var matrix in matrices) hash.AppendData(MemoryMarshal.AsBytes(matrix.AsSpan()));
        return Of(ElementType.Float32, $"{rows},{columns},{matrices.Length}", true, hash);
    }

    /// <summary>Whether it is one matrix of this shape.</summary>
    public bool IsMatrixOf(int rows, int columns) => IsMatrix && Shape == $"{rows},{columns},1";

    private static ContentKey Of(ElementType type, string shape, bool isMatrix, IncrementalHash hash)
    {
        var bytes = hash.GetHashAndReset();
        return new ContentKey(type, shape, isMatrix, BinaryPrimitives.ReadUInt128LittleEndian(bytes), BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(16)));
    }
}
