using System.Text.Json;
using System.Text.Json.Nodes;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>RNN over a cell, or over StackedRNNCells: a recurrent layer for each cell.</summary>
internal sealed partial class KerasRecurrent
{
    private const string Cell = "Cell";

    /// <summary>
    /// One direction. Cells above each other step together: each reads the outputs of the one below at the same step, so they are layers of
    /// sequences. At masked steps all of them keep their states.
    /// </summary>
    private (string Sequence, string Last, string[] States) RunCells(KerasLayer layer, KerasValue x, List<KerasValue> initial, bool isBackward, bool isZeroElsewhere)
    {
        if (KerasConvRecurrent.AxesOf(layer) > 0) return _convolutions.Run(layer, x, initial, isBackward, Batch(layer, x.Name));
        if (layer.Class != OverCells) return Run(layer, x, initial, isBackward, isZeroElsewhere);
        var cells = Cells(layer);
        var count = cells.Sum(cell => KindOf(cell).States);
        if (initial.Count != 0 && initial.Count != count) throw layer.Fault($"it is called with {initial.Count} initial states, but its cells have {count}");
        (string Sequence, string Last, string[] States) run = ("", "", []);
        var states = new List<string>();
        foreach (var cell in cells)
        {
            var own = initial.Count == 0 ? [] : initial.GetRange(states.Count, KindOf(cell).States);
            run = Run(cell, x, own, isBackward, isZeroElsewhere);
            states.AddRange(run.States);
            x = x with { Name = run.Sequence };
            foreach (var member in cell.Unread()) emitter.Notes.Add($"layer '{cell.Name}' ({layer.Class} of {cell.Class}) has {member}, which is unknown and ignored");
        }

        return run with { States = [.. states] };
    }

    /// <summary>The cells as layers, from the first one up.</summary>
    private static List<KerasLayer> Cells(KerasLayer layer)
    {
        var cell = layer.Get("cell") ?? throw layer.Fault("it has no 'cell'");
        if (cell.ValueKind == JsonValueKind.Array) return [.. Stacked(cell)];
        var one = new KerasLayer(cell);
        if (one.Class != "StackedRNNCells") return [OfCell(one, cell, layer.WeightsOf)];
        if (one.Flag("reverse_state_order")) throw layer.Fault("its cells have their states in reverse order, which is not supported");
        return [.. Stacked(one.Get("cells") ?? throw layer.Fault("its StackedRNNCells has no 'cells'"))];

        IEnumerable<KerasLayer> Stacked(JsonElement cells)
        {
            var all = Json.List(cells, $"the cells of layer '{layer.Name}'");
            if (all.Count == 0) throw layer.Fault("it has no cells");
            return all.Select(each => OfCell(new KerasLayer(each), each, all.Count == 1 ? layer.WeightsOf : $"{layer.WeightsOf}/{new KerasLayer(each).Name}"));
        }

        // What the layer says of the sequence, and what the cell says of the step.
        KerasLayer OfCell(KerasLayer kind, JsonElement config, string weightsOf)
        {
            var recurrent = kind.Class.EndsWith(Cell, StringComparison.Ordinal) ? kind.Class[..^Cell.Length] : "";
            if (!s_kinds.ContainsKey(recurrent)) throw layer.Fault($"a cell of class '{kind.Class}' is not supported; supported are {string.Join(", ", s_kinds.Keys.Where(name => !name.StartsWith("CuDNN", StringComparison.Ordinal)).Select(name => name + Cell))}");
            var merged = new JsonObject();
            foreach (var (name, value) in Json.Members(Json.Required(config, "config", $"the cell '{kind.Name}'"), $"the config of the cell '{kind.Name}'")) merged[name] = JsonNode.Parse(value.GetRawText());
            foreach (var member in (string[])["stateful", "time_major"]) merged[member] = layer.Flag(member);
            merged["name"] = layer.Name;
            using var document = JsonDocument.Parse(new JsonObject { ["class_name"] = recurrent, ["config"] = merged }.ToJsonString());
            return new KerasLayer(document.RootElement.Clone(), weightsOf, layer.Part);
        }
    }
}
