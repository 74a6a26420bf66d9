using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>ONNX's signal operators with constant parameters. Windows and mel weights become constants; Fourier transforms become matrix products and convolutions.</summary>
internal static class DecomposeSpectral
{
    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var x = new Expansion(node, graph);
        return node.Op switch
        {
            "DFT" => Dft(node, graph, evaluator, x),
            "STFT" => Stft(node, graph, evaluator, x),
            "MelWeightMatrix" => x.Finish(x.Constant(Mel(node, graph))),
            _ => x.Finish(x.Constant(Window(node, graph))),
        };
    }

    private static double Number(IrNode node, IrGraph graph, int index, string what)
    {
        if (graph.ConstantOf(node.Input(index)) is not { Count: 1 } constant) throw new UnsupportedException($"{what} must be a constant");
        return constant.Type is ElementType.Float32 or ElementType.Float64 ? constant.ToFloats()[0] : constant.Integers()[0];
    }

    private static int Size(IrNode node, IrGraph graph, int index, string what)
    {
        var value = Number(node, graph, index, what);
        return value is >= 1 and <= 1 << 20 ? (int)value : throw new ShapeFault($"{what} is {value}.");
    }

    private static IrTensor Window(IrNode node, IrGraph graph)
    {
        var size = Size(node, graph, 0, "the size");
        var period = node.Int("periodic", 1) != 0 ? size : size - 1;
        var (a0, a1, a2) = node.Op switch { "HannWindow" => (0.5, 0.5, 0.0), "HammingWindow" => (25.0 / 46, 21.0 / 46, 0.0), _ => (0.42, 0.5, 0.08) };
        var window = new float[size];
        for (var i = 0; i < size; i++) window[i] = (float)(a0 - a1 * Math.Cos(2 * Math.PI * i / period) + a2 * Math.Cos(4 * Math.PI * i / period));
        return IrTensor.Of([size], window.AsSpan());
    }

    /// <summary>Triangular filters over DFT bins, computed like ONNX's reference.</summary>
    private static IrTensor Mel(IrNode node, IrGraph graph)
    {
        var (mels, length, rate) = (Size(node, graph, 0, "the number of mel bins"), Size(node, graph, 1, "the DFT length"), Size(node, graph, 2, "the sample rate"));
        double ToMel(double hertz) => 2595 * Math.Log10(1 + hertz / 700);
        double low = ToMel(Number(node, graph, 3, "the lower edge")), high = ToMel(Number(node, graph, 4, "the upper edge"));
        var bins = length / 2 + 1;
        var edges = Enumerable.Range(0, mels + 2).Select(i => (int)Math.Floor((length + 1) * (700 * (Math.Pow(10, (i * (high - low) / (mels + 2) + low) / 2595) - 1)) / rate)).ToArray();
        if (edges.Min() < 0 || edges.Max() > bins || (long)bins * mels > 1 << 24) throw new ShapeFault("the edges of the mel bins lie outside the spectrum.");
        var weights = new float[bins * mels];
        for (var i = 0; i < mels; i++)
        {
            var (lower, centre, upper) = (edges[i], edges[i + 1], edges[i + 2]);
            if (centre == lower && centre < bins) weights[centre * mels + i] = 1;
            for (var j = lower; centre > lower && j <= Math.Min(centre, bins - 1); j++) weights[j * mels + i] = (float)(j - lower) / (centre - lower);
            for (var j = centre; j < upper; j++) weights[j * mels + i] = (float)(upper - j) / (upper - centre);
        }

        return IrTensor.Of([bins, mels], weights.AsSpan());
    }

    /// <summary>X·[cos, ∓sin] along one axis. The last dimension holds the real and imaginary parts.</summary>
    private static List<IrNode> Dft(IrNode node, IrGraph graph, Evaluator evaluator, Expansion x)
    {
        var shape = evaluator.ShapeOf(node.Input(0));
        var axis = node.Input(2).Length > 0 ? (int)Number(node, graph, 2, "the axis") : node.Int32("axis", 1);
        if (axis < 0) axis += shape.Rank;
        if (axis < 0 || axis >= shape.Rank - 1) throw new ShapeFault($"axis {axis} does not exist in {shape}.");
        var (size, parts) = (shape.Sizes[axis], shape.Sizes[^1]);
        if (size < 1 || parts is not (1 or 2)) throw new UnsupportedException("the transformed dimension must be fixed");
        var length = node.Input(1).Length > 0 ? Size(node, graph, 1, "the DFT length") : size;
        var inverse = node.Int("inverse", 0) != 0;
        var bins = node.Int("onesided", 0) != 0 ? length / 2 + 1 : length;
        if ((long)size * parts * bins > 1 << 24) throw new UnsupportedException($"a transform of {size} samples is too long for a matrix product");
        var (cos, sin) = Circle(length, inverse ? 2 : -2);
        var scale = inverse ? 1.0 / length : 1;
        var matrix = new float[size * parts * bins * 2];
        for (var n = 0; n < Math.Min(size, length); n++)
        {
            for (var k = 0; k < bins; k++)
            {
                var at = (long)n * k % length;
                var (re, im) = ((float)(scale * cos[at]), (float)(scale * sin[at]));
                var row = n * parts * bins * 2 + k * 2;
                (matrix[row], matrix[row + 1]) = (re, im);
                if (parts == 2) (matrix[row + bins * 2], matrix[row + bins * 2 + 1]) = (-im, re);
            }
        }

        var rank = shape.Rank;
        long[] toEnd = [.. Enumerable.Range(0, rank - 1).Where(d => d != axis).Select(d => (long)d), axis, rank - 1];
        var back = new long[rank];
        for (var i = 0; i < rank; i++) back[toEnd[i]] = i;
        var value = x.Add("Transpose", [node.Input(0)], ("perm", toEnd));
        value = x.Add("Reshape", [value, x.Vector([.. Enumerable.Repeat(0L, rank - 2), (long)size * parts])]);
        value = x.Add("MatMul", [value, x.Constant(IrTensor.Of([size * parts, bins * 2], matrix.AsSpan()))]);
        x.Nodes[^1].Marks = new IrMarks { HasExactWeights = true };
        value = x.Add("Reshape", [value, x.Vector([.. Enumerable.Repeat(0L, rank - 2), bins, 2])]);
        return x.Finish(x.Add("Transpose", [value], ("perm", back)));
    }

    /// <summary>Cosine and sine of equal steps around a circle, each of <paramref name="sign"/> · π / <paramref name="length"/>.</summary>
    private static (double[] Cos, double[] Sin) Circle(int length, int sign)
    {
        var (cos, sin) = (new double[length], new double[length]);
        for (var i = 0; i < length; i++) (cos[i], sin[i]) = (Math.Cos(sign * Math.PI * i / length), Math.Sin(sign * Math.PI * i / length));
        return (cos, sin);
    }

    /// <summary>A convolution with the windowed basis: Y[n, frame, bin, re/im].</summary>
    private static List<IrNode> Stft(IrNode node, IrGraph graph, Evaluator evaluator, Expansion x)
    {
        var shape = evaluator.ShapeOf(node.Input(0));
        if (shape.Rank != 3 || shape.Sizes[2] != 1) throw new UnsupportedException("only real signals [batch, samples, 1] are supported");
        var step = Size(node, graph, 1, "the frame step");
        float[]? window = null;
        if (node.Input(2).Length > 0) window = graph.ConstantOf(node.Input(2))?.ToFloats() ?? throw new UnsupportedException("the window must be a constant");
        var length = node.Input(3).Length > 0 ? Size(node, graph, 3, "the frame length") : window?.Length ?? throw new ShapeFault("give a window or a frame length.");
        if (window is not null && window.Length != length) throw new ShapeFault($"the window has {window.Length} samples, but the frame has {length}.");
        var bins = node.Int("onesided", 1) != 0 ? length / 2 + 1 : length;
        if ((long)length * bins > 1 << 23) throw new UnsupportedException($"frames of {length} samples are too long");
        var (cos, sin) = Circle(length, -2);
        var basis = new float[2 * bins * length];
        for (var k = 0; k < bins; k++)
        {
            for (var n = 0; n < length; n++)
            {
                var at = (long)n * k % length;
                var w = window?[n] ?? 1f;
                basis[k * length + n] = (float)(w * cos[at]);
                basis[(bins + k) * length + n] = (float)(w * sin[at]);
            }
        }

        var signal = x.Add("Transpose", [node.Input(0)], ("perm", new long[] { 0, 2, 1 }));
        var spectrum = x.Add("Conv", [signal, x.Constant(IrTensor.Of([2 * bins, 1, length], basis.AsSpan()))], ("strides", new long[] { step }));
        x.Nodes[^1].Marks = new IrMarks { HasExactWeights = true };
        var split = x.Add("Reshape", [spectrum, x.Vector(0, 2, bins, -1)]);
        return x.Finish(x.Add("Transpose", [split], ("perm", new long[] { 0, 3, 2, 1 })));
    }
}
