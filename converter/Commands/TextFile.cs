using System.Text;
using System.Text.Unicode;

namespace SeqRuntime.Converter.Commands;

/// <summary>Reads a text file for a command.</summary>
internal static class TextFile
{
    /// <summary>Its lines: UTF-8, or what a byte order mark at its beginning says.</summary>
    /// <exception cref="ConversionException">There is no such file, or it is not in its encoding; the message says which line.</exception>
    public static IReadOnlyList<string> ReadLines(string path)
    {
        ModelFile.MustExist(path);
        try
        {
            using var reader = new StreamReader(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            var lines = new List<string>();
            while (reader.ReadLine() is { } line) lines.Add(line);
            return lines;
        }
        catch (DecoderFallbackException fault)
        {
            throw new ConversionException($"{path}: line {FirstInvalid(File.ReadAllBytes(path))} is not UTF-8; save the file as UTF-8", fault);
        }
    }

    private static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        var number = 1;
        foreach (var line in bytes.Split((byte)'\n'))
        {
            if (!Utf8.IsValid(bytes[line])) break;
            number++;
        }

        return number;
    }
}
