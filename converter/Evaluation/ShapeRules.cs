using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>Output shapes of the operators whose weights are packed later. All other operators infer their shapes in the runtime.</summary>
internal static class ShapeRules
{
    /// <summary>Whether there is a rule for an operator.</summary>
    public static bool Has(string op) => op is "Conv" or "ConvTranspose" or "Linear" || RecurrentOp.Of(op) is not null;

    public static bool TryInfer(IrNode node, Tensor?[] inputs, Tensor?[] outputs)
    {
        switch (node.Op)
        {
            case var _ when node.Recurrent is { } op:
                Recurrent(node, op, Need(node, inputs, 0), inputs, outputs);
                return true;
            case "Conv":
                if (inputs.Length > 3 && inputs[3] is { } past) ContinuedConv(node, Need(node, inputs, 0).Shape, Need(node, inputs, 1).Shape, past.Shape, outputs);
                else outputs[0]?.Set(ElementType.Float32, Conv(node, Need(node, inputs, 0).Shape, Need(node, inputs, 1).Shape));
                return true;
            case "ConvTranspose":
                outputs[0]?.Set(ElementType.Float32, ConvTranspose(node, Need(node, inputs, 0).Shape, Need(node, inputs, 1).Shape));
                return true;
            case "Linear":
                var x = Need(node, inputs, 0).Shape;
                var weight = Need(node, inputs, 1).Shape;
                if (x.Rank < 1 || weight.Rank != 2 || x[x.Rank - 1] != weight[1]) throw new ShapeFault($"{x} cannot be multiplied with the transpose of {weight}.");
                x[x.Rank - 1] = weight[0];
                outputs[0]?.Set(ElementType.Float32, x);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Pads, strides and dilations of a convolution or pool, with auto_pad resolved for an input of the given spatial sizes.</summary>
    public static (long[] Pads, long[] Strides, long[] Dilations) Window(IrNode node, ReadOnlySpan<int> spatial, ReadOnlySpan<int> kernel)
    {
        var rank = kernel.Length;
        if (spatial.Length != rank) throw new ShapeFault($"its kernel has {rank} dimensions, but its input has {spatial.Length} after batch and channels.");
        var strides = Numbers(node, "strides", rank, 1, least: 1);
        var dilations = Numbers(node, "dilations", rank, 1, least: 1);
        var pads = Numbers(node, "pads", 2 * rank, 0, least: 0);
        var auto = AutoPad(node);
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

    private static string AutoPad(IrNode node)
    {
        var auto = node.String("auto_pad", "NOTSET");
        return auto is "NOTSET" or "" or "VALID" or "SAME_UPPER" or "SAME_LOWER" ? auto : throw new ShapeFault($"its attribute 'auto_pad' is '{auto}'; it must be NOTSET, VALID, SAME_UPPER or SAME_LOWER.");
    }

    private static void Recurrent(IrNode node, RecurrentOp op, Tensor x, Tensor?[] inputs, Tensor?[] outputs)
    {
        if (x.Rank != 3) throw new ShapeFault($"X of {node.Op} has shape {x.Shape}; three dimensions are needed.");
        if (node.Has("clip") && !(node.Float("clip", 1) > 0)) throw new ShapeFault($"its attribute 'clip' is {node.Float("clip", 1)}; it must be above 0.");
        var batchFirst = node.Int("layout", 0) != 0;
        var (steps, batch) = batchFirst ? (x.Shape[1], x.Shape[0]) : (x.Shape[0], x.Shape[1]);
        var directions = node.String("direction", "forward") == "bidirectional" ? 2 : 1;
        var name = op.HasRecurrence ? "R" : "W";
        var r = Need(node, inputs, op.HasRecurrence ? 2 : 1).Shape;
        if (r.Rank != 3) throw new ShapeFault($"{name} of {node.Op} has shape {r}; three dimensions are needed.");
        var gates = op.Gates;
        var hidden = r[1] / gates;
        if (hidden < 1 || r[1] != (long)gates * hidden) throw new ShapeFault($"{name} of {node.Op} has shape {r}; it must be [directions, {gates} × hidden, {(op.HasRecurrence ? "hidden" : "inputs")}].");
        if (node.Int("hidden_size", hidden) is var told && told != hidden) throw new ShapeFault($"hidden_size is {told}, but {name} of shape {r} has {hidden} hidden units.");
        var size = op.HasProjection && inputs.Length > 8 && inputs[8] is { Rank: 2 } projection ? projection.Shape[0] : hidden;
        if (op.HasRecurrence && r[2] != size) throw new ShapeFault($"R of {node.Op} has shape {r}; {size} columns are needed.");
        Span<int> state = batchFirst ? [batch, directions, size] : [directions, batch, size];
        for (var i = 5; i < 5 + op.States; i++)
        {
            if (i == 6) state[2] = hidden;
            if (i < inputs.Length && inputs[i] is { } initial && !initial.Shape.AsSpan().SequenceEqual(state))
                throw new ShapeFault($"the initial state '{initial.Name}' of {node.Op} has shape {initial.Shape}; it must be {new Shape(state)}.");
        }

        if (inputs.Length > 1 && inputs[1] is { } weights)
        {
            var w = weights.Shape;
            if (w.Rank != 3 || w[1] != r[1] || w[2] != x.Shape[2] || w[0] != directions || r[0] != directions) throw new ShapeFault($"W of {node.Op} has shape {w} and R has shape {r}; they do not fit {directions} direction(s) of X {x.Shape}.");
        }

        if (outputs.Length > 1 + op.States) throw new ShapeFault($"{node.Op} has no output {outputs.Length - 1}.");
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
        var group = node.Int32("group", 1);
        if (x.Rank < 3 || x.Rank != w.Rank || group < 1 || x[1] != (long)w[1] * group || w[0] % group != 0) throw new ShapeFault($"Conv has input {x} and weights {w}, which do not fit together in {group} group(s).");
        var (pads, strides, dilations) = Window(node, x.AsSpan()[2..], w.AsSpan()[2..]);
        var result = new Shape(x[0], w[0]);
        for (var i = 0; i < x.Rank - 2; i++)
        {
            if (w[i + 2] < 1) throw new ShapeFault($"Conv's weights of shape {w} are empty.");
            var free = x[i + 2] + pads[i] + pads[x.Rank - 2 + i] - ((w[i + 2] - 1) * dilations[i] + 1);
            if (free < 0) throw new ShapeFault($"Conv's kernel is larger than its padded input {x}.");
            result = result.Append(Size(free / strides[i] + 1));
        }

        return result;
    }

    /// <summary>A convolution that keeps the past of its one spatial axis: it sees the past in front of its input, and gives the next past.</summary>
    private static void ContinuedConv(IrNode node, Shape x, Shape w, Shape past, Tensor?[] outputs)
    {
        if (x.Rank != 3 || past.Rank != 3 || past[0] != x[0] || past[1] != x[1]) throw new ShapeFault($"Conv has input {x} and past {past}, which do not fit together.");
        var joined = x;
        joined[2] = Size((long)x[2] + past[2]);
        outputs[0]?.Set(ElementType.Float32, Conv(node, joined, w));
        if (outputs.Length > 1) outputs[1]?.Set(ElementType.Float32, past);
    }

    private static Shape ConvTranspose(IrNode node, Shape x, Shape w)
    {
        var group = node.Int32("group", 1);
        if (x.Rank < 3 || x.Rank != w.Rank || group < 1 || x[1] != w[0] || w[0] % group != 0) throw new ShapeFault($"ConvTranspose has input {x} and weights {w}, which do not fit together in {group} group(s).");
        var (pads, strides, dilations) = TransposedWindow(node, x, w, out var extra);
        var result = new Shape(x[0], Size((long)w[1] * group));
        for (var i = 0; i < x.Rank - 2; i++)
        {
            var size = (x[i + 2] - 1) * strides[i] + extra[i] + (w[i + 2] - 1) * dilations[i] + 1 - pads[i] - pads[x.Rank - 2 + i];
            if (size < 0) throw new ShapeFault($"ConvTranspose's pads exceed its output for input {x}.");
            result = result.Append(Size(size));
        }

        return result;
    }

    /// <summary>Pads of a transposed convolution, from output_shape or auto_pad if they are given.</summary>
    public static (long[] Pads, long[] Strides, long[] Dilations) TransposedWindow(IrNode node, Shape x, Shape w, out long[] outputPadding)
    {
        var rank = w.Rank - 2;
        if (rank < 1 || x.Rank != w.Rank) throw new ShapeFault($"ConvTranspose has input {x} and weights {w}; they need the same number of dimensions, at least three.");
        var strides = Numbers(node, "strides", rank, 1, least: 1);
        var dilations = Numbers(node, "dilations", rank, 1, least: 1);
        var pads = Numbers(node, "pads", 2 * rank, 0, least: 0);
        outputPadding = Numbers(node, "output_padding", rank, 0, least: 0);
        // output_shape may include batch and channels.
        var wanted = node.Ints("output_shape").Length == w.Rank ? node.Ints("output_shape")[2..] : Numbers(node, "output_shape", rank, 0, least: 1);
        var isWanted = node.Ints("output_shape").Length > 0;
        var auto = AutoPad(node);
        for (var i = 0; i < rank; i++)
        {
            if (!isWanted && auto is not ("SAME_UPPER" or "SAME_LOWER")) continue;
            var target = isWanted ? wanted[i] : x[i + 2] * strides[i];
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

    /// <summary>An attribute of this many numbers. If it is missing, each number is the default.</summary>
    private static long[] Numbers(IrNode node, string key, int count, long otherwise, int least)
    {
        // Twice this limit does not overflow when it is multiplied by a size and summed.
        const long most = 1 << 30;
        var values = node.Ints(key);
        if (values.Length == 0) return [.. Enumerable.Repeat(otherwise, count)];
        if (values.Length != count) throw new ShapeFault($"its attribute '{key}' has {values.Length} numbers; it must have {count}.");
        return Array.Exists(values, v => v < least || v > most) ? throw new ShapeFault($"its attribute '{key}' is {string.Join(", ", values)}; the numbers must be from {least} to {most}.") : [.. values];
    }

    private static int Size(long size) => size is >= 0 and <= int.MaxValue ? (int)size : throw new ShapeFault($"a dimension would have size {size}.");

    private static Tensor Need(IrNode node, Tensor?[] inputs, int index) => (index < inputs.Length ? inputs[index] : null) ?? throw new ShapeFault($"{node.Op} needs input {index}.");
}
