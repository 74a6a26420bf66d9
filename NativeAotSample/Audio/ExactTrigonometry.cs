namespace NativeAotSample.Audio;

/// <summary>
/// Sine and cosine from correctly rounded operations only. So the tables of the transform and the resampler, and every output sample, have
/// the same bits on every processor. <see cref="Math.Sin"/> does not guarantee that.
/// </summary>
internal static class ExactTrigonometry
{
    /// <summary>sin(πx), accurate to about 2 units in the last place for |x| ≤ 2²⁰.</summary>
    public static double SinPi(double x)
    {
        var whole = Math.Floor(x + 0.5);
        var angle = (x - whole) * Math.PI;
        var square = angle * angle;
        var sum = 0.0;
        for (var term = 21; term >= 3; term -= 2) sum = (sum + 1) * -square / (term * (term - 1));
        var sine = angle + angle * sum;
        return ((long)whole & 1) == 0 ? sine : -sine;
    }

    /// <summary>cos(πx).</summary>
    public static double CosPi(double x) => SinPi(x + 0.5);

    /// <summary>Modified Bessel function of the first kind and order 0 by its power series, for the Kaiser window.</summary>
    public static double BesselI0(double x)
    {
        var quarter = x * x / 4;
        var sum = 1.0;
        var term = 1.0;
        for (var k = 1; term > sum * 1e-17; k++)
        {
            term *= quarter / ((double)k * k);
            sum += term;
        }

        return sum;
    }
}
