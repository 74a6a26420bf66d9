using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class LstmTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 80)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Matches_the_formulas_for_any_shape_and_option(int seed)
    {
        var random = new Random(seed);
        var isStandard = seed % 2 == 0;
        var layer = Layer.Random(random, seed % 3 == 0 ? TensorFormat.PackedFloat16 : TensorFormat.PackedFloat32, isStandard);
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(new Lstm(layer.Attributes), 3);
        Numbers.Close(expected.Y, actual[0].As<float>(), 2e-5, "Y");
        Numbers.Close(expected.H, actual[1].As<float>(), 2e-5, "Y_h");
        Numbers.Close(expected.C, actual[2].As<float>(), 2e-5, "Y_c");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Integers_stay_within_two_percent_of_float_on_the_same_rounded_weights(int seed)
    {
        var random = new Random(seed);
        var layer = Layer.Random(random, seed % 3 == 0 ? TensorFormat.PackedInt8 : TensorFormat.PackedInt4, isStandard: true, projects: seed % 4 == 1);
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(new Lstm(layer.Attributes), 3)[0].As<float>();
        double error = 0, power = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            error += Math.Pow(actual[i] - expected.Y[i], 2);
            power += Math.Pow(expected.Y[i], 2);
        }

        Assert.True(error <= 0.02 * 0.02 * power + 1e-6, $"relative error {Math.Sqrt(error / power):P2}");
    }

    [Fact]
    public void One_int8_step_stays_within_its_proven_bound()
    {
        var random = new Random(5);
        var layer = new Layer(random, TensorFormat.PackedInt8, new RecurrentCase(random, steps: 1, batch: 1, inputs: 30, hidden: 40, state: 40, direction: 0, lengths: false, initial: true), isStandard: true);
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(new Lstm(layer.Attributes), 3);
        var w = layer.Weights[0];
        for (var u = 0; u < 40; u++)
        {
            // Half a quantization step of each input times |w|; sigmoid's slope is at most 1/4, tanh's 1.
            var delta = 0.0;
            for (var g = 0; g < 4; g++)
            {
                double sum = 0;
                for (var k = 0; k < 30; k++) sum += Math.Abs(w.W[g][u * 30 + k]) / 254;
                for (var k = 0; k < 40; k++) sum += Math.Abs(w.R[g][u * 40 + k]) / 254;
                delta = Math.Max(delta, sum);
            }

            var cellBound = delta / 4 * Math.Abs(layer.Case.InitialC![u]) + delta / 4 + delta + 1e-5;
            Assert.InRange(actual[2].As<float>()[u] - expected.C[u], -cellBound, cellBound);
            Assert.InRange(actual[1].As<float>()[u] - expected.H[u], -cellBound - delta / 4, cellBound + delta / 4);
        }
    }

    [Theory]
    [InlineData((int)TensorFormat.PackedFloat32, false, 16, 1)]
    [InlineData((int)TensorFormat.PackedFloat32, true, 21, 2)]
    [InlineData((int)TensorFormat.PackedInt8, false, 16, 3)]
    [InlineData((int)TensorFormat.PackedInt8, true, 21, 2)]
    [InlineData((int)TensorFormat.PackedFloat16, true, 21, 1)]
    [InlineData((int)TensorFormat.PackedInt4, false, 16, 3)]
    [InlineData((int)TensorFormat.PackedInt4, true, 21, 2)]
    public void Steps_with_carried_state_give_the_bits_of_the_whole_sequence(int packing, bool projects, int hidden, int batch)
    {
        var format = (TensorFormat)packing;
        var random = new Random(11);
        var state = projects ? 7 : hidden;
        var test = new RecurrentCase(random, steps: 12, batch, inputs: 9, hidden, state, direction: 0, lengths: false, initial: true);
        test.InitialH![0] = 3; // outside the range of int8's fixed scale: only the first step must measure its range
        var layer = new Layer(random, format, test, isStandard: true, projects: projects);
        var op = new Lstm(layer.Attributes);
        var whole = layer.Harness().Run(op, 3);
        float[] h = test.InitialH, c = test.InitialC!;
        for (var t = 0; t < 12; t++)
        {
            var harness = new OperatorHarness().Dense([1, batch, 9], test.X.AsSpan(t * batch * 9, batch * 9).ToArray()).Absent().Dense([1, batch, state], h).Dense([1, batch, hidden], c);
            var step = layer.AddWeights(harness).Run(op, 3);
            Assert.Equal(whole[0].As<float>().AsSpan(t * batch * state, batch * state).ToArray(), step[0].As<float>());
            (h, c) = (step[1].As<float>(), step[2].As<float>());
        }

        Assert.Equal(whole[1].As<float>(), h);
        Assert.Equal(whole[2].As<float>(), c);
    }

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void A_batch_gives_each_row_the_bits_it_gets_alone(int packing)
    {
        var format = (TensorFormat)packing;
        var random = new Random(13);
        var test = new RecurrentCase(random, steps: 6, batch: 5, inputs: 10, hidden: 24, state: 24, direction: 2, lengths: true, initial: true);
        test.InitialH![3 * 24] = -2;
        var layer = new Layer(random, format, test, isStandard: true);
        var together = layer.Harness().Run(new Lstm(layer.Attributes), 3);
        for (var n = 0; n < 5; n++)
        {
            var row = n;
            float[] Take(float[] all, int outer, int size) => [.. Enumerable.Range(0, outer).SelectMany(o => all.AsSpan((o * 5 + row) * size, size).ToArray())];
            var harness = new OperatorHarness().Dense([6, 1, 10], Take(test.X, outer: 6, size: 10)).Dense([1], test.Lengths![n])
                .Dense([2, 1, 24], Take(test.InitialH, outer: 2, size: 24)).Dense([2, 1, 24], Take(test.InitialC!, outer: 2, size: 24));
            var alone = layer.AddWeights(harness).Run(new Lstm(layer.Attributes), 3);
            Assert.Equal(Take(together[0].As<float>(), outer: 12, size: 24), alone[0].As<float>());
            Assert.Equal(Take(together[1].As<float>(), outer: 2, size: 24), alone[1].As<float>());
            Assert.Equal(Take(together[2].As<float>(), outer: 2, size: 24), alone[2].As<float>());
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Outputs_that_nothing_reads_change_no_other(int seed)
    {
        var random = new Random(seed);
        var layer = Layer.Random(random, (TensorFormat)(1 + seed % 4), isStandard: seed % 3 != 0);
        var all = layer.Harness().Run(new Lstm(layer.Attributes), 3);
        for (var mask = 1; mask < 8; mask++)
        {
            var harness = layer.Harness();
            for (var i = 0; i < 3; i++)
            {
                if ((mask & 1 << i) != 0) harness.Omit(i);
            }

            var some = harness.Run(new Lstm(layer.Attributes), 3);
            for (var i = 0; i < 3; i++)
            {
                if ((mask & 1 << i) == 0) Assert.True(all[i].SameBits(some[i]), $"output {i} with mask {mask}");
            }
        }
    }

    [Fact]
    public void No_steps_leave_the_initial_state()
    {
        var random = new Random(2);
        var test = new RecurrentCase(random, steps: 0, batch: 2, inputs: 4, hidden: 5, state: 5, direction: 2, lengths: false, initial: true);
        var layer = new Layer(random, TensorFormat.PackedFloat32, test, isStandard: true);
        var result = layer.Harness().Run(new Lstm(layer.Attributes), 3);
        Assert.Empty(result[0].As<float>());
        Assert.Equal(test.InitialH, result[1].As<float>());
        Assert.Equal(test.InitialC, result[2].As<float>());
    }

    [Fact]
    public void A_length_past_the_sequence_is_refused()
    {
        var random = new Random(1);
        var layer = new Layer(random, TensorFormat.PackedFloat32, new RecurrentCase(random, steps: 3, batch: 1, inputs: 4, hidden: 4, state: 4, direction: 0, lengths: true, initial: false), isStandard: true);
        layer.Case.Lengths![0] = 4;
        var error = Assert.Throws<ArgumentException>(() => layer.Harness().Run(new Lstm(layer.Attributes), 3));
        Assert.Contains("length 4", error.Message);
    }

    [Fact]
    public void Weights_of_another_size_are_refused()
    {
        var random = new Random(1);
        var layer = new Layer(random, TensorFormat.PackedFloat32, new RecurrentCase(random, steps: 3, batch: 1, inputs: 4, hidden: 4, state: 4, direction: 0, lengths: false, initial: false), isStandard: true);
        Assert.Throws<ArgumentException>(() => layer.Harness().Run(new Lstm(new Attributes().Set(AttributeKey.Hidden, 20)), 3));
        Assert.Throws<SeqFormatException>(() => layer.Harness().Run(new Lstm(new Attributes().Set(AttributeKey.Hidden, 4).Set(AttributeKey.Direction, 2)), 3));
    }

    /// <summary>A layer with its weights, options and formulas.</summary>
    private sealed class Layer
    {
        private readonly TensorFormat _format;
        private readonly NamedActivation[] _activations;
        private readonly float[][]? _peepholes;
        private readonly byte[][]? _packedProjections;
        private readonly float[][]? _projections;
        private readonly bool _hasBias;
        private readonly bool _inputForget;
        private readonly float _clip;

        public Layer(Random random, TensorFormat format, RecurrentCase test, bool isStandard, bool projects = false)
        {
            _format = format;
            Case = test;
            Weights = [.. Enumerable.Range(0, test.Directions).Select(_ => new RecurrentWeights(random, format, 4, test.Hidden, test.Inputs, test.State))];
            _hasBias = random.Next(4) != 0;
            var standard = new[] { new NamedActivation("Sigmoid"), new NamedActivation("Tanh"), new NamedActivation("Tanh") };
            _activations = [.. Enumerable.Range(0, 3 * test.Directions).Select(i => isStandard || random.Next(2) == 0 ? standard[i % 3] : i % 3 == 0 ? NamedActivation.PickGate(random) : NamedActivation.Pick(random))];
            Attributes = new Attributes().Set(AttributeKey.Hidden, test.Hidden).Set(AttributeKey.Direction, test.Direction);
            if (projects)
            {
                _projections = new float[test.Directions][];
                _packedProjections = [.. Enumerable.Range(0, test.Directions).Select(d => Operators.Weights.Pack(
                    format, Numbers.Random(random, test.State * test.Hidden, 0.5f), test.State, test.Hidden, out _projections[d]))];
            }

            if (isStandard) return;
            Attributes.Set(AttributeKey.Activations, string.Join(", ", _activations.Select(a => a.Name)))
                .Set(AttributeKey.ActivationAlpha, _activations.Select(a => a.Alpha).ToArray()).Set(AttributeKey.ActivationBeta, _activations.Select(a => a.Beta).ToArray());
            if (random.Next(2) == 0) _peepholes = [.. Enumerable.Range(0, test.Directions).Select(_ => Numbers.Random(random, 3 * test.Hidden, 0.7f))];
            _inputForget = random.Next(3) == 0;
            _clip = random.Next(3) == 0 ? 0.5f : 0;
            Attributes.Set(AttributeKey.InputForget, _inputForget).Set(AttributeKey.CellClip, _clip);
        }

        public RecurrentCase Case { get; }

        public RecurrentWeights[] Weights { get; }

        public Attributes Attributes { get; }

        public static Layer Random(Random random, TensorFormat format, bool isStandard, bool? projects = null)
        {
            var projection = projects ?? random.Next(3) == 0;
            return new Layer(random, format, RecurrentCase.Random(random, projection ? random.Next(1, 20) : null, isStandard), isStandard, projection);
        }

        public OperatorHarness Harness() =>
            AddWeights(RecurrentCase.Optional(Case.Harness(), Case.InitialC, Case.Directions, Case.Batch, Case.Hidden));

        public OperatorHarness AddWeights(OperatorHarness harness)
        {
            for (var d = 0; d < Case.Directions; d++)
            {
                var w = Weights[d];
                harness.Packed(_format, w.Rows, w.Inputs, w.PackedW).Packed(_format, w.Rows, w.State, w.PackedR);
                RecurrentCase.Optional(harness, _hasBias ? w.SummedBias() : null, w.Rows);
                RecurrentCase.Optional(harness, _peepholes?[d], 3, w.Hidden);
                if (_packedProjections is null) harness.Absent();
                else harness.Packed(_format, w.State, w.Hidden, _packedProjections[d]);
            }

            return harness;
        }

        /// <summary>One step by ONNX's equations (gates here in order i, f, g, o).</summary>
        public void Cell(int d, double[] x, double[] h, double[] c)
        {
            var w = Weights[d];
            var hidden = new double[c.Length];
            for (var u = 0; u < c.Length; u++)
            {
                double Gate(int g, double peephole, int function)
                {
                    var z = RecurrentWeights.Dot(w.W[g], u, x) + RecurrentWeights.Dot(w.R[g], u, h) + (_hasBias ? w.InputBias[g][u] + w.StateBias[g][u] : 0) + peephole;
                    return _activations[d * 3 + function].Apply(_clip == 0 ? z : Math.Clamp(z, -_clip, _clip));
                }

                double Peephole(int index, double cell) => _peepholes is null ? 0 : _peepholes[d][index * c.Length + u] * cell;

                var i = Gate(0, Peephole(0, c[u]), function: 0);
                var f = _inputForget ? 1 - i : Gate(1, Peephole(1, c[u]), function: 0);
                c[u] = f * c[u] + i * Gate(2, peephole: 0, function: 1);
                hidden[u] = Gate(3, Peephole(2, c[u]), function: 0) * _activations[d * 3 + 2].Apply(c[u]);
            }

            for (var u = 0; u < h.Length; u++) h[u] = _projections is null ? hidden[u] : RecurrentWeights.Dot(_projections[d], u, hidden);
        }
    }
}
