using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Commands;

/// <summary>Reads a text file for a command.</summary>
internal static class TextFile
{
    /// <summary>The lines of the file.</summary>
    /// <exception cref="ConversionException">The file does not exist, or a line is not in its encoding; the message says which line.</exception>
    public static IReadOnlyList<string> ReadLines(string path)
    {
        ModelFile.MustExist(path);
        return TextLines.Of(new SourceFiles([]).ReadNamed(path), path);
    }
}
