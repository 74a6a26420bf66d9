using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>Operators that resize or rearrange axes, as lookups by constant indices, weighted sums of neighbours, and reshapes.</summary>
internal static class DecomposeSpatial
{
    /// <summary>An attribute of a Resize in mode nearest whose places are computed in float32, as TensorFlow Lite's kernel does.</summary>
    public const string InSingle = "in_single";

    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var x = new Expansion(node, graph);
        return node.Op switch
        {
            "Resize" => Resize(node, evaluator, x),
            "DepthToSpace" => DepthToSpace(node, evaluator, x),
            _ => SpaceToDepth(node, evaluator, x),
        };
    }

    private static List<IrNode> Resize(IrNode node, Evaluator evaluator, Expansion x)
    {
        var mode = node.String("mode", "nearest");
        var transform = node.String("coordinate_transformation_mode", "half_pixel");
        if (mode is not ("nearest" or "linear")) throw new UnsupportedException($"the mode {mode} is not supported; use nearest or linear");
        if (transform is not ("half_pixel" or "half_pixel_symmetric" or "pytorch_half_pixel" or "align_corners" or "asymmetric" or "tf_half_pixel_for_nn")) throw new UnsupportedException($"the coordinates {transform} are not supported");
        if (node.Int("antialias", 0) != 0 || node.String("keep_aspect_ratio_policy", "stretch") != "stretch") throw new UnsupportedException("antialias and aspect ratios are not supported");
        var shape = evaluator.ShapeOf(node.Input(0));
        var axes = node.Ints("axes") is { Length: > 0 } given ? Array.ConvertAll(given, a => a >= -shape.Rank && a < shape.Rank ? (int)(a < 0 ? a + shape.Rank : a) : -1) : [.. Enumerable.Range(0, shape.Rank)];
        var sizes = node.Input(3).Length == 0 ? null : Known(node.Input(3), "the sizes").Integers();
        var scales = sizes is null ? Known(node.Input(2), "the scales").ToFloats() : null;
        if ((sizes?.Length ?? scales!.Length) != axes.Length || Array.Exists(axes, a => a < 0 || a >= shape.Rank)) throw new ShapeFault($"{sizes?.Length ?? scales!.Length} sizes are given for {axes.Length} axes of {shape}.");

        var value = node.Input(0);
        foreach (var (i, axis) in axes.Index())
        {
            var size = shape.Sizes[axis];
            if (scales?[i] == 1 || (size >= 0 && sizes?[i] == size)) continue;
            if (size < 0)
            {
                value = Repeated(node, x, value, axis, shape.Rank, scales?[i] ?? 0);
                continue;
            }

            var output = sizes?[i] ?? (long)Math.Floor(size * (double)scales![i]);
            var scale = scales?[i] ?? (double)output / size;
            if (output is < 1 or > 1 << 20 || size < 1) throw new ShapeFault($"axis {axis} of {shape} cannot become {output} elements.");
            if (mode == "nearest") value = x.Add("Gather", [value, x.Vector([.. Enumerable.Range(0, (int)output).Select(o => (long)Nearest(node, transform, o, size, (int)output, scale))])], ("axis", (long)axis));
            else value = Interpolated(x, value, axis, shape.Rank, [.. Enumerable.Range(0, (int)output).Select(o => Math.Clamp(Coordinate(transform, o, size, (int)output, scale), 0, size - 1))]);
        }

        return x.Finish(value);

        IrTensor Known(string name, string what) => name.Length > 0 && evaluator.KnownContent(name) is { } known ? known : throw new UnsupportedException($"{what} must be known at conversion");
    }

    /// <summary>Repeats each element of an axis of any size a whole number of times.</summary>
    private static string Repeated(IrNode node, Expansion x, string value, int axis, int rank, float scale)
    {
        var factor = (int)Math.Clamp(scale, 0, 4096);
        var transform = node.String("coordinate_transformation_mode", "half_pixel");
        const int sample = 8;
        if (node.String("mode", "nearest") != "nearest" || factor < 1 || factor != scale || !Enumerable.Range(0, sample * factor).All(o => Nearest(node, transform, o, sample, sample * factor, factor) == o / factor))
            throw new UnsupportedException("a symbolic dimension can only be resized in mode nearest by a whole number");
        var repeats = Enumerable.Repeat(1L, rank + 1).ToArray();
        repeats[axis + 1] = factor;
        var spread = x.Add("Expand", [x.Add("Unsqueeze", [value, x.Vector(axis + 1)]), x.Vector(repeats)]);
        return x.Add("Reshape", [spread, x.Add("Mul", [x.Add("Shape", [value]), x.Vector([.. Enumerable.Range(0, rank).Select(d => d == axis ? factor : 1L)])])]);
    }

    /// <summary>The position of output element <paramref name="o"/> among the inputs.</summary>
    private static double Coordinate(string transform, int o, int size, int output, double scale) => transform switch
    {
        "asymmetric" => o / scale,
        "align_corners" => output == 1 ? 0 : o * (size - 1.0) / (output - 1),
        "pytorch_half_pixel" => output == 1 ? 0 : (o + 0.5) / scale - 0.5,
        "tf_half_pixel_for_nn" => (o + 0.5) / scale,
        // Rounding shortens the output; both ends share the difference.
        "half_pixel_symmetric" => (size / 2.0 * (1 - output / (scale * size))) + (o + 0.5) / scale - 0.5,
        _ => (o + 0.5) / scale - 0.5,
    };

    private static int Nearest(IrNode node, string transform, int o, int size, int output, double scale)
    {
        if (node.Has(InSingle)) return NearestInSingle(transform, o, size, output);
        var at = Coordinate(transform, o, size, output, scale);
        var nearest = node.String("nearest_mode", "round_prefer_floor") switch
        {
            "floor" => Math.Floor(at),
            "ceil" => Math.Ceiling(at),
            "round_prefer_ceil" => Math.Floor(at + 0.5),
            _ => Math.Ceiling(at - 0.5),
        };
        return (int)Math.Clamp(nearest, 0, size - 1);
    }

    private static int NearestInSingle(string transform, int o, int size, int output)
    {
        var isAligned = transform == "align_corners";
        var scale = isAligned && output > 1 ? (size - 1) / (float)(output - 1) : size / (float)output;
        var at = (o + (transform == "tf_half_pixel_for_nn" ? 0.5f : 0)) * scale;
        return Math.Min((int)(isAligned ? MathF.Round(at, MidpointRounding.AwayFromZero) : MathF.Floor(at)), size - 1);
    }

    /// <summary>Interpolates linearly between the elements below and above each position along an axis.</summary>
    private static string Interpolated(Expansion x, string value, int axis, int rank, double[] places)
    {
        string Picked(Func<double, double> neighbour) => x.Add("Gather", [value, x.Vector(Array.ConvertAll(places, p => (long)neighbour(p)))], ("axis", (long)axis));
        string Weighted(string elements, Func<double, double> weight) => x.Add("Mul", [elements, x.Along(x.Constant(IrTensor.Of([places.Length], Array.ConvertAll(places, p => (float)weight(p)).AsSpan())), axis, rank)]);
        return x.Add("Add", [Weighted(Picked(Math.Floor), p => 1 - (p - Math.Floor(p))), Weighted(Picked(Math.Ceiling), p => p - Math.Floor(p))]);
    }

    private static List<IrNode> DepthToSpace(IrNode node, Evaluator evaluator, Expansion x)
    {
        var (c, block) = Blocks(node, evaluator);
        var depth = c / (block * block);
        if (depth * block * block != c) throw new ShapeFault($"{c} channels cannot be divided into blocks of {block} × {block}.");
        string h = Size(node, 2, evaluator, x), w = Size(node, 3, evaluator, x), times = x.Vector(block);
        var isColumnFirst = node.String("mode", "DCR") == "CRD";
        var split = x.Add("Reshape", [node.Input(0), Concat(x, isColumnFirst ? x.Vector(-1, depth, block, block) : x.Vector(-1, block, block, depth), h, w)]);
        var moved = x.Add("Transpose", [split], ("perm", isColumnFirst ? new long[] { 0, 1, 4, 2, 5, 3 } : [0, 3, 4, 1, 5, 2]));
        return x.Finish(x.Add("Reshape", [moved, Concat(x, x.Vector(-1, depth), x.Add("Mul", [h, times]), x.Add("Mul", [w, times]))]));
    }

    private static List<IrNode> SpaceToDepth(IrNode node, Evaluator evaluator, Expansion x)
    {
        var (c, block) = Blocks(node, evaluator);
        var times = x.Vector(block);
        string h = x.Add("Div", [Size(node, 2, evaluator, x), times]), w = x.Add("Div", [Size(node, 3, evaluator, x), times]);
        // This Reshape refuses a size that is not a multiple of the block.
        var split = x.Add("Reshape", [node.Input(0), Concat(x, Size(node, 0, evaluator, x), x.Vector(c), h, times, w, times)]);
        var moved = x.Add("Transpose", [split], ("perm", new long[] { 0, 3, 5, 1, 2, 4 }));
        return x.Finish(x.Add("Reshape", [moved, Concat(x, x.Vector(-1, c * block * block), h, w)]));
    }

    private static string Concat(Expansion x, params string[] parts) => x.Add("Concat", parts, ("axis", 0L));

    /// <summary>One of the input's sizes as a vector. A symbolic size is read at run time.</summary>
    private static string Size(IrNode node, int axis, Evaluator evaluator, Expansion x) =>
        evaluator.ShapeOf(node.Input(0)).Sizes[axis] is >= 0 and var size ? x.Vector(size) : x.Add("Shape", [node.Input(0)], ("start", (long)axis), ("end", axis + 1L));

    private static (long Channels, long Block) Blocks(IrNode node, Evaluator evaluator)
    {
        var shape = evaluator.ShapeOf(node.Input(0));
        var block = node.Int("blocksize", 0);
        if (shape.Rank != 4 || block is < 1 or > 1 << 15) throw new ShapeFault($"blocks of {block} do not fit a tensor of shape {shape}; give four dimensions and a block from 1 to {1 << 15}.");
        if (shape.Sizes[1] < 0) throw new UnsupportedException("the number of channels must be fixed");
        return (shape.Sizes[1], block);
    }
}
