using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Reads PyTorch's <c>state_dict</c> as JSON, as RTNeural's helpers for PyTorch and others write it. It holds weights but no architecture: the
/// layers are told by the names and shapes, in the order of the file. Where more than one model fits, it is refused.
/// </summary>
internal sealed class StateDictReader
{
    private readonly AudioGraph _graph;
    private readonly WeightSet _weights;
    private readonly List<string> _notes;
    private readonly string _file;

    private StateDictReader(AudioGraph graph, WeightSet weights, List<string> notes, string path) => (_graph, _weights, _notes, _file) = (graph, weights, notes, Path.GetFileName(path));

    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        using var document = JsonText.Parse(content, path);
        var root = new Members(document.RootElement, "the model");
        var key = WeightFile.StateDictKeys.FirstOrDefault(root.Has);
        var weights = Tensors(path, key is null ? document.RootElement : root.Get(key) ?? document.RootElement, notes);
        if (key is not null) NoteUnread(root, notes);
        var graph = new AudioGraph(name, path, content.Length);
        var reader = new StateDictReader(graph, weights, notes, path);
        graph.Output("output", reader.Build());
        return graph.Finish(notes, [], weights.Unused());
    }

    /// <summary>The tensors of a state_dict. Its other members are named.</summary>
    public static WeightSet Tensors(string path, JsonElement dictionary, List<string> notes)
    {
        if (dictionary.ValueKind != JsonValueKind.Object) throw new ConversionException($"'state_dict' is {Json.Shown(dictionary)}; it must be an object");
        var weights = new WeightSet(path, JsonTensors.Of(dictionary));
        notes.AddRange(dictionary.EnumerateObject().Where(member => !weights.Has(member.Name)).Select(member => $"'{member.Name}' ({Json.Shown(member.Value)}) is not a tensor, and is not read"));
        return weights;
    }

    /// <summary>Names what stands beside the model and was not read.</summary>
    public static void NoteUnread(Members root, List<string> notes) => notes.AddRange(root.Unread().Select(member => $"'{member.Name}' is not read"));

    private string Build()
    {
        var layers = Layers();
        if (layers.Count == 0) throw new ConversionException("the file has no weights");
        for (var i = 0; i + 1 < layers.Count; i++)
        {
            if (!layers[i].IsFollowedByNothing && !layers[i + 1].IsOfChannels)
                throw new ConversionException($"it is a state_dict, which does not say which function (tanh, relu, …) stands between '{layers[i].Name}' ({layers[i].Kind}) and '{layers[i + 1].Name}' ({layers[i + 1].Kind}). {Advice}");
        }

        var channels = layers[0].Inputs;
        var value = _graph.Input("input", channels);
        var assumed = new List<string>();
        foreach (var layer in layers)
        {
            if (!layer.Takes(channels)) throw new ConversionException($"'{layer.Name}' ({layer.Kind}) takes {layer.Inputs} channels, but the layers before it make {channels}; so its layers do not stand in the order of the file. {Advice}");
            value = layer.Emit(_graph, value, channels, _notes);
            if (!layer.IsOfChannels) channels = layer.Outputs;
            if (layer.Assumed is { } what && !assumed.Contains(what)) assumed.Add(what);
        }

        var order = string.Join(", ", layers.Select(layer => layer.Says));
        _notes.Add($"a state_dict holds no architecture; it is converted as {order}, in this order and with nothing between or after them{string.Concat(assumed.Select(what => "; " + what))}. If the model differs, describe it: {Way}");
        return value;
    }

    private string Advice => $"Describe the layers in a JSON file beside it: {Way}";

    private string Way => StateDictLayer.WayOut(_file);

    private List<StateDictLayer> Layers()
    {
        var groups = new List<(string Prefix, HashSet<string> Members)>();
        var known = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        foreach (var name in _weights.Names)
        {
            var at = name.LastIndexOf('.');
            var (prefix, member) = (at < 0 ? "" : name[..at], name[(at + 1)..]);
            if (!known.TryGetValue(prefix, out var members))
            {
                known[prefix] = members = [];
                groups.Add((prefix, members));
            }

            members.Add(member);
        }

        return [.. groups.SelectMany(group => StateDictLayer.Of(_weights, group.Prefix, group.Members, _file))];
    }
}
