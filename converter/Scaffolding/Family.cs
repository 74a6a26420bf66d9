using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>What settings say of a language model's family: many have the names of Llama or GPT-2, and compute something else.</summary>
internal static class Family
{
    /// <summary>The families, by their <c>model_type</c>, whose mathematics a draft of a language model has.</summary>
    private static readonly string[] s_known = ["llama", "mistral", "qwen2", "gpt2", "opt", "biogpt"];

    /// <summary>Numbers that change the mathematics, and their values that do not.</summary>
    private static readonly (string Name, double Plain)[] s_numbers =
    [
        ("partial_rotary_factor", 1), ("rotary_pct", 1), ("embedding_multiplier", 1), ("residual_multiplier", 1), ("logits_scaling", 1), ("logit_scale", 1), ("scale_emb", 1), ("attention_multiplier", 0),
        ("final_logit_softcapping", 0), ("attn_logit_softcapping", 0), ("clip_qkv", 0), ("window_size", 0), ("no_rope_layer_interval", 0), ("scale_depth", double.NaN),
    ];

    /// <summary>Truths that change the mathematics, and their values that do not.</summary>
    private static readonly (string Name, string Plain)[] s_truths = [("scale_attn_weights", "true"), ("scale_attn_by_inverse_layer_idx", "false"), ("use_parallel_residual", "false"), ("parallel_attn", "false"), ("alibi", "false"), ("use_scaled_rope", "false")];

    /// <summary>The family, by the user or the settings. Null if neither says it.</summary>
    public static string? Of(DraftGraph graph, Settings settings) => graph.Answer("model_type")?.Trim('"') ?? settings.Text("model_type");

    /// <summary>What the settings say that no layer of a draft does.</summary>
    /// <param name="graph">Has the user's answers.</param>
    /// <param name="options">Has the settings.</param>
    /// <param name="width">The elements of the features.</param>
    /// <param name="isRotary">Whether the positions are rotary.</param>
    public static IEnumerable<string> Blockers(DraftGraph graph, DraftOptions options, int width, bool isRotary)
    {
        var settings = options.Settings;
        if (Of(graph, settings) is { } type && !s_known.Contains(type))
        {
            options.Asked.Add("model_type");
            yield return $"the settings say '{type}', whose blocks may differ from those of {string.Join(", ", s_known)} though their names do not (where they are the same, scaffold again with --set model_type=llama, or the family that it is)";
        }

        if (isRotary && settings.Text("rope_type", "rope_scaling.type") is { } rope && rope != "default") yield return $"the settings scale the rotary positions ('{rope}')";
        foreach (var (name, plain) in s_numbers)
        {
            if (settings.Number(name) is { } value && value != plain) yield return Has(name, value);
        }

        foreach (var (name, plain) in s_truths)
        {
            if (settings[name] is { } value && (value is "true" or "false") && value != plain) yield return $"the settings have {name} = {value}";
        }

        if (settings.Number("dim_model_base") is { } scaled && scaled != width) yield return Has("dim_model_base", scaled);
    }

    /// <summary>The steps that an attention sees, if it does not see all.</summary>
    public static int? Window(DraftGraph graph, Settings settings)
    {
        if (settings["use_sliding_window"] is { } isUsed ? isUsed != "true" : Of(graph, settings) == "qwen2") return null;
        return settings.Whole("sliding_window");
    }

    private static string Has(string name, double value) => $"the settings have {name} = {value.ToString(CultureInfo.InvariantCulture)}";
}
