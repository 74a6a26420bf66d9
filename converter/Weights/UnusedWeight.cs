using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Weights;

/// <summary>A weight of a source file that the model does not use.</summary>
/// <param name="File">The file, without its folder.</param>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Its shape. Null if it is not an array of numbers.</param>
internal sealed record UnusedWeight(string File, string Name, IReadOnlyList<int>? Shape);

/// <summary>Reports unused weights: training data by its kind, other weights by name.</summary>
internal static partial class UnusedWeights
{
    private const int Named = 12;

    /// <summary>One note for a file. Null if every weight is used.</summary>
    /// <param name="unused">The weights.</param>
    /// <param name="reason">The reason, appended to the names. Empty if the reason is that no output depends on them.</param>
    public static string? Note(IReadOnlyList<UnusedWeight> unused, string reason = "")
    {
        if (unused.Count == 0) return null;
        var kinds = unused.GroupBy(w => KindOf(w.Name)).ToDictionary(g => g.Key, g => g.ToList());
        var parts = new List<string>();
        foreach (var kind in (string[])["the optimizer's state", "counters of batches (num_batches_tracked)", "states of random numbers", "averaged copies of weights (EMA)"])
        {
            if (kinds.TryGetValue(kind, out var group)) parts.Add($"{kind} ({group.Count})");
        }

        if (kinds.TryGetValue("", out var rest))
        {
            var names = rest.Take(Named).Select(w => $"'{w.Name}' {(w.Shape is { } shape ? $"[{string.Join(", ", shape)}]" : "(not an array of numbers)")}");
            parts.Add(string.Join(", ", names) + (rest.Count > Named ? $" and {rest.Count - Named} more (--json lists all)" : ""));
        }

        return $"unused in {unused[0].File}: {string.Join("; ", parts)}{reason}";
    }

    /// <summary>What a tensor of training is, such as the optimizer's state. Empty for other tensors.</summary>
    public static string KindOf(string name) =>
        Optimizer().IsMatch(name) ? "the optimizer's state"
        : Counter().IsMatch(name) ? "counters of batches (num_batches_tracked)"
        : Random().IsMatch(name) ? "states of random numbers"
        : Average().IsMatch(name) ? "averaged copies of weights (EMA)"
        : "";

    [GeneratedRegex("(^|[./_])(optimizer|optim|adam|adamw|rmsprop|adagrad|adadelta|nadam)([./_]|$)|(^|[./])(exp_avg|exp_avg_sq|momentum_buffer)([./]|$)", RegexOptions.IgnoreCase)]
    private static partial Regex Optimizer();

    [GeneratedRegex("(^|[./])num_batches_tracked$")]
    private static partial Regex Counter();

    [GeneratedRegex("(^|[./])seed_generator[./_]")]
    private static partial Regex Random();

    [GeneratedRegex("(^|[./_])(ema|shadow)([./_]|$)", RegexOptions.IgnoreCase)]
    private static partial Regex Average();
}
