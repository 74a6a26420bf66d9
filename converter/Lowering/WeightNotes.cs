using SeqRuntime.Converter.Quantization;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Notes for the user about how weights are stored, besides the list of those stored more precisely than requested.</summary>
internal static class WeightNotes
{
    private const int Shown = 8;

    /// <param name="tensors">What was stored.</param>
    /// <param name="choice">The requested formats.</param>
    /// <param name="sensitive">The tensors that were raised to a more precise format.</param>
    /// <param name="apart">Names of weights that would be in a table of products if the user had not named them.</param>
    public static List<string> Of(IReadOnlyList<ConvertedTensor> tensors, WeightChoice choice, SensitiveTensors sensitive, IReadOnlySet<string> apart)
    {
        var notes = new List<string>();
        var weights = tensors.Where(t => t.Weights is not null).ToList();
        if (choice.Wanted != WeightKind.Float32) AddUnused(notes, weights, choice);
        var left = sensitive.LeftAtEdge.Where(name => weights.Exists(t => t.Name == name && t.Weights == choice.Wanted && !t.IsAsked)).ToList();
        if (left.Count > 0) notes.Add($"sensitive too, but left in {choice.Wanted.Name()}, because the tensors above are already half of the weights: {List(left)}; --weights-of 'NAME={choice.Wanted.Storage().Raising!.To.Name()}' raises one");
        foreach (var (option, named) in choice.Requests(tensors))
        {
            if (named.TrueForAll(t => t.Weights == t.General && !t.Names.Any(apart.Contains))) notes.Add($"{option} changes nothing: {List(named.ConvertAll(t => t.Name))} {(named.Count == 1 ? "is" : "are")} stored like this without it");
        }

        foreach (var group in weights.Where(t => t.NoSmaller is not null).GroupBy(t => (t.Weights, t.NoSmaller)))
            notes.Add($"not smaller in {group.Key.Weights!.Value.Name()} than in {group.Key.NoSmaller!.Value.Name()}: {List([.. group.Select(t => t.Name)])}");
        return notes;
    }

    /// <summary>Notes if no weight, or not every weight, is stored as requested.</summary>
    private static void AddUnused(List<string> notes, List<ConvertedTensor> weights, WeightChoice choice)
    {
        var small = weights.Where(t => SmallMatrices.Is(t) && !t.IsAsked && t.Finer is null).ToList();
        if (weights.Exists(t => t.Weights != WeightKind.Float32))
        {
            foreach (var group in small.Where(t => t.Weights != choice.Wanted).GroupBy(t => t.Weights!.Value))
                notes.Add($"fewer than {WeightChoice.SmallestQuantized} weights, so {group.Key.Name()}: {List([.. group.Select(t => t.Name)])}");
            return;
        }

        var reasons = new List<string>();
        if (small.Count > 0) reasons.Add($"matrices of fewer than {WeightChoice.SmallestQuantized} weights stay fp32 (--weights-of '*={choice.Wanted.Name()}' overrules)");
        if (weights.Exists(t => t.IsAsked)) reasons.Add("tensors chosen by name stay fp32");
        if (weights.Exists(t => t.Finer is not null)) reasons.Add("others are stored more precisely for the listed reasons");
        if (weights.Count == 0) reasons.Add("the model has no weight matrices");
        notes.Add($"nothing quantized: {string.Join("; ", reasons)}");
    }

    private static string List(List<string> names) => string.Join(", ", names.Take(Shown)) + (names.Count > Shown ? $" and {names.Count - Shown} more" : "");
}
