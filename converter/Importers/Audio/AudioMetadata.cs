using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>What a file says about its model besides numbers: sample rate, loudness, name, author. Keys begin with "audio.".</summary>
internal static class AudioMetadata
{
    private const int Most = 64;

    /// <summary>The plain members of an object, also of objects in it.</summary>
    public static Dictionary<string, string> Of(JsonElement? owner)
    {
        var metadata = new Dictionary<string, string>();
        if (owner is { } root) Collect(root, "", depth: 0);
        return metadata;

        void Collect(JsonElement value, string prefix, int depth)
        {
            const int deepest = 3;
            foreach (var (name, member) in Json.Members(value, "'metadata'"))
            {
                if (member.ValueKind == JsonValueKind.Object && depth < deepest) Collect(member, $"{prefix}{name}.", depth + 1);
                else if (Members.Plain(member) is { } text) Add(metadata, prefix + name, text);
            }
        }
    }

    /// <summary>Adds one, under the usual name where there is one. Not more than 64, and the first of equal names stays.</summary>
    public static void Add(Dictionary<string, string> metadata, string name, string value)
    {
        const int longest = 64;
        if (metadata.Count >= Most || name.Length > longest) return;
        metadata.TryAdd($"audio.{(name is "samplerate" or "sampleRate" ? "sample_rate" : name)}", value);
    }
}
