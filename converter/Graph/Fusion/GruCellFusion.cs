namespace SeqRuntime.Converter.Graph.Fusion;

/// <summary>
/// One step of a GRU written out with the reset gate behind the product (PyTorch's GRUCell, Keras' reset_after) becomes a GRU
/// node of one step: h' = (1 - z)⊙n + z⊙h, also as n + z⊙(h - n), with r = σ(xr + hr), z = σ(xz + hz), n = tanh(xn + r⊙hn),
/// where x… and h… are in any order the three equal parts of W·x + b and R·h + b'.
/// </summary>
internal static class GruCellFusion
{
    private const int Gates = 3;

    public static void Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op == "Add" && rewriter.IsFloat(node.Output(0)) && Match(node, rewriter) is { } cell) Build(node, cell, rewriter);
        }
    }

    private static Cell? Match(IrNode sum, Rewriter rewriter)
    {
        foreach (var (a, b) in Rewriter.Operands(sum))
        {
            if (rewriter.Producer(b, "Mul") is not { } kept) continue;
            foreach (var (z, other) in Rewriter.Operands(kept))
            {
                // a = n, b = z·(h - n)
                if (rewriter.Producer(other, "Sub") is { } difference && difference.Input(1) == a && Gated(a, z, difference.Input(0), rewriter) is { } blended) return blended;

                // a = (1 - z)·n, b = z·h
                if (rewriter.Producer(a, "Mul") is not { } written) continue;
                foreach (var (rest, n) in Rewriter.Operands(written))
                {
                    if (rewriter.Producer(rest, "Sub") is { } one && rewriter.Scalar(one.Input(0)) == 1 && one.Input(1) == z && Gated(n, z, other, rewriter) is { } weighted) return weighted;
                }
            }
        }

        return null;
    }

    private static Cell? Gated(string candidate, string update, string h, Rewriter rewriter)
    {
        if (rewriter.Producer(candidate, "Tanh") is not { } tanh || rewriter.Producer(tanh.Input(0), "Add") is not { } sum) return null;
        foreach (var (xn, resetting) in Rewriter.Operands(sum))
        {
            if (rewriter.Producer(resetting, "Mul") is not { } product) continue;
            foreach (var (reset, hn) in Rewriter.Operands(product))
            {
                if (Part(xn, rewriter) is not { } x || Part(hn, rewriter) is not { } recurrent || recurrent.Linear.Input(0) != h) continue;
                if (Pair(reset, x, recurrent, rewriter) is not { } r || Pair(update, x, recurrent, rewriter) is not { } z) continue;
                (int X, int H)[] parts = [z, r, (x.Index, recurrent.Index)];
                if (parts.Select(p => p.X).Distinct().Count() == Gates && parts.Select(p => p.H).Distinct().Count() == Gates) return new Cell(x.Linear, recurrent.Linear, h, parts);
            }
        }

        return null;
    }

    /// <summary>σ(part of W·x + part of R·h): which parts.</summary>
    private static (int X, int H)? Pair(string gate, Third x, Third h, Rewriter rewriter)
    {
        if (rewriter.Producer(gate, "Sigmoid") is not { } sigmoid || rewriter.Producer(sigmoid.Input(0), "Add") is not { } sum) return null;
        foreach (var (a, b) in Rewriter.Operands(sum))
        {
            if (Part(a, rewriter) is { } first && Part(b, rewriter) is { } second && first.Linear == x.Linear && second.Linear == h.Linear) return (first.Index, second.Index);
        }

        return null;
    }

    /// <summary>One of the three equal parts of a product's result.</summary>
    private static Third? Part(string value, Rewriter rewriter)
    {
        if (rewriter.Producer(value, "Split") is not { } split || split.Outputs.Count != Gates || rewriter.Producer(split.Input(0), "Linear") is not { } linear) return null;
        var shape = rewriter.Shape(split.Input(0));
        var axis = split.Int("axis", 0);
        if (shape.Rank != 2 || (axis < 0 ? axis + 2 : axis) != 1 || shape.Sizes[1] < Gates || shape.Sizes[1] % Gates != 0) return null;
        if (!split.Outputs.TrueForAll(o => rewriter.Shape(o).Sizes[1] == shape.Sizes[1] / Gates)) return null;
        if (linear.Input(2).Length > 0 && rewriter.Constant(linear.Input(2)) is null) return null;
        return new Third(linear, split.Outputs.IndexOf(value));
    }

    private static void Build(IrNode sum, Cell cell, Rewriter rewriter)
    {
        var graph = rewriter.Graph;
        var w = rewriter.Constant(cell.Input.Input(1))!;
        var r = rewriter.Constant(cell.Recurrent.Input(1))!;
        var hidden = r.Shape[1];
        if (w.Shape[0] != Gates * hidden || r.Shape[0] != Gates * hidden || rewriter.Shape(cell.H).Rank != 2) return;

        string Up(string value)
        {
            var shape = rewriter.Shape(value);
            return rewriter.Insert(sum, "Unsqueeze", [value, graph.Constant(value + ".axes", IrTensor.Vector(0))], new IrShape(shape.Type, [1, .. shape.Sizes]));
        }

        var x = Up(cell.Input.Input(0));
        var h = Up(cell.H);
        float[] bias = [.. Blocks(Bias(cell.Input, rewriter, Gates * hidden), [.. cell.Parts.Select(p => p.X)]), .. Blocks(Bias(cell.Recurrent, rewriter, Gates * hidden), [.. cell.Parts.Select(p => p.H)])];
        var weights = graph.Constant(cell.Input.Input(1), IrTensor.Of([1, w.Shape[0], w.Shape[1]], Blocks(w.ToFloats(), [.. cell.Parts.Select(p => p.X)]).AsSpan()));
        var recurrence = graph.Constant(cell.Recurrent.Input(1), IrTensor.Of([1, r.Shape[0], r.Shape[1]], Blocks(r.ToFloats(), [.. cell.Parts.Select(p => p.H)]).AsSpan()));
        var biases = graph.Constant(cell.Input.Input(1) + ".bias", IrTensor.Of([1, bias.Length], bias.AsSpan()));
        var next = graph.Fresh(sum.Name);
        graph.Shapes[next] = graph.Shapes[h];
        var gru = new IrNode(sum.Name, "GRU", [x, weights, recurrence, biases, "", h], ["", next]) { Attributes = { ["hidden_size"] = (long)hidden, ["linear_before_reset"] = 1L } };
        graph.Nodes.Insert(graph.Nodes.IndexOf(sum), gru);
        rewriter.Replace(sum, new IrNode(sum.Name + ".h", "Squeeze", [next, graph.Constant(sum.Name + ".axes", IrTensor.Vector(0))], sum.Outputs));
    }

    private static float[] Bias(IrNode linear, Rewriter rewriter, int size) => linear.Input(2).Length > 0 ? rewriter.Constant(linear.Input(2))!.ToFloats() : new float[size];

    private static float[] Blocks(float[] values, int[] order)
    {
        var block = values.Length / Gates;
        return [.. order.SelectMany(part => values.AsSpan(part * block, block).ToArray())];
    }

    private sealed record Third(IrNode Linear, int Index);

    /// <summary>Parts of both products in ONNX's order z, r, n.</summary>
    private sealed record Cell(IrNode Input, IrNode Recurrent, string H, (int X, int H)[] Parts);
}
