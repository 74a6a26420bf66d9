using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>One array of a WaveNet's layers. Weights stand in the list in the order in which this reads them.</summary>
internal sealed class NamLayerArray(NamLayers layers, Members array, string name)
{
    private static readonly string[] s_films = ["conv_pre_film", "conv_post_film", "input_mixin_pre_film", "input_mixin_post_film", "activation_pre_film", "activation_post_film", "layer1x1_post_film", "head1x1_post_film"];

    /// <returns>The value for the next array, and the head's output.</returns>
    public (Sound Value, Sound Head) Add(Sound x, Sound condition, Sound? head)
    {
        var (inputs, conditions, channels) = (array.Int("input_size"), array.Int("condition_size"), array.Int("channels"));
        if (inputs != x.Channels) throw array.Fault($"its input_size is {inputs}; it gets {x.Channels} channels");
        if (conditions != condition.Channels) throw array.Fault($"its condition_size is {conditions}; the condition has {condition.Channels} channels");
        var bottleneck = array.Int("bottleneck", channels);
        var dilations = array.Ints("dilations");
        if (dilations.Length == 0) throw array.Fault("its dilations are empty");
        if (array.Has("kernel_size") && array.Has("kernel_sizes")) throw array.Fault("it has both kernel_size and kernel_sizes; one of them is needed");
        var taps = array.Has("kernel_sizes") ? array.Ints("kernel_sizes") : [.. Enumerable.Repeat(array.Int("kernel_size"), dilations.Length)];
        if (taps.Length != dilations.Length) throw array.Fault($"it has {taps.Length} kernel_sizes and {dilations.Length} dilations");
        var functions = Each(array.Need("activation"), "activation", dilations.Length).ConvertAll(v => NamFunction.Read(v, $"'activation' of {array.What}"));
        var gates = Gates(dilations.Length);
        var (mixGroups, inGroups) = (array.Int("groups_input_mixin", 1), array.Int("groups_input", 1));
        var (next, nextGroups, _) = OneByOne("layer1x1", isActive: true, channels);
        var (hasHead, headGroups, headChannels) = OneByOne("head1x1", isActive: false, channels);
        if (!next && bottleneck != channels) throw array.Fault($"without layer1x1 its bottleneck ({bottleneck}) must be its channels ({channels})");
        var films = s_films.ToDictionary(film => film, Film);
        if (films["layer1x1_post_film"] is not null && !next) throw array.Fault("its layer1x1_post_film modulates layer1x1, which is not active");
        if (films["layer1x1_post_film"] is not null && !gates.TrueForAll(gate => gate.IsBlended)) throw array.Fault("its layer1x1_post_film stands in layers without blending, where Neural Amp Modeler's own programs differ");
        if (films["head1x1_post_film"] is not null && !hasHead) throw array.Fault("its head1x1_post_film modulates head1x1, which is not active");
        CheckSlimmable();

        x = layers.Conv($"{name}.rechannel", x, channels, hasBias: false);
        for (var i = 0; i < dilations.Length; i++)
        {
            var layer = $"{name}.layers.{i + 1}";
            var (gate, isBlended) = gates[i];
            var width = gate is null ? bottleneck : 2 * bottleneck;
            var weights = new NamLayer(layers, layer, films)
            {
                Conv = (layers.Weights.Tensor(layer, width, Divided(channels, inGroups), taps[i]), layers.Weights.Tensor(layer, width), inGroups),
                Mixin = (layers.Weights.Tensor(layer, width, Divided(conditions, mixGroups), 1), null, mixGroups),
                Next = next ? (layers.Weights.Tensor(layer, channels, Divided(bottleneck, nextGroups), 1), layers.Weights.Tensor(layer, channels), nextGroups) : null,
                Head = hasHead ? (layers.Weights.Tensor(layer, headChannels, Divided(bottleneck, headGroups), 1), layers.Weights.Tensor(layer, headChannels), headGroups) : null,
            };
            weights.ReadFilms(s_films, conditions, channels, width, bottleneck, headChannels);
            (x, var toHead) = weights.Add(x, condition, dilations[i], functions[i], gate, isBlended, bottleneck);
            head = head is null ? toHead : layers.Add(head, toHead);
        }

        return (x, HeadConv(head!));
    }

    private int Divided(int channels, int groups) => channels % groups == 0 ? channels / groups : throw array.Fault($"{channels} channels cannot be cut into {groups} groups");

    /// <summary>The convolution from the sum of all layers: an object, or the older members head_size and head_bias.</summary>
    private Sound HeadConv(Sound sum)
    {
        if (array.Get("head") is not { } told) return layers.Conv($"{name}.head", sum, array.Int("head_size"), hasBias: array.Flag("head_bias"));
        var head = new Members(told, $"'head' of {array.What}");
        var (outputs, taps, dilation, hasBias) = (head.Int("out_channels"), head.Int("kernel_size"), head.Int("head_dilation", 1), head.Flag("bias"));
        NamReader.RefuseUnread(head);
        foreach (var old in (string[])["head_size", "head_bias"]) _ = array.Get(old); // The object is preferred.
        return layers.Conv($"{name}.head", sum, outputs, taps, dilation, hasBias: hasBias);
    }

    /// <summary>For each layer the function of its gate, null without one, and whether it blends.</summary>
    private List<(NamFunction? Gate, bool IsBlended)> Gates(int count)
    {
        if (array.Get("gating_mode") is not { } modes)
        {
            var gate = array.Flag("gated", false) ? NamFunction.Sigmoid : null;
            return [.. Enumerable.Repeat((gate, false), count)];
        }

        var wasGated = array.Get("gated"); // The newer member is preferred.
        _ = wasGated;
        var names = Each(modes, "gating_mode", count).ConvertAll(mode => Json.Text(mode, $"'gating_mode' of {array.What}"));
        var seconds = array.Get("secondary_activation") is { } told ? Each(told, "secondary_activation", count) : null;
        return [.. names.Select((mode, i) => mode switch
        {
            "none" => ((NamFunction?)null, false),
            "gated" or "blended" => (seconds is null || seconds[i].ValueKind == JsonValueKind.Null ? NamFunction.Sigmoid : NamFunction.Read(seconds[i], $"'secondary_activation' of {array.What}"), mode == "blended"),
            _ => throw array.Fault($"its gating_mode '{mode}' is unknown; it must be none, gated or blended"),
        })];
    }

    /// <summary>One value for each layer, or one for all.</summary>
    private List<JsonElement> Each(JsonElement value, string member, int count)
    {
        if (value.ValueKind != JsonValueKind.Array) return [.. Enumerable.Repeat(value, count)];
        return value.GetArrayLength() == count ? [.. value.EnumerateArray()] : throw array.Fault($"its {member} has {value.GetArrayLength()} elements for {count} layers");
    }

    private (bool IsActive, int Groups, int Channels) OneByOne(string member, bool isActive, int channels)
    {
        if (array.Get(member) is not { } told) return (isActive, 1, channels);
        var one = new Members(told, $"'{member}' of {array.What}");
        var read = (one.Flag("active"), one.Int("groups", 1), member == "head1x1" ? one.Int("out_channels", channels) : channels);
        NamReader.RefuseUnread(one);
        return read;
    }

    private (bool HasShift, int Groups)? Film(string member)
    {
        if (array.Get(member) is not { } told || told.ValueKind == JsonValueKind.False) return null;
        var film = new Members(told, $"'{member}' of {array.What}");
        var (isActive, hasShift, groups) = (film.Flag("active", true), film.Flag("shift", true), film.Int("groups", 1));
        NamReader.RefuseUnread(film);
        return isActive ? (hasShift, groups) : null;
    }

    /// <summary>A model whose channels a player may cut off. All of them are converted, which is what it plays unless told otherwise.</summary>
    private void CheckSlimmable()
    {
        if (array.Get("slimmable") is not { } told || told.ValueKind != JsonValueKind.Object) return;
        var method = Json.TextOf(Json.Optional(told, "method")) ?? "";
        if (method is not ("" or "slice_channels_uniform")) throw array.Fault($"its slimmable method '{method}' is unknown");
    }
}
