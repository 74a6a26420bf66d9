using System.Text.Json;
using System.Text.Json.Nodes;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>
/// Writes the layers of inner models in their place, so that the whole model has one level. A layer's name becomes its path, by which its weights
/// are found: <c>encoder/lstm</c>.
/// </summary>
internal sealed class KerasInline
{
    private const int MostModels = 64;

    private readonly JsonArray _layers = [];
    private int _models;
    private bool _fits = true;

    private readonly record struct Reference(string Layer, int Call, int Output)
    {
        public JsonArray Json(JsonNode? more = null) => more is null ? [Layer, Call, Output] : [Layer, Call, Output, more];
    }

    /// <summary>The model with one level. Null if it has no inner model, or one that is called twice or with other arguments than values.</summary>
    public static KerasLayer? Of(KerasLayer model)
    {
        if (model.Class == "Sequential" || !model.Layers().Exists(l => KerasModel.Is(new KerasLayer(l)))) return null;
        var inline = new KerasInline();
        var outputs = inline.Functional(model, "", given: null);
        if (!inline._fits) return null;
        var config = new JsonObject { ["name"] = model.Name, ["layers"] = inline._layers, ["input_layers"] = JsonNode.Parse(model.Get("input_layers")!.Value.GetRawText()), ["output_layers"] = new JsonArray([.. outputs.Select(o => o.Json())]) };
        using var document = JsonDocument.Parse(new JsonObject { ["class_name"] = model.Class, ["config"] = config }.ToJsonString());
        return new KerasLayer(document.RootElement.Clone());
    }

    /// <summary>Writes a model's layers. Returns its outputs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The path before the names of its layers.</param>
    /// <param name="given">What it is called with. Null for the whole model.</param>
    private List<Reference> Model(KerasLayer model, string path, List<Reference> given)
    {
        if (model.Class != "Sequential") return Functional(model, path, given);
        if (given.Count != 1) return Unfit();
        var value = given[0];
        foreach (var layer in model.Layers().Select(l => new KerasLayer(l)).Where(l => l.Class != "InputLayer"))
        {
            if (!KerasModel.Is(layer)) value = Write(layer, path, [new JsonArray(value.Json(new JsonObject()))]);
            else if (IsFull()) return Unfit();
            else value = Model(layer, $"{path}{layer.Name}/", [value]).FirstOrDefault();
        }

        return [value];
    }

    private List<Reference> Functional(KerasLayer model, string path, List<Reference>? given)
    {
        if (model.Get("input_layers") is not { } inputs || model.Get("output_layers") is not { } outputs) return Unfit();
        var names = KerasNodes.References(inputs).Select(r => r.Layer).ToList();
        if (given is not null && (names.Count != given.Count || inputs.ValueKind == JsonValueKind.Object)) return Unfit();
        var layers = new Dictionary<string, (KerasLayer Layer, JsonElement[] Nodes)>();
        foreach (var json in model.Layers())
        {
            var layer = new KerasLayer(json);
            if (!layers.TryAdd(layer.Name, (layer, Json.Optional(json, "inbound_nodes") is { ValueKind: JsonValueKind.Array } nodes ? [.. nodes.EnumerateArray()] : []))) return Unfit();
        }

        var made = new Dictionary<string, List<Reference>?>();
        foreach (var (layer, nodes) in layers.Values)
        {
            if (layer.Class == "InputLayer" && given is null) _layers.Add(JsonNode.Parse(layer.Source.GetRawText()));
            else if (layer.Class != "InputLayer" && !KerasModel.Is(layer)) Write(layer, path, [.. nodes.Select(node => Mapped(JsonNode.Parse(node.GetRawText()), Place))]);
        }

        return [.. KerasNodes.References(outputs).Select(r => Place(new Reference(r.Layer, r.Call, r.Output)))];

        Reference Place(Reference of)
        {
            if (!layers.TryGetValue(of.Layer, out var found)) return Unfit().FirstOrDefault();
            if (found.Layer.Class == "InputLayer") return given is null ? of : names.IndexOf(of.Layer) is var at and >= 0 ? given[at] : Unfit().FirstOrDefault();
            // A layer with one call may have been called elsewhere before.
            if (!KerasModel.Is(found.Layer)) return new Reference(path + of.Layer, found.Nodes.Length == 1 ? 0 : of.Call, of.Output);
            if (!made.TryGetValue(of.Layer, out var results))
            {
                made[of.Layer] = null;
                // Counted before its arguments, which may be models too.
                if (found.Nodes is not [var node] || !IsPlain(node) || IsFull()) return Unfit().FirstOrDefault();
                results = made[of.Layer] = Model(found.Layer, $"{path}{of.Layer}/", [.. KerasNodes.References(node).Select(r => Place(new Reference(r.Layer, r.Call, r.Output)))]);
            }

            // Null: the model is computed from itself.
            return results is not null && (uint)of.Output < (uint)results.Count ? results[of.Output] : Unfit().FirstOrDefault();
        }
    }

    private Reference Write(KerasLayer layer, string path, JsonNode?[] nodes)
    {
        var json = JsonNode.Parse(layer.Source.GetRawText())!;
        (json["name"], json["inbound_nodes"]) = (path + layer.Name, new JsonArray(nodes));
        _layers.Add(json);
        return new Reference(path + layer.Name, 0, 0);
    }

    /// <summary>Counts an inner model. True if there are too many.</summary>
    private bool IsFull() => ++_models > MostModels;

    private List<Reference> Unfit()
    {
        _fits = false;
        return [];
    }

    /// <summary>Whether a call of a model gives it values alone.</summary>
    private static bool IsPlain(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Array => node.EnumerateArray().All(IsPlain),
        JsonValueKind.Object when Json.TextOf(Json.Optional(node, "class_name")) == "__keras_tensor__" => true,
        JsonValueKind.Object => node.EnumerateObject().All(member => member.Name is "args" or "kwargs" ? IsPlain(member.Value) : member.Value.ValueKind is JsonValueKind.Null or JsonValueKind.False),
        _ => true,
    };

    /// <summary>A call with its references changed, in the lists of Keras 2 or the objects of Keras 3.</summary>
    private static JsonNode? Mapped(JsonNode? node, Func<Reference, Reference> place)
    {
        switch (node)
        {
            case JsonArray { Count: >= 3 } list when list.Deserialize<JsonElement>() is var element && KerasArguments.IsReference(element):
                var (layer, call, output) = KerasNodes.References(element).First();
                var to = place(new Reference(layer, call, output));
                (list[0], list[1], list[2]) = (to.Layer, to.Call, to.Output);
                for (var i = 3; i < list.Count; i++) Mapped(list[i], place);
                break;
            case JsonArray list:
                foreach (var item in list) Mapped(item, place);
                break;
            case JsonObject tensor when Json.TextOf(tensor["class_name"]?.Deserialize<JsonElement>()) == "__keras_tensor__":
                Mapped((tensor["config"] as JsonObject)?["keras_history"], place);
                break;
            case JsonObject members:
                foreach (var (_, value) in members) Mapped(value, place);
                break;
        }

        return node;
    }
}
