using SeqRuntime.Converter.Quantization;

namespace SeqRuntime.Converter.Lowering;

/// <summary>What the user should know of how weights are stored, beside the list of those that are finer than asked for.</summary>
internal static class WeightNotes
{
    private const int Shown = 8;

    /// <param name="tensors">What was stored.</param>
    /// <param name="choice">Why.</param>
    /// <param name="sensitive">What was raised.</param>
    /// <param name="apart">Names of weights that would be in a table of products if they were not named.</param>
    public static List<string> Of(IReadOnlyList<ConvertedTensor> tensors, WeightChoice choice, SensitiveTensors sensitive, IReadOnlySet<string> apart)
    {
        var notes = new List<string>();
        var weights = tensors.Where(t => t.Weights is not null).ToList();
        if (choice.Wanted != WeightKind.Float32) AddUnused(notes, weights, choice);
        var left = sensitive.LeftAtEdge.Where(name => weights.Exists(t => t.Name == name && t.Weights == choice.Wanted && !t.IsAsked)).ToList();
        if (left.Count > 0) notes.Add($"at the edge, too, but left in {choice.Wanted.Name()}, since the others are half of the weights already: {List(left)}; --weights-of 'NAME={choice.Wanted.Storage().Raising!.To.Name()}' raises one");
        foreach (var (option, named) in choice.Requests(tensors))
        {
            if (named.TrueForAll(t => t.Weights == t.General && !t.Names.Any(apart.Contains))) notes.Add($"{option} changes nothing: {List(named.ConvertAll(t => t.Name))} {(named.Count == 1 ? "is" : "are")} stored so without it");
        }

        foreach (var group in weights.Where(t => t.NoSmaller is not null).GroupBy(t => (t.Weights, t.NoSmaller)))
            notes.Add($"no smaller in {group.Key.Weights!.Value.Name()} than in {group.Key.NoSmaller!.Value.Name()}: {List([.. group.Select(t => t.Name)])}");
        return notes;
    }

    /// <summary>Where nothing, or not all, is stored as asked for.</summary>
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
        if (weights.Exists(t => t.IsAsked)) reasons.Add("those named stay fp32");
        if (weights.Exists(t => t.Finer is not null)) reasons.Add("others are finer for the reason that is listed");
        if (weights.Count == 0) reasons.Add("the model has no weight matrices");
        notes.Add($"nothing quantized: {string.Join("; ", reasons)}");
    }

    private static string List(List<string> names) => string.Join(", ", names.Take(Shown)) + (names.Count > Shown ? $" and {names.Count - Shown} more" : "");
}
