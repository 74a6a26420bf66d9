using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>x[…] with numbers, ranges, an ellipsis and new axes.</summary>
internal sealed class KerasSlices(KerasEmitter emitter)
{
    private readonly List<(long Start, long End, int Axis, long Step)> _ranges = [];
    private readonly List<int> _dropped = [];
    private readonly List<int> _added = [];

    public static KerasValue[] GetItem(KerasEmitter emitter, KerasArguments call)
    {
        var x = call.Value(0, "tensor", "x", "input");
        var key = call.Need(1, "slice_spec", "key");
        return [new KerasSlices(emitter).Emit(call.Layer, x, key.Items ?? [.. IsList(key.Content) ? key.Content.EnumerateArray().Select(KerasArgument.Of) : [key]])];
    }

    private static bool IsList(JsonElement key) => key.ValueKind == JsonValueKind.Array;

    private KerasValue Emit(KerasLayer layer, KerasValue x, List<KerasArgument> keys)
    {
        var taken = keys.Count(k => !IsEllipsis(k) && !IsNew(k));
        if (keys.Count(IsEllipsis) > 1 || taken > x.Rank) throw layer.Fault($"it takes {taken} axes of a value of {x.Rank} dimensions");
        if (!keys.Exists(IsEllipsis)) keys = [.. keys, KerasArgument.Of(JsonSerializer.SerializeToElement(new { class_name = "__ellipsis__" }))];
        int axis = 0, output = 0;
        foreach (var key in keys)
        {
            if (IsEllipsis(key))
            {
                axis += x.Rank - taken;
                output += x.Rank - taken;
            }
            else if (IsNew(key))
            {
                _added.Add(output++);
            }
            else if (key is { Value: null, Items: null, Content.ValueKind: JsonValueKind.Number })
            {
                long at = Json.Int(key.Content, $"an index of layer '{layer.Name}'");
                _ranges.Add((at, at == -1 ? long.MaxValue : at + 1, axis, 1));
                _dropped.Add(axis++);
            }
            else
            {
                Range(layer, key, axis++);
                output++;
            }
        }

        return Nodes(x, output);
    }

    private void Range(KerasLayer layer, KerasArgument key, int axis)
    {
        if (key.Value is not null || key.Items is not null || key.Content.ValueKind != JsonValueKind.Object) throw layer.Fault("it indexes with a value that is computed in the graph, or with a list, which is not supported; numbers and ranges are");
        var range = Json.TextOf(Json.Optional(key.Content, "class_name")) == "__slice__" ? Json.Required(key.Content, "config", $"a range of layer '{layer.Name}'") : key.Content;
        long? Part(string member) => Json.Optional(range, member) is not { } given ? null
            : given.ValueKind == JsonValueKind.Number && given.TryGetInt64(out var number) ? number
            : throw layer.Fault($"it indexes with a range whose '{member}' is computed in the graph, which is not supported");
        if (!range.TryGetProperty("start", out _) && !range.TryGetProperty("stop", out _)) throw layer.Fault($"it indexes with {Json.Shown(key.Content)}, which is not supported");
        var step = Part("step") ?? 1;
        if (step == 0) throw layer.Fault("it indexes with a range whose step is 0");
        var (start, end) = (Part("start") ?? (step > 0 ? 0 : -1), Part("stop") ?? (step > 0 ? long.MaxValue : long.MinValue));
        if (start != 0 || end != long.MaxValue || step != 1) _ranges.Add((start, end, axis, step));
    }

    private KerasValue Nodes(KerasValue x, int rank)
    {
        var (graph, y) = (emitter.Graph, x.Name);
        if (_ranges.Count > 0) y = graph.Op("Slice", [y, graph.Axes([.. _ranges.Select(r => r.Start)]), graph.Axes([.. _ranges.Select(r => r.End)]), graph.Axes([.. _ranges.Select(r => (long)r.Axis)]), graph.Axes([.. _ranges.Select(r => r.Step)])]);
        if (_dropped.Count > 0) y = graph.Op("Squeeze", [y, graph.Axes([.. _dropped.Select(a => (long)a)])]);
        if (_added.Count > 0) y = graph.Op("Unsqueeze", [y, graph.Axes([.. _added.Select(a => (long)a)])]);
        return new KerasValue(y, rank);
    }

    private static bool IsEllipsis(KerasArgument key) => Json.TextOf(Json.Optional(key.Content, "class_name")) == "__ellipsis__";

    /// <summary>A missing key makes a new axis.</summary>
    private static bool IsNew(KerasArgument key) => key.IsNothing;
}
