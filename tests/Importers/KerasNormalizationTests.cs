using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras' normalizations over any axes, its scaling layers and its codes, each compared with its formula.</summary>
public sealed class KerasNormalizationTests
{
    private static readonly Grid s_x = Grid.Random(1, 2, 3, 4);

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(2)]
    public void Batch_normalization_takes_any_axis(int axis)
    {
        var file = new KerasFile(1);
        var image = Grid.Random(2, 2, 3, 4, 5);
        var place = axis < 0 ? axis + 4 : axis;
        var count = image.Shape[place];
        Grid Weight(string name) => Grid.Weight(file, $"l/l/{name}", count);
        var (gamma, beta, mean) = (Weight("gamma"), Weight("beta"), Weight("moving_mean"));
        var variance = file.Weight("l/l/moving_variance", 0.4f, 1, count);
        Grid.Of(image.Shape, at => gamma[at[place]] * (image[at] - mean[at[place]]) / Math.Sqrt(variance[at[place]] + 0.01) + beta[at[place]]).IsOf(file, "BatchNormalization", $"\"axis\": [{axis}], \"epsilon\": 0.01", image);
    }

    [Theory]
    [InlineData("[1]", true, false)]
    [InlineData("[1, 2]", true, false)]
    [InlineData("[-1]", false, false)]
    [InlineData("-1", true, true)]
    [InlineData("[1]", true, true)]
    public void Layer_normalization_takes_any_axes(string axes, bool isScaled, bool isRootMeanSquare)
    {
        int[] taken = axes switch { "[1]" => [1], "[1, 2]" => [1, 2], _ => [2] };
        int[] sizes = [.. taken.Select(a => s_x.Shape[a])];
        var file = new KerasFile(2) { Version = "3.6.0" };
        var gamma = isScaled ? Grid.Weight(file, "l/l/gamma", sizes) : null;
        var beta = isScaled && !isRootMeanSquare ? Grid.Weight(file, "l/l/beta", sizes) : null;
        Grid.Of(s_x.Shape, at =>
        {
            double[] along = [.. Along(s_x, at, taken)];
            int[] own = [.. taken.Select(a => at[a])];
            var deviation = Math.Sqrt(along.Average(v => Math.Pow(v - along.Average(), 2)) + 0.01);
            return (gamma?[own] ?? 1) * (isRootMeanSquare ? s_x[at] : s_x[at] - along.Average()) / deviation + (beta?[own] ?? 0);
        }).IsOf(file, "LayerNormalization", $"\"axis\": {axes}, \"epsilon\": 0.01, \"scale\": {Json(isScaled)}, \"center\": {Json(isScaled)}, \"rms_scaling\": {Json(isRootMeanSquare)}", s_x);
    }

    [Theory]
    [InlineData("-1", 2)]
    [InlineData("1", 1)]
    public void Root_mean_square_normalization_subtracts_no_mean(string axis, int taken)
    {
        var file = new KerasFile(3) { Version = "3.9.0" };
        var scale = Grid.Weight(file, "l/l/scale", s_x.Shape[taken]);
        Grid.Of(s_x.Shape, at => scale[at[taken]] * s_x[at] / Math.Sqrt(Along(s_x, at, [taken]).Average(v => v * v) + 1e-6)).IsOf(file, "RMSNormalization", $"\"axis\": {axis}, \"epsilon\": 1e-06", s_x);
    }

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(-1, -1)]
    [InlineData(1, 3)]
    public void Group_normalization_normalizes_each_group(int axis, int groups)
    {
        var image = Grid.Random(3, 2, 6, 3, 4);
        var place = axis < 0 ? 3 : axis;
        var channels = image.Shape[place];
        var size = groups < 0 ? 1 : channels / groups;
        var file = new KerasFile(4);
        Grid gamma = Grid.Weight(file, "l/l/gamma", channels), beta = Grid.Weight(file, "l/l/beta", channels);
        Grid.Of(image.Shape, at =>
        {
            double[] all = [.. Along(image, at, [1, 2, 3]).Where((_, i) => Grid.Of([6, 3, 4], index => index[place - 1]).Values[i] is var c && (int)c / size == at[place] / size)];
            return gamma[at[place]] * (image[at] - all.Average()) / Math.Sqrt(all.Average(v => Math.Pow(v - all.Average(), 2)) + 0.001) + beta[at[place]];
        }).IsOf(file, "GroupNormalization", $"\"axis\": {axis}, \"groups\": {groups}, \"epsilon\": 0.001", image);
    }

    /// <summary>A normalization of each step must not count its axes from those of the whole sequence.</summary>
    [Theory]
    [InlineData(-1, false)]
    [InlineData(1, false)]
    [InlineData(1, true)]
    public void A_normalization_of_each_step_is_over_the_axes_of_the_step(int axis, bool hasScale)
    {
        var x = Grid.Random(3, 2, 6, 3, 4);
        var place = axis < 0 ? 3 : 2;
        var file = new KerasFile(4);
        var gamma = hasScale ? Grid.Weight(file, "l/l/gamma", x.Shape[place]) : Grid.Of([x.Shape[place]], _ => 1);
        Grid.Of(x.Shape, at =>
        {
            double[] all = [.. Along(x, at, [place])];
            return gamma[at[place]] * (x[at] - all.Average()) / Math.Sqrt(all.Average(v => Math.Pow(v - all.Average(), 2)) + 0.001);
        }).IsOf(file, "TimeDistributed", $"\"layer\": {{\"class_name\": \"LayerNormalization\", \"config\": {{\"name\": \"n\", \"axis\": {axis}, \"epsilon\": 0.001, \"scale\": {Json(hasScale)}, \"center\": false}}}}", x);
    }

    [Fact]
    public void Unit_normalization_divides_by_the_length()
    {
        Grid.Of(s_x.Shape, at => s_x[at] / Math.Sqrt(Along(s_x, at, [2]).Sum(v => v * v))).IsOf(new KerasFile(5), "UnitNormalization", "\"axis\": -1", s_x);
        Grid.Of(s_x.Shape, at => s_x[at] / Math.Sqrt(Along(s_x, at, [1, 2]).Sum(v => v * v))).IsOf(new KerasFile(5), "UnitNormalization", "\"axis\": [1, 2]", s_x);
        Grid.Of([1, 2], _ => 0).IsOf(new KerasFile(5), "UnitNormalization", "", new Grid([1, 2], [0, 0]));
    }

    [Fact]
    public void A_spectral_normalization_computes_with_the_kernel_of_the_file()
    {
        var file = new KerasFile(6) { Version = "3.6.0" };
        var kernel = Grid.Weight(file, "l/l/kernel", 4, 2);
        file.Weight("l/l/vector_u", 1, 2);
        Grid.Of([2, 3, 2], at => Enumerable.Range(0, 4).Sum(i => s_x[at[0], at[1], i] * kernel[i, at[2]])).IsOf(file, "SpectralNormalization", "\"power_iterations\": 1, \"layer\": {\"class_name\": \"Dense\", \"config\": {\"name\": \"dense\", \"units\": 2, \"use_bias\": false}}", s_x);
    }

    [Theory]
    [InlineData("[-1]", true, false)]
    [InlineData("-1", false, true)]
    [InlineData("null", false, false)]
    [InlineData("[1, 2]", true, false)]
    public void Normalization_takes_its_numbers_from_the_file(string axis, bool isOfWeights, bool isInverse)
    {
        int[] taken = axis switch { "null" => [], "[1, 2]" => [1, 2], _ => [2] };
        int[] sizes = [.. taken.Select(a => s_x.Shape[a])];
        var file = new KerasFile(7);
        var mean = isOfWeights ? Grid.Weight(file, "l/l/mean", sizes) : Grid.Random(4, sizes);
        var variance = isOfWeights ? new Grid(sizes, file.Weight("l/l/variance", 0.5f, 1, sizes)) : Grid.Random(5, sizes).Map(v => v + 1.5);
        string Listed(Grid g) => sizes.Length == 0 ? Text(g.Values[0]) : $"[{string.Join(", ", g.Values.Select(Text))}]";
        var config = isOfWeights ? "" : $", \"mean\": {Listed(mean)}, \"variance\": {Listed(variance)}";
        Grid.Of(s_x.Shape, at =>
        {
            int[] own = [.. taken.Select(a => at[a])];
            var deviation = Math.Max(Math.Sqrt(variance[own]), 1e-7);
            return isInverse ? mean[own] + s_x[at] * deviation : (s_x[at] - mean[own]) / deviation;
        }).IsOf(file, "Normalization", $"\"axis\": {axis}{config}, \"invert\": {Json(isInverse)}", s_x);
    }

    [Theory]
    [InlineData("\"scale\": 0.5, \"offset\": -1", 0.5, 0.5, -1)]
    [InlineData("\"scale\": 0.00392156862745098", 0.00392156862745098, 0.00392156862745098, 0)]
    [InlineData("\"scale\": [0.5, 2, 0.5, 2], \"offset\": [1, 1, 1, 1]", 0.5, 2, 1)]
    [InlineData("\"scale\": {\"class_name\": \"__numpy__\", \"config\": {\"value\": [0.5, 2, 0.5, 2], \"dtype\": \"float32\"}}, \"offset\": 0.0", 0.5, 2, 0)]
    public void Rescaling_multiplies_and_adds(string config, double even, double odd, double offset) =>
        Grid.Of(s_x.Shape, at => s_x[at] * (at[2] % 2 == 0 ? even : odd) + offset).IsOf(new KerasFile(8), "Rescaling", config, s_x);

    [Theory]
    [InlineData("ab,bc->ac", 0)]
    [InlineData("...x,xy->...y", 1)]
    [InlineData("abc,cde->abde", 2)]
    [InlineData("abc,bd->adc", 3)]
    public void An_einsum_of_a_kernel_and_its_bias_follow_the_equation(string equation, int form)
    {
        var file = new KerasFile(9);
        var x = form == 0 ? Grid.Random(6, 2, 4) : s_x;
        int[] shape = form switch { 0 or 1 => [4, 5], 2 => [4, 2, 3], _ => [3, 5] };
        var kernel = Grid.Weight(file, "l/l/kernel", shape);
        int[] biases = form switch { 0 or 1 => [5], 2 => [2, 3], _ => [5, 1] };
        var bias = Grid.Weight(file, "l/l/bias", biases);
        double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);
        var expected = form switch
        {
            0 => Grid.Of([2, 5], at => bias[at[1]] + Sum(4, i => x[at[0], i] * kernel[i, at[1]])),
            1 => Grid.Of([2, 3, 5], at => bias[at[2]] + Sum(4, i => x[at[0], at[1], i] * kernel[i, at[2]])),
            2 => Grid.Of([2, 3, 2, 3], at => bias[at[2], at[3]] + Sum(4, i => x[at[0], at[1], i] * kernel[i, at[2], at[3]])),
            _ => Grid.Of([2, 5, 4], at => bias[at[1], 0] + Sum(3, i => x[at[0], i, at[2]] * kernel[i, at[1]])),
        };
        expected.Map(v => Math.Max(0, v)).IsOf(file, "EinsumDense", $"\"equation\": \"{equation}\", \"output_shape\": [5], \"bias_axes\": \"{(form == 2 ? "de" : form == 3 ? "d" : equation[^1])}\", \"activation\": \"relu\"", x);
    }

    [Theory]
    [InlineData("multi_hot")]
    [InlineData("count")]
    [InlineData("one_hot")]
    public void Numbers_become_codes(string mode)
    {
        int[] x = [0, 2, 2, 3];
        using var model = new KerasFile(10).Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [2, 2], "dtype": "int64"}, "inbound_nodes": []},
              {"class_name": "CategoryEncoding", "name": "l", "config": {"name": "l", "num_tokens": 4, "output_mode": "{{mode}}", "sparse": false}, "inbound_nodes": [[["x", 0, 0, {}]]]}],
              "input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]} }
            """);
        using var session = model.CreateSession();
        Array.ConvertAll(x, v => (long)v).CopyTo(session.Input<long>(0));
        session.Run();
        int Count(int row, int token) => x.Skip(2 * row).Take(2).Count(v => v == token);
        var expected = mode == "one_hot" ? Grid.Of([2, 2, 4], at => x[2 * at[0] + at[1]] == at[2] ? 1 : 0) : Grid.Of([2, 4], at => mode == "count" ? Count(at[0], at[1]) : Math.Min(1, Count(at[0], at[1])));
        expected.IsIn(session, 0);
    }

    [Fact]
    public void A_number_falls_into_the_bin_behind_the_boundaries_that_it_reaches()
    {
        using var model = new KerasFile(11).Layer("Discretization", "\"name\": \"l\", \"bin_boundaries\": [-1.0, 0.5, 2], \"output_mode\": \"int\", \"batch_input_shape\": [1, 5]").Load();
        using var session = model.CreateSession();
        new float[] { -3, -1, 0.25f, 0.5f, 7 }.CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal([0L, 1, 1, 2, 3], session.Output<long>(0).ToArray());
    }

    [Theory]
    [InlineData("GroupNormalization", "\"groups\": 3", "cannot be divided into 3 groups")]
    [InlineData("BatchNormalization", "\"axis\": 7", "its axis is 7, but its input has 2 dimensions")]
    [InlineData("EinsumDense", "\"equation\": \"abc,cd->abd\"", "does not fit an operand of 2 dimensions")]
    [InlineData("Rescaling", "\"scale\": [[1, 2], [3]]", "lists of different lengths")]
    [InlineData("Normalization", "\"axis\": -1", "call adapt before the model is saved")]
    [InlineData("Discretization", "\"num_bins\": 4", "it has no bin_boundaries")]
    [InlineData("StringLookup", "\"vocabulary\": [\"a\"]", "save the part of the model behind that layer")]
    public void What_does_not_fit_is_refused(string kind, string config, string says)
    {
        var file = new KerasFile(12);
        _ = (file.Weight("l/l/gamma", 4), file.Weight("l/l/beta", 4), file.Weight("l/l/kernel", 4, 2));
        Assert.Contains(says, Assert.ThrowsAny<ConversionException>(() => file.Layer(kind, $"\"name\": \"l\", {config}, \"batch_input_shape\": [1, 4]").Load()).Message, StringComparison.Ordinal);
    }

    private static string Text(double value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The elements along axes through a place, the last axis fastest.</summary>
    private static IEnumerable<double> Along(Grid x, int[] at, int[] axes)
    {
        int[] sizes = [.. axes.Select(a => x.Shape[a])];
        return Grid.Of(sizes, index =>
        {
            int[] place = [.. at];
            foreach (var (i, axis) in axes.Index()) place[axis] = index[i];
            return x[place];
        }).Values;
    }
}
