namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>
/// The shorter names of a tensor: without what wrappers add (DataParallel's <c>module</c>, torch.compile's <c>_orig_mod</c>), and without the keys
/// under which a checkpoint holds its weights.
/// </summary>
internal static class ShortNames
{
    /// <summary>More keys in front of a name than any checkpoint has.</summary>
    private const int MostKeys = 4;

    private static readonly HashSet<string> s_wrappers = new(["module", "_orig_mod", "_forward_module"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_keys = new(["state_dict", "model_state_dict", "model_state", "model", "net", "network", .. s_wrappers], StringComparer.Ordinal);

    /// <summary>Adds the shorter names. One that two tensors would have is refused when it is used.</summary>
    /// <param name="weights">The tensors.</param>
    /// <param name="identity">What two names of one tensor have in common. Without it each name is a tensor.</param>
    public static void Add(WeightSet weights, Func<string, string>? identity = null)
    {
        foreach (var group in weights.Names.SelectMany(name => Of(name).Select(shorter => (Short: shorter, Name: name))).GroupBy(pair => pair.Short, pair => pair.Name))
            weights.Alias(group.Key, [.. group.DistinctBy(identity ?? (name => name))]);
    }

    private static HashSet<string> Of(string name)
    {
        var shorter = new HashSet<string>(StringComparer.Ordinal);
        foreach (var start in (string[][])[name.Split('.'), [.. name.Split('.').Where(part => !s_wrappers.Contains(part))]])
        {
            var keys = 0;
            while (keys < Math.Min(MostKeys, start.Length - 1) && s_keys.Contains(start[keys])) keys++;
            for (var skipped = 0; skipped <= keys && skipped < start.Length; skipped++) shorter.Add(string.Join('.', start[skipped..]));
        }

        shorter.Remove(name);
        return shorter;
    }
}
