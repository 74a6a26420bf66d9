namespace SeqRuntime.Perf.Plotting;

/// <summary>A logarithmic axis: values from <paramref name="least"/> to <paramref name="most"/> onto pixels.</summary>
internal sealed class LogAxis(double least, double most, double from, double to)
{
    public double At(double value) => from + (to - from) * Math.Log(value / least) / Math.Log(most / least);

    /// <summary>1, 2 and 5 times the powers of ten that lie on the axis.</summary>
    public IEnumerable<double> Ticks()
    {
        for (var power = Math.Pow(10, Math.Floor(Math.Log10(least))); power <= most; power *= 10)
        {
            foreach (var factor in (double[])[1, 2, 5])
            {
                if (power * factor >= least * 0.999 && power * factor <= most * 1.001) yield return power * factor;
            }
        }
    }

    /// <summary>An axis that has room for all values: from the tick under the smallest to the tick over the largest.</summary>
    public static LogAxis Around(IReadOnlyCollection<double> values, double from, double to) => new(Down(values.Min()), Up(values.Max()), from, to);

    private static double Down(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return value >= 5 * power ? 5 * power : value >= 2 * power ? 2 * power : power;
    }

    private static double Up(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return value <= power ? power : value <= 2 * power ? 2 * power : value <= 5 * power ? 5 * power : 10 * power;
    }
}
