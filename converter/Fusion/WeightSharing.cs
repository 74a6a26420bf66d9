using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// Which products and lookups read equal weights, so that a factor that only some of their results are multiplied with does not go into
/// a copy of the weights: equal content is stored once.
/// </summary>
internal sealed class WeightSharing(Rewriter rewriter)
{
    private readonly Dictionary<IrNode, List<IrTensor>> _taken = [];
    private Dictionary<IrNode, List<IrNode>>? _groups;

    /// <summary>Whether the factor of <paramref name="scaling"/> may go into the product's weights: nothing else reads them, or all that do are multiplied with the same.</summary>
    public bool MayScale(IrNode product, IrNode scaling)
    {
        _groups ??= Groups();
        if (!_taken.TryGetValue(product, out var taken)) _taken[product] = taken = [];
        var factor = Factor(scaling)!;
        var others = _groups.GetValueOrDefault(product, []).Where(n => n != product);
        if (!others.All(other => Nth(other, taken.Count) is { } theirs && AreEqual(theirs, factor))) return false;
        taken.Add(factor);
        return true;
    }

    /// <summary>The factor that a product's result is multiplied with in the given place, among those taken into its weights and the one that follows.</summary>
    private IrTensor? Nth(IrNode product, int place)
    {
        if (!_taken.TryGetValue(product, out var taken)) taken = [];
        return place < taken.Count ? taken[place] : place == taken.Count ? Next(product) : null;
    }

    /// <summary>The factor that follows on a product's result, behind what is added to it.</summary>
    private IrTensor? Next(IrNode product)
    {
        if (product.Op is "Gather") return null;
        for (var node = product; rewriter.OnlyFor(node.Output(0)) is not null;)
        {
            if (rewriter.Graph.Nodes.Find(n => n.Inputs.Contains(node.Output(0))) is not { } reader) return null;
            if (Factor(reader) is { } factor) return factor;
            if (reader.Op is not ("Add" or "Sub") || !reader.Inputs.Exists(i => rewriter.Constant(i) is not null)) return null;
            node = reader;
        }

        return null;
    }

    private IrTensor? Factor(IrNode scaling) => scaling.Op switch
    {
        "Mul" => rewriter.Constant(scaling.Input(1)) ?? rewriter.Constant(scaling.Input(0)),
        "Div" when rewriter.Constant(scaling.Input(1)) is { Type: ElementType.Float32 } divisor => IrTensor.Of(divisor.Shape, Array.ConvertAll(divisor.ToFloats(), v => 1 / v).AsSpan()),
        _ => null,
    };

    private static bool AreEqual(IrTensor a, IrTensor b) => a.Type == b.Type && a.Data.AsSpan().SequenceEqual(b.Data);

    private Dictionary<IrNode, List<IrNode>> Groups()
    {
        var byContent = new Dictionary<ContentKey, List<IrNode>>();
        foreach (var node in rewriter.Graph.Nodes)
        {
            var input = node.Op == "Gather" ? 0 : 1;
            if (node.Op is not ("Linear" or "Conv" or "ConvTranspose" or "Gather") || rewriter.Constant(node.Input(input)) is not { Type: ElementType.Float32 } weights) continue;
            Add(ContentKey.Of(weights), node);
            // A table that is looked up can be the same matrix turned round.
            if (node.Op == "Gather" && weights.Shape.Length == 2) Add(ContentKey.Of(weights.Transposed()), node);
        }

        var groups = new Dictionary<IrNode, List<IrNode>>();
        foreach (var nodes in byContent.Values.Where(n => n.Count > 1))
        {
            foreach (var node in nodes) groups[node] = [.. groups.GetValueOrDefault(node, []), .. nodes];
        }

        return groups;

        void Add(ContentKey key, IrNode node)
        {
            if (!byContent.TryGetValue(key, out var nodes)) byContent[key] = nodes = [];
            nodes.Add(node);
        }
    }
}
