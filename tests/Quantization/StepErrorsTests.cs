using SeqRuntime.Converter.Quantization;

namespace SeqRuntime.Tests.Quantization;

/// <summary>The errors of many steps at once have the bits of plain sums, one step after the other.</summary>
public sealed class StepErrorsTests
{
    [Theory]
    [InlineData(1, 1, -8, 7)]
    [InlineData(32, 42, -8, 7)]
    [InlineData(31, 254, -8, 7)]
    [InlineData(2000, 21, -127, 127)]
    public void Sums_have_the_bits_of_plain_ones(int values, int steps, int least, int most)
    {
        var random = new Random(values + steps);
        var w = Enumerable.Range(0, values).Select(i => i % 7 == 0 ? 0 : (float)(random.NextDouble() - 0.5)).ToArray();
        var s = new double[StepErrors.Padded(steps)];
        // Steps of 0, negative ones, and some of which values are half steps.
        for (var i = 0; i < steps; i++) s[i] = i % 11 == 10 ? 0 : i % 5 == 4 ? w[i % values] / 2.5 : (random.NextDouble() - 0.5) / 5;
        double[] errors = new double[s.Length], corrected = new double[s.Length];
        StepErrors.Of(w, s, least, most, errors, corrected);
        for (var i = 0; i < steps; i++)
        {
            double error = 0, products = 0, squares = 0;
            foreach (var value in w)
            {
                var q = s[i] == 0 ? 0 : Math.Clamp(Math.Round(value / s[i], MidpointRounding.ToEven), least, most);
                var lost = value - q * s[i];
                error += lost * lost;
                products += value * q;
                squares += q * q;
            }

            Assert.Equal(error, errors[i]);
            Assert.Equal(squares > 0 ? products / squares : s[i], corrected[i]);
        }
    }
}
