using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary>Writes command lines: sources and options as <see cref="ConversionArguments"/> reads them, quoted for a shell.</summary>
internal static class CommandText
{
    private static readonly string[] s_packings = [".gz", ".xz"];

    /// <summary>The command that converts.</summary>
    public static string Convert(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => Line(ConvertWords(sources, options));

    /// <summary>The command that tells what is in the files.</summary>
    public static string Doctor(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => Line(["doctor", .. ConversionRecord.Sources(sources), .. ConversionRecord.Words(options)]);

    /// <summary>The command that writes a description of a weight file.</summary>
    public static string Scaffold(string path) => Line(["scaffold", path]);

    /// <summary>The words of the command that converts, without the program's name and without quotes.</summary>
    public static List<string> ConvertWords(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => ["convert", .. ConversionRecord.Sources(sources), "-o", Target(sources), .. ConversionRecord.Words(options)];

    /// <summary>The options that one set of options has besides another.</summary>
    public static string Added(ConversionOptions before, ConversionOptions after)
    {
        var (old, now) = (ConversionRecord.Pairs(before).ToList(), ConversionRecord.Pairs(after).ToList());
        var added = now.Except(old).Select(pair => pair.Value is null ? pair.Option : $"{pair.Option} {ShellWords.Quoted(pair.Value)}");
        var removed = old.Except(now).Where(o => !now.Exists(n => n.Option == o.Option && NameOf(n.Value) == NameOf(o.Value))).Select(pair => $"no {pair.Option} {pair.Value}".TrimEnd());
        return string.Join(' ', added.Concat(removed));
    }

    private static string? NameOf(string? value) => value?.Split('=')[0];

    private static string Line(IEnumerable<string> words) => ShellWords.Join(words.Prepend(SeqConvert.Name));

    private static string Target(IReadOnlyList<(string Graph, string Path)> sources)
    {
        var name = sources.Count == 1 ? Path.GetFileName(sources[0].Path) : "model";
        foreach (var packing in s_packings)
        {
            if (name.EndsWith(packing, StringComparison.OrdinalIgnoreCase)) name = name[..^packing.Length];
        }

        var stem = sources.Count == 1 ? Path.GetFileNameWithoutExtension(name) : name;
        return (stem.Length == 0 || stem.StartsWith('-') ? "model" : stem) + ".seq";
    }
}
