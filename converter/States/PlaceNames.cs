using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>Describes places and kinds of states in words.</summary>
internal static class PlaceNames
{
    private const int MostFollowed = 200;

    /// <summary>Says which layers' states the places keep.</summary>
    public static string Describe(IReadOnlyList<Place> places, SizedView view)
    {
        var parts = new List<string>();
        var layers = places.Where(p => p.Kind != PlaceKind.Past).ToList();
        if (layers.Count > 0)
        {
            var kinds = layers.Select(p => p.Kind == PlaceKind.Hidden ? "hidden" : "cell").Distinct();
            parts.Add($"{string.Join(" and ", kinds)} state of {Layers(layers)}");
        }

        parts.AddRange(places.Where(p => p.Kind == PlaceKind.Past).Select(p => PastOf(p.Node, view)).Distinct());
        return parts.Count <= 3 ? string.Join(", ", parts) : $"{string.Join(", ", parts.Take(2))} and {parts.Count - 2} more";
    }

    public static string Describe(CarryKind kind) => kind switch
    {
        CarryKind.Buffer => "a buffer that keeps a part of it",
        CarryKind.Blend => "each element is a blend of its old value and new ones",
        CarryKind.Gated => "each element depends on its old value and new ones",
        CarryKind.LayerEnd => "the last state of a recurrent layer that depends on it",
        _ => "the next state of a written-out cell",
    };

    public static string Layers(IEnumerable<Place> places)
    {
        var names = places.Select(p => $"'{p.Node.Name}'").Distinct().ToList();
        return $"layer{(names.Count == 1 ? "" : "s")} {(names.Count <= 3 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(2))} and {names.Count - 2} more")}";
    }

    /// <summary>Names the first convolution, product or layer after the node that joins past and new steps.</summary>
    private static string PastOf(IrNode join, SizedView view)
    {
        var waiting = new Queue<IrNode>([join]);
        var seen = new HashSet<IrNode>();
        while (waiting.TryDequeue(out var node) && seen.Count < MostFollowed)
        {
            if (!seen.Add(node)) continue;
            switch (node.Op)
            {
                case "Conv" or "ConvTranspose": return $"the past of convolution '{node.Name}'";
                case "MatMul": return $"the cache of attention at '{node.Name}'";
                case var op when node.Recurrent is not null || op is "Linear" or "MaxPool" or "AveragePool": return $"the past of '{node.Name}'";
            }

            foreach (var reader in node.Outputs.Where(view.Readers.ContainsKey).SelectMany(o => view.Readers[o]).OfType<IrNode>()) waiting.Enqueue(reader);
        }

        return $"the past at '{join.Name}'";
    }
}
