using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// For a recurrent layer whose input is an embedding, or is joined from one and other features (a context vector), computes the embedding's part of W·x + b of
/// each token at conversion. The layer looks it up. Where the embedding is all of the input, half of a step's products become a copy of one row.
/// </summary>
internal static class TokenProducts
{
    /// <summary>A table may take a quarter more bytes than what it replaces: a run reads one row of it in place of all weights.</summary>
    private const double MostBytes = 1.25;

    /// <summary>Makes tables of products if they are not much larger than the weights that they replace.</summary>
    /// <param name="graphs">All graphs, which may share embeddings and matrices.</param>
    /// <param name="choice">How matrices would be stored. Tensors that the user names stay separate.</param>
    /// <returns>Names of the tensors that went into tables, and of those that stayed separate because the user named them.</returns>
    public static (HashSet<string> Folded, HashSet<string> Apart) Run(IReadOnlyList<IrGraph> graphs, WeightChoice choice)
    {
        var (folded, apart) = (new HashSet<string>(), new HashSet<string>());
        foreach (var layers in graphs.SelectMany(graph => Layers(new Rewriter(graph))).GroupBy(l => l.Table.Key).Select(g => g.ToList()).ToList())
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

    /// <summary>Selects the layers of one embedding whose tables are not much larger: all layers together if this makes the embedding unnecessary, otherwise each by itself.</summary>
    private static List<Layer> Smaller(List<Layer> layers, IReadOnlyList<IrGraph> graphs, WeightChoice choice)
    {
        if (layers.Count == 0) return layers;
        double Saved(Layer layer) => MostBytes * ((Uses(graphs, layer.Weights) > 1 ? 0 : layer.Matrices.Sum(choice.BytesOf)) - (layer.Rest is { } rest ? choice.BytesOf(rest) : 0));
        var isNeeded = Uses(graphs, layers[0].Table) > layers.Select(l => l.Gather).Distinct().Count() || layers.Exists(l => !l.IsReadBy(layers) || l.IsJoinedTwice);
        var together = layers.Sum(Saved) + (isNeeded ? 0 : MostBytes * choice.BytesOf(layers[0].Embedding));
        return layers.Sum(l => l.Bytes) <= together ? layers : layers.FindAll(l => l.Bytes <= Saved(l));
    }

    /// <summary>The layers that read an embedding.</summary>
    private static IEnumerable<Layer> Layers(Rewriter rewriter)
    {
        var graph = rewriter.Graph;
        foreach (var node in graph.Nodes.Where(n => n.Recurrent is not null))
        {
            if (rewriter.Constant(node.Input(1)) is not { Type: ElementType.Float32, Shape: [_, _, > 1] } w) continue;
            if (node.Input(3).Length > 0 && rewriter.Constant(node.Input(3)) is not { Type: ElementType.Float32 }) continue;
            if (rewriter.Constant(node.Input(2)) is not { Type: ElementType.Float32 }) continue;
            if ((Lookup(rewriter, node.Input(0), w.Shape[2]) ?? Joined(rewriter, node.Input(0), w.Shape[2])) is not { } lookup) continue;
            var table = rewriter.Constant(lookup.Gather.Input(0))!;
            if ((long)table.Shape[0] * w.Shape[0] * GateRows.Count(node.Recurrent!.Gates, w.Shape[1] / node.Recurrent.Gates) > Array.MaxLength / sizeof(float)) continue;
            WeightMatrix[] matrices = [.. Enumerable.Range(0, w.Shape[0]).Select(d => RecurrentLowering.Matrix(node, graph, 1, d))];
            if (lookup.Join is not null && matrices[0].IsStepped) continue; // The rest keeps the source's steps only as long as it is the source's matrix.
            var names = WeightNames.Of(graph, lookup.Gather.Input(0));
            var embedding = WeightMatrix.Of(names, table) with { IsTable = true, IsStepped = WeightNames.AreStepped(graph, names) };
            yield return new Layer(rewriter, node, lookup, table, embedding, w, matrices) { Rest = lookup.Join is null ? null : Rest(matrices, lookup.First, table.Shape[1]) };
        }
    }

    /// <summary>The matrices of all directions, one after the other, without the columns of the embedding.</summary>
    private static WeightMatrix Rest(WeightMatrix[] matrices, int first, int count)
    {
        int rows = matrices[0].Rows, columns = matrices[0].Columns, left = columns - count;
        var all = Array.ConvertAll(matrices, matrix => matrix.Matrices[0]);
        var rest = new float[matrices.Length * rows * left];
        for (var row = 0; row < matrices.Length * rows; row++)
        {
            var from = all[row / rows].AsSpan(row % rows * columns, columns);
            var to = rest.AsSpan(row * left, left);
            from[..first].CopyTo(to);
            from[(first + count)..].CopyTo(to[first..]);
        }

        return new WeightMatrix(matrices[0].Names, matrices.Length * rows, left, rest);
    }

    /// <summary>The number of reads of a constant's content by nodes of all graphs.</summary>
    private static int Uses(IReadOnlyList<IrGraph> graphs, IrTensor tensor) =>
        graphs.Sum(graph => graph.Nodes.Sum(node => node.Inputs.Count(i => graph.ConstantOf(i) is { } other && (other == tensor || (other.Shape.AsSpan().SequenceEqual(tensor.Shape) && other.Data.SequenceEqual(tensor.Data))))));

    /// <summary>The lookup that a value comes from, and the views after it. The views keep the last dimension.</summary>
    private static Source? Lookup(Rewriter rewriter, string value, int inputs)
    {
        var views = new List<IrNode>();
        while (rewriter.Producer(value) is { } node)
        {
            if (node.Op == "Gather")
            {
                var isTable = node.Int("axis", 0) == 0 && rewriter.Constant(node.Input(0)) is { Type: ElementType.Float32, Shape: [_, var columns] } && columns == inputs;
                return isTable ? new Source(node, views) : null;
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

    /// <summary>The same for a value that is joined from a lookup and other features.</summary>
    private static Source? Joined(Rewriter rewriter, string value, int inputs)
    {
        if (rewriter.Producer(value, "Concat") is not { Inputs.Count: > 1 } join || rewriter.Shape(value).Sizes is not [.., _, var all] || all != inputs) return null;
        if (join.Int("axis", 0) is var axis && axis != -1 && axis != rewriter.Shape(value).Rank - 1) return null;
        for (int part = 0, first = 0; part < join.Inputs.Count; part++)
        {
            if (rewriter.Shape(join.Input(part)).Sizes is not [.., > 0 and var features]) return null;
            if (features < inputs && Lookup(rewriter, join.Input(part), features) is { } source) return source with { Join = join, Part = part, First = first };
            first += features;
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
            var part = RecurrentLowering.Products(node, graph, table, d, layer.Source.First);
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

        if (layer.Rest is { } rest) value = AddRest(layer, rest, value);
        node.SetInput(0, value);
        node.SetInput(1, "");
    }

    /// <summary>The sum of the products with tokens and of those with the other features.</summary>
    private static string AddRest(Layer layer, WeightMatrix rest, string products)
    {
        var (rewriter, node, join) = (layer.Rewriter, layer.Node, layer.Source.Join!);
        string[] parts = [.. join.Inputs.Where((_, i) => i != layer.Source.Part)];
        var shape = rewriter.Shape(join.Output(0));
        var value = parts is [var only] ? only : rewriter.Insert(node, "Concat", parts, Widened(shape, rest.Columns), ("axis", shape.Rank - 1L));
        var name = rewriter.Graph.Constant($"{rest.Names[0]}.rest", IrTensor.Of<float>([rest.Rows, rest.Columns], rest.Matrices[0]));
        value = rewriter.Insert(node, "Linear", [value, name, ""], Widened(shape, layer.Width));
        return rewriter.Insert(node, "Add", [value, products], Widened(shape, layer.Width));
    }

    private static IrShape Widened(IrShape shape, int width) => new(shape.Type, [.. shape.Sizes.SkipLast(1), width]);

    /// <summary>Where an embedding that a layer reads comes from.</summary>
    /// <param name="Gather">The lookup.</param>
    /// <param name="Views">The views after it.</param>
    private sealed record Source(IrNode Gather, List<IrNode> Views)
    {
        /// <summary>The node that joins it with other features; null if it is all of the layer's input.</summary>
        public IrNode? Join { get; init; }

        /// <summary>Its number among what is joined.</summary>
        public int Part { get; init; }

        /// <summary>The layer's first input of it.</summary>
        public int First { get; init; }

        /// <summary>Its nodes from the lookup to the layer.</summary>
        public IEnumerable<IrNode> Nodes => Join is null ? Views.Prepend(Gather) : Views.Prepend(Gather).Append(Join);
    }

    /// <summary>A layer that reads an embedding.</summary>
    private sealed record Layer(Rewriter Rewriter, IrNode Node, Source Source, IrTensor Table, WeightMatrix Embedding, IrTensor Weights, WeightMatrix[] Matrices)
    {
        public IrNode Gather => Source.Gather;

        public List<IrNode> Views => Source.Views;

        /// <summary>The weights of the layer's other inputs; null if there are none.</summary>
        public WeightMatrix? Rest { get; init; }

        /// <summary>Names of the embedding and the matrices.</summary>
        public IEnumerable<string> Names => Embedding.Names.Concat(Matrices.SelectMany(m => m.Names));

        /// <summary>The number of products of one token.</summary>
        public int Width { get; } = checked(Matrices.Length * Matrices[0].Rows);

        /// <summary>Bytes of the table of products.</summary>
        public long Bytes => SeqLayout.Align((long)Table.Shape[0] * Width * sizeof(float));

        /// <summary>Whether the other features are the lookup once more, so that the rest of the layer still reads it.</summary>
        public bool IsJoinedTwice => Source.Join is { } join && join.Inputs.Count(value => value == join.Input(Source.Part)) > 1;

        /// <summary>Whether only these layers read the lookup's result.</summary>
        public bool IsReadBy(List<Layer> layers)
        {
            var readers = Rewriter.Graph.Readers();
            var known = layers.SelectMany(l => l.Source.Nodes.Append(l.Node)).ToHashSet();
            return Source.Nodes.All(n => readers[n.Output(0)].TrueForAll(r => r is not null && known.Contains(r)));
        }
    }
}
