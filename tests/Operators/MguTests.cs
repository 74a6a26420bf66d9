using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class MguTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Matches_the_paper_for_any_shape(int seed)
    {
        var random = new Random(seed);
        var layer = new Layer(random, seed % 3 == 0 ? TensorFormat.PackedFloat16 : TensorFormat.PackedFloat32, RecurrentCase.Random(random, mayBeLong: seed % 2 == 0));
        var expected = layer.Case.Run(layer.Cell);
        var actual = layer.Harness().Run(new Mgu(layer.Attributes), 2);
        Numbers.Close(expected.Y, actual[0].As<float>(), 2e-5, "Y");
        Numbers.Close(expected.H, actual[1].As<float>(), 2e-5, "Y_h");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Integers_stay_within_two_percent_of_float_on_the_same_rounded_weights(int seed)
    {
        var random = new Random(seed);
        var layer = new Layer(random, seed % 3 == 0 ? TensorFormat.PackedInt8 : TensorFormat.PackedInt4, RecurrentCase.Random(random));
        var expected = layer.Case.Run(layer.Cell).Y;
        var actual = layer.Harness().Run(new Mgu(layer.Attributes), 2)[0].As<float>();
        var error = actual.Zip(expected, (a, e) => Math.Pow(a - e, 2)).Sum();
        var power = expected.Sum(e => e * e);
        Assert.True(error <= 0.02 * 0.02 * power + 1e-6, $"relative error {Math.Sqrt(error / power):P2}");
    }

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void Steps_with_carried_state_give_the_bits_of_the_whole_sequence(int packing)
    {
        foreach (var (hidden, batch) in new[] { (32, 1), (21, 2), (16, 3) })
        {
            var random = new Random(11);
            var test = new RecurrentCase(random, steps: 12, batch, inputs: 9, hidden, hidden, direction: 0, lengths: false, initial: true);
            test.InitialH![0] = 3; // outside what int8's fixed scale holds, for several steps
            var layer = new Layer(random, (TensorFormat)packing, test);
            var op = new Mgu(layer.Attributes);
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
    }

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void A_batch_of_different_lengths_gives_each_row_the_bits_it_gets_alone(int packing)
    {
        var random = new Random(13);
        var test = new RecurrentCase(random, steps: 6, batch: 5, inputs: 10, hidden: 24, state: 24, direction: 2, lengths: true, initial: true);
        test.InitialH![3 * 24] = -2;
        var layer = new Layer(random, (TensorFormat)packing, test);
        var together = layer.Harness().Run(new Mgu(layer.Attributes), 2);
        for (var n = 0; n < 5; n++)
        {
            var row = n;
            float[] Take(float[] all, int outer, int size) => [.. Enumerable.Range(0, outer).SelectMany(o => all.AsSpan((o * 5 + row) * size, size).ToArray())];
            var harness = new OperatorHarness().Dense([6, 1, 10], Take(test.X, outer: 6, size: 10)).Dense([1], test.Lengths![n]).Dense([2, 1, 24], Take(test.InitialH, outer: 2, size: 24));
            var alone = layer.AddWeights(harness).Run(new Mgu(layer.Attributes), 2);
            Assert.Equal(Take(together[0].As<float>(), outer: 12, size: 24), alone[0].As<float>());
            Assert.Equal(Take(together[1].As<float>(), outer: 2, size: 24), alone[1].As<float>());
        }
    }

    [Fact]
    public void A_missing_initial_state_gives_the_bits_of_zeros()
    {
        var random = new Random(17);
        var test = new RecurrentCase(random, steps: 4, batch: 2, inputs: 9, hidden: 19, state: 19, direction: 2, lengths: false, initial: false);
        var layer = new Layer(random, TensorFormat.PackedInt8, test);
        var missing = layer.Harness().Run(new Mgu(layer.Attributes), 2);
        test.InitialH = new float[2 * 2 * 19];
        var zeros = layer.Harness().Run(new Mgu(layer.Attributes), 2);
        Assert.Equal(zeros[0].As<float>(), missing[0].As<float>());
    }

    private sealed class Layer
    {
        private readonly TensorFormat _format;
        private readonly RecurrentWeights[] _weights;
        private readonly bool _hasBias;

        public Layer(Random random, TensorFormat format, RecurrentCase test)
        {
            _format = format;
            Case = test;
            _weights = [.. Enumerable.Range(0, test.Directions).Select(_ => new RecurrentWeights(random, format, 2, test.Hidden, test.Inputs, test.Hidden))];
            _hasBias = random.Next(4) != 0;
            Attributes = new Attributes().Set(AttributeKey.Hidden, test.Hidden).Set(AttributeKey.Direction, test.Direction);
        }

        public RecurrentCase Case { get; }

        public Attributes Attributes { get; }

        public OperatorHarness Harness() => AddWeights(Case.Harness());

        public OperatorHarness AddWeights(OperatorHarness harness)
        {
            foreach (var w in _weights)
            {
                harness.Packed(_format, w.Rows, w.Inputs, w.PackedW).Packed(_format, w.Rows, w.State, w.PackedR);
                RecurrentCase.Optional(harness, _hasBias ? w.SummedBias() : null, w.Rows);
            }

            return harness;
        }

        /// <summary>
        /// One step by equations 6 of arXiv 1603.09420: f = σ(Wf [h, x] + bf), h̃ = tanh(Wh [f ⊙ h, x] + bh), h = (1 - f) ⊙ h + f ⊙ h̃. Gates
        /// here in order f, h̃.
        /// </summary>
        public void Cell(int d, double[] x, double[] h, double[] c)
        {
            var w = _weights[d];
            double Sum(int g, int u, double[] state) => RecurrentWeights.Dot(w.W[g], u, x) + RecurrentWeights.Dot(w.R[g], u, state) + (_hasBias ? w.InputBias[g][u] + w.StateBias[g][u] : 0);
            var f = new double[h.Length];
            for (var u = 0; u < h.Length; u++) f[u] = 1 / (1 + Math.Exp(-Sum(0, u, h)));
            double[] forgotten = [.. f.Zip(h, (gate, value) => gate * value)];
            double[] candidate = [.. Enumerable.Range(0, h.Length).Select(u => Math.Tanh(Sum(1, u, forgotten)))];
            for (var u = 0; u < h.Length; u++) h[u] = (1 - f[u]) * h[u] + f[u] * candidate[u];
        }
    }
}
