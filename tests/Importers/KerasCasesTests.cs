using SeqRuntime.Converter;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Tests.Importers;

/// <summary>Files that users had trouble with, computed from their own weights.</summary>
public sealed class KerasCasesTests
{
    private const string Refused = "../cases/keras-layers-refused/";

    /// <summary>A picture of any width: a convolution, its columns as steps, both directions of an LSTM, and classes.</summary>
    [Fact]
    public void A_convolution_over_a_picture_feeds_a_recurrent_layer()
    {
        const int steps = 5;
        using var file = new Case(Refused + "conv2d_crnn.h5");
        Grid kernel = file.Weight("conv2d", "kernel"), bias = file.Weight("conv2d", "bias"), x = Grid.Random(1, 1, steps, 8, 1);
        var picture = Grid.Of([1, steps, 8, 4], at => Math.Max(0, bias[at[3]] + Enumerable.Range(0, 9).Sum(k => x.Or(0, 0, at[1] + k / 3 - 1, at[2] + k % 3 - 1, 0) * kernel[k / 3, k % 3, 0, at[3]])));
        double[][] rows = [.. picture.Values.Chunk(32)];
        double[][] Direction(string part, bool isBackward) => file.Lstm("bidirectional", part, rows, isBackward);
        var both = Direction("forward", isBackward: false).Zip(Direction("backward", isBackward: true).Reverse(), (a, b) => a.Concat(b).ToArray());
        file.Gives(both.SelectMany(h => Softmax(file.Dense("dense", h))), ("T", steps, x));
    }

    /// <summary>Luong's attention, written as Dot, softmax and Dot.</summary>
    [Fact]
    public void Attention_may_be_written_as_two_dot_products()
    {
        const int encoded = 4, decoded = 3;
        using var file = new Case(Refused + "dot_luong_attention.h5");
        Grid source = Grid.Random(2, 1, encoded, 6), target = Grid.Random(3, 1, decoded, 6);
        double[][] encoder = file.Lstm("lstm", "", [.. source.Values.Chunk(6)], isBackward: false), decoder = file.Lstm("lstm_1", "", [.. target.Values.Chunk(6)], isBackward: false);
        var expected = decoder.SelectMany(q =>
        {
            var shares = Softmax([.. encoder.Select(k => KerasFormulas.Dot(q, k))]);
            double[] context = [.. Enumerable.Range(0, 8).Select(d => encoder.Select((k, t) => shares[t] * k[d]).Sum())];
            return file.Dense("dense", [.. context, .. q]);
        });
        file.Gives(expected, ("T", encoded, source), ("T_input_2", decoded, target));
    }

    [Fact]
    public void Gates_of_Keras_3_are_hard_sigmoids_of_a_sixth()
    {
        using var file = new Case(Refused + "keras3_hard_sigmoid.h5");
        var x = Grid.Random(4, 1, 5, 6);
        file.Gives(file.Lstm("lstm", "", [.. x.Values.Chunk(6)], isBackward: false, v => Math.Clamp(v / 6 + 0.5, 0, 1)).SelectMany(h => h), ("T", 5, x));
    }

    [Fact]
    public void A_network_without_a_function_of_the_state_converts()
    {
        using var file = new Case("../cases/keras-linear-activation/precise.h5");
        var x = Grid.Random(5, 1, 5, 3);
        var (kernel, recurrent, bias) = (file.Weight("net", "kernel"), file.Weight("net", "recurrent_kernel"), file.Weight("net", "bias"));
        var units = recurrent.Shape[0];
        var h = new double[units];
        foreach (var row in x.Values.Chunk(3))
        {
            double Sum(double[] v, Grid matrix, int column) => v.Select((value, i) => value * matrix[i, column]).Sum();
            double Gate(int column, double[] state) => Sum(row, kernel, column) + Sum(state, recurrent, column) + bias[column];
            double Bent(double v) => file.Config.Contains("\"recurrent_activation\": \"hard_sigmoid\"", StringComparison.Ordinal) ? Math.Clamp(0.2 * v + 0.5, 0, 1) : Numbers.Sigmoid(v);
            double[] r = [.. h.Select((v, u) => v * Bent(Gate(units + u, h)))];
            h = [.. h.Select((v, u) => Bent(Gate(u, h)) is var z ? z * v + (1 - z) * Gate(2 * units + u, r) : 0)];
        }

        file.Gives(file.Dense("dense", h).Select(Numbers.Sigmoid), ("T", 5, x));
    }

    [Theory]
    [InlineData("keras-batchnorm-after-last-output/m.h5")]
    [InlineData("keras-bidirectional-go-backwards/bi.h5")]
    [InlineData("keras-conv-same-stride-message/m.h5")]
    [InlineData("keras-layers-refused/nested_sequential.h5")]
    [InlineData("keras-step-state-not-paired/step.h5")]
    public void Files_that_were_refused_or_computed_wrongly_convert(string file)
    {
        using var loaded = new Case("../cases/" + file);
        Assert.NotEmpty(loaded.Model.Graphs[0].Outputs);
    }

    [Fact]
    public void A_lambda_stays_refused_and_weights_that_are_missing_are_named()
    {
        Assert.Contains("'lambda' (Lambda). A lambda is code, not a layer.", Assert.ThrowsAny<ConversionException>(() => new Case(Refused + "lambda.h5")).Message, StringComparison.Ordinal);
        // The file has a PReLU whose weights were not saved.
        Assert.Contains("layer 'p_re_lu' (PReLU): the file has no weight 'alpha' for it", Assert.ThrowsAny<ConversionException>(() => new Case(Refused + "prelu.h5")).Message, StringComparison.Ordinal);
    }

    private static double[] Softmax(double[] scores)
    {
        double[] e = [.. scores.Select(Math.Exp)];
        return [.. e.Select(v => v / e.Sum())];
    }

    /// <summary>A file, its weights, and the model that it becomes.</summary>
    private sealed class Case : IDisposable
    {
        private readonly HdfFile _file;
        private readonly WeightSet _weights;

        public Case(string relative)
        {
            var path = Models.Need(relative);
            _file = HdfFile.Read(File.ReadAllBytes(path), path);
            _weights = new WeightSet(path, _file.Tensors.Values);
            Model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], new ConversionOptions()).File);
        }

        public SeqModel Model { get; }

        public string Config => _file.Attributes["model_config"];

        public Grid Weight(string layer, string weight, string part = "")
        {
            var name = Assert.Single(_file.Tensors.Keys, n => n.Contains($"/{layer}/", StringComparison.Ordinal) && n.Contains($"/{part}", StringComparison.Ordinal) && n.Split(':')[0].EndsWith($"/{weight}", StringComparison.Ordinal));
            var tensor = _weights.Read(name)!;
            return new Grid(tensor.Shape, Numbers.Doubles(tensor.ToFloats()));
        }

        public double[] Dense(string layer, double[] x) =>
            Weight(layer, "bias") is var bias && Weight(layer, "kernel") is var kernel ? [.. Enumerable.Range(0, kernel.Shape[1]).Select(o => bias[o] + x.Select((v, i) => v * kernel[i, o]).Sum())] : [];

        /// <summary>The outputs of an LSTM in reading order.</summary>
        public double[][] Lstm(string layer, string part, double[][] x, bool isBackward, Func<double, double>? gate = null)
        {
            Grid kernel = Weight(layer, "kernel", part), recurrent = Weight(layer, "recurrent_kernel", part), bias = Weight(layer, "bias", part);
            if (gate is null) return KerasFormulas.Recurrent("LSTM", x, kernel.Values, recurrent.Values, bias.Values, resetAfter: false, isBackward).Outputs;
            var units = recurrent.Shape[0];
            double[] h = new double[units], c = new double[units];
            return [.. x.Select(row =>
            {
                double[] sums = [.. Enumerable.Range(0, 4 * units).Select(j => bias[j] + row.Select((v, i) => v * kernel[i, j]).Sum() + h.Select((v, i) => v * recurrent[i, j]).Sum())];
                c = [.. c.Select((v, u) => gate(sums[units + u]) * v + gate(sums[u]) * Math.Tanh(sums[2 * units + u]))];
                return h = [.. c.Select((v, u) => gate(sums[3 * units + u]) * Math.Tanh(v))];
            })];
        }

        public void Gives(IEnumerable<double> expected, params (string Symbol, int Size, Grid Value)[] inputs)
        {
            var sizes = new SeqSessionOptions { MaxSizes = { ["N"] = 1 } };
            foreach (var (symbol, size, _) in inputs.Where(i => Model.Graphs[0].Symbols.Contains(i.Symbol))) sizes.MaxSizes[symbol] = size;
            using var session = Model.CreateSession(graph: null, sizes);
            foreach (var (i, input) in inputs.Index()) Array.ConvertAll(input.Value.Values, v => (float)v).CopyTo(session.Input<float>(i));
            session.Run();
            Numbers.Near(expected, session.Output<float>(0), tolerance: 2e-6);
        }

        public void Dispose() => Model.Dispose();
    }
}
