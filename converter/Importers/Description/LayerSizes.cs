using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Members of a layer that are a whole number or a list of them.</summary>
internal static class LayerSizes
{
    /// <summary>A number, or a list of numbers.</summary>
    public static long[] Integers(this GraphComposer graph, JsonElement value, string member)
    {
        JsonElement[] all = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        if (all.Length == 0) throw graph.Fault($"'{member}' is empty; give a whole number or a list of them");
        return Array.ConvertAll(all, one => one.ValueKind == JsonValueKind.Number && one.TryGetInt32(out var number) ? (long)number : throw graph.Fault($"'{member}' is {Json.Shown(value)}; give a whole number or a list of them"));
    }

    /// <summary>A number for each of <paramref name="count"/> axes. One number is for all.</summary>
    public static long[] Sizes(this GraphComposer graph, JsonElement? value, string member, int count, long otherwise)
    {
        if (value is not { } given) return [.. Enumerable.Repeat(otherwise, count)];
        var all = graph.Integers(given, member);
        if (all.Length == 1) return [.. Enumerable.Repeat(all[0], count)];
        return all.Length == count ? all : throw graph.Fault($"'{member}' has {all.Length} numbers; give 1 or {count}");
    }
}
