using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// For a recurrent layer whose only input is an embedding, computes W·x + b of each token at conversion. The layer looks it up. Half of
/// a step's products become a copy of one row.
/// </summary>
internal static class TokenProducts
{
    /// <summary>Makes tables of products if they take no more bytes than the matrices that they replace.</summary>
    /// <param name="graphs">All graphs, which may share embeddings and matrices.</param>
    /// <param name="choice">How matrices would be stored. Tensors that the user names stay separate.</param>
    /// <returns>Names of the tensors that went into tables, and of those that stayed separate because the user named them.</returns>
    public static (HashSet<string> Folded, HashSet<string> Apart) Run(IReadOnlyList<IrGraph> graphs, WeightChoice choice)
    {
        var (folded, apart) = (new HashSet<string>(), new HashSet<string>());
        foreach (var layers in graphs.SelectMany(graph => Layers(new Rewriter(graph))).GroupBy(l => ContentKey.Of(l.Table)).Select(g => g.ToList()).ToList())
        {
            var named = layers.FindAll(l => choice.IsNamed(l.Names));
            foreach (var layer in Smaller(layers, graphs, choice).Intersect(named)) apart.UnionWith(layer.Names);
            foreach (var layer in Smaller([.. layers.Except(named)], graphs, choice))
            {
                folded.UnionWith(layer.Names);
                LookUp(layer);
            }
        }

        foreach (var graph in graphs) DeadCode.Remove(graph);
        return (folded, apart);
    }

    /// <summary>Selects the layers of one embedding whose tables take no more bytes: all layers together if this makes the embedding unnecessary, otherwise each by itself.</summary>
    private static List<Layer> Smaller(List<Layer> layers, IReadOnlyList<IrGraph> graphs, WeightChoice choice)
    {
        if (layers.Count == 0) return layers;
        long Saved(Layer layer) => Uses(graphs, layer.Weights) > 1 ? 0 : layer.Matrices.Sum(choice.BytesOf);
        var isNeeded = Uses(graphs, layers[0].Table) > layers.Select(l => l.Gather).Distinct().Count() || layers.Exists(l => !l.IsReadBy(layers));
        var together = layers.Sum(Saved) + (isNeeded ? 0 : choice.BytesOf(layers[0].Embedding));
        return layers.Sum(l => l.Bytes) <= together ? layers : layers.FindAll(l => l.Bytes <= Saved(l));
    }

    /// <summary>The layers whose only input is an embedding.</summary>
    private static IEnumerable<Layer> Layers(Rewriter rewriter)
    {
        var graph = rewriter.Graph;
        foreach (var node in graph.Nodes.Where(n => n.Recurrent is not null))
        {
            if (rewriter.Constant(node.Input(1)) is not { Type: ElementType.Float32, Shape: [_, _, > 1] } w) continue;
            if (node.Input(3).Length > 0 && rewriter.Constant(node.Input(3)) is not { Type: ElementType.Float32 }) continue;
            if (rewriter.Constant(node.Input(2)) is not { Type: ElementType.Float32 }) continue;
            if (Lookup(rewriter, node.Input(0), w.Shape[2]) is not { } lookup) continue;
            var table = rewriter.Constant(lookup.Gather.Input(0))!;
            if ((long)table.Shape[0] * w.Shape[0] * GateRows.Count(node.Recurrent!.Gates, w.Shape[1] / node.Recurrent.Gates) > Array.MaxLength / sizeof(float)) continue;
            WeightMatrix[] matrices = [.. Enumerable.Range(0, w.Shape[0]).Select(d => RecurrentLowering.Matrix(node, graph, 1, d))];
            var names = WeightNames.Of(graph, lookup.Gather.Input(0));
            var embedding = new WeightMatrix(names, table.Shape[0], table.Shape[1], table.ToFloats()) { IsTable = true, IsStepped = WeightNames.AreStepped(graph, names) };
            yield return new Layer(rewriter, node, lookup.Gather, lookup.Views, table, embedding, w, matrices);
        }
    }

    /// <summary>The number of reads of a constant's content by nodes of all graphs.</summary>
    private static int Uses(IReadOnlyList<IrGraph> graphs, IrTensor tensor) =>
        graphs.Sum(graph => graph.Nodes.Sum(node => node.Inputs.Count(i => graph.ConstantOf(i) is { } other && (other == tensor || (other.Shape.AsSpan().SequenceEqual(tensor.Shape) && other.Data.AsSpan().SequenceEqual(tensor.Data))))));

    /// <summary>The lookup that a value comes from, and the views after it. The views keep the last dimension.</summary>
    private static (IrNode Gather, List<IrNode> Views)? Lookup(Rewriter rewriter, string value, int inputs)
    {
        var views = new List<IrNode>();
        while (rewriter.Producer(value) is { } node)
        {
            if (node.Op == "Gather")
            {
                var isTable = node.Int("axis", 0) == 0 && rewriter.Constant(node.Input(0)) is { Type: ElementType.Float32, Shape: [_, var columns] } && columns == inputs;
                return isTable ? (node, views) : null;
            }

            if (node.Op is not ("Reshape" or "Transpose" or "Unsqueeze" or "Squeeze")) return null;
            if (rewriter.Shape(node.Input(0)).Sizes is not [.., var before] || rewriter.Shape(value).Sizes is not [.., var after] || before != inputs || after != inputs) return null;
            if (node.Op == "Reshape" && (rewriter.Constant(node.Input(1))?.Integers() is not [.., var last] || last != inputs)) return null;
            if (node.Op == "Transpose" && (node.Ints("perm") is not [.., var axis] || axis != rewriter.Shape(value).Rank - 1)) return null;
            views.Insert(0, node);
            value = node.Input(0);
        }

        return null;
    }

    private static void LookUp(Layer layer)
    {
        var (rewriter, node, gather, table) = (layer.Rewriter, layer.Node, layer.Gather, layer.Table);
        var graph = rewriter.Graph;
        var (rows, width) = (layer.Matrices[0].Rows, layer.Width);
        var products = new float[checked(table.Shape[0] * width)];
        for (var d = 0; d < layer.Matrices.Length; d++)
        {
            var part = RecurrentLowering.Products(node, graph, table, d);
            for (var i = 0; i < table.Shape[0]; i++) part.AsSpan(i * rows, rows).CopyTo(products.AsSpan(i * width + d * rows));
        }

        var name = graph.Constant($"{WeightNames.Of(graph, node.Input(1))[0]}.tokens", IrTensor.Of([table.Shape[0], width], products.AsSpan()));
        var value = rewriter.Insert(node, "Gather", [name, gather.Input(1)], Widened(rewriter.Shape(gather.Output(0)), width), ("axis", 0L));
        rewriter.Producer(value)!.Marks = new IrMarks { TableOf = layer.Embedding.Names[0] };
        foreach (var view in layer.Views)
        {
            string[] inputs = [value, .. view.Inputs.Skip(1)];
            if (view.Op == "Reshape") inputs[1] = graph.Constant($"{node.Name}.shape", IrTensor.Of<long>([rewriter.Shape(view.Output(0)).Rank], [.. rewriter.Constant(view.Input(1))!.Integers().SkipLast(1), width]));
            value = rewriter.Insert(node, view.Op, inputs, Widened(rewriter.Shape(view.Output(0)), width), [.. view.Attributes.Select(a => (a.Key, a.Value))]);
        }

        node.SetInput(0, value);
        node.SetInput(1, "");
    }

    private static IrShape Widened(IrShape shape, int width) => new(shape.Type, [.. shape.Sizes.SkipLast(1), width]);

    /// <summary>A layer whose only input is an embedding.</summary>
    private sealed record Layer(Rewriter Rewriter, IrNode Node, IrNode Gather, List<IrNode> Views, IrTensor Table, WeightMatrix Embedding, IrTensor Weights, WeightMatrix[] Matrices)
    {
        /// <summary>Names of the embedding and the matrices.</summary>
        public IEnumerable<string> Names => Embedding.Names.Concat(Matrices.SelectMany(m => m.Names));

        /// <summary>The number of products of one token.</summary>
        public int Width { get; } = checked(Matrices.Length * Matrices[0].Rows);

        /// <summary>Bytes of the table of products.</summary>
        public long Bytes => SeqLayout.Align((long)Table.Shape[0] * Width * sizeof(float));

        /// <summary>Whether only these layers read the lookup's result.</summary>
        public bool IsReadBy(List<Layer> layers)
        {
            var readers = Rewriter.Graph.Readers();
            var known = layers.SelectMany(l => l.Views.Append(l.Node)).ToHashSet();
            return Views.Prepend(Gather).All(n => readers[n.Output(0)].TrueForAll(r => r is not null && known.Contains(r)));
        }
    }
}
