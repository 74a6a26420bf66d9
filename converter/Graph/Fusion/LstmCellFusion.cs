namespace SeqRuntime.Converter.Graph.Fusion;

/// <summary>
/// One step of an LSTM written out (PyTorch's LSTMCell, Keras' unrolled layers, TensorFlow's BasicLSTMCell) becomes an LSTM
/// node of one step: c' = σ(f)⊙c + σ(i)⊙tanh(g), h' = σ(o)⊙tanh(c'), where i, f, g, o are in any order the four equal parts of
/// W·x + R·h + b along the last axis, and a constant may be added to a part (the forget bias).
/// </summary>
internal static class LstmCellFusion
{
    private const int Gates = 4;

    public static void Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op == "Add" && rewriter.IsFloat(node.Output(0)) && Match(node, rewriter) is { } cell) Build(cell, rewriter);
        }
    }

    /// <summary>Part of the split that feeds an activation, and what is added to it on the way.</summary>
    private static (IrNode Split, int Part, float Shift)? Gate(string value, string activation, Rewriter rewriter)
    {
        if (rewriter.Producer(value, activation) is not { } function) return null;
        var input = function.Input(0);
        var shift = 0f;
        if (rewriter.Producer(input, "Add") is { } sum)
        {
            foreach (var (part, constant) in Rewriter.Operands(sum))
            {
                if (rewriter.Scalar(constant) is not { } added) continue;
                (input, shift) = (part, added);
                break;
            }
        }

        return rewriter.Producer(input, "Split") is { } split ? (split, split.Outputs.IndexOf(input), shift) : null;
    }

    private static Cell? Match(IrNode sum, Rewriter rewriter)
    {
        foreach (var (kept, added) in Rewriter.Operands(sum))
        {
            if (rewriter.Producer(kept, "Mul") is not { } forgetting || rewriter.Producer(added, "Mul") is not { } writing) continue;
            foreach (var (forget, c) in Rewriter.Operands(forgetting))
            {
                foreach (var (input, candidate) in Rewriter.Operands(writing))
                {
                    if (Gate(forget, "Sigmoid", rewriter) is not { } f || Gate(input, "Sigmoid", rewriter) is not { } i || Gate(candidate, "Tanh", rewriter) is not { } g) continue;
                    if (f.Split != i.Split || g.Split != i.Split || Output(sum, i.Split, rewriter) is not { } output) continue;
                    int[] parts = [i.Part, output.Gate.Part, f.Part, g.Part];
                    if (parts.Distinct().Count() != Gates) continue;
                    if (Terms(i.Split, rewriter) is not { } terms) continue;
                    return new Cell(sum, output.Product, c, terms, parts, [i.Shift, output.Gate.Shift, f.Shift, g.Shift]);
                }
            }
        }

        return null;
    }

    /// <summary>The product σ(o)⊙tanh(c').</summary>
    private static (IrNode Product, (IrNode Split, int Part, float Shift) Gate)? Output(IrNode cell, IrNode split, Rewriter rewriter)
    {
        foreach (var tanh in rewriter.Graph.Nodes.Where(n => n.Op == "Tanh" && n.Input(0) == cell.Output(0)))
        {
            foreach (var product in rewriter.Graph.Nodes.Where(n => n.Op == "Mul" && n.Inputs.Contains(tanh.Output(0))))
            {
                var other = product.Input(0) == tanh.Output(0) ? product.Input(1) : product.Input(0);
                if (Gate(other, "Sigmoid", rewriter) is { } gate && gate.Split == split) return (product, gate);
            }
        }

        return null;
    }

    /// <summary>W·x, R·h and the bias whose sum the split divides; null where it is another kind of sum.</summary>
    private static Products? Terms(IrNode split, Rewriter rewriter)
    {
        var shape = rewriter.Shape(split.Input(0));
        var axis = split.Int("axis", 0);
        if (shape.Rank != 2 || (axis < 0 ? axis + 2 : axis) != 1 || split.Outputs.Count != Gates || shape.Sizes[1] < 0 || shape.Sizes[1] % Gates != 0) return null;
        if (!split.Outputs.TrueForAll(o => rewriter.Shape(o).Sizes[1] == shape.Sizes[1] / Gates)) return null;
        var bias = new float[shape.Sizes[1]];
        var products = new List<IrNode>();
        var open = new Stack<string>([split.Input(0)]);
        while (open.TryPop(out var value))
        {
            if (rewriter.Constant(value) is { Type: ElementType.Float32 } constant && constant.Count == bias.Length && constant.Shape[^1] == bias.Length)
            {
                for (var i = 0; i < bias.Length; i++) bias[i] += constant.Floats[i];
            }
            else if (rewriter.Producer(value, "Add") is { } sum)
            {
                open.Push(sum.Input(0));
                open.Push(sum.Input(1));
            }
            else if (rewriter.Producer(value, "Linear") is { } linear && rewriter.Shape(linear.Input(0)).Rank == 2 && products.Count < 2)
            {
                products.Add(linear);
                if (linear.Input(2).Length > 0) open.Push(linear.Input(2));
            }
            else
            {
                return null;
            }
        }

        if (products.Count != 2) return null;
        var hidden = bias.Length / Gates;
        bool CanRecur(IrNode linear) => rewriter.Constant(linear.Input(1))!.Shape[1] == hidden;
        // x and h have the same part in the sum; h is rather the one that comes from a state or input.
        var recurrent = products.Where(CanRecur).OrderByDescending(p => ComesFromOutside(p.Input(0), rewriter)).FirstOrDefault();
        if (recurrent is null) return null;
        return new Products(products.First(p => p != recurrent), recurrent, bias);
    }

    private static bool ComesFromOutside(string value, Rewriter rewriter)
    {
        while (rewriter.Producer(value) is { } node)
        {
            if (!NoOps.IsView(node) && node.Op is not ("Slice" or "Gather" or "Split" or "Transpose")) return false;
            value = node.Input(0);
        }

        return true;
    }

    private static void Build(Cell cell, Rewriter rewriter)
    {
        var (input, recurrent, bias) = cell.Terms;
        var hidden = bias.Length / Gates;
        var graph = rewriter.Graph;
        if (rewriter.Shape(cell.C).Rank != 2 || rewriter.Shape(cell.C).Sizes[1] != hidden) return;
        var both = new float[2 * bias.Length];
        for (var gate = 0; gate < Gates; gate++)
        {
            for (var u = 0; u < hidden; u++) both[gate * hidden + u] = bias[cell.Parts[gate] * hidden + u] + cell.Shifts[gate];
        }

        string Up(string value)
        {
            var shape = rewriter.Shape(value);
            return rewriter.Insert(cell.Sum, "Unsqueeze", [value, graph.Constant(value + ".axes", IrTensor.Vector(0))], new IrShape(shape.Type, [1, .. shape.Sizes]));
        }

        var x = Up(input.Input(0));
        var h = Up(recurrent.Input(0));
        var c = Up(cell.C);
        var w = graph.Constant(input.Input(1), Reordered(rewriter.Constant(input.Input(1))!, cell.Parts));
        var r = graph.Constant(recurrent.Input(1), Reordered(rewriter.Constant(recurrent.Input(1))!, cell.Parts));
        var b = graph.Constant(input.Input(1) + ".bias", IrTensor.Of([1, both.Length], both.AsSpan()));
        var (nextH, nextC) = (graph.Fresh(cell.Product.Name), graph.Fresh(cell.Sum.Name));
        graph.Shapes[nextH] = graph.Shapes[h];
        graph.Shapes[nextC] = graph.Shapes[c];
        var lstm = new IrNode(cell.Product.Name, "LSTM", [x, w, r, b, "", h, c], ["", nextH, nextC]) { Attributes = { ["hidden_size"] = (long)hidden } };
        graph.Nodes.Insert(graph.Nodes.IndexOf(cell.Sum), lstm);
        var axes = graph.Constant(cell.Sum.Name + ".axes", IrTensor.Vector(0));
        var h2 = new IrNode(cell.Product.Name + ".h", "Squeeze", [nextH, axes], cell.Product.Outputs);
        rewriter.Replace(cell.Product, h2);
        rewriter.Replace(cell.Sum, new IrNode(cell.Sum.Name + ".c", "Squeeze", [nextC, axes], cell.Sum.Outputs));
    }

    /// <summary>Rows into ONNX's gate order i o f c, with the direction's dimension in front.</summary>
    private static IrTensor Reordered(IrTensor weights, int[] parts)
    {
        var block = weights.Count / Gates;
        float[] result = [.. parts.SelectMany(part => weights.Floats.Slice(part * block, block).ToArray())];
        return IrTensor.Of([1, weights.Shape[0], weights.Shape[1]], result.AsSpan());
    }

    private sealed record Products(IrNode Input, IrNode Recurrent, float[] Bias);

    private sealed record Cell(IrNode Sum, IrNode Product, string C, Products Terms, int[] Parts, float[] Shifts);
}
