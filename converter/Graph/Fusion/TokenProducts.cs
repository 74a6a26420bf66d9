using SeqRuntime.Converter.Lowering;

namespace SeqRuntime.Converter.Graph.Fusion;

/// <summary>
/// A recurrent layer that reads nothing but an embedding: W·x + b of each token is worked out once, and the layer looks it up. Half the
/// products of a step are then a copy of one row.
/// </summary>
internal static class TokenProducts
{
    /// <summary>Marks a table that is looked up as it is, not stored in fewer bits; its value is the name of the embedding behind it.</summary>
    public const string ExactTable = "~exact";

    /// <summary>Inputs of the layer for each token, at least: the table, in fp32, is then at most twice as large as int8 weights.</summary>
    private const int LeastInputsPerToken = 2;

    /// <param name="graph">The graph.</param>
    /// <param name="staysApart">Whether a constant of this name is to be stored in fewer bits, not worked into a table.</param>
    public static void Run(IrGraph graph, Predicate<string> staysApart)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.Where(n => n.Op is "LSTM" or "GRU" or "RNN").ToList())
        {
            if (rewriter.Constant(node.Input(1)) is not { Type: ElementType.Float32, Shape: [_, _, > 1] } w) continue;
            if (node.Input(3).Length > 0 && rewriter.Constant(node.Input(3)) is not { Type: ElementType.Float32 }) continue;
            if (rewriter.Constant(node.Input(2)) is not { Type: ElementType.Float32 }) continue;
            if (Lookup(rewriter, node.Input(0), w.Shape[2]) is not { } lookup) continue;
            if (staysApart(node.Input(1)) || staysApart(lookup.Gather.Input(0))) continue;
            var table = rewriter.Constant(lookup.Gather.Input(0))!;
            if ((long)table.Shape[0] * LeastInputsPerToken > w.Shape[2]) continue;
            LookUp(rewriter, node, lookup.Gather, lookup.Views, table, w.Shape[0], RecurrentLowering.Rows(node.Op, w));
        }
    }

    /// <summary>The lookup that a value comes from, and what lies between that leaves its last dimension alone, from the lookup on.</summary>
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

    private static void LookUp(Rewriter rewriter, IrNode node, IrNode gather, List<IrNode> views, IrTensor table, int directions, int rows)
    {
        var graph = rewriter.Graph;
        var width = directions * rows;
        var products = new float[checked(table.Shape[0] * width)];
        for (var d = 0; d < directions; d++)
        {
            var part = RecurrentLowering.Products(node, graph, table, d);
            for (var i = 0; i < table.Shape[0]; i++) part.AsSpan(i * rows, rows).CopyTo(products.AsSpan(i * width + d * rows));
        }

        var name = graph.Constant($"{node.Input(1)}.tokens", IrTensor.Of([table.Shape[0], width], products.AsSpan()));
        var value = rewriter.Insert(node, "Gather", [name, gather.Input(1)], Widened(rewriter.Shape(gather.Output(0)), width), ("axis", 0L), (ExactTable, WeightStore.SourceName(gather.Input(0))));
        foreach (var view in views)
        {
            string[] inputs = [value, .. view.Inputs.Skip(1)];
            if (view.Op == "Reshape") inputs[1] = graph.Constant($"{node.Name}.shape", IrTensor.Of<long>([rewriter.Shape(view.Output(0)).Rank], [.. rewriter.Constant(view.Input(1))!.Integers().SkipLast(1), width]));
            value = rewriter.Insert(node, view.Op, inputs, Widened(rewriter.Shape(view.Output(0)), width), [.. view.Attributes.Select(a => (a.Key, a.Value))]);
        }

        node.SetInput(0, value);
        node.SetInput(1, "");
    }

    private static IrShape Widened(IrShape shape, int width) => new(shape.Type, [.. shape.Sizes.SkipLast(1), width]);
}
