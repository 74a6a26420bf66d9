using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>
/// Numbers, texts and truths that stand beside the weights: in Hugging Face's <c>config.json</c>, or in the checkpoint itself. They answer what shapes do not tell.
/// </summary>
internal sealed class Settings
{
    private readonly List<(string Source, Dictionary<string, string> Values)> _sources = [];
    private readonly SortedSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>What was used, for the report. Null if nothing was.</summary>
    public string? Used => _used.Count == 0 ? null : $"taken from {string.Join("; ", _used)}";

    /// <summary>Adds settings. Those that were added first are asked first.</summary>
    /// <param name="source">Where they stand.</param>
    /// <param name="values">Their paths with dots, and their values as JSON. Of one path, the last counts.</param>
    public void Add(string source, IEnumerable<(string Path, string Json)> values)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (path, json) in values) all[path] = json;
        if (all.Count > 0) _sources.Add((source, all));
    }

    /// <summary>The first of these names that a source has: at its top, or once further inside. Null if there is none.</summary>
    public string? this[params string[] names]
    {
        get
        {
            foreach (var (source, values) in _sources)
            {
                foreach (var name in names)
                {
                    if (!values.TryGetValue(name, out var json))
                    {
                        var inner = values.Where(value => value.Key.EndsWith("." + name, StringComparison.Ordinal)).Select(value => value.Value).Distinct().Take(2).ToList();
                        if (inner.Count != 1) continue;
                        json = inner[0];
                    }

                    if (json == "null") continue;
                    _used.Add($"{source}: {name} = {json}");
                    return json;
                }
            }

            return null;
        }
    }

    /// <summary>A whole number above 0.</summary>
    public int? Whole(params string[] names) => int.TryParse(this[names], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;

    /// <summary>A finite number.</summary>
    public double? Number(params string[] names) => double.TryParse(this[names], NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    /// <summary>A text.</summary>
    public string? Text(params string[] names) => this[names] is ['"', .. var text, '"'] ? text : null;
}
