using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Scaffolding;

namespace SeqRuntime.Converter.Commands;

/// <summary>Reads Hugging Face's <c>config.json</c> beside a weight file: it has the heads, the functions and the epsilons that weights do not tell.</summary>
internal static class ConfigFile
{
    private const string Name = "config.json";
    private const int MostDepth = 4;
    private const int MostSettings = 4096;
    private const int LongestSetting = 64;

    /// <summary>The settings of the file. None if there is no such file, or if it is not one of settings.</summary>
    /// <param name="path">The weight file.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">The file is no regular file in the folder, or no JSON.</exception>
    public static Settings Beside(string path, SourceFiles files)
    {
        var settings = new Settings();
        if (!File.Exists(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, Name))) return settings;
        var real = files.FolderOf(path).Find(Name, what => new ConversionException($"{path}: the settings beside it: {what}"));
        using var document = JsonText.Parse(files.ReadFound(real, isModel: false), real);
        var all = new List<(string, string)>();
        Add(document.RootElement, "", 0, all);
        settings.Add(Name, all);
        return settings;
    }

    private static void Add(JsonElement value, string path, int depth, List<(string, string)> all)
    {
        if (value.ValueKind != JsonValueKind.Object) return;
        foreach (var member in value.EnumerateObject())
        {
            if (all.Count == MostSettings) return;
            var name = path.Length == 0 ? member.Name : $"{path}.{member.Name}";
            if (member.Value.ValueKind == JsonValueKind.Object && depth < MostDepth) Add(member.Value, name, depth + 1, all);
            else if (member.Value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False) all.Add((name, member.Value.GetRawText()));
            else if (member.Value.ValueKind == JsonValueKind.String && member.Value.GetString() is { Length: <= LongestSetting } text) all.Add((name, $"\"{text}\""));
        }
    }
}
