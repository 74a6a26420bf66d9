using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace SeqRuntime.Converter.IO;

/// <summary>Reads JSON from any source. It checks the encoding and limits the depth, so that later reading cannot fail on either.</summary>
internal static class JsonText
{
    /// <summary>The parsed document. A member may occur only once in an object.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <exception cref="ConversionException">It is not JSON; the message says where and why.</exception>
    public static JsonDocument Parse(byte[] bytes, string where)
    {
        var text = Checked(bytes, where);
        try
        {
            return JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException fault)
        {
            throw new ConversionException($"{where}: this is not JSON, or it is damaged: {JsonFaults.Tell(fault)}.", fault);
        }
    }

    /// <summary>The bytes without a byte order mark. They are UTF-8, and escaped surrogates are in pairs.</summary>
    /// <exception cref="ConversionException">The bytes are not so; the message says in which line.</exception>
    public static ReadOnlyMemory<byte> Checked(byte[] bytes, string where)
    {
        var start = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        // "Unicode" of Windows: each Latin letter has a zero byte next to it.
        if (bytes is [0xFE, 0xFF, ..] or [0xFF, 0xFE, ..] or [0, not 0, 0, not 0, ..] or [not 0, 0, not 0, 0, ..]) throw new ConversionException($"{where}: this is UTF-16; save the file as UTF-8");
        if (!Utf8.IsValid(bytes.AsSpan(start))) throw TextLines.NotUtf8(bytes.AsSpan(start), where);
        if (LoneSurrogate(bytes) is { } at) throw new ConversionException($"{where}: line {bytes.AsSpan(0, at).Count((byte)'\n') + 1} has half of a surrogate pair, {Encoding.ASCII.GetString(bytes, at, 6)}; write both halves, or the character itself");
        return bytes.AsMemory(start);
    }

    /// <summary>The position of an escaped surrogate without its other half. Null if there is none.</summary>
    private static int? LoneSurrogate(ReadOnlySpan<byte> text)
    {
        for (var at = 0; at + 1 < text.Length; at++)
        {
            if (text[at] != '\\') continue;
            if (Escaped(text, at) is not { } unit)
            {
                // Skip the character after the backslash: it cannot start another escape.
                at++;
                continue;
            }

            if (char.IsLowSurrogate(unit)) return at;
            if (char.IsHighSurrogate(unit))
            {
                if (Escaped(text, at + 6) is not { } low || !char.IsLowSurrogate(low)) return at;
                at += 6;
            }

            at += 5;
        }

        return null;
    }

    private static char? Escaped(ReadOnlySpan<byte> text, int at) =>
        at + 6 <= text.Length && text[at] == '\\' && text[at + 1] == 'u' && ushort.TryParse(text.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit) ? (char)unit : null;
}
