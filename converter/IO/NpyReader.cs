using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Converter.IO;

/// <summary>Reads <c>.npy</c> files of versions 1.0 to 3.0, in both byte orders and in C and Fortran order. Every length in the file is checked.</summary>
internal static class NpyReader
{
    /// <summary>The signature of every <c>.npy</c> file.</summary>
    internal static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConversionException">The file is damaged, or its content is not supported.</exception>
    public static NpyArray ReadFile(string path) => Read(new SourceFiles([]).ReadNamed(path), path);

    /// <summary>Reads an array from memory; <paramref name="where"/> names it in messages.</summary>
    public static NpyArray Read(byte[] bytes, string where)
    {
        using var stream = new MemoryStream(bytes, writable: false);
        return Read(stream, where, bytes.Length);
    }

    /// <summary>Reads an array. The stream must end after it.</summary>
    /// <param name="stream">The stream to read.</param>
    /// <param name="where">Names the file in messages.</param>
    /// <param name="length">The number of bytes that the stream claims to have.</param>
    public static NpyArray Read(Stream stream, string where, long length)
    {
        var header = ReadHeader(stream, where, out var headerBytes);
        if (length - headerBytes != header.DataBytes)
        {
            throw Fault(
                where,
                $"shape ({string.Join(", ", header.Shape)}) of {header.Type.Name()} needs {header.DataBytes} bytes of data, but the file has {length - headerBytes}",
                "the file is truncated or damaged: save the array again with numpy.save");
        }

        var data = ReadData(stream, (int)header.DataBytes, where);
        if (header.BigEndian) Strided.Reverse(data, header.Type.Size());
        return new NpyArray(header.Type, header.Shape, header.FortranOrder ? ToRowMajor(data, header) : data);
    }

    /// <summary>Makes an exception with the file, what is wrong, and what to do.</summary>
    internal static ConversionException Fault(string where, string what, string advice) => new($"{where}: {what}; {advice}");

    internal static NpyHeader ReadHeader(Stream stream, string where, out int headerBytes)
    {
        Span<byte> start = stackalloc byte[12];
        var got = stream.ReadAtLeast(start[..10], 10, throwOnEndOfStream: false);
        if (got < 10 || !start.StartsWith(Magic)) throw Fault(where, "this is not a .npy file", "save the array with numpy.save");
        if (start[6] is not (1 or 2 or 3)) throw Fault(where, $".npy version {start[6]}.{start[7]} is unknown", "save the array again with numpy.save");
        var prefix = 10;
        uint length = BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
        if (start[6] > 1)
        {
            prefix = 12;
            if (stream.ReadAtLeast(start[10..], 2, throwOnEndOfStream: false) < 2) throw Truncated(where);
            length = BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        }

        if (length > NpyHeader.MaximumBytes)
            throw Fault(where, $"the .npy header claims {length} bytes, over the limit of {NpyHeader.MaximumBytes}", "the file is damaged: save the array again with numpy.save");
        var text = new byte[length];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length) throw Truncated(where);
        headerBytes = prefix + text.Length;
        return NpyHeader.Parse((start[6] == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text), where);
    }

    private static byte[] ReadData(Stream stream, int bytes, string where)
    {
        var data = GrowingRead.Exactly(stream, bytes) ?? throw Truncated(where);
        return stream.ReadByte() < 0 ? data : throw Fault(where, "there are bytes after the array", "the file is damaged: save the array again with numpy.save");
    }

    private static ConversionException Truncated(string where) => Fault(where, "the file is truncated", "save the array again with numpy.save");

    private static byte[] ToRowMajor(byte[] data, NpyHeader header)
    {
        var (shape, size) = (header.Shape, header.Type.Size());
        if (shape.Length < 2 || data.Length == 0) return data;
        var strides = new long[shape.Length];
        strides[0] = 1;
        for (var axis = 1; axis < shape.Length; axis++) strides[axis] = strides[axis - 1] * shape[axis - 1];
        return Strided.ToRowMajor(data, 0, shape, strides, size);
    }
}
