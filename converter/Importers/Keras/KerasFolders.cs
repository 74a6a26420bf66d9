using System.Text.Json;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>
/// Gives names to the numbered variables of Keras 3's weights. A layer's folder is named after its class and counted in the order of the
/// layers: the second LSTM of a model is <c>layers/lstm_1</c>, whatever its own name is. Models, wrappers and cells have folders inside.
/// </summary>
internal sealed class KerasFolders
{
    private static readonly string[] s_containers = ["layers", "_layer_checkpoint_dependencies"];

    private readonly ILookup<string, (int Number, string Name)> _variables;
    private readonly Dictionary<string, SortedSet<string>> _children = new(StringComparer.Ordinal);

    private KerasFolders(List<(string Folder, int Number, string Name)> variables)
    {
        _variables = variables.ToLookup(v => v.Folder, v => (v.Number, v.Name));
        foreach (var folder in variables.Select(v => v.Folder).Distinct())
        {
            for (var path = folder; path.Length > 0;)
            {
                var slash = path.LastIndexOf('/');
                var (parent, child) = slash < 0 ? ("", path) : (path[..slash], path[(slash + 1)..]);
                if (!_children.TryGetValue(parent, out var children)) _children[parent] = children = new SortedSet<string>(StringComparer.Ordinal);
                children.Add(child);
                path = parent;
            }
        }
    }

    /// <summary>Paths with the names of layers and weights, by the names in the file.</summary>
    public Dictionary<string, string> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>What is wrong with the variables of layers, by the layers' paths.</summary>
    public Dictionary<string, string> Faults { get; } = new(StringComparer.Ordinal);

    /// <summary>The names for a model. Null if the file's weights have names.</summary>
    /// <param name="model">The model's architecture.</param>
    /// <param name="file">The weights.</param>
    public static KerasFolders? Of(JsonElement model, HdfFile file)
    {
        var variables = new List<(string, int, string)>();
        foreach (var name in file.Tensors.Keys.Concat(file.Others))
        {
            if (KerasVariables.Split(name) is var (folder, number)) variables.Add((folder, number, name));
        }

        if (variables.Count == 0) return null;
        var folders = new KerasFolders(variables);
        folders.Model(new KerasLayer(model), "", "");
        return folders;
    }

    private void Model(KerasLayer model, string folder, string chain)
    {
        var container = Array.Find(s_containers, name => _children.ContainsKey(Join(folder, name)));
        if (container is null) return;
        var at = Join(folder, container);
        var layers = model.Layers().Select(l => (Layer: new KerasLayer(l, around: chain), Json: l)).ToList();
        var taken = new HashSet<string>();
        var byKind = _children[at].ToLookup(f => KerasVariables.Counted(f).Kind);
        foreach (var group in layers.GroupBy(l => KerasVariables.FolderOf(l.Layer.Class)))
        {
            var there = byKind[group.Key].OrderBy(f => KerasVariables.Counted(f).Count).ToList();
            var ofKind = group.ToList();
            // TensorFlow 2.12 counts layers with weights twice: the order is the same.
            var byOrder = container != s_containers[0] && there.Count == ofKind.Count;
            foreach (var (i, (layer, _)) in ofKind.Index())
            {
                var own = byOrder ? there[i] : i == 0 ? group.Key : $"{group.Key}_{i}";
                if (!_children[at].Contains(own)) own = there.Count == 0 && _children[at].Contains(layer.Name) ? layer.Name : null;
                if (own is null) continue;
                if (!taken.Add(own)) throw layer.Fault($"the folder '{own}' of the weights could belong to it and to another layer; save the model again");
                Layer(layer, Join(at, own), layer.WeightsOf);
            }
        }
    }

    private void Layer(KerasLayer layer, string folder, string chain)
    {
        switch (layer.Class)
        {
            case "Sequential" or "Functional" or "Model":
                Model(layer, folder, chain);
                return;
            case "Bidirectional":
                Direction(layer, "layer", "forward", folder, chain);
                Direction(layer, layer.Get("backward_layer") is null ? "layer" : "backward_layer", "backward", folder, chain);
                return;
            case KerasRecurrent.OverCells when layer.Get("cell") is { } cell:
                Cell(new KerasLayer(cell, around: chain), Join(folder, "cell"), chain);
                return;
            case var kind when KerasRecurrent.HasCell(kind):
                Own(layer, Join(folder, "cell"), chain, $"{KerasVariables.FolderOf(kind)}_cell/");
                return;
            case "MultiHeadAttention" or "GroupQueryAttention" or "GroupedQueryAttention":
                foreach (var part in (string[])["query", "key", "value", "gate", "output"])
                {
                    foreach (var name in (string[])[$"{part}_dense", $"_{part}_dense"]) Own(layer, Join(folder, name), chain, part == "output" ? "attention_output/" : part + "/", "einsum_dense");
                }

                return;
        }

        if (layer.Get("layer") is { ValueKind: JsonValueKind.Object } wrapped)
        {
            var inner = new KerasLayer(wrapped, chain);
            Layer(inner, Join(folder, "layer"), chain);
        }

        Own(layer, folder, chain, "");
    }

    private void Direction(KerasLayer layer, string member, string direction, string folder, string chain)
    {
        if (layer.Get(member) is not { ValueKind: JsonValueKind.Object } config) return;
        var inner = new KerasLayer(config, chain);
        var name = inner.Name.StartsWith(direction + "_", StringComparison.Ordinal) ? inner.Name : $"{direction}_{inner.Name}";
        if (inner.Class == KerasRecurrent.OverCells && inner.Get("cell") is { } cell) Cell(new KerasLayer(cell, chain), Join(folder, $"{direction}_layer/cell"), chain, name + "/");
        else Own(inner, Join(folder, $"{direction}_layer/cell"), chain, $"{name}/{KerasVariables.FolderOf(inner.Class)}_cell/");
    }

    private void Cell(KerasLayer cell, string folder, string chain, string groups = "")
    {
        if (cell.Get("cells") is not { ValueKind: JsonValueKind.Array } cells)
        {
            Own(cell, folder, chain, $"{groups}{cell.Name}/");
            return;
        }

        var counts = new Dictionary<string, int>();
        foreach (var each in cells.EnumerateArray().Select(c => new KerasLayer(c, chain)))
        {
            var kind = KerasVariables.FolderOf(each.Class);
            var count = counts[kind] = counts.GetValueOrDefault(kind, -1) + 1;
            Cell(each, Join(folder, $"cells/{kind}{(count == 0 ? "" : $"_{count}")}"), chain, groups);
        }
    }

    /// <summary>Names the variables of one layer.</summary>
    private void Own(KerasLayer layer, string folder, string chain, string groups, string? kind = null)
    {
        var variables = _variables[folder].OrderBy(v => v.Number).ToList();
        if (variables.Count == 0) return;
        bool Setting(string name, bool otherwise) =>
            name == "use_bias" && layer.Class == "EinsumDense" ? layer.Get("bias_axes") is not null
            : name.Split('=') is [var member, var value] ? layer.Get(member) is { } given ? Json.TextOf(given) == value : otherwise
            : layer.Get(name) is null ? otherwise : layer.Flag(name);
        if (KerasVariables.Of(kind ?? KerasVariables.FolderOf(layer.Class), Setting, variables.Count) is not { } names) return;
        if (names.Count != variables.Count || variables[^1].Number != names.Count - 1)
        {
            Faults[chain] = $"the weights have {variables.Count} arrays in '{folder}/vars'; by its settings it has {(names.Count == 0 ? "none" : $"{names.Count}: {string.Join(", ", names)}")}. Architecture and weights belong to different models";
            return;
        }

        foreach (var (number, name) in variables) Names[name] = $"{chain}/{groups}{names[number]}";
    }

    private static string Join(string folder, string name) => folder.Length == 0 ? name : $"{folder}/{name}";
}
