using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// Tells which products and lookups read equal weights. Equal content is stored once. A factor that multiplies only some of their
/// results must not go into the weights, because that would need a second copy.
/// </summary>
internal sealed class WeightSharing(Rewriter rewriter)
{
    private readonly Dictionary<IrNode, List<IrTensor>> _taken = [];
    private Dictionary<IrNode, List<IrNode>>? _groups;

    /// <summary>Whether the factor of <paramref name="scaling"/> may go into the product's weights: nothing else reads them, or all their results are multiplied by the same factor.</summary>
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

    /// <summary>The factor at this place among the factors of a product's result: those already in its weights, then the one that follows.</summary>
    private IrTensor? Nth(IrNode product, int place)
    {
        if (!_taken.TryGetValue(product, out var taken)) taken = [];
        return place < taken.Count ? taken[place] : place == taken.Count ? Next(product) : null;
    }

    /// <summary>The factor that multiplies a product's result, after any sum.</summary>
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

    private static bool AreEqual(IrTensor a, IrTensor b) => a.Type == b.Type && a.Data.SequenceEqual(b.Data);

    private Dictionary<IrNode, List<IrNode>> Groups()
    {
        var byContent = new Dictionary<ContentKey, List<IrNode>>();
        foreach (var node in rewriter.Graph.Nodes)
        {
            var input = node.Op == "Gather" ? 0 : 1;
            if (node.Op is not ("Linear" or "Conv" or "ConvTranspose" or "Gather") || rewriter.Constant(node.Input(input)) is not { Type: ElementType.Float32 } weights) continue;
            Add(ContentKey.Of(weights), node);
            // A lookup may read the transpose of the same matrix.
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
