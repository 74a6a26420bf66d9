using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras' convolutions, pools and layers of shapes over one and two axes, each compared with its formula.</summary>
public sealed class KerasConvolutionTests
{
    [Theory]
    [InlineData("valid", 1, 1, 1)]
    [InlineData("valid", 2, 1, 1)]
    [InlineData("same", 1, 1, 1)]
    [InlineData("same", 2, 1, 1)]
    [InlineData("same", 3, 1, 1)]
    [InlineData("same", 1, 2, 1)]
    [InlineData("valid", 1, 2, 2)]
    public void A_convolution_over_two_axes_follows_its_formula(string padding, int stride, int dilation, int groups)
    {
        const int height = 7, width = 6, inputs = 4, filters = 6;
        var file = new KerasFile(1);
        Grid kernel = Grid.Weight(file, "l/l/kernel", 3, 2, inputs / groups, filters), bias = Grid.Weight(file, "l/l/bias", filters), x = Grid.Random(2, 2, height, width, inputs);
        var (h, top) = Window(height, 3, stride, dilation, padding);
        var (w, left) = Window(width, 2, stride, dilation, padding);
        var expected = Grid.Of([2, h, w, filters], at => bias[at[3]] + Sum(3, i => Sum(2, j => Sum(inputs / groups, c =>
            x.Or(0, at[0], at[1] * stride + i * dilation - top, at[2] * stride + j * dilation - left, at[3] / (filters / groups) * (inputs / groups) + c) * kernel[i, j, c, at[3]]))));
        expected.IsOf(file, "Conv2D", $"\"filters\": {filters}, \"kernel_size\": [3, 2], \"strides\": [{stride}, {stride}], \"dilation_rate\": [{dilation}, {dilation}], \"groups\": {groups}, \"padding\": \"{padding}\", \"activation\": \"linear\"", x);
    }

    [Fact]
    public void Channels_may_be_first()
    {
        var file = new KerasFile(2);
        Grid kernel = Grid.Weight(file, "l/l/kernel", 2, 2, 3, 4), x = Grid.Random(3, 1, 3, 5, 4);
        var expected = Grid.Of([1, 4, 4, 3], at => Math.Max(0, Sum(2, i => Sum(2, j => Sum(3, c => x[0, c, at[2] + i, at[3] + j] * kernel[i, j, c, at[1]])))));
        expected.IsOf(file, "Conv2D", "\"use_bias\": false, \"padding\": \"valid\", \"data_format\": \"channels_first\", \"activation\": \"relu\"", x);
        Grid.Of([1, 3], at => Enumerable.Range(0, 20).Max(i => x[0, at[1], i / 4, i % 4])).IsOf(new KerasFile(2), "GlobalMaxPooling2D", "\"data_format\": \"channels_first\"", x);
        Grid.Of([1, 3, 2, 2], at => x[0, at[1], 2 * at[2], 2 * at[3]]).IsOf(new KerasFile(2), "MaxPooling2D", "\"pool_size\": [1, 1], \"strides\": [2, 2], \"data_format\": \"channels_first\", \"padding\": \"valid\"", Grid.Of([1, 3, 3, 3], at => x[0, at[1], at[2], at[3]]));
    }

    [Theory]
    [InlineData("2.15.0", "depthwise_kernel", 1, "same", 1)]
    [InlineData("3.6.0", "kernel", 2, "same", 2)]
    [InlineData("2.9.0", "depthwise_kernel", 2, "valid", 1)]
    public void A_depthwise_convolution_keeps_channels_apart(string version, string name, int multiplier, string padding, int stride)
    {
        var file = new KerasFile(3) { Version = version };
        Grid kernel = Grid.Weight(file, $"l/l/{name}", 3, 3, 4, multiplier), bias = Grid.Weight(file, "l/l/bias", 4 * multiplier), x = Grid.Random(4, 2, 6, 5, 4);
        var ((h, top), (w, left)) = (Window(6, 3, stride, 1, padding), Window(5, 3, stride, 1, padding));
        Grid.Of([2, h, w, 4 * multiplier], at => bias[at[3]] + Sum(3, i => Sum(3, j => x.Or(0, at[0], at[1] * stride + i - top, at[2] * stride + j - left, at[3] / multiplier) * kernel[i, j, at[3] / multiplier, at[3] % multiplier])))
            .IsOf(file, "DepthwiseConv2D", $"\"kernel_size\": [3, 3], \"strides\": [{stride}, {stride}], \"depth_multiplier\": {multiplier}, \"padding\": \"{padding}\"", x);
        var one = new KerasFile(3) { Version = version };
        var (taps, row) = (Grid.Weight(one, $"l/l/{name}", 3, 4, multiplier), Grid.Random(5, 1, 6, 4));
        Grid.Of([1, 4, 4 * multiplier], at => Sum(3, i => row[0, at[1] + i, at[2] / multiplier] * taps[i, at[2] / multiplier, at[2] % multiplier])).IsOf(one, "DepthwiseConv1D", $"\"kernel_size\": [3], \"depth_multiplier\": {multiplier}, \"use_bias\": false", row);
    }

    [Theory]
    [InlineData("causal")]
    [InlineData("same")]
    public void A_separable_convolution_is_a_depthwise_one_and_a_product(string padding)
    {
        var file = new KerasFile(4);
        Grid depth = Grid.Weight(file, "l/l/depthwise_kernel", 3, 4, 2), point = Grid.Weight(file, "l/l/pointwise_kernel", 1, 8, 5), bias = Grid.Weight(file, "l/l/bias", 5), x = Grid.Random(6, 1, 7, 4);
        var before = padding == "causal" ? 2 : 1;
        Grid.Of([1, 7, 5], at => Math.Tanh(bias[at[2]] + Sum(8, m => point[0, m, at[2]] * Sum(3, i => x.Or(0, 0, at[1] + i - before, m / 2) * depth[i, m / 2, m % 2]))))
            .IsOf(file, "SeparableConv1D", $"\"filters\": 5, \"kernel_size\": [3], \"depth_multiplier\": 2, \"padding\": \"{padding}\", \"activation\": \"tanh\"", x);
        var two = new KerasFile(4);
        Grid deep = Grid.Weight(two, "l/l/depthwise_kernel", 2, 2, 3, 1), points = Grid.Weight(two, "l/l/pointwise_kernel", 1, 1, 3, 2), image = Grid.Random(7, 1, 4, 5, 3);
        Grid.Of([1, 3, 4, 2], at => Sum(3, m => points[0, 0, m, at[3]] * Sum(2, i => Sum(2, j => image[0, at[1] + i, at[2] + j, m] * deep[i, j, m, 0])))).IsOf(two, "SeparableConv2D", "\"filters\": 2, \"kernel_size\": 2, \"use_bias\": false", image);
    }

    /// <summary>Each input adds its kernel at stride · t. "same" keeps stride · T outputs, with half of the rest cut off at the front.</summary>
    [Theory]
    [InlineData("valid", 3, 2, 1, null)]
    [InlineData("valid", 2, 3, 1, null)]
    [InlineData("same", 4, 2, 1, null)]
    [InlineData("same", 3, 2, 1, null)]
    [InlineData("same", 2, 3, 1, null)]
    [InlineData("same", 3, 1, 2, null)]
    [InlineData("valid", 3, 2, 1, 1)]
    [InlineData("same", 5, 3, 1, 2)]
    public void A_transposed_convolution_spreads_its_inputs(string padding, int taps, int stride, int dilation, int? extra)
    {
        const int steps = 5;
        var file = new KerasFile(5);
        Grid kernel = Grid.Weight(file, "l/l/kernel", taps, 3, 2), bias = Grid.Weight(file, "l/l/bias", 3), x = Grid.Random(8, 2, steps, 2);
        var reach = (taps - 1) * dilation + 1;
        var length = extra is { } more ? (steps - 1) * stride + reach - (padding == "same" ? 2 * (reach / 2) : 0) + more : padding == "same" ? steps * stride : steps * stride + Math.Max(reach - stride, 0);
        var front = padding == "same" ? Math.Max((steps - 1) * stride + reach - length, 0) / 2 : 0;
        Grid.Of([2, length, 3], at => bias[at[2]] + Sum(steps, t => Sum(taps, i => t * stride + i * dilation - front == at[1] ? Sum(2, c => x[at[0], t, c] * kernel[i, at[2], c]) : 0)))
            .IsOf(file, "Conv1DTranspose", $"\"filters\": 3, \"kernel_size\": [{taps}], \"strides\": [{stride}], \"dilation_rate\": [{dilation}], \"padding\": \"{padding}\", \"output_padding\": {(extra is null ? "null" : $"[{extra}]")}", x);
    }

    [Fact]
    public void A_transposed_convolution_has_two_axes_too()
    {
        var file = new KerasFile(6);
        Grid kernel = Grid.Weight(file, "l/l/kernel", 3, 2, 2, 3), x = Grid.Random(9, 1, 3, 4, 3);
        Grid.Of([1, 6, 8, 2], at => Sum(3, h => Sum(4, w => Sum(3, i => Sum(2, j => h * 2 + i == at[1] && w * 2 + j == at[2] ? Sum(3, c => x[0, h, w, c] * kernel[i, j, at[3], c]) : 0)))))
            .IsOf(file, "Conv2DTranspose", "\"filters\": 2, \"kernel_size\": [3, 2], \"strides\": [2, 2], \"padding\": \"same\", \"use_bias\": false", x);
    }

    [Theory]
    [InlineData("same", 2)]
    [InlineData("valid", 2)]
    [InlineData("same", 0)]
    public void A_pool_over_two_axes_takes_the_greatest_or_the_mean_of_what_is_there(string padding, int stride)
    {
        var x = Grid.Random(10, 2, 5, 7, 3);
        var strides = stride == 0 ? "null" : $"[{stride}, {stride}]";
        var (down, across) = stride == 0 ? (3, 2) : (stride, stride);
        var ((h, top), (w, left)) = (Window(5, 3, down, 1, padding), Window(7, 2, across, 1, padding));
        double[] Values(int[] at) => [.. Enumerable.Range(0, 6).Select(k => x.Or(double.NaN, at[0], at[1] * down + k / 2 - top, at[2] * across + k % 2 - left, at[3])).Where(v => !double.IsNaN(v))];
        var config = $"\"pool_size\": [3, 2], \"strides\": {strides}, \"padding\": \"{padding}\", \"data_format\": \"channels_last\"";
        Grid.Of([2, h, w, 3], at => Values(at).Max()).IsOf(new KerasFile(7), "MaxPooling2D", config, x);
        Grid.Of([2, h, w, 3], at => Values(at).Average()).IsOf(new KerasFile(7), "AveragePooling2D", config, x);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_global_pool_takes_all_places(bool isKept)
    {
        Grid x = Grid.Random(11, 2, 4, 5, 3), steps = Grid.Random(12, 2, 4, 3);
        var keep = $"\"keepdims\": {Json(isKept)}";
        int[] shape = isKept ? [2, 1, 1, 3] : [2, 3], flat = isKept ? [2, 1, 3] : [2, 3];
        Grid.Of(shape, at => Enumerable.Range(0, 20).Average(i => x[at[0], i / 5, i % 5, at[^1]])).IsOf(new KerasFile(8), "GlobalAveragePooling2D", keep, x);
        Grid.Of(shape, at => Enumerable.Range(0, 20).Max(i => x[at[0], i / 5, i % 5, at[^1]])).IsOf(new KerasFile(8), "GlobalMaxPooling2D", keep, x);
        Grid.Of(flat, at => Enumerable.Range(0, 4).Max(t => steps[at[0], t, at[^1]])).IsOf(new KerasFile(8), "GlobalMaxPooling1D", keep, steps);
    }

    [Fact]
    public void A_mean_over_steps_takes_those_that_count()
    {
        var file = new KerasFile(9).Layer("Masking", "\"name\": \"m\", \"mask_value\": 0.0, \"batch_input_shape\": [1, 4, 2]").Layer("GlobalAveragePooling1D", "\"name\": \"mean\"");
        using var model = file.Load();
        Grid.Of([1, 2], at => (1.5 + 2.5 + at[1]) / 2).IsOf(model, new Grid([1, 4, 2], [0, 0, 1.5, 2, 2.5, 3, 0, 0]));
    }

    [Fact]
    public void Layers_of_shapes_move_elements()
    {
        Grid x = Grid.Random(13, 2, 3, 4, 2), steps = Grid.Random(14, 2, 5, 3), row = Grid.Random(15, 2, 3);
        void Is(string kind, string config, Grid of, int[] shape, Func<int[], double> element) => Grid.Of(shape, element).IsOf(new KerasFile(10), kind, config, of);
        Is("ZeroPadding2D", "\"padding\": [[1, 0], [2, 1]]", x, [2, 4, 7, 2], at => x.Or(0, at[0], at[1] - 1, at[2] - 2, at[3]));
        Is("ZeroPadding2D", "\"padding\": [1, 2]", x, [2, 5, 8, 2], at => x.Or(0, at[0], at[1] - 1, at[2] - 2, at[3]));
        Is("ZeroPadding1D", "\"padding\": [0, 2]", steps, [2, 7, 3], at => steps.Or(0, at[0], at[1], at[2]));
        Is("ZeroPadding1D", "\"padding\": 1", steps, [2, 7, 3], at => steps.Or(0, at[0], at[1] - 1, at[2]));
        Is("Cropping2D", "\"cropping\": [[1, 0], [0, 2]]", x, [2, 2, 2, 2], at => x[at[0], at[1] + 1, at[2], at[3]]);
        Is("Cropping1D", "\"cropping\": [1, 2]", steps, [2, 2, 3], at => steps[at[0], at[1] + 1, at[2]]);
        Is("UpSampling1D", "\"size\": 3", steps, [2, 15, 3], at => steps[at[0], at[1] / 3, at[2]]);
        Is("UpSampling2D", "\"size\": [2, 3], \"interpolation\": \"nearest\"", x, [2, 6, 12, 2], at => x[at[0], at[1] / 2, at[2] / 3, at[3]]);
        Is("Permute", "\"dims\": [3, 1, 2]", x, [2, 2, 3, 4], at => x[at[0], at[2], at[3], at[1]]);
        Is("Reshape", "\"target_shape\": [-1, 8]", x, [2, 3, 8], at => x[at[0], at[1], at[2] / 2, at[2] % 2]);
        Is("Flatten", "", x, [2, 24], at => x[at[0], at[1] / 8, at[1] / 2 % 4, at[1] % 2]);
        Is("RepeatVector", "\"n\": 4", row, [2, 4, 3], at => row[at[0], at[2]]);
        Is("SpatialDropout2D", "\"rate\": 0.5", x, [2, 3, 4, 2], at => x[at]);
    }

    [Fact]
    public void Three_axes_are_like_two()
    {
        var file = new KerasFile(12);
        Grid kernel = Grid.Weight(file, "l/l/kernel", 2, 2, 3, 2, 3), x = Grid.Random(17, 1, 4, 3, 5, 2);
        Grid.Of([1, 3, 2, 3, 3], at => Sum(2, i => Sum(2, j => Sum(3, k => Sum(2, c => x[0, at[1] + i, at[2] + j, at[3] + k, c] * kernel[i, j, k, c, at[4]]))))).IsOf(file, "Conv3D", "\"filters\": 3, \"kernel_size\": [2, 2, 3], \"use_bias\": false", x);
        var back = new KerasFile(12);
        var spread = Grid.Weight(back, "l/l/kernel", 2, 1, 2, 3, 2);
        Grid.Of([1, 8, 3, 10, 3], at => Sum(2, i => Sum(2, k => (at[1] - i) % 2 == 0 && at[1] >= i && (at[3] - k) % 2 == 0 && at[3] >= k ? Sum(2, c => x[0, (at[1] - i) / 2, at[2], (at[3] - k) / 2, c] * spread[i, 0, k, at[4], c]) : 0)))
            .IsOf(back, "Conv3DTranspose", "\"filters\": 3, \"kernel_size\": [2, 1, 2], \"strides\": [2, 1, 2], \"use_bias\": false", x);
        void Is(string kind, string config, int[] shape, Func<int[], double> element) => Grid.Of(shape, element).IsOf(new KerasFile(12), kind, config, x);
        Is("MaxPooling3D", "\"pool_size\": [2, 1, 2]", [1, 2, 3, 2, 2], at => Enumerable.Range(0, 4).Max(n => x[0, 2 * at[1] + n / 2, at[2], 2 * at[3] + n % 2, at[4]]));
        Is("AveragePooling3D", "\"pool_size\": [2, 3, 5]", [1, 2, 1, 1, 2], at => Enumerable.Range(0, 30).Average(n => x[0, 2 * at[1] + n / 15, n / 5 % 3, n % 5, at[4]]));
        Is("GlobalMaxPooling3D", "", [1, 2], at => Enumerable.Range(0, 60).Max(n => x[0, n / 15, n / 5 % 3, n % 5, at[1]]));
        Is("ZeroPadding3D", "\"padding\": [[1, 0], [0, 2], [1, 1]]", [1, 5, 5, 7, 2], at => x.Or(0, 0, at[1] - 1, at[2], at[3] - 1, at[4]));
        Is("Cropping3D", "\"cropping\": [1, 0, 2]", [1, 2, 3, 1, 2], at => x[0, at[1] + 1, at[2], at[3] + 2, at[4]]);
        Is("UpSampling3D", "\"size\": [1, 2, 2]", [1, 4, 6, 10, 2], at => x[0, at[1], at[2] / 2, at[3] / 2, at[4]]);
    }

    /// <summary>Between the centres of the elements, and the outermost element beyond.</summary>
    [Fact]
    public void A_bilinear_enlargement_goes_between_centres()
    {
        var x = Grid.Random(16, 1, 3, 2, 2);
        (int Low, int High, double Share) Place(int at, int factor, int size) => Math.Clamp((at + 0.5) / factor - 0.5, 0, size - 1) is var p ? ((int)p, Math.Min((int)p + 1, size - 1), p - Math.Floor(p)) : default;
        Grid.Of([1, 6, 6, 2], at =>
        {
            var ((a, b, h), (c, d, w)) = (Place(at[1], 2, 3), Place(at[2], 3, 2));
            return (1 - h) * ((1 - w) * x[0, a, c, at[3]] + w * x[0, a, d, at[3]]) + h * ((1 - w) * x[0, b, c, at[3]] + w * x[0, b, d, at[3]]);
        }).IsOf(new KerasFile(11), "UpSampling2D", "\"size\": [2, 3], \"interpolation\": \"bilinear\"", x);
    }

    /// <summary>Keras by itself counts the places from the first element; TensorFlow's Keras of the same number may be of TensorFlow 1 or 2.</summary>
    [Fact]
    public void A_bilinear_enlargement_of_old_Keras_begins_at_the_first_element()
    {
        const string config = "\"size\": [2, 1], \"interpolation\": \"bilinear\"";
        var x = Grid.Random(16, 1, 3, 2, 2);
        Grid.Of([1, 6, 2, 2], at => (x[0, at[1] / 2, at[2], at[3]] + x[0, Math.Min((at[1] + 1) / 2, 2), at[2], at[3]]) / 2).IsOf(new KerasFile(11) { Version = "2.3.1" }, "UpSampling2D", config, x);
        IEnumerable<string> Notes(string version) => new KerasFile(11) { Version = version }.Layer("UpSampling2D", $"\"name\": \"l\", {config}, \"batch_input_shape\": [1, 3, 2, 2]").Convert().Graphs[0].Notes.Where(n => n.Contains("interpolates between the centres", StringComparison.Ordinal));
        Assert.Single(Notes("2.2.4-tf"));
        Assert.Empty(Notes("2.4.0"));
        Assert.Contains("of Theano", Assert.ThrowsAny<SeqRuntime.Converter.ConversionException>(() => new KerasFile(11) { Version = "2.2.4", Backend = "theano" }.Layer("UpSampling2D", $"\"name\": \"l\", {config}, \"batch_input_shape\": [1, 3, 2, 2]").Load()).Message, StringComparison.Ordinal);
    }

    private static double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);

    /// <summary>The number of windows, and the padding before the first one.</summary>
    private static (int Count, int Before) Window(int size, int taps, int stride, int dilation, string padding)
    {
        var reach = (taps - 1) * dilation + 1;
        if (padding == "valid") return ((size - reach) / stride + 1, 0);
        var count = (size + stride - 1) / stride;
        return (count, Math.Max((count - 1) * stride + reach - size, 0) / 2);
    }
}
