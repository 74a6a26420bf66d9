using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class SruTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Matches_the_paper_for_any_shape_and_option(int seed)
    {
        var random = new Random(seed);
        var layer = Layer.Random(random, seed % 3 == 0 ? TensorFormat.PackedFloat16 : TensorFormat.PackedFloat32, isProjected: seed % 2 == 0);
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(layer.Operator, 2);
        Numbers.Close(expected.Y, actual[0].As<float>(), 2e-5, "Y");
        Numbers.Close(expected.C, actual[1].As<float>(), 2e-5, "Y_c");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Integers_stay_within_two_percent_of_float_on_the_same_rounded_weights(int seed)
    {
        var random = new Random(seed);
        var layer = Layer.Random(random, seed % 3 == 0 ? TensorFormat.PackedInt8 : TensorFormat.PackedInt4, isProjected: seed % 2 == 0);
        var expected = layer.Case.Run(layer.Cell).Y;
        var actual = layer.Harness().Run(layer.Operator, 2)[0].As<float>();
        var error = actual.Zip(expected, (a, e) => Math.Pow(a - e, 2)).Sum();
        var power = expected.Sum(e => e * e);
        Assert.True(error <= 0.02 * 0.02 * power + 1e-6, $"relative error {Math.Sqrt(error / power):P2}");
    }

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void Steps_with_carried_state_give_the_bits_of_the_whole_sequence(int packing)
    {
        foreach (var (hidden, batch, isProjected) in new[] { (32, 1, true), (21, 2, true), (9, 3, false) })
        {
            var random = new Random(11);
            var test = new RecurrentCase(random, steps: 12, batch, inputs: 9, hidden, hidden, direction: 0, lengths: false, initial: true);
            var layer = new Layer(random, (TensorFormat)packing, test, isProjected);
            var whole = layer.Harness().Run(layer.Operator, 2);
            var c = test.InitialC!;
            for (var t = 0; t < 12; t++)
            {
                var harness = new OperatorHarness().Dense([1, batch, 9], test.X.AsSpan(t * batch * 9, batch * 9).ToArray()).Absent().Dense([1, batch, hidden], c);
                var step = layer.AddWeights(harness).Run(layer.Operator, 2);
                Assert.Equal(whole[0].As<float>().AsSpan(t * batch * hidden, batch * hidden).ToArray(), step[0].As<float>());
                c = step[1].As<float>();
            }

            Assert.Equal(whole[1].As<float>(), c);
        }
    }

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void A_batch_of_different_lengths_gives_each_row_the_bits_it_gets_alone(int packing)
    {
        foreach (var isProjected in new[] { true, false })
        {
            var random = new Random(13);
            var test = new RecurrentCase(random, steps: 6, batch: 5, inputs: 24, hidden: 24, state: 24, direction: 2, lengths: true, initial: true);
            var layer = new Layer(random, (TensorFormat)packing, test, isProjected);
            var together = layer.Harness().Run(layer.Operator, 2);
            for (var n = 0; n < 5; n++)
            {
                var row = n;
                float[] Take(float[] all, int outer, int size) => [.. Enumerable.Range(0, outer).SelectMany(o => all.AsSpan((o * 5 + row) * size, size).ToArray())];
                var harness = new OperatorHarness().Dense([6, 1, 24], Take(test.X, outer: 6, size: 24)).Dense([1], test.Lengths![n]).Dense([2, 1, 24], Take(test.InitialC!, outer: 2, size: 24));
                var alone = layer.AddWeights(harness).Run(layer.Operator, 2);
                Assert.Equal(Take(together[0].As<float>(), outer: 12, size: 24), alone[0].As<float>());
                Assert.Equal(Take(together[1].As<float>(), outer: 2, size: 24), alone[1].As<float>());
            }
        }
    }

    [Fact]
    public void Outputs_that_nothing_reads_change_no_other()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var layer = Layer.Random(new Random(seed), (TensorFormat)(1 + seed % 4), isProjected: seed % 2 == 0);
            var all = layer.Harness().Run(layer.Operator, 2);
            Assert.True(all[1].SameBits(layer.Harness().Omit(0).Run(layer.Operator, 2)[1]));
            Assert.True(all[0].SameBits(layer.Harness().Omit(1).Run(layer.Operator, 2)[0]));
        }
    }

    [Fact]
    public void No_steps_leave_the_state_as_it_was()
    {
        var random = new Random(2);
        var layer = new Layer(random, TensorFormat.PackedFloat32, new RecurrentCase(random, steps: 0, batch: 2, inputs: 7, hidden: 7, state: 7, direction: 0, lengths: false, initial: true), isProjected: false);
        var result = layer.Harness().Run(layer.Operator, 2);
        Assert.Empty(result[0].As<float>());
        Assert.Equal(layer.Case.InitialC, result[1].As<float>());
    }

    /// <summary>Without a matrix of its own the highway joins inputs and units one by one; and there is nothing that an R could multiply.</summary>
    [Fact]
    public void Inputs_that_the_highway_cannot_take_and_a_matrix_for_no_state_are_refused()
    {
        var random = new Random(3);
        var layer = new Layer(random, TensorFormat.PackedFloat32, new RecurrentCase(random, steps: 2, batch: 1, inputs: 5, hidden: 8, state: 8, direction: 0, lengths: false, initial: false), isProjected: false);
        Assert.Contains("[steps, batch, 8], since the highway", Assert.Throws<ArgumentException>(() => layer.Harness().Run(layer.Operator, 2)).Message, StringComparison.Ordinal);
        var test = new RecurrentCase(random, steps: 2, batch: 1, inputs: 8, hidden: 8, state: 8, direction: 0, lengths: false, initial: false);
        var other = new Layer(random, TensorFormat.PackedFloat32, test, isProjected: false);
        var harness = new OperatorHarness().Dense([2, 1, 8], test.X).Absent().Absent();
        var w = new RecurrentWeights(random, TensorFormat.PackedFloat32, gates: 3, hidden: 8, inputs: 8, state: 8);
        harness.Packed(TensorFormat.PackedFloat32, w.Rows, 8, w.PackedW).Packed(TensorFormat.PackedFloat32, w.Rows, 8, w.PackedR);
        Assert.Contains("no hidden state", Assert.Throws<SeqFormatException>(() => harness.Run(other.Operator, 2)).Message, StringComparison.Ordinal);
    }

    private sealed class Layer
    {
        private readonly TensorFormat _format;
        private readonly RecurrentWeights[] _weights;
        private readonly float[][]? _vectors;
        private readonly bool _hasBias;
        private readonly bool _isProjected;
        private readonly float _alpha;

        public Layer(Random random, TensorFormat format, RecurrentCase test, bool isProjected)
        {
            _format = format;
            _isProjected = isProjected;
            Case = test;
            _weights = [.. Enumerable.Range(0, test.Directions).Select(_ => new RecurrentWeights(random, format, isProjected ? 4 : 3, test.Hidden, test.Inputs, 1))];
            if (random.Next(4) != 0) _vectors = [.. _weights.Select(_ => Numbers.Random(random, 2 * test.Hidden))];
            _hasBias = random.Next(4) != 0;
            _alpha = random.Next(2) == 0 ? 1 : 1.7f;
            var attributes = new Attributes().Set(AttributeKey.Hidden, test.Hidden).Set(AttributeKey.Direction, test.Direction);
            if (_alpha != 1) attributes.Set(AttributeKey.Alpha, _alpha);
            Operator = new Sru(attributes, isProjected);
        }

        public RecurrentCase Case { get; }

        public Sru Operator { get; }

        public static Layer Random(Random random, TensorFormat format, bool isProjected)
        {
            var hidden = random.Next(1, 41);
            var steps = random.Next(8) == 0 ? random.Next(100, 160) : random.Next(1, 9);
            return new Layer(random, format, new RecurrentCase(random, steps, random.Next(1, 5), isProjected ? random.Next(1, 24) : hidden, hidden, hidden, random.Next(3), random.Next(2) == 0, random.Next(2) == 0), isProjected);
        }

        public OperatorHarness Harness()
        {
            var harness = new OperatorHarness().Dense([Case.Steps, Case.Batch, Case.Inputs], Case.X);
            if (Case.Lengths is null) harness.Absent();
            else harness.Dense([Case.Batch], Case.Lengths);
            return AddWeights(RecurrentCase.Optional(harness, Case.InitialC, Case.Directions, Case.Batch, Case.Hidden));
        }

        public OperatorHarness AddWeights(OperatorHarness harness)
        {
            for (var d = 0; d < Case.Directions; d++)
            {
                var w = _weights[d];
                harness.Packed(_format, w.Rows, w.Inputs, w.PackedW).Absent();
                var zeros = new float[w.Hidden];
                RecurrentCase.Optional(harness, _hasBias ? w.Interleave([zeros, w.InputBias[1], w.InputBias[2], .. _isProjected ? new[] { zeros } : []], 1) : null, w.Rows);
                RecurrentCase.Optional(harness, _vectors?[d], 2, w.Hidden);
            }

            return harness;
        }

        /// <summary>
        /// One step by equations 1 to 4 of arXiv 1709.02755: f = σ(Wf x + vf ⊙ c + bf), c = f ⊙ c + (1 - f) ⊙ (W x), r = σ(Wr x + vr ⊙ c + br)
        /// with the c before, h = r ⊙ c + (1 - r) ⊙ α x. Gates here in order W, Wf, Wr and, instead of x, what a fourth matrix makes of it.
        /// </summary>
        public void Cell(int d, double[] x, double[] h, double[] c)
        {
            var w = _weights[d];
            for (var u = 0; u < c.Length; u++)
            {
                double Gate(int g) => 1 / (1 + Math.Exp(-(RecurrentWeights.Dot(w.W[g], u, x) + (_vectors is null ? 0 : _vectors[d][(g - 1) * c.Length + u] * c[u]) + (_hasBias ? w.InputBias[g][u] : 0))));
                var (f, r) = (Gate(1), Gate(2));
                c[u] = f * c[u] + (1 - f) * RecurrentWeights.Dot(w.W[0], u, x);
                h[u] = r * c[u] + (1 - r) * _alpha * (_isProjected ? RecurrentWeights.Dot(w.W[3], u, x) : x[u]);
            }
        }
    }
}
