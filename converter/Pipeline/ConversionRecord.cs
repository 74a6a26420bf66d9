using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>
/// The sources and options of a conversion as words of the command line. A file's metadata keeps them, without folders, so that the same model can be
/// imported again.
/// </summary>
internal static class ConversionRecord
{
    /// <summary>The entry of the metadata.</summary>
    public const string Key = "arguments";

    /// <summary>The line for the metadata.</summary>
    public static string Of(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options) => ShellWords.Join(
    [
        .. Sources([.. sources.Select(s => (s.Graph, Path.GetFileName(s.Path)))]),
        .. Words(options with
        {
            Decoding = Path.GetFileName(options.Decoding),
            WeightFiles = options.WeightFiles.ToDictionary(w => w.Key, w => Path.GetFileName(w.Value)),
            AllowedFolders = [],
        }),
    ]);

    /// <summary>The words that name sources.</summary>
    public static IEnumerable<string> Sources(IReadOnlyList<(string Graph, string Path)> sources) => sources.Select(s => sources.Count == 1 ? Source(s.Graph, s.Path) : $"{s.Graph}={s.Path}");

    /// <summary>The words of options.</summary>
    public static IEnumerable<string> Words(ConversionOptions options) => Pairs(options).SelectMany(pair => pair.Value is null ? (string[])[pair.Option] : [pair.Option, pair.Value]);

    /// <summary>The options that differ from the defaults, each with its value.</summary>
    public static IEnumerable<(string Option, string? Value)> Pairs(ConversionOptions options)
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

    /// <summary>The graph and its file. The graph of a file that names none is 'main', unless the start of the file's path would be read as a name or an option.</summary>
    private static string Source(string graph, string path) => graph == "main" && !path.StartsWith('-') && !path.Contains('=', StringComparison.Ordinal) ? path : $"{graph}={path}";
}
