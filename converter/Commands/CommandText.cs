using System.Buffers;

namespace SeqRuntime.Converter.Commands;

/// <summary>Writes command lines: sources and options as <see cref="ConversionArguments"/> reads them, quoted for a shell.</summary>
internal static class CommandText
{
    private static readonly SearchValues<char> s_plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:,+@%");
    private static readonly string[] s_packings = [".gz", ".xz"];

    /// <summary>The command that converts.</summary>
    public static string Convert(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => Line(ConvertWords(sources, options));

    /// <summary>The command that tells what is in the files.</summary>
    public static string Doctor(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => Line(["doctor", .. Sources(sources), .. Words(options)]);

    /// <summary>The command that writes a description of a weight file.</summary>
    public static string Scaffold(string path) => Line(["scaffold", path]);

    /// <summary>The words of the command that converts, without the program's name and without quotes.</summary>
    public static List<string> ConvertWords(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => ["convert", .. Sources(sources), "-o", Target(sources), .. Words(options)];

    /// <summary>The options that one set of options has besides another.</summary>
    public static string Added(ConversionOptions before, ConversionOptions after)
    {
        var (old, now) = (Pairs(before).ToList(), Pairs(after).ToList());
        var added = now.Except(old).Select(pair => pair.Value is null ? pair.Option : $"{pair.Option} {Quoted(pair.Value)}");
        var removed = old.Except(now).Where(o => !now.Exists(n => n.Option == o.Option && NameOf(n.Value) == NameOf(o.Value))).Select(pair => $"no {pair.Option} {pair.Value}".TrimEnd());
        return string.Join(' ', added.Concat(removed));
    }

    private static string? NameOf(string? value) => value?.Split('=')[0];

    private static string Line(IEnumerable<string> words) => string.Join(' ', words.Select(Quoted).Prepend(SeqConvert.Name));

    private static IEnumerable<string> Sources(IReadOnlyList<(string Graph, string Path)> sources) => sources.Select(s => sources.Count == 1 ? Source(s.Graph, s.Path) : $"{s.Graph}={s.Path}");

    /// <summary>The graph and its file. The graph of a file that names none is 'main', unless the start of the file's path would be read as a name or an option.</summary>
    private static string Source(string graph, string path) => graph == "main" && !path.StartsWith('-') && !path.Contains('=', StringComparison.Ordinal) ? path : $"{graph}={path}";

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

    private static IEnumerable<string> Words(ConversionOptions options) => Pairs(options).SelectMany(pair => pair.Value is null ? (string[])[pair.Option] : [pair.Option, pair.Value]);

    private static IEnumerable<(string Option, string? Value)> Pairs(ConversionOptions options)
    {
        if (options.Weights != WeightKind.Float32) yield return ("--weights", options.Weights.Name());
        foreach (var choice in options.WeightsOf) yield return ("--weights-of", $"{choice.Pattern}={choice.Weights.Name()}");
        foreach (var (symbol, size) in options.Dimensions) yield return ("--dim", $"{symbol}={size}");
        foreach (var (input, value) in options.Sets) yield return ("--set", $"{input}={value}");
        if (!options.AutoStates) yield return ("--no-auto-state", null);
        foreach (var (input, output) in options.States) yield return ("--state", $"{input}={output}");
        if (options.Stateful) yield return ("--stateful", null);
        if (options.CacheSteps > 0) yield return ("--cache", $"{options.CacheSteps}");
        foreach (var output in options.DropOutputs) yield return ("--drop-output", output);
        foreach (var output in options.OnlyOutputs) yield return ("--only-output", output);
        foreach (var pattern in options.Keep) yield return ("--keep", pattern);
        if (options.Decoding is { } document) yield return ("--decoding", document);
        foreach (var (graph, path) in options.WeightFiles) yield return ("--weights-file", Source(graph, path));
        if (options.NoSplit) yield return ("--no-split", null);
        foreach (var folder in options.AllowedFolders) yield return ("--allow-folder", folder);
    }

    private static string Quoted(string word) => word.Length > 0 && !word.AsSpan().ContainsAnyExcept(s_plain) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
