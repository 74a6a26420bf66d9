using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Reads the calls of layers in a Functional model, as Keras 2 and Keras 3 write them.</summary>
internal static class KerasNodes
{
    /// <summary>A reference to an output of a layer's call.</summary>
    public delegate KerasValue? Lookup((string Layer, int Call, int Output) reference);

    /// <summary>The values of a node's call. Null if one does not exist yet: <paramref name="missing"/>.</summary>
    public static KerasCall? Call(KerasLayer layer, JsonElement node, Lookup lookup, bool isOperation, out (string Layer, int Call) missing)
    {
        if (isOperation) return Operation(layer, node, lookup, out missing);
        var call = new KerasCall([]);
        (string, int)? lacking = null;
        List<KerasValue?> Values(JsonElement value)
        {
            var values = new List<KerasValue?>();
            foreach (var reference in References(value))
            {
                values.Add(lookup(reference));
                if (values[^1] is null) lacking ??= (reference.Layer, reference.Call);
            }

            return values;
        }

        // In a list of masks, null stands for a value without one.
        List<KerasValue?>? masks = null;
        void Named(JsonElement arguments)
        {
            foreach (var (name, value) in Json.Members(arguments, $"what layer '{layer.Name}' is called with by name"))
            {
                if (name == "mask" && value.ValueKind == JsonValueKind.Array && value.EnumerateArray().Any(e => e.ValueKind == JsonValueKind.Null) && References(value).Any())
                {
                    masks = [.. value.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Null ? null : (KerasValue?)(Values(e) is [{ } one] ? one : default(KerasValue)))];
                    continue;
                }

                if (value.ValueKind == JsonValueKind.True) call.Flags.Add(name);
                var values = Values(value);
                if (values.Count > 0) call.Named[name] = values.ConvertAll(v => v ?? default);
                else if (value.ValueKind is JsonValueKind.Number or JsonValueKind.String) throw layer.Fault($"it is called with {name} = {Json.Shown(value)}, which is not supported");
            }
        }

        if (node.ValueKind == JsonValueKind.Object)
        {
            var arguments = Json.List(Json.Required(node, "args", $"a call of layer '{layer.Name}'"), $"'args' of layer '{layer.Name}'");
            call.Inputs.AddRange(arguments.SelectMany(Values).Select(v => v ?? default));
            call.Plain.AddRange(arguments.Where(a => a.ValueKind is JsonValueKind.Number or JsonValueKind.String or JsonValueKind.True));
            if (Json.Optional(node, "kwargs") is { } named) Named(named);
        }
        else
        {
            call.Inputs.AddRange(Values(node).Select(v => v ?? default));
            foreach (var entry in Json.List(node, $"a call of layer '{layer.Name}'"))
            {
                if (entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 4 && entry[3].ValueKind == JsonValueKind.Object) Named(entry[3]);
            }
        }

        missing = lacking ?? default;
        if (lacking is not null) return null;
        foreach (var name in (string[])["inputs", "sequences", "query"])
        {
            if (call.Inputs.Count == 0 && call.Named.Remove(name, out var values)) call.Inputs.AddRange(values);
        }

        if (call.Named.Remove("mask", out var given)) masks = given.ConvertAll(mask => (KerasValue?)mask);
        if (masks is not null) SetMasks(layer, call, masks);
        return call;
    }

    private static KerasCall? Operation(KerasLayer layer, JsonElement node, Lookup lookup, out (string Layer, int Call) missing)
    {
        (string, int)? lacking = null;
        var arguments = KerasArguments.Read(layer, node, element =>
        {
            if (References(element).ToList() is not [var reference]) throw layer.Fault("it is called with a value that no layer made");
            var value = lookup(reference);
            if (value is null) lacking ??= (reference.Layer, reference.Call);
            return value ?? default;
        });
        missing = lacking ?? default;
        return lacking is null ? new KerasCall([]) { Arguments = arguments } : null;
    }

    /// <summary>References to outputs of layers, at any depth of lists: <c>[name, call, output]</c>, or Keras 3's objects.</summary>
    public static IEnumerable<(string Layer, int Call, int Output)> References(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            if (value.GetArrayLength() >= 3 && value[0].ValueKind == JsonValueKind.String && value[1].ValueKind == JsonValueKind.Number && value[2].ValueKind == JsonValueKind.Number)
                return [(Json.TextOf(value[0])!, Json.Int(value[1], "the number of a call"), Json.Int(value[2], "the number of an output"))];
            return value.EnumerateArray().SelectMany(References);
        }

        if (value.ValueKind != JsonValueKind.Object) return [];
        if (Json.TextOf(Json.Optional(value, "class_name")) == "__keras_tensor__") return References(Json.Required(Json.Required(value, "config", "a tensor"), "keras_history", "a tensor"));
        // Inputs and outputs that have names.
        return value.TryGetProperty("class_name", out _) ? [] : value.EnumerateObject().SelectMany(member => References(member.Value));
    }

    /// <summary>Masks given by name replace those of the values.</summary>
    private static void SetMasks(KerasLayer layer, KerasCall call, List<KerasValue?> masks)
    {
        if (masks.Count != call.Inputs.Count && (masks.Count != 1 || call.Inputs.Count == 0)) throw layer.Fault($"it is called with {call.Inputs.Count} values and {masks.Count} masks; the numbers must be equal");
        for (var i = 0; i < masks.Count; i++)
        {
            if (masks[i] is not { } mask) continue;
            if (mask.Rank != 2) throw layer.Fault($"it is called with a mask of {mask.Rank} dimensions; it must be [batch, steps]");
            call.Inputs[i] = call.Inputs[i] with { Mask = mask.Name };
        }
    }
}
