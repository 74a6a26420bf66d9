using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class LpNormalizationTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(-1, 1)]
    public void Divides_each_line_by_its_norm(int axis, int p)
    {
        int[] shape = [3, 18];
        var x = Numbers.Random(new Random(5), 54);
        Array.Clear(x, 0, 18);
        var expected = new double[54];
        for (var i = 0; i < 54; i++)
        {
            var line = axis == 0 ? Enumerable.Range(0, 3).Select(r => x[r * 18 + i % 18]) : x.Skip(i / 18 * 18).Take(18);
            var norm = p == 1 ? line.Sum(v => Math.Abs((double)v)) : Math.Sqrt(line.Sum(v => (double)v * v));
            expected[i] = norm == 0 ? 0 : x[i] / norm;
        }

        var op = new LpNormalization(new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.P, p));
        Numbers.Close(expected, new OperatorHarness().Dense(shape, x).Run(op)[0].As<float>(), 1e-6, "Y");
    }
}
