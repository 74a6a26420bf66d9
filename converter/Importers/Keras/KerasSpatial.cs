using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>What layers over one, two or three axes between batch and channels share: the place of the channels, and numbers for each axis.</summary>
internal static class KerasSpatial
{
    /// <summary>Whether a layer of this class reads data_format here, so that its channels may be first.</summary>
    public static bool ReadsFormat(string kind) =>
        kind.StartsWith("Conv", StringComparison.Ordinal) || kind.StartsWith("DepthwiseConv", StringComparison.Ordinal) || kind.StartsWith("SeparableConv", StringComparison.Ordinal)
        || kind.Contains("Pooling", StringComparison.Ordinal) || kind.StartsWith("ZeroPadding", StringComparison.Ordinal) || kind.StartsWith("Cropping", StringComparison.Ordinal)
        || kind.StartsWith("UpSampling", StringComparison.Ordinal);

    public static bool IsChannelsFirst(KerasLayer layer) => layer.String("data_format") switch
    {
        null or "channels_last" => false,
        "channels_first" => true,
        var other => throw layer.Fault($"data_format '{other}' is unknown; it must be channels_last or channels_first"),
    };

    /// <summary>The first of the axes between batch and channels.</summary>
    public static int FirstAxis(KerasLayer layer) => IsChannelsFirst(layer) ? 2 : 1;

    /// <summary>Nodes over a value whose channels are first, as ONNX has them, and then the layer's activation.</summary>
    public static KerasValue Inside(KerasEmitter emitter, KerasLayer layer, KerasValue x, int spatial, Func<string, string> emit)
    {
        Require(layer, x, spatial);
        if (IsChannelsFirst(layer)) return new KerasValue(emitter.Functions.Apply(layer, emit(x.Name), x.Rank), x.Rank);
        long[] inside = [0, x.Rank - 1, .. Axes(1, spatial)], outside = [0, .. Axes(2, spatial), 1];
        var y = emitter.Graph.Transpose(emit(emitter.Graph.Transpose(x.Name, inside)), outside);
        return new KerasValue(emitter.Functions.Apply(layer, y, x.Rank), x.Rank);
    }

    public static void Require(KerasLayer layer, KerasValue x, int spatial)
    {
        if (x.Rank != spatial + 2) throw layer.Fault($"its input has {x.Rank} dimensions; it must have {spatial + 2}: batch, {(spatial == 1 ? "steps" : $"{spatial} axes")}, channels");
    }

    /// <summary><paramref name="count"/> axes from <paramref name="first"/> on.</summary>
    public static long[] Axes(int first, int count) => [.. Enumerable.Range(first, count).Select(a => (long)a)];

    /// <summary>A number for each axis, given as a list or as one for all.</summary>
    public static long[] Numbers(KerasLayer layer, string member, int axes, long otherwise, long least = 1)
    {
        long[] given = layer.Longs(member) is { Length: > 0 } some ? some : [otherwise];
        if (given.Length == 1) given = [.. Enumerable.Repeat(given[0], axes)];
        if (given.Length != axes) throw layer.Fault($"'{member}' has {given.Length} numbers; it must have {axes}");
        return Array.Exists(given, g => g < least || g > int.MaxValue) ? throw layer.Fault($"'{member}' is {string.Join(", ", given)}; it must be at least {least}") : given;
    }

    /// <summary>Two numbers for each axis, before and after it: one number, a number for each axis, or a pair for each axis.</summary>
    public static (long[] Before, long[] After) Ends(KerasLayer layer, string member, int axes)
    {
        if (layer.Get(member) is { ValueKind: JsonValueKind.Array } list && list.EnumerateArray().Any(e => e.ValueKind == JsonValueKind.Array))
        {
            var pairs = list.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Array ? e.EnumerateArray().Select(n => (long)Json.Int(n, $"'{member}' of layer '{layer.Name}' ({layer.Class})")).ToArray() : []).ToList();
            if (pairs.Count != axes || pairs.Exists(p => p.Length != 2 || p[0] < 0 || p[1] < 0)) throw layer.Fault($"'{member}' must have {axes} pairs of numbers that are not negative");
            return ([.. pairs.Select(p => p[0])], [.. pairs.Select(p => p[1])]);
        }

        // One axis has its two ends in a flat list.
        if (axes == 1 && layer.Longs(member) is [>= 0 and <= int.MaxValue and var before, >= 0 and <= int.MaxValue and var after]) return ([before], [after]);
        var both = Numbers(layer, member, axes, 1, least: 0);
        return (both, both);
    }
}
