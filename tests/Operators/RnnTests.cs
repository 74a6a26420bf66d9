using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class RnnTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Matches_the_formula_for_any_shape_and_activation(int seed)
    {
        var random = new Random(seed);
        var test = RecurrentCase.Random(random, mayBeLong: seed % 3 == 0);
        var activations = Enumerable.Range(0, test.Directions).Select(_ => seed % 3 == 0 ? new NamedActivation("Tanh") : NamedActivation.Pick(random)).ToArray();
        var clip = random.Next(3) == 0 ? 0.4f : 0;
        var attributes = new Attributes().Set(AttributeKey.Hidden, test.Hidden).Set(AttributeKey.Direction, test.Direction).Set(AttributeKey.CellClip, clip)
            .Set(AttributeKey.Activations, string.Join(',', activations.Select(a => a.Name)))
            .Set(AttributeKey.ActivationAlpha, activations.Select(a => a.Alpha).ToArray()).Set(AttributeKey.ActivationBeta, activations.Select(a => a.Beta).ToArray());
        var hasBias = random.Next(2) == 0;
        var weights = Make(random, TensorFormat.PackedFloat32, test);
        var expected = test.Run((d, x, h, _) => Cell(weights[d], hasBias, clip, activations[d], x, h));
        var actual = Add(test.Harness(), weights, TensorFormat.PackedFloat32, hasBias).Run(new Rnn(attributes), 2);
        Numbers.Close(expected.Y, actual[0].As<float>(), 1e-5, "Y");
        Numbers.Close(expected.H, actual[1].As<float>(), 1e-5, "Y_h");
    }

    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void Steps_with_carried_state_give_the_bits_of_the_whole_sequence(int packing)
    {
        var format = (TensorFormat)packing;
        var random = new Random(7);
        var test = new RecurrentCase(random, steps: 9, batch: 3, inputs: 12, hidden: 20, state: 20, direction: 0, lengths: false, initial: true);
        var weights = Make(random, format, test);
        var op = new Rnn(new Attributes().Set(AttributeKey.Hidden, 20));
        var whole = Add(test.Harness(), weights, format, hasBias: true).Run(op, 2);
        var h = test.InitialH!;
        for (var t = 0; t < 9; t++)
        {
            var step = Add(new OperatorHarness().Dense([1, 3, 12], test.X.AsSpan(t * 36, 36).ToArray()).Absent().Dense([1, 3, 20], h), weights, format, hasBias: true).Run(op, 2);
            h = step[1].As<float>();
            Assert.Equal(whole[0].As<float>().AsSpan(t * 60, 60).ToArray(), step[0].As<float>());
        }

        Assert.Equal(whole[1].As<float>(), h);
    }

    [Fact]
    public void ReLU_state_outside_one_is_quantized_by_its_own_range()
    {
        var random = new Random(3);
        var test = new RecurrentCase(random, steps: 1, batch: 2, inputs: 8, hidden: 16, state: 16, direction: 0, lengths: false, initial: true);
        for (var i = 0; i < test.InitialH!.Length; i++) test.InitialH[i] *= 50;
        var weights = Make(random, TensorFormat.PackedInt8, test);
        var relu = new NamedActivation("Relu");
        var attributes = new Attributes().Set(AttributeKey.Hidden, 16).Set(AttributeKey.Activations, "Relu");
        var expected = test.Run((d, x, h, _) => Cell(weights[d], hasBias: true, 0, relu, x, h));
        var actual = Add(test.Harness(), weights, TensorFormat.PackedInt8, hasBias: true).Run(new Rnn(attributes), 2)[0].As<float>();

        // Rounding moves each input by at most half a step: Σ|w|·scale/2; relu does not enlarge it.
        for (var u = 0; u < actual.Length; u++)
        {
            var bound = 16 * 0.25 * (45.0 / 127) / 2 + 8 * 0.36 * (1.0 / 127) / 2;
            Assert.InRange(actual[u] - expected.Y[u], -bound, bound);
        }
    }

    [Fact]
    public void An_unknown_activation_or_a_wrong_number_of_them_is_refused()
    {
        Assert.Throws<SeqFormatException>(() => new Rnn(new Attributes().Set(AttributeKey.Hidden, 4).Set(AttributeKey.Activations, "Cosine")));
        Assert.Throws<SeqFormatException>(() => new Rnn(new Attributes().Set(AttributeKey.Hidden, 4).Set(AttributeKey.Activations, "Tanh,Tanh")));
        Assert.Throws<SeqFormatException>(() => new Rnn(new Attributes()));
    }

    private static RecurrentWeights[] Make(Random random, TensorFormat format, RecurrentCase test) =>
        [.. Enumerable.Range(0, test.Directions).Select(_ => new RecurrentWeights(random, format, 1, test.Hidden, test.Inputs, test.Hidden))];

    private static OperatorHarness Add(OperatorHarness harness, RecurrentWeights[] weights, TensorFormat format, bool hasBias)
    {
        foreach (var w in weights)
        {
            harness.Packed(format, w.Rows, w.Inputs, w.PackedW).Packed(format, w.Rows, w.State, w.PackedR);
            RecurrentCase.Optional(harness, hasBias ? w.SummedBias() : null, w.Rows);
        }

        return harness;
    }

    private static void Cell(RecurrentWeights w, bool hasBias, double clip, NamedActivation f, double[] x, double[] h)
    {
        var before = (double[])h.Clone();
        for (var u = 0; u < h.Length; u++)
        {
            var z = RecurrentWeights.Dot(w.W[0], u, x) + RecurrentWeights.Dot(w.R[0], u, before) + (hasBias ? w.InputBias[0][u] + w.StateBias[0][u] : 0);
            h[u] = f.Apply(clip == 0 ? z : Math.Clamp(z, -clip, clip));
        }
    }
}
