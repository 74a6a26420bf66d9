using System.CommandLine;
using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>Reads options and words their errors in one way.</summary>
internal static class Arguments
{
    /// <summary>The value of a number that must not be smaller.</summary>
    public static int AtLeast(int least, ParseResult result, Option<int> option) => result.GetValue(option) is var value && value >= least ? value : throw new UsageException($"{option.Name} {value}: give at least {least}");

    /// <summary>Splits NAME=VALUE pairs. A name may occur once.</summary>
    public static Dictionary<string, string> Pairs(string option, string form, IEnumerable<string>? values)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var value in values ?? [])
        {
            var equals = value.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == value.Length - 1) throw new UsageException($"{option} {value}: write {option} {form}");
            if (!pairs.TryAdd(value[..equals], value[(equals + 1)..])) throw new UsageException($"{option}: '{value[..equals]}' is given twice");
        }

        return pairs;
    }

    /// <summary>Splits NAME=SIZE pairs. Sizes range from <paramref name="least"/> to 2³¹-1.</summary>
    public static Dictionary<string, int> Sizes(string option, string form, IEnumerable<string>? values, int least = 1) =>
        Pairs(option, form, values).ToDictionary(
            p => p.Key,
            p => int.TryParse(p.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size >= least
                ? size
                : throw new UsageException($"{option} {p.Key}={p.Value}: the size must be a whole number from {least} to {int.MaxValue}"),
            StringComparer.Ordinal);

    /// <summary>Splits PATTERN=KIND options in their order. The pattern may contain '='.</summary>
    public static List<WeightOverride> WeightsOf(string option, IEnumerable<string>? values)
    {
        var overrides = new List<WeightOverride>();
        foreach (var value in values ?? [])
        {
            var equals = value.LastIndexOf('=');
            if (equals <= 0 || WeightKinds.Parse(value[(equals + 1)..]) is not { } kind)
                throw new UsageException($"{option} {value}: write {option} PATTERN=KIND, where KIND is one of {string.Join(", ", WeightKinds.All.Select(storage => storage.Name))}");
            overrides.Add(new WeightOverride(value[..equals], kind));
        }

        return overrides;
    }

    /// <summary>
    /// Splits [GRAPH=]FILE arguments. A graph name starts with a letter or '_' and goes on with letters, digits, '_', '-', '.';
    /// any other text before '=' belongs to the file's path.
    /// </summary>
    public static List<(string Graph, string Path)> Sources(IEnumerable<string> values)
    {
        var sources = new List<(string Graph, string Path)>();
        foreach (var value in values)
        {
            if (value.StartsWith('-')) throw new UsageException($"there is no option '{value}'");
            var equals = value.IndexOf('=', StringComparison.Ordinal);
            var named = equals > 0 && IsGraphName(value.AsSpan(0, equals));
            var source = named ? (value[..equals], value[(equals + 1)..]) : ("main", value);
            if (source.Item2.Length == 0) throw new UsageException($"'{value}' has no file name: write GRAPH=FILE");
            if (sources.Exists(s => s.Graph == source.Item1))
            {
                throw new UsageException(named
                    ? $"two graphs are named '{source.Item1}': give each its own name"
                    : $"'{value}': several files need names: write encoder=a.onnx decoder=b.onnx");
            }

            sources.Add(source);
        }

        return sources;
    }

    /// <summary>Splits [GRAPH=]FILE options of samples. A file without a graph's name has null.</summary>
    /// <exception cref="ConversionException">A file does not exist.</exception>
    public static List<(string? Graph, string Path)> Samples(IEnumerable<string>? values)
    {
        var samples = (values ?? []).Select(NamedFile).ToList();
        foreach (var (_, path) in samples) ModelFile.MustExist(path);
        return samples;
    }

    /// <summary>Splits one [GRAPH=]FILE. Without a graph's name it is null.</summary>
    public static (string? Graph, string Path) NamedFile(string value) => Sources([value])[0] is var (graph, path) && path != value ? (graph, path) : (null, value);

    private static bool IsGraphName(ReadOnlySpan<char> text)
    {
        if (!char.IsAsciiLetter(text[0]) && text[0] != '_') return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.')) return false;
        }

        return true;
    }
}
