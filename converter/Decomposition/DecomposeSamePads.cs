using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>
/// <c>auto_pad</c> SAME of a strided convolution or pool over a size that is known only at run time. The padding depends on the size,
/// so nodes compute it and pad the input.
/// </summary>
internal static class DecomposeSamePads
{
    /// <param name="node">Conv, MaxPool or AveragePool, with kernel_shape resolved.</param>
    /// <param name="graph">The graph, which names new values.</param>
    /// <param name="rank">Dimensions of the input.</param>
    /// <param name="isUpper">Whether an odd element of padding is put at the end.</param>
    public static List<IrNode> Apply(IrNode node, IrGraph graph, int rank, bool isUpper)
    {
        var x = new Expansion(node, graph);
        var axes = rank - 2;
        var kernel = node.Ints("kernel_shape");
        var strides = Or(node.Ints("strides"), axes);
        var dilations = Or(node.Ints("dilations"), axes);
        var sizes = x.Add("Shape", [node.Input(0)], ("start", 2L));
        var stride = x.Vector(strides);
        // There are ⌈size / stride⌉ outputs; the last one reads to the end of its window.
        var last = x.Add("Mul", [x.Add("Div", [x.Add("Sub", [sizes, x.Vector(Filled(axes, 1))]), stride]), stride]);
        var reach = x.Add("Add", [last, x.Vector([.. kernel.Select((k, i) => (k - 1) * dilations[i] + 1)])]);
        var total = x.Add("Max", [x.Add("Sub", [reach, sizes]), x.Vector(Filled(axes, 0))]);
        var half = x.Add("Div", [total, x.Vector(Filled(axes, 2))]);
        var other = x.Add("Sub", [total, half]);
        var whole = x.Vector(0, 0);
        var pads = x.Add("Concat", [whole, isUpper ? half : other, whole, isUpper ? other : half], ("axis", 0L));
        var fill = x.Scalar(node.Op == "MaxPool" ? float.NegativeInfinity : 0);
        string Windows(string value)
        {
            var inner = node.With([value, .. node.Inputs.Skip(1)], [x.Fresh()]);
            inner.Take("auto_pad");
            inner.Take("pads");
            x.Nodes.Add(inner);
            return inner.Output(0);
        }

        var result = Windows(x.Add("Pad", [node.Input(0), pads, fill]));
        if (node.Op != "AveragePool" || node.Int("count_include_pad", 0) != 0) return x.Finish(result);
        // The share of each window that is not padding.
        var ones = x.Add("ConstantOfShape", [x.Add("Concat", [x.Vector(1, 1), sizes], ("axis", 0L))], ("value", IrTensor.Of([1], 1f)));
        return x.Finish(x.Add("Div", [result, Windows(x.Add("Pad", [ones, pads, fill]))]));
    }

    private static long[] Or(long[] given, int count) => given.Length > 0 ? given : Filled(count, 1);

    private static long[] Filled(int count, long value)
    {
        var all = new long[count];
        Array.Fill(all, value);
        return all;
    }
}
