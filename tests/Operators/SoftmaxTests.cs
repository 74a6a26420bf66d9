using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class SoftmaxTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(-3)]
    public void Normalizes_along_any_axis(int axis)
    {
        int[] shape = [5, 17, 6];
        var x = Numbers.Random(new Random(2), 5 * 17 * 6, 20);
        var harness = new OperatorHarness().Dense(shape, x);
        var attributes = new Attributes().Set(AttributeKey.Axis, axis);
        double[] soft = new double[x.Length], logarithm = new double[x.Length], hard = new double[x.Length];
        var own = (axis + 3) % 3;
        var stride = shape.Skip(own + 1).Aggregate(1, (a, b) => a * b);
        for (var i = 0; i < x.Length; i++)
        {
            var start = i / (stride * shape[own]) * stride * shape[own] + i % stride;
            var line = Enumerable.Range(0, shape[own]).Select(k => (double)x[start + k * stride]).ToArray();
            var sum = line.Sum(v => Math.Exp(v - line.Max()));
            soft[i] = Math.Exp(x[i] - line.Max()) / sum;
            logarithm[i] = x[i] - line.Max() - Math.Log(sum);
            hard[i] = Array.IndexOf(line, line.Max()) == (i - start) / stride ? 1 : 0;
        }

        Numbers.Close(soft, harness.Run(new Softmax(attributes, SoftmaxKind.Softmax))[0].As<float>(), 1e-6, "softmax");
        Numbers.Close(logarithm, harness.Run(new Softmax(attributes, SoftmaxKind.LogSoftmax))[0].As<float>(), 1e-6, "log softmax");
        Numbers.Close(hard, harness.Run(new Softmax(attributes, SoftmaxKind.Hardmax))[0].As<float>(), 0, "hardmax");
    }

    [Fact]
    public void Hardmax_takes_the_first_of_equal_maxima() =>
        Assert.Equal([0f, 1, 0, 0], new OperatorHarness().Dense<float>([4], 1, 3, 3, 2).Run(new Softmax(new Attributes(), SoftmaxKind.Hardmax))[0].As<float>());

    [Fact]
    public void An_axis_that_is_not_there_is_refused() =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([2], 1, 2).Run(new Softmax(new Attributes().Set(AttributeKey.Axis, 1), SoftmaxKind.Softmax)));
}
