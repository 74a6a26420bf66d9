using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers;

/// <summary>Counts the weights of a file.</summary>
internal static class WeightFacts
{
    /// <summary>Groups of a training program's own state.</summary>
    private static readonly string[] s_training = ["optimizer", "_optimizer"];

    /// <param name="weights">The weights, of which none was read yet.</param>
    public static SourceWeights Of(WeightSet weights)
    {
        var tensors = weights.Unused().FindAll(w => w.Shape is not null && !Array.Exists(s_training, group => w.Name.StartsWith(group, StringComparison.OrdinalIgnoreCase)));
        return new SourceWeights(tensors.Count, tensors.Sum(t => t.Shape!.Aggregate(1L, (count, size) => count * size)), null);
    }
}
