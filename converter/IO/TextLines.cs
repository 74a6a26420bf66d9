using System.Text;
using System.Text.Unicode;

namespace SeqRuntime.Converter.IO;

/// <summary>The lines of a text file in UTF-8, or in the encoding of its byte order mark.</summary>
internal static class TextLines
{
    /// <param name="bytes">The file.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <exception cref="ConversionException">The text is not in its encoding; the message says in which line.</exception>
    public static IReadOnlyList<string> Of(byte[] bytes, string where)
    {
        try
        {
            using var reader = new StreamReader(new MemoryStream(bytes, writable: false), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            var lines = new List<string>();
            while (reader.ReadLine() is { } line) lines.Add(line);
            return lines;
        }
        catch (DecoderFallbackException)
        {
            throw NotUtf8(bytes, where);
        }
    }

    /// <summary>The error for a text that is not UTF-8. It names the first such line.</summary>
    public static ConversionException NotUtf8(ReadOnlySpan<byte> bytes, string where)
    {
        var number = 1;
        foreach (var line in bytes.Split((byte)'\n'))
        {
            if (!Utf8.IsValid(bytes[line])) break;
            number++;
        }

        return new ConversionException($"{where}: line {number} is not UTF-8; save the file as UTF-8");
    }
}
