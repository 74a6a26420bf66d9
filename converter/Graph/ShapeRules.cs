using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Graph;

/// <summary>Output shapes of the operators whose weights are packed only later; all others infer their own in the runtime.</summary>
internal static class ShapeRules
{
    public static bool TryInfer(IrNode node, Tensor?[] inputs, Tensor?[] outputs)
    {
        switch (node.Op)
        {
            case "LSTM" or "GRU" or "RNN":
                Recurrent(node, Need(node, inputs, 0), inputs, outputs);
                return true;
            case "Conv":
                outputs[0]?.Set(ElementType.Float32, Conv(node, Need(node, inputs, 0).Shape, Need(node, inputs, 1).Shape));
                return true;
            case "ConvTranspose":
                outputs[0]?.Set(ElementType.Float32, ConvTranspose(node, Need(node, inputs, 0).Shape, Need(node, inputs, 1).Shape));
                return true;
            case "Linear":
                var x = Need(node, inputs, 0).Shape;
                var weight = Need(node, inputs, 1).Shape;
                if (x.Rank < 1 || weight.Rank != 2 || x[x.Rank - 1] != weight[1]) throw new ArgumentException($"the product of {x} and a transposed {weight} does not exist.");
                x[x.Rank - 1] = weight[0];
                outputs[0]?.Set(ElementType.Float32, x);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Pads, strides and dilations of a convolution or pool, auto_pad resolved for an input of the given spatial sizes.</summary>
    public static (long[] Pads, long[] Strides, long[] Dilations) Window(IrNode node, ReadOnlySpan<int> spatial, ReadOnlySpan<int> kernel)
    {
        var rank = kernel.Length;
        var strides = Or(node.Ints("strides"), rank, 1);
        var dilations = Or(node.Ints("dilations"), rank, 1);
        var pads = Or(node.Ints("pads"), 2 * rank, 0);
        Check(strides, 1);
        Check(dilations, 1);
        Check(pads, 0);
        var auto = node.String("auto_pad", "NOTSET");
        if (auto is "SAME_UPPER" or "SAME_LOWER")
        {
            for (var i = 0; i < rank; i++)
            {
                var outSize = (spatial[i] + strides[i] - 1) / strides[i];
                var total = Math.Max(0, (outSize - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - spatial[i]);
                pads[i] = auto == "SAME_UPPER" ? total / 2 : total - total / 2;
                pads[rank + i] = total - pads[i];
            }
        }
        else if (auto == "VALID")
        {
            Array.Clear(pads);
        }

        return (pads, strides, dilations);
    }

    private static void Recurrent(IrNode node, Tensor x, Tensor?[] inputs, Tensor?[] outputs)
    {
        if (x.Rank != 3) throw new ArgumentException($"X of {node.Op} has shape {x.Shape}; three dimensions are needed.");
        var batchFirst = node.Int("layout", 0) != 0;
        var (steps, batch) = batchFirst ? (x.Shape[1], x.Shape[0]) : (x.Shape[0], x.Shape[1]);
        var directions = node.String("direction", "forward") == "bidirectional" ? 2 : 1;
        var r = Need(node, inputs, 2).Shape;
        if (r.Rank != 3) throw new ArgumentException($"R of {node.Op} has shape {r}; three dimensions are needed.");
        var hidden = node.Op == "LSTM" ? r[1] / 4 : node.Op == "GRU" ? r[1] / 3 : r[1];
        var size = inputs.Length > 8 && inputs[8] is { Rank: 2 } projection ? projection.Shape[0] : hidden;
        Span<int> state = batchFirst ? [batch, directions, size] : [directions, batch, size];
        foreach (var i in node.Op == "LSTM" ? new[] { 5, 6 } : [5])
        {
            if (i == 6) state[2] = hidden;
            if (i < inputs.Length && inputs[i] is { } initial && !initial.Shape.AsSpan().SequenceEqual(state))
                throw new ArgumentException($"the initial state '{initial.Name}' of {node.Op} has shape {initial.Shape}; {new Shape(state)} is needed.");
        }

        if (inputs.Length > 1 && inputs[1] is { } weights)
        {
            var w = weights.Shape;
            if (w.Rank != 3 || w[2] != x.Shape[2] || w[0] != directions || r[0] != directions) throw new ArgumentException($"W of {node.Op} has shape {w}, R {r}, for {directions} direction(s) of X {x.Shape}.");
        }

        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i]?.Set(
                ElementType.Float32,
                (i, batchFirst) switch
                {
                    (0, false) => new Shape(steps, directions, batch, size),
                    (0, true) => new Shape(batch, steps, directions, size),
                    (_, false) => new Shape(directions, batch, i == 2 ? hidden : size),
                    _ => new Shape(batch, directions, i == 2 ? hidden : size),
                });
        }
    }

    private static Shape Conv(IrNode node, Shape x, Shape w)
    {
        var group = node.Int("group", 1);
        if (x.Rank < 3 || x.Rank != w.Rank || group < 1 || x[1] != w[1] * group || w[0] % group != 0) throw new ArgumentException($"Conv has input {x} and weights {w} in {group} group(s).");
        var (pads, strides, dilations) = Window(node, x.AsSpan()[2..], w.AsSpan()[2..]);
        var result = new Shape(x[0], w[0]);
        for (var i = 0; i < x.Rank - 2; i++)
        {
            var free = x[i + 2] + pads[i] + pads[x.Rank - 2 + i] - ((w[i + 2] - 1) * dilations[i] + 1);
            if (free < 0) throw new ArgumentException($"Conv's kernel is larger than its padded input {x}.");
            result = result.Append(checked((int)(free / strides[i] + 1)));
        }

        return result;
    }

    private static Shape ConvTranspose(IrNode node, Shape x, Shape w)
    {
        var group = node.Int("group", 1);
        if (x.Rank < 3 || x.Rank != w.Rank || group < 1 || x[1] != w[0] || w[0] % group != 0) throw new ArgumentException($"ConvTranspose has input {x} and weights {w} in {group} group(s).");
        var (pads, strides, dilations) = TransposedWindow(node, x, w, out var extra);
        var result = new Shape(x[0], checked(w[1] * (int)group));
        for (var i = 0; i < x.Rank - 2; i++)
        {
            var size = (x[i + 2] - 1) * strides[i] + extra[i] + (w[i + 2] - 1) * dilations[i] + 1 - pads[i] - pads[x.Rank - 2 + i];
            if (size < 0) throw new ArgumentException($"ConvTranspose's pads exceed its output for input {x}.");
            result = result.Append(checked((int)size));
        }

        return result;
    }

    /// <summary>Pads of a transposed convolution, from output_shape or auto_pad where these are given.</summary>
    public static (long[] Pads, long[] Strides, long[] Dilations) TransposedWindow(IrNode node, Shape x, Shape w, out long[] outputPadding)
    {
        var rank = w.Rank - 2;
        var strides = Or(node.Ints("strides"), rank, 1);
        var dilations = Or(node.Ints("dilations"), rank, 1);
        var pads = Or(node.Ints("pads"), 2 * rank, 0);
        outputPadding = Or(node.Ints("output_padding"), rank, 0);
        Check(strides, 1);
        Check(dilations, 1);
        Check(pads, 0);
        Check(outputPadding, 0);
        var wanted = node.Ints("output_shape");
        var auto = node.String("auto_pad", "NOTSET");
        for (var i = 0; i < rank; i++)
        {
            if (wanted.Length == 0 && auto is not ("SAME_UPPER" or "SAME_LOWER")) continue;
            var target = wanted.Length > 0 ? wanted[wanted.Length - rank + i] : x[i + 2] * strides[i];
            var total = strides[i] * (x[i + 2] - 1) + outputPadding[i] + (w[i + 2] - 1) * dilations[i] + 1 - target;
            if (total < 0)
            {
                outputPadding[i] -= total;
                total = 0;
            }

            pads[i] = auto == "SAME_UPPER" ? total / 2 : total - total / 2;
            pads[rank + i] = total - pads[i];
        }

        return (pads, strides, dilations);
    }

    private static void Check(long[] values, int least)
    {
        if (Array.Exists(values, v => v < least || v > int.MaxValue)) throw new ArgumentException($"a value of {string.Join(", ", values)} is not possible here.");
    }

    private static long[] Or(long[] values, int count, long otherwise) => values.Length == count ? (long[])values.Clone() : [.. Enumerable.Repeat(otherwise, count)];

    private static Tensor Need(IrNode node, Tensor?[] inputs, int index) => (index < inputs.Length ? inputs[index] : null) ?? throw new ArgumentException($"{node.Op} needs input {index}.");
}
