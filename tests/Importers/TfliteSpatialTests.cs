using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;

namespace SeqRuntime.Tests.Importers;

/// <summary>TensorFlow Lite's operators over height, width and depth, parts of an open axis, and sparse constants.</summary>
public class TfliteSpatialTests
{
    private const TfliteType F = TfliteType.Float32;
    private const int H = 3, W = 4, C = 2;

    /// <summary>The places of the kernel: i·in/out, (i + ½)·in/out - ½, or i·(in - 1)/(out - 1).</summary>
    [Theory]
    [InlineData(false, false, 6, 7)]
    [InlineData(false, true, 6, 7)]
    [InlineData(true, false, 6, 7)]
    [InlineData(false, true, 2, 3)]
    [InlineData(true, false, 1, 8)]
    public void A_bilinear_resize_has_its_formula(bool isAligned, bool isCentred, int height, int width)
    {
        var v = Numbers.Random(1, H * W * C);
        double At(int o, int from, int to) => Math.Clamp(isAligned && to > 1 ? o * (from - 1.0) / (to - 1) : isCentred ? (o + 0.5) * from / to - 0.5 : o * (double)from / to, 0, from - 1);
        double Value(double row, double column, int channel)
        {
            var (y, x) = ((int)row, (int)column);
            double Pixel(int r, int c) => v[(Math.Min(r, H - 1) * W + Math.Min(c, W - 1)) * C + channel];
            var (dy, dx) = (row - y, column - x);
            return (1 - dy) * ((1 - dx) * Pixel(y, x) + dx * Pixel(y, x + 1)) + dy * ((1 - dx) * Pixel(y + 1, x) + dx * Pixel(y + 1, x + 1));
        }

        var expected = Enumerable.Range(0, height * width * C).Select(i => Value(At(i / C / width, H, height), At(i / C % width, W, width), i % C));
        Numbers.Near(expected, Resized("RESIZE_BILINEAR", height, width, v, (2, isAligned), (3, isCentred)), 2e-6);
    }

    /// <summary>The kernel rounds down, at the corners' places to the nearest.</summary>
    [Theory]
    [InlineData(false, false, 6, 8)]
    [InlineData(false, true, 5, 7)]
    [InlineData(true, false, 5, 6)]
    [InlineData(false, true, 2, 2)]
    public void A_nearest_resize_has_its_formula(bool isAligned, bool isCentred, int height, int width)
    {
        var v = Numbers.Random(1, H * W * C);
        int At(int o, int from, int to)
        {
            var place = (o + (isCentred ? 0.5 : 0)) * (isAligned ? (from - 1.0) / (to - 1) : (double)from / to);
            return Math.Min((int)(isAligned ? Math.Floor(place + 0.5) : Math.Floor(place)), from - 1);
        }

        var expected = Enumerable.Range(0, height * width * C).Select(i => v[(At(i / C / width, H, height) * W + At(i / C % width, W, width)) * C + i % C]);
        Assert.Equal(expected, Resized("RESIZE_NEAREST_NEIGHBOR", height, width, v, (0, isAligned), (1, isCentred)));
    }

    /// <summary>The kernel's float32 decides where a place is at, or next to, a whole number.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_nearest_resize_takes_the_places_of_float32(bool isAligned, bool isCentred)
    {
        (int From, int To)[] widths = [(14, 18), (18, 42), (10, 14), (7, 22), (49, 3), (5, 1), (41, 82), (13, 61)];
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output([.. widths.Select((width, i) => g.Op("RESIZE_NEAREST_NEIGHBOR", [g.Input($"x{i}", [1, 1, width.From, 1]), g.Ints(1, width.To)], [1, 1, width.To, 1], F, (0, isAligned), (1, isCentred)))]);
        var y = model.Run(Array.ConvertAll(widths, width => Enumerable.Range(0, width.From).Select(x => (float)x).ToArray()));
        foreach (var (i, (from, to)) in widths.Index())
        {
            var scale = isAligned && to > 1 ? (from - 1) / (float)(to - 1) : from / (float)to;
            var places = Enumerable.Range(0, to).Select(o => (o + (isCentred ? 0.5f : 0)) * scale);
            Assert.Equal(places.Select(place => Math.Min(isAligned ? MathF.Floor(place + 0.5f) : MathF.Floor(place), from - 1)), y[i]);
        }

        if (!isAligned && !isCentred) Assert.Equal((7, 15), (y[0][9], y[1][35]));
    }

    [Fact]
    public void Blocks_move_between_space_and_channels()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 2, 4, 4]);
        g.Output(g.Op("DEPTH_TO_SPACE", [x], [1, 4, 8, 1], F, (0, 2)), g.Op("SPACE_TO_DEPTH", [x], [1, 1, 2, 16], F, (0, 2)));
        var y = model.Run([.. Enumerable.Range(0, 32).Select(i => (float)i)]);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (Row: i / 8, Column: i % 8)).Select(o => (float)((o.Row / 2 * 4 + o.Column / 2) * 4 + o.Row % 2 * 2 + o.Column % 2)), y[0]);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (Column: i / 16, Block: i % 16 / 4, Channel: i % 4)).Select(o => (float)((o.Block / 2 * 4 + o.Column * 2 + o.Block % 2) * 4 + o.Channel)), y[1]);
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 2, 1)]
    [InlineData(1, 1, 2)]
    public void A_convolution_over_three_axes_has_its_formula(int padding, int stride, int dilation)
    {
        const int inputs = 2, outputs = 3;
        int[] size = [5, 6, 4], kernel = [2, 3, 1];
        var (w, bias, v) = (Numbers.Random(1, 6 * inputs * outputs), Numbers.Random(2, outputs), Numbers.Random(3, 120 * inputs));
        int Out(int axis) => padding == 0 ? (size[axis] + stride - 1) / stride : (size[axis] - (kernel[axis] - 1) * dilation - 1) / stride + 1;
        int Before(int axis) => padding == 0 ? Math.Max(0, (Out(axis) - 1) * stride + (kernel[axis] - 1) * dilation + 1 - size[axis]) / 2 : 0;
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(g.Op("CONV_3D", [g.Input("x", [1, .. size, inputs]), g.Constant("w", [.. kernel, inputs, outputs], w), g.Constant("b", [outputs], bias)], [1, Out(0), Out(1), Out(2), outputs], F, (0, (byte)padding), (1, stride), (2, stride), (3, stride), (4, (byte)1), (5, dilation), (6, dilation), (7, dilation)));
        var expected = new List<double>();
        for (var i = 0; i < Out(0) * Out(1) * Out(2) * outputs; i++)
        {
            int[] at = [i / outputs / Out(2) / Out(1), i / outputs / Out(2) % Out(1), i / outputs % Out(2)];
            double sum = bias[i % outputs];
            for (var k = 0; k < 6; k++)
            {
                int[] from = [at[0] * stride - Before(0) + k / 3 * dilation, at[1] * stride - Before(1) + k % 3 * dilation, at[2] * stride - Before(2)];
                if (Enumerable.Range(0, 3).Any(a => from[a] < 0 || from[a] >= size[a])) continue;
                for (var c = 0; c < inputs; c++) sum += (double)v[((from[0] * size[1] + from[1]) * size[2] + from[2]) * inputs + c] * w[(k * inputs + c) * outputs + i % outputs];
            }

            expected.Add(Math.Max(sum, 0));
        }

        Numbers.Near(expected, model.Run(v)[0], 3e-6);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_open_axis_is_cut_around_its_open_part(int open)
    {
        const int steps = 7;
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 1, 2], signature: [1, -1, 2]);
        int[] sizes = [2, 1, 3], parts = [.. Enumerable.Range(0, 3).Select(i => g.Value($"part{i}", [1, 1, 2], signature: [1, -1, 2]))];
        sizes[open] = -1;
        g.Op("SPLIT_V", [x, g.Ints(sizes), g.Constant("axis", [], 1)], parts, (0, 3));
        g.Output(parts);
        using var loaded = model.Load();
        var symbol = Assert.Single(loaded.Graphs[0].Symbols);
        using var session = loaded.CreateSession(null, new SeqSessionOptions { MaxSizes = { [symbol] = steps } });
        var y = TfliteBuilder.Step(session, [.. Enumerable.Range(0, 2 * steps).Select(i => (float)i)]);
        sizes[open] = steps - sizes.Where(size => size >= 0).Sum();
        for (var (i, begin) = (0, 0); i < 3; begin += sizes[i++]) Assert.Equal(Enumerable.Range(2 * begin, 2 * sizes[i]).Select(v => (float)v), y[i]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_open_axis_shorter_than_its_parts_is_refused(int open)
    {
        int[] sizes = [2, 2, 2];
        sizes[open] = -1;
        var model = new TfliteBuilder();
        var g = model.Main;
        int[] parts = [.. Enumerable.Range(0, 3).Select(i => g.Value($"part{i}", [1, 1, 2], signature: [1, -1, 2]))];
        g.Op("SPLIT_V", [g.Input("x", [1, 1, 2], signature: [1, -1, 2]), g.Ints(sizes), g.Constant("axis", [], 1)], parts, (0, 3));
        g.Output(parts);
        using var loaded = model.Load();
        var symbol = Assert.Single(loaded.Graphs[0].Symbols);
        Assert.Throws<SeqSizeException>(() =>
        {
            using var session = loaded.CreateSession(null, new SeqSessionOptions { MaxSizes = { [symbol] = 3 } });
            session.Run();
        });
    }

    /// <summary>Rows of which some elements are stored, and blocks of 1 × 2 of which some are.</summary>
    [Fact]
    public void A_sparse_constant_is_what_it_stands_for()
    {
        float[] dense = [0, 0, 5, 6, 1, 2, 0, 0, 0, 0, 0, 0];
        var byElement = new TfliteSparsity([0, 1], [], [new(false, 3, [], []), new(true, 0, [0, 2, 4, 4], [2, 3, 0, 1])]);
        var byBlock = new TfliteSparsity([0, 1, 2], [1], [new(false, 3, [], []), new(true, 0, [0, 1, 2, 2], [1, 0]), new(false, 2, [], [])]);
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 4]);
        int Product(int weights) => g.Op("FULLY_CONNECTED", [x, weights, -1], [1, 3], F);
        g.Output(Product(g.Sparse("w", [3, 4], new float[] { 5, 6, 1, 2 }, byElement)), Product(g.Sparse("v", [3, 4], new sbyte[] { 10, 12, 2, 4 }, byBlock, scale: 0.5f)), Product(g.Op("DENSIFY", [g.Sparse("u", [3, 4], new float[] { 5, 6, 1, 2 }, byBlock)], [3, 4], F)));
        float[] input = [1, 10, 100, 1000];
        var expected = Enumerable.Range(0, 3).Select(row => input.Select((v, k) => v * dense[row * 4 + k]).Sum()).ToArray();
        Assert.All(model.Run(input), y => Assert.Equal(expected, y));
    }

    [Theory]
    [InlineData("order")]
    [InlineData("starts")]
    [InlineData("indices")]
    [InlineData("values")]
    [InlineData("size")]
    [InlineData("huge")]
    [InlineData("shared")]
    [InlineData("blocks")]
    public void A_damaged_sparse_constant_is_refused(string what)
    {
        var shape = what == "huge" ? [1 << 15, 1 << 15] : new[] { 3, 4 };
        var sparsity = new TfliteSparsity(
            what == "order" ? [0, 0] : [0, 1],
            [],
            [new(false, what == "size" ? 4 : shape[0], [], []), new(true, 0, what == "starts" ? [0, 2, 9, 4] : [0, 2, 4, 4], what == "indices" ? [2, 9, 0, 1] : [2, 3, 0, 1])]);
        // Many levels share one vector of indices, or an axis is divided again and again.
        if (what == "shared") sparsity = sparsity with { Levels = [.. Enumerable.Repeat(new TfliteLevel(true, 0, [0, 1], new int[100_000]), 1000)] };
        if (what == "blocks") sparsity = new TfliteSparsity([.. Enumerable.Range(0, 100_002)], new int[100_000], [new(false, 3, [], []), new(false, 4, [], []), .. Enumerable.Range(0, 100_000).Select(_ => new TfliteLevel(false, 1, [], []))]);
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(g.Op("FULLY_CONNECTED", [g.Input("x", [1, shape[1]]), g.Sparse("w", shape, what == "values" ? new float[] { 5 } : [5, 6, 1, 2], sparsity), -1], [1, shape[0]], F));
        var message = what switch
        {
            "huge" => "the sparse constant 'w' needs 4294967296 bytes that the file does not hold",
            "shared" => "its parts refer to one another so often that it describes far more than it holds",
            _ => "the sparse constant 'w' is damaged",
        };
        Assert.Contains(message, Assert.Throws<ConversionException>(() => model.Convert()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sparse_constant_without_elements_takes_no_time()
    {
        int[] shape = [int.MaxValue, int.MaxValue, 0];
        var sparsity = new TfliteSparsity([0, 1, 2], [], Array.ConvertAll(shape, size => new TfliteLevel(false, size, [], [])));
        Assert.Empty(sparsity.Dense(shape, sizeof(float), [], what => new ConversionException(what)));
        Assert.Contains("its shape has none", Assert.Throws<ConversionException>(() => sparsity.Dense(shape, sizeof(float), new byte[4], what => new ConversionException(what))).Message, StringComparison.Ordinal);
    }

    private static float[] Resized(string op, int height, int width, float[] values, params (int, object)[] options)
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(g.Op(op, [g.Input("x", [1, H, W, C]), g.Ints(height, width)], [1, height, width, C], F, options));
        return model.Run(values)[0];
    }
}
