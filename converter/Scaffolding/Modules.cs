using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Groups the tensors of a file into modules and tells what each is, by the names and shapes of its tensors.</summary>
internal static class Modules
{
    private const string InProjection = "in_proj_weight";

    /// <summary>The modules in the order of the file. Those of several parts, such as attention, stand where their first tensor is.</summary>
    public static List<Module> Of(IReadOnlyList<TensorRole> tensors)
    {
        var blocks = Blocks(tensors);
        var groups = new Dictionary<string, List<TensorRole>>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            var owner = tensor.Module;
            if (!groups.TryGetValue(owner, out var own)) groups[owner] = own = [];
            own.Add(tensor);
        }

        var taken = new HashSet<string>(StringComparer.Ordinal);
        var modules = new List<Module>();
        foreach (var (path, own) in groups)
        {
            if (taken.Contains(path)) continue;
            if ((blocks.TryGetValue(path, out var block) ? block : Whole(path, groups)) is not var (module, parts)) continue;
            taken.UnionWith(parts);
            modules.Add(module);
        }

        return [.. modules.Select((module, i) => Pooled(Copied(module, modules), modules, i))];
    }

    /// <summary>A layer with one output and the name of an attention, between a recurrent layer and one that takes its features: it scores the steps, whose weighted sum is taken.</summary>
    private static Module Pooled(Module module, List<Module> all, int at) =>
        module is { Kind: ModuleKind.Linear, Out: 1, In: > 1 } && module.IsNamed("attention", "attn", "att", "attend") && at > 0 && all[at - 1].Kind == ModuleKind.Recurrent && all[at - 1].Out == module.In && at + 1 < all.Count && all[at + 1].In == module.In
            ? module with { Kind = ModuleKind.AttentionPool, What = $"scores of steps with {module.In} features", Why = "its name, one output, and the layers around it", Out = module.In }
            : module;

    /// <summary>Blocks of attention and inner layers that a program names itself, as encoder layers: by the path of each part.</summary>
    private static Dictionary<string, (Module Module, string[] Parts)> Blocks(IReadOnlyList<TensorRole> tensors)
    {
        var found = new Dictionary<string, (Module, string[])>(StringComparer.Ordinal);
        foreach (var blocks in BlockTensors.Of(tensors))
        {
            var names = blocks.Names;
            if (names.IsTurned || names.IsApart || names.IsGated || blocks.Others().Count > 0 || (!names.IsFused && blocks[0, names.Projections[0]]!.Shape[0] != blocks[0, names.Projections[1]]!.Shape[0])) continue;
            string[] roles = names.IsFused ? ["self_attn.in_proj_"] : ["self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."];
            (string Module, string Role)[] all = [.. names.Projections.Zip(roles), (names.Out, "self_attn.out_proj."), (names.Norms[0], "norm1."), (names.Inner[0], "linear1."), (names.Inner[1], "linear2."), (names.Norms[1], "norm2.")];
            for (var number = 0; number < blocks.Count; number++)
            {
                var path = string.Create(CultureInfo.InvariantCulture, $"{blocks.List}{number}");
                var parts = all.SelectMany(part => ((string[])["weight", "bias"]).Select(role => (Tensor: blocks[number, part.Module, role], Role: part.Role + role))).Where(part => part.Tensor is not null).ToList();
                var module = new Module(path, ModuleKind.TransformerEncoder, $"Transformer block of {blocks.Width} features, {blocks[number, names.Inner[0]]!.Shape[0]} inside", string.Join(", ", all.Select(part => part.Module)), [.. parts.Select(part => part.Tensor! with { Module = path, Role = part.Role })]) { In = blocks.Width, Out = blocks.Width, UntoldNorms = names.AreNormsTold ? null : names.Norms };
                string[] paths = [.. parts.Select(part => part.Tensor!.Module).Distinct(StringComparer.Ordinal)];
                foreach (var part in paths) found[part] = (module, paths);
            }
        }

        return found;
    }

    /// <summary>nn.TransformerEncoder copies the layer that it is given; where a program keeps that layer too, PyTorch does not call it.</summary>
    private static Module Copied(Module module, List<Module> all) =>
        module is { Kind: ModuleKind.TransformerEncoder, Place: null } && all.Exists(other => other.Place is not null && other.Kind == module.Kind && other.What == module.What)
            ? module with { Kind = ModuleKind.Other, What = "the layer of which nn.TransformerEncoder has copies, and which is not called", Why = "" }
            : module;

    /// <summary>The module of a group, and the groups that it takes.</summary>
    private static (Module Module, string[] Parts)? Whole(string path, Dictionary<string, List<TensorRole>> groups)
    {
        if (HasEmpty(groups[path])) return (new Module(path, ModuleKind.Other, "tensors without elements", "a size is 0", groups[path]), [path]);
        foreach (var part in (string[])["self_attn", "self_attn.out_proj", "linear1", "linear2", "norm1", "norm2"])
        {
            if (path != part && !path.EndsWith("." + part, StringComparison.Ordinal)) continue;
            if (Transformer(path[..^part.Length], groups) is { } transformer) return transformer;
        }

        const string projection = "out_proj";
        var start = path == projection ? "" : path.EndsWith("." + projection, StringComparison.Ordinal) ? path[..^(projection.Length + 1)] : path;
        if (groups.TryGetValue(start, out var own) && Attention(start, own, groups) is { } attention) return attention;
        return (Single(path, groups[path]), [path]);
    }

    private static (Module Module, string[] Parts)? Transformer(string prefix, Dictionary<string, List<TensorRole>> groups)
    {
        string[] parts = [.. ((string[])["self_attn", "self_attn.out_proj", "linear1", "linear2", "norm1", "norm2"]).Select(part => prefix + part)];
        if (!Array.TrueForAll(parts, part => groups.TryGetValue(part, out var own) && !HasEmpty(own))) return null;
        if (groups.ContainsKey(prefix + "multihead_attn"))
        {
            parts = [.. parts, .. ((string[])["multihead_attn", "multihead_attn.out_proj", "norm3"]).Select(part => prefix + part).Where(groups.ContainsKey)];
            return (new Module(prefix.TrimEnd('.'), ModuleKind.Other, "TransformerDecoderLayer", "self_attn, multihead_attn, linear1, linear2 and norms", [.. parts.SelectMany(part => groups[part])]), parts);
        }

        if (Shape(groups[parts[0]], InProjection) is not [var rows, var size] || rows != 3L * size || Shape(groups[parts[2]], "weight") is not [var wide, var narrow] || narrow != size) return null;
        var module = new Module(prefix.TrimEnd('.'), ModuleKind.TransformerEncoder, $"TransformerEncoderLayer of {size} features, {wide} inside", "self_attn, linear1, linear2, norm1 and norm2", [.. parts.SelectMany(part => groups[part])]) { In = size, Out = size };
        return (module, parts);
    }

    private static (Module Module, string[] Parts)? Attention(string path, List<TensorRole> own, Dictionary<string, List<TensorRole>> groups)
    {
        if (Shape(own, InProjection) is not [var rows, var size] || rows != 3L * size) return null;
        var projection = path.Length == 0 ? "out_proj" : path + ".out_proj";
        if (!groups.TryGetValue(projection, out var last) || HasEmpty(last)) return null;
        return (new Module(path, ModuleKind.Attention, $"MultiheadAttention of {size} features", "in_proj_weight and out_proj", [.. own, .. last]) { In = size, Out = size }, [path, projection]);
    }

    private static bool HasEmpty(List<TensorRole> own) => own.Exists(tensor => tensor.Shape.Contains(0));

    private static Module Single(string path, List<TensorRole> own)
    {
        if (own.DistinctBy(tensor => tensor.Role).Count() < own.Count) return new Module(path, ModuleKind.Other, "tensors of which two have one role", "", own);
        if (Recurrent(path, own) is { } recurrent) return recurrent;
        Module Known(ModuleKind kind, string what, string why, int size, int more = 0) => new(path, kind, what, why, own) { In = size, Out = more == 0 ? size : more };
        Module Unknown(string what, string why = "") => new(path, ModuleKind.Other, what, why, own);
        var bias = Shape(own, "bias");
        if (Shape(own, "running_mean") is [var channels] && Shape(own, "running_var") is [var same] && same == channels) return Known(ModuleKind.BatchNorm, $"BatchNorm of {channels} channels", "running_mean and running_var", channels);
        if (own is [{ Role: "", Shape: [_, _, var features] } only] && PlaceRows.IsNamed(only) && PlaceRows.Count(only, features) is { } many) return Known(ModuleKind.Positions, $"features of {many} positions", "its name", features);
        if (own.Exists(tensor => tensor.Role is not ("weight" or "bias")) || Shape(own, "weight") is not { } weight) return Unknown("no known module");
        switch (weight)
        {
            case [1] when bias is null: return Known(ModuleKind.Prelu, "PReLU of one number", "a weight of one number", 0);
            case [var size] when bias is null && path.Contains("prelu", StringComparison.OrdinalIgnoreCase): return Known(ModuleKind.Prelu, $"PReLU of {size} channels", "its name", size);
            case [var size] when bias is null && path.Contains("rms", StringComparison.OrdinalIgnoreCase): return Known(ModuleKind.RmsNorm, $"RMSNorm of {size} features", "its name", size);
            case [var size] when bias is [var length] && length == size: return Known(ModuleKind.LayerNorm, $"LayerNorm of {size} features", "weight and bias are vectors", size);
            case [var size]: return Known(ModuleKind.LayerNorm, $"LayerNorm of {size} features", "the weight is a vector", size) with { Doubt = "a vector without a bias may also be the weight of an RMSNorm or a PReLU" };
            case [var rows, var columns] when bias is null || (bias is [var length] && length == rows): return Matrix(path, own, rows, columns, bias is not null);
            case [var filters, var inputs, var taps] when bias is null || (bias is [var length] && length == filters):
                return Known(ModuleKind.Conv1d, $"Conv1d {inputs} → {filters} with {taps} {(taps == 1 ? "tap" : "taps")}", "the weight has three dimensions", inputs, filters);
            case [var inputs, var filters, var taps] when bias is [var length] && length == filters: return Known(ModuleKind.ConvTranspose1d, $"ConvTranspose1d {inputs} → {filters} with {taps} taps", "the weight has three dimensions, and the bias as many elements as the second", inputs, filters);
            case [var filters, var inputs, var high, var wide] when bias is null || (bias is [var length] && length == filters): return Known(ModuleKind.Conv2d, $"Conv2d {inputs} → {filters} with {high} · {wide} taps", "the weight has four dimensions", inputs, filters);
            case [var inputs, var filters, _, _]: return Unknown($"ConvTranspose2d {inputs} → {filters}", "the weight has four dimensions, and the bias not as many elements as the first");
            case [var filters, var inputs, _, _, _]: return Unknown($"Conv3d {inputs} → {filters}", "the weight has five dimensions");
            default: return Unknown("no known module");
        }
    }

    private static Module Matrix(string path, List<TensorRole> own, int rows, int columns, bool hasBias)
    {
        var module = new Module(path, ModuleKind.Linear, $"Linear {columns} → {rows}", hasBias ? "a matrix and a bias" : "a matrix", own) { In = columns, Out = rows };
        return !hasBias && IsEmbedding(path) ? AsEmbedding(module, "its name, and no bias") : module;
    }

    /// <summary>What the class of a whole module tells better than shapes.</summary>
    public static Module OfClass(Module module) => (module.Whole?.Class, module.Kind) switch
    {
        ("Embedding", ModuleKind.Linear) => AsEmbedding(module, "its class"),
        ("Linear", ModuleKind.Embedding) => module with { Kind = ModuleKind.Linear, What = $"Linear {module.Out} → {module.Tensors[0].Shape[0]}", Why = "its class", In = module.Out, Out = module.Tensors[0].Shape[0] },
        ("PReLU", ModuleKind.LayerNorm) => module with { Kind = ModuleKind.Prelu, What = $"PReLU of {module.Out} channels", Why = "its class", Doubt = null },
        ("RMSNorm", ModuleKind.LayerNorm) => module with { Kind = ModuleKind.RmsNorm, What = $"RMSNorm of {module.Out} features", Why = "its class", Doubt = null },
        ("GroupNorm", ModuleKind.LayerNorm) => module with { Kind = ModuleKind.GroupNorm, What = $"GroupNorm of {module.Out} channels", Why = "its class", Doubt = null },
        ("LayerNorm", ModuleKind.LayerNorm) => module with { Doubt = null },
        _ => module,
    };

    public static Module AsEmbedding(Module matrix, string why) =>
        matrix with { Kind = ModuleKind.Embedding, What = $"Embedding of {matrix.Out} tokens in {matrix.In} features", Why = why, In = 0, Out = matrix.In };

    private static bool IsEmbedding(string path) =>
        path.Contains("emb", StringComparison.OrdinalIgnoreCase) || path.Split('.', '/', '_')[^1] is "wte" or "wpe" or "lookup" or "tokens";

    private static Module? Recurrent(string path, List<TensorRole> own)
    {
        var suffix = Shape(own, "weight_ih_l0") is not null ? "_l0" : "";
        if (Shape(own, "weight_ih" + suffix) is not [var rows, var inputs] || Shape(own, "weight_hh" + suffix) is not [var same, var state] || same != rows || state == 0) return null;
        var projection = Shape(own, "weight_hr" + suffix);
        var units = projection is [_, var wide] ? wide : state;
        if (units == 0 || rows % units != 0 || projection is not (null or [_, _]) || (projection is not null && projection[0] != state)) return null;
        var cell = (rows / units) switch { 4 => "lstm", 3 => "gru", 2 => "mgu", 1 => "rnn", _ => "" };
        if (cell.Length == 0 || (projection is not null && cell != "lstm")) return null;
        var layers = 1;
        while (suffix.Length > 0 && own.Exists(tensor => tensor.Role == string.Create(CultureInfo.InvariantCulture, $"weight_ih_l{layers}"))) layers++;
        var both = own.Exists(tensor => tensor.Role == "weight_ih_l0_reverse");
        var what = $"{cell.ToUpperInvariant()}{(suffix.Length == 0 ? "Cell" : "")} {inputs} → {units}{(projection is null ? "" : $", projected to {state}")}{(layers > 1 ? $", {layers} layers" : "")}{(both ? ", bidirectional" : "")}";
        return new Module(path, ModuleKind.Recurrent, what, $"{rows} rows are {rows / units} {(rows == units ? "gate" : "gates")} of {units} units", own)
        {
            In = inputs,
            Out = both ? 2 * state : state,
            Cell = cell,
            State = state,
            Units = units,
            Layers = layers,
            IsBidirectional = both,
        };
    }

    private static IReadOnlyList<int>? Shape(List<TensorRole> own, string role) => own.Find(tensor => tensor.Role == role)?.Shape;
}
