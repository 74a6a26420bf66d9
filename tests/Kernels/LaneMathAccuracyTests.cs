using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Maximum errors over the whole float range (every 4099th bit pattern, both signs) compared with double arithmetic.</summary>
public sealed unsafe class LaneMathAccuracyTests(ITestOutputHelper output)
{
    private const uint Step = 4099;
    private const int Batch = 4096;

    [Theory]
    [InlineData("Exp", 1.0)]
    [InlineData("Log", 1.0)]
    [InlineData("Tanh", 2.5)]
    [InlineData("Sigmoid", 2.25)]
    [InlineData("Softplus", 2.0)]
    [InlineData("Erf", 1.1)]
    [InlineData("Sin", 1.5)]
    [InlineData("Cos", 1.5)]
    [InlineData("Tan", 3.0)]
    [InlineData("Asin", 3.0)]
    [InlineData("Acos", 3.0)]
    [InlineData("Atan", 3.0)]
    [InlineData("Sinh", 2.0)]
    [InlineData("Cosh", 2.0)]
    [InlineData("Asinh", 4.0)]
    [InlineData("Acosh", 4.0)]
    [InlineData("Atanh", 4.0)]
    [InlineData("Mish", 4.0)]
    [InlineData("Elu", 2.0)]
    public void Error_stays_below_what_the_documentation_states(string name, double limit)
    {
        var function = Enum.Parse<UnaryFunction>(name);
        var kernels = KernelRegistry.Choose();
        using var x = new GuardedMemory<float>(Batch);
        using var y = new GuardedMemory<float>(Batch);
        double worst = 0;
        float worstAt = 0;
        ulong next = 0;
        while (next <= uint.MaxValue)
        {
            for (var i = 0; i < Batch; i++, next += Step) x.Pointer[i] = BitConverter.UInt32BitsToSingle((uint)Math.Min(next, uint.MaxValue));
            kernels.Unary(function, x.Pointer, y.Pointer, Batch, 1, 0);
            for (var i = 0; i < Batch; i++)
            {
                var exact = Exact(function, x.Pointer[i]);
                if (function == UnaryFunction.Mish && x.Pointer[i] is < -86 and > -1e5f)
                {
                    Assert.True(Math.Abs(y.Pointer[i] - exact) < Math.ScaleB(1, -139));
                    continue;
                }

                var error = UlpError(y.Pointer[i], exact);
                if (error <= worst) continue;
                worst = error;
                worstAt = x.Pointer[i];
            }
        }

        output.WriteLine($"{name}: {worst:F3} ulp at {worstAt:G9} (stated: {limit})");
        Assert.True(worst <= limit, $"{name}: {worst:F3} ulp at {worstAt:G9}");
    }

    /// <summary>Every bit pattern near 0, near 1 and near the boundaries of the formulas.</summary>
    [Theory]
    [InlineData("Log", 0.7f, 1.5f, 1.0)]
    [InlineData("Exp", 0.3f, 0.75f, 1.0)]
    [InlineData("Tanh", 0.1f, 1f, 2.5)]
    [InlineData("Sigmoid", 0.1f, 1f, 2.25)]
    [InlineData("Erf", 0.8f, 1.2f, 1.1)]
    public void Every_float_near_a_branch_has_the_same_accuracy(string name, float from, float to, double limit)
    {
        var function = Enum.Parse<UnaryFunction>(name);
        var kernels = KernelRegistry.Choose();
        using var x = new GuardedMemory<float>(Batch);
        using var y = new GuardedMemory<float>(Batch);
        double worst = 0;
        for (var bits = BitConverter.SingleToUInt32Bits(from); bits < BitConverter.SingleToUInt32Bits(to);)
        {
            for (var i = 0; i < Batch; i++, bits += 3) x.Pointer[i] = BitConverter.UInt32BitsToSingle(bits);
            kernels.Unary(function, x.Pointer, y.Pointer, Batch, 1, 0);
            for (var i = 0; i < Batch; i++) worst = Math.Max(worst, UlpError(y.Pointer[i], Exact(function, x.Pointer[i])));
        }

        output.WriteLine($"{name} in [{from}, {to}]: {worst:F3} ulp");
        Assert.True(worst <= limit, $"{name}: {worst:F3} ulp");
    }

    [Fact]
    public void Pow_is_within_half_an_ulp_and_exact_on_whole_numbers()
    {
        var random = new Random(7);
        double worst = 0;
        for (var i = 0; i < 1_000_000; i++)
        {
            var x = BitConverter.UInt32BitsToSingle((uint)random.Next(0x00800000, 0x7F800000));
            var y = (random.NextSingle() - 0.5f) * 2 * 120 / MathF.Max(1, MathF.Abs(MathF.Log2(x)));
            worst = Math.Max(worst, UlpError(ScalarMath.Pow(x, y), Math.Pow(x, y)));
        }

        output.WriteLine($"Pow: {worst:F4} ulp");
        Assert.True(worst <= 0.501);
        for (var x = -60; x <= 60; x++)
        {
            double exact = 1;
            for (var y = 0; y <= 24 && Math.Abs(exact) <= 16777216; y++, exact *= x) Assert.Equal((float)exact, ScalarMath.Pow(x, y));
        }
    }

    [Fact]
    public void Pow_has_the_special_cases_of_ieee754()
    {
        float[] values = [0f, -0f, 1f, -1f, 2f, -2f, 3f, -3f, 0.5f, -0.5f, 1e30f, -1e30f, 16777217f, float.Epsilon, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        foreach (var x in values)
        {
            foreach (var y in values) Assert.True(Numbers.SameBits((float)Math.Pow(x, y), ScalarMath.Pow(x, y)), $"pow({x}, {y}) = {ScalarMath.Pow(x, y)}");
        }
    }

    [Theory]
    [InlineData("Exp", float.NegativeInfinity, 0f)]
    [InlineData("Exp", float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData("Exp", -104f, 0f)]
    [InlineData("Exp", 0f, 1f)]
    [InlineData("Log", 0f, float.NegativeInfinity)]
    [InlineData("Log", -1f, float.NaN)]
    [InlineData("Log", float.NegativeInfinity, float.NaN)]
    [InlineData("Log", float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData("Log", 1f, 0f)]
    [InlineData("Tanh", float.PositiveInfinity, 1f)]
    [InlineData("Tanh", float.NegativeInfinity, -1f)]
    [InlineData("Tanh", -0f, -0f)]
    [InlineData("Tanh", 1e-40f, 1e-40f)]
    [InlineData("Sigmoid", float.PositiveInfinity, 1f)]
    [InlineData("Sigmoid", float.NegativeInfinity, 0f)]
    [InlineData("Sigmoid", 0f, 0.5f)]
    [InlineData("Erf", float.PositiveInfinity, 1f)]
    [InlineData("Erf", float.NegativeInfinity, -1f)]
    [InlineData("Erf", -0f, -0f)]
    [InlineData("Softplus", float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData("Softplus", float.NegativeInfinity, 0f)]
    [InlineData("Sin", -0f, -0f)]
    [InlineData("Sin", float.PositiveInfinity, float.NaN)]
    [InlineData("Cos", float.NegativeInfinity, float.NaN)]
    [InlineData("Tan", -0f, -0f)]
    [InlineData("Asin", 1.5f, float.NaN)]
    [InlineData("Acos", -1.5f, float.NaN)]
    [InlineData("Acosh", 0.5f, float.NaN)]
    [InlineData("Atanh", 1f, float.PositiveInfinity)]
    [InlineData("Atanh", -1f, float.NegativeInfinity)]
    [InlineData("Atanh", 2f, float.NaN)]
    [InlineData("Sinh", float.NegativeInfinity, float.NegativeInfinity)]
    [InlineData("Cosh", float.NegativeInfinity, float.PositiveInfinity)]
    [InlineData("Asinh", float.NegativeInfinity, float.NegativeInfinity)]
    [InlineData("Acosh", float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData("Round", 2.5f, 2f)]
    [InlineData("Round", -3.5f, -4f)]
    [InlineData("Sign", -0f, 0f)]
    [InlineData("Abs", float.NegativeInfinity, float.PositiveInfinity)]
    public void Special_values_are_right(string name, float x, float expected)
    {
        foreach (var kernels in KernelTesting.Sets)
        {
            var y = Apply(kernels, Enum.Parse<UnaryFunction>(name), x);
            Assert.True(Numbers.SameBits(expected, y), $"{name}({x}) = {y:G9} on {kernels.Name}");
        }
    }

    [Fact]
    public void NaN_gives_NaN_in_every_function()
    {
        foreach (var function in Enum.GetValues<UnaryFunction>())
        {
            if (!function.IsArithmetic()) continue;
            foreach (var kernels in KernelTesting.Sets) Assert.True(float.IsNaN(Apply(kernels, function, float.NaN)), $"{function} on {kernels.Name}");
        }
    }

    private static float Apply(KernelSet kernels, UnaryFunction function, float x)
    {
        using var input = new GuardedMemory<float>([x]);
        using var result = new GuardedMemory<float>(1);
        kernels.Unary(function, input.Pointer, result.Pointer, 1, 1, 0);
        return result.Pointer[0];
    }

    /// <summary>|got - exact| in units in the last place of a float of exact's size. Infinite if only one of them is special.</summary>
    private static double UlpError(float got, double exact)
    {
        if (double.IsNaN(exact) || float.IsNaN(got)) return double.IsNaN(exact) && float.IsNaN(got) ? 0 : double.PositiveInfinity;
        if ((double)got == exact || got == (float)exact) return Math.Min(0.5, float.IsInfinity(got) ? 0 : Math.Abs(got - exact) / Ulp(exact));
        return Math.Abs(got - exact) / Ulp(exact);
    }

    private static double Ulp(double exact) => exact == 0 ? Math.ScaleB(1, -149) : Math.ScaleB(1, Math.Clamp(Math.ILogB(exact), -126, 127) - 23);

    private static double Exact(UnaryFunction function, double x) => function switch
    {
        UnaryFunction.Exp => Math.Exp(x),
        UnaryFunction.Log => Math.Log(x),
        UnaryFunction.Tanh => Math.Tanh(x),
        UnaryFunction.Sigmoid => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x)),
        UnaryFunction.Softplus => Math.Max(x, 0) + Log1p(Math.Exp(-Math.Abs(x))),
        UnaryFunction.Erf => Erf(x),
        UnaryFunction.Sin => Math.Sin(x),
        UnaryFunction.Cos => Math.Cos(x),
        UnaryFunction.Tan => Math.Tan(x),
        UnaryFunction.Asin => Math.Asin(x),
        UnaryFunction.Acos => Math.Acos(x),
        UnaryFunction.Atan => Math.Atan(x),
        UnaryFunction.Sinh => Math.Sinh(x),
        UnaryFunction.Cosh => Math.Cosh(x),
        UnaryFunction.Asinh => Math.Asinh(x),
        UnaryFunction.Acosh => Math.Acosh(x),
        UnaryFunction.Atanh => Math.Atanh(x),
        UnaryFunction.Mish => x < -700 ? x * Math.Exp(x) : x * Math.Tanh(Math.Max(x, 0) + Log1p(Math.Exp(-Math.Abs(x)))),
        UnaryFunction.Elu => x < 0 ? Expm1(x) : x,
        _ => throw new ArgumentOutOfRangeException(nameof(function)),
    };

    private static double Log1p(double x)
    {
        var sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * (x / (sum - 1));
    }

    private static double Expm1(double x) => Math.Abs(x) < 1e-5 ? x + x * x / 2 + x * x * x / 6 : Math.Exp(x) - 1;

    /// <summary>The series 2/√π·Σ (-1)ⁿx²ⁿ⁺¹/(n!(2n+1)) below 3, and one minus the continued fraction of erfc above.</summary>
    private static double Erf(double x)
    {
        var t = Math.Abs(x);
        if (double.IsNaN(x)) return x;
        if (t > 6) return Math.Sign(x);
        double result;
        if (t < 3)
        {
            double term = t, sum = t;
            for (var n = 1; n < 100 && Math.Abs(term) > 1e-20 * sum; n++)
            {
                term *= -t * t / n;
                sum += term / (2 * n + 1);
            }

            result = 2 / Math.Sqrt(Math.PI) * sum;
        }
        else
        {
            double fraction = t;
            for (var n = 80; n > 0; n--) fraction = t + n / 2.0 / fraction;
            result = 1 - Math.Exp(-t * t) / (Math.Sqrt(Math.PI) * fraction);
        }

        return x < 0 ? -result : result;
    }
}
