using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class GruTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 80)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Matches_the_formulas_for_any_shape_and_option(int seed)
    {
        var random = new Random(seed);
        var layer = new Layer(random, seed % 3 == 0 ? TensorFormat.PackedFloat16 : TensorFormat.PackedFloat32, RecurrentCase.Random(random, mayBeLong: seed % 2 == 0), resetAfter: seed % 4 < 2, isStandard: seed % 2 == 0);
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(new Gru(layer.Attributes), 2);
        Numbers.Close(expected.Y, actual[0].As<float>(), 2e-5, "Y");
        Numbers.Close(expected.H, actual[1].As<float>(), 2e-5, "Y_h");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Integers_stay_within_two_percent_of_float_on_the_same_rounded_weights(int seed)
    {
        var random = new Random(seed);
        var layer = new Layer(random, seed % 3 == 0 ? TensorFormat.PackedInt8 : TensorFormat.PackedInt4, RecurrentCase.Random(random), resetAfter: seed % 2 == 0, isStandard: true);
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(new Gru(layer.Attributes), 2)[0].As<float>();
        double error = 0, power = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            error += Math.Pow(actual[i] - expected.Y[i], 2);
            power += Math.Pow(expected.Y[i], 2);
        }

        Assert.True(error <= 0.02 * 0.02 * power + 1e-6, $"relative error {Math.Sqrt(error / power):P2}");
    }

    [Theory]
    [InlineData((int)TensorFormat.PackedFloat32, true, 32, 1)]
    [InlineData((int)TensorFormat.PackedFloat32, false, 21, 2)]
    [InlineData((int)TensorFormat.PackedInt8, true, 32, 3)]
    [InlineData((int)TensorFormat.PackedInt8, false, 21, 2)]
    [InlineData((int)TensorFormat.PackedFloat16, true, 21, 2)]
    [InlineData((int)TensorFormat.PackedFloat16, false, 32, 1)]
    [InlineData((int)TensorFormat.PackedBFloat16, true, 21, 2)]
    [InlineData((int)TensorFormat.GroupedInt8, true, 32, 3)]
    [InlineData((int)TensorFormat.PackedInt4, true, 32, 3)]
    [InlineData((int)TensorFormat.PackedInt4, false, 21, 2)]
    public void Steps_with_carried_state_give_the_bits_of_the_whole_sequence(int packing, bool resetAfter, int hidden, int batch)
    {
        var format = (TensorFormat)packing;
        var random = new Random(11);
        var test = new RecurrentCase(random, steps: 12, batch, inputs: 9, hidden, hidden, direction: 0, lengths: false, initial: true);
        test.InitialH![0] = 3; // outside the range of int8's fixed scale, for several steps
        var layer = new Layer(random, format, test, resetAfter, isStandard: true);
        var op = new Gru(layer.Attributes);
        var whole = layer.Harness().Run(op, 2);
        var h = test.InitialH;
        for (var t = 0; t < 12; t++)
        {
            var harness = new OperatorHarness().Dense([1, batch, 9], test.X.AsSpan(t * batch * 9, batch * 9).ToArray()).Absent().Dense([1, batch, hidden], h);
            var step = layer.AddWeights(harness).Run(op, 2);
            Assert.Equal(whole[0].As<float>().AsSpan(t * batch * hidden, batch * hidden).ToArray(), step[0].As<float>());
            h = step[1].As<float>();
        }

        Assert.Equal(whole[1].As<float>(), h);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Outputs_that_nothing_reads_change_no_other(int seed)
    {
        var random = new Random(seed);
        var layer = new Layer(random, (TensorFormat)(1 + seed % 4), RecurrentCase.Random(random, mayBeLong: false), resetAfter: seed % 4 < 2, isStandard: seed % 3 != 0);
        var all = layer.Harness().Run(new Gru(layer.Attributes), 2);
        Assert.True(all[1].SameBits(layer.Harness().Omit(0).Run(new Gru(layer.Attributes), 2)[1]));
        Assert.True(all[0].SameBits(layer.Harness().Omit(1).Run(new Gru(layer.Attributes), 2)[0]));
    }

    [Fact]
    public void A_missing_initial_state_gives_the_bits_of_zeros()
    {
        var random = new Random(17);
        foreach (var resetAfter in new[] { true, false })
        {
            var test = new RecurrentCase(random, steps: 4, batch: 2, inputs: 9, hidden: 19, state: 19, direction: 2, lengths: false, initial: false);
            var layer = new Layer(random, TensorFormat.PackedInt8, test, resetAfter, isStandard: true);
            var missing = layer.Harness().Run(new Gru(layer.Attributes), 2);
            test.InitialH = new float[2 * 2 * 19];
            var zeros = layer.Harness().Run(new Gru(layer.Attributes), 2);
            Assert.Equal(zeros[0].As<float>(), missing[0].As<float>());
        }
    }

    private sealed class Layer
    {
        private readonly TensorFormat _format;
        private readonly NamedActivation[] _activations;
        private readonly RecurrentWeights[] _weights;
        private readonly bool _hasBias;
        private readonly bool _resetAfter;
        private readonly float _clip;

        public Layer(Random random, TensorFormat format, RecurrentCase test, bool resetAfter, bool isStandard)
        {
            _format = format;
            _resetAfter = resetAfter;
            Case = test;
            _weights = [.. Enumerable.Range(0, test.Directions).Select(_ => new RecurrentWeights(random, format, 3, test.Hidden, test.Inputs, test.Hidden))];
            _hasBias = random.Next(4) != 0;
            var standard = new[] { new NamedActivation("Sigmoid"), new NamedActivation("Tanh") };
            _activations = [.. Enumerable.Range(0, 2 * test.Directions).Select(i => isStandard || random.Next(2) == 0 ? standard[i % 2] : i % 2 == 0 ? NamedActivation.PickGate(random) : NamedActivation.Pick(random))];
            Attributes = new Attributes().Set(AttributeKey.Hidden, test.Hidden).Set(AttributeKey.Direction, test.Direction).Set(AttributeKey.LinearBeforeReset, resetAfter);
            if (isStandard) return;
            _clip = random.Next(2) == 0 ? 0.5f : 0;
            Attributes.Set(AttributeKey.CellClip, _clip).Set(AttributeKey.Activations, string.Join(',', _activations.Select(a => a.Name)))
                .Set(AttributeKey.ActivationAlpha, _activations.Select(a => a.Alpha).ToArray()).Set(AttributeKey.ActivationBeta, _activations.Select(a => a.Beta).ToArray());
        }

        public RecurrentCase Case { get; }

        public Attributes Attributes { get; }

        public OperatorHarness Harness() => AddWeights(Case.Harness());

        public OperatorHarness AddWeights(OperatorHarness harness)
        {
            foreach (var w in _weights)
            {
                harness.Packed(_format, w.Rows, w.Inputs, w.PackedW).Packed(_format, w.Rows, w.State, w.PackedR);
                RecurrentCase.Optional(harness, _hasBias ? Bias(w) : null, 2, w.Rows);
            }

            return harness;
        }

        private float[] Bias(RecurrentWeights w)
        {
            if (!_resetAfter) return [.. w.SummedBias(), .. new float[w.Rows]];
            var zeros = new float[w.Hidden];
            float[] Sum(int g) => [.. w.InputBias[g].Zip(w.StateBias[g], (a, b) => a + b)];
            return [.. w.Interleave([Sum(0), Sum(1), w.InputBias[2]], 1), .. w.Interleave([zeros, zeros, w.StateBias[2]], 1)];
        }

        /// <summary>One step by ONNX's equations (gates here in order r, z, n).</summary>
        public void Cell(int d, double[] x, double[] h, double[] c)
        {
            var w = _weights[d];
            var before = (double[])h.Clone();
            double Clip(double z) => _clip == 0 ? z : Math.Clamp(z, -_clip, _clip);
            double InputSide(int g, int u) => RecurrentWeights.Dot(w.W[g], u, x) + (_hasBias ? w.InputBias[g][u] : 0);
            double StateSide(int g, int u, double[] state) => RecurrentWeights.Dot(w.R[g], u, state) + (_hasBias ? w.StateBias[g][u] : 0);
            double Gate(int g, int u) => _activations[d * 2].Apply(Clip(InputSide(g, u) + StateSide(g, u, before)));
            var reset = Enumerable.Range(0, h.Length).Select(u => Gate(0, u)).ToArray();
            var gated = Enumerable.Range(0, h.Length).Select(u => reset[u] * before[u]).ToArray();
            for (var u = 0; u < h.Length; u++)
            {
                var n = _activations[d * 2 + 1].Apply(Clip(InputSide(2, u) + (_resetAfter ? reset[u] * StateSide(2, u, before) : StateSide(2, u, gated))));
                var z = Gate(1, u);
                h[u] = (1 - z) * n + z * before[u];
            }
        }
    }
}
