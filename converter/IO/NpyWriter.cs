using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Converter.IO;

/// <summary>Writes <c>.npy</c> version 1.0 with the same bytes as NumPy: little-endian, C order, data aligned to 64 bytes.</summary>
internal static class NpyWriter
{
    private const int Alignment = 64;

    /// <summary>NumPy leaves room for the leading size to grow to 21 digits when the file is appended to.</summary>
    private const int GrowthDigits = 21;

    public static void Write(Stream stream, NpyArray array)
    {
        var text = new NpyHeader(array.Type, BigEndian: false, FortranOrder: false, array.Shape).ToString();
        if (array.Shape.Length > 0) text = text.PadRight(text.Length + GrowthDigits - array.Shape[0].ToString(System.Globalization.CultureInfo.InvariantCulture).Length);
        var total = (10 + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        var header = new byte[total];
        NpyReader.Magic.CopyTo(header);
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - 10));
        Encoding.ASCII.GetBytes(text.PadRight(total - 11) + '\n').CopyTo(header, 10);
        stream.Write(header);
        stream.Write(array.Data);
    }

    /// <summary>The bytes of a file.</summary>
    public static byte[] ToBytes(NpyArray array)
    {
        using var stream = new MemoryStream();
        Write(stream, array);
        return stream.ToArray();
    }
}
