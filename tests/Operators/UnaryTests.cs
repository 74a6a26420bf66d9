using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class UnaryTests
{
    private static readonly (UnaryFunction Function, double Least, double Most, Func<double, double> Formula)[] s_formulas =
    [
        (UnaryFunction.Abs, -9, 9, Math.Abs), (UnaryFunction.Neg, -9, 9, x => -x), (UnaryFunction.Exp, -9, 9, Math.Exp), (UnaryFunction.Log, 0.01, 9, Math.Log),
        (UnaryFunction.Sqrt, 0, 9, Math.Sqrt), (UnaryFunction.Clip, -9, 9, x => x), (UnaryFunction.Reciprocal, 0.1, 9, x => 1 / x), (UnaryFunction.Relu, -9, 9, x => Math.Max(x, 0)),
        (UnaryFunction.LeakyRelu, -9, 9, x => x < 0 ? 0.01 * x : x), (UnaryFunction.Elu, -9, 9, x => x < 0 ? Math.Exp(x) - 1 : x),
        (UnaryFunction.Selu, -9, 9, x => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * (Math.Exp(x) - 1) : x)), (UnaryFunction.Celu, -9, 9, x => x < 0 ? Math.Exp(x) - 1 : x),
        (UnaryFunction.ThresholdedRelu, -9, 9, x => x > 1 ? x : 0), (UnaryFunction.Sigmoid, -9, 9, Numbers.Sigmoid), (UnaryFunction.HardSigmoid, -9, 9, x => Math.Clamp(0.2 * x + 0.5, 0, 1)),
        (UnaryFunction.HardSwish, -9, 9, x => x * Math.Clamp(x / 6 + 0.5, 0, 1)), (UnaryFunction.Softplus, -9, 9, x => Math.Log(1 + Math.Exp(x))),
        (UnaryFunction.Softsign, -9, 9, x => x / (1 + Math.Abs(x))), (UnaryFunction.Tanh, -9, 9, Math.Tanh), (UnaryFunction.Swish, -9, 9, x => x * Numbers.Sigmoid(x)),
        (UnaryFunction.GeluTanh, -9, 9, x => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))),
        (UnaryFunction.Mish, -9, 9, x => x * Math.Tanh(Math.Log(1 + Math.Exp(x)))), (UnaryFunction.Sin, -9, 9, Math.Sin), (UnaryFunction.Cos, -9, 9, Math.Cos),
        (UnaryFunction.Tan, -1.3, 1.3, Math.Tan), (UnaryFunction.Asin, -1, 1, Math.Asin), (UnaryFunction.Acos, -1, 1, Math.Acos), (UnaryFunction.Atan, -9, 9, Math.Atan),
        (UnaryFunction.Sinh, -5, 5, Math.Sinh), (UnaryFunction.Cosh, -5, 5, Math.Cosh), (UnaryFunction.Asinh, -9, 9, Math.Asinh), (UnaryFunction.Acosh, 1, 9, Math.Acosh),
        (UnaryFunction.Atanh, -0.9, 0.9, Math.Atanh), (UnaryFunction.Ceil, -9, 9, Math.Ceiling), (UnaryFunction.Floor, -9, 9, Math.Floor), (UnaryFunction.Round, -9, 9, Math.Round),
        (UnaryFunction.Sign, -9, 9, x => Math.Sign(x)), (UnaryFunction.Affine, -9, 9, x => x), (UnaryFunction.ScaledTanh, -9, 9, Math.Tanh),
    ];

    [Fact]
    public void Every_function_has_its_formula_and_ONNX_defaults()
    {
        var random = new Random(51);
        foreach (var (function, least, most, formula) in s_formulas)
        {
            foreach (var shape in new int[][] { [], [0, 3], [1], [67], [2, 3, 5] })
            {
                var x = Nd.Build(shape, _ => (float)(least + (most - least) * random.NextDouble()));
                var y = new OperatorHarness().Dense(x).Run(Op(function))[0];
                Assert.Equal(shape, y.Shape);
                Numbers.Close(Array.ConvertAll(x.Data, v => formula(v)), y.As<float>(), 2e-6, function.ToString());
            }
        }

        var named = s_formulas.Select(f => f.Function).Concat([UnaryFunction.Erf, UnaryFunction.Gelu, .. Enum.GetValues<UnaryFunction>().Where(f => !f.IsArithmetic())]);
        Assert.True(Enum.GetValues<UnaryFunction>().Order().SequenceEqual(named.Order()), $"without a formula: {string.Join(", ", Enum.GetValues<UnaryFunction>().Except(named))}; add it to {nameof(s_formulas)}");
    }

    [Fact]
    public void Erf_and_gelu_at_known_points()
    {
        Numbers.Close([-0.8427007929497149, 0, 0.5204998778130465, 0.9953222650189527], Run<float>(Op(UnaryFunction.Erf), -1, 0, 0.5f, 2), 1e-6, "erf");
        Numbers.Close([-0.15865525393145707, 0, 0.34573123063700656, 1.9544997361036416], Run<float>(Op(UnaryFunction.Gelu), -1, 0, 0.5f, 2), 1e-6, "gelu");
    }

    [Fact]
    public void Constants_come_from_attributes()
    {
        Assert.Equal([-0.5f, 4], Run<float>(Op(UnaryFunction.LeakyRelu, 0.25f), -2, 4));
        Assert.Equal([0f, 4], Run<float>(Op(UnaryFunction.ThresholdedRelu, 3), 3, 4));
        Assert.Equal([3f, 7], Run<float>(Op(UnaryFunction.Affine, alpha: 2, beta: 1), 1, 3));
        Numbers.Close([1.7159 * Math.Tanh(2.0 / 3)], Run<float>(Op(UnaryFunction.ScaledTanh, 1.7159f, 2f / 3), 1), 1e-6, "scaled tanh");
        Assert.Equal([-1f, 0.5f, 2], Run<float>(Op(UnaryFunction.Clip, -1f, 2f), -9, 0.5f, 9));
    }

    [Fact]
    public void Integers_wrap_around()
    {
        Assert.Equal([3, 3, int.MinValue], Run(Op(UnaryFunction.Abs), 3, -3, int.MinValue));
        Assert.Equal([-3L, 3, long.MinValue], Run(Op(UnaryFunction.Neg), 3, -3, long.MinValue));
        Assert.Equal(new sbyte[] { 3, 0 }, Run<sbyte>(Op(UnaryFunction.Relu), 3, -3));
        Assert.Equal([1, -1, 0], Run(Op(UnaryFunction.Sign), 3, -3, 0));
        Assert.Equal(new byte[] { 200, 0 }, Run<byte>(Op(UnaryFunction.Abs), 200, 0));
    }

    [Fact]
    public void Bitwise_not_turns_every_bit_of_integers()
    {
        Assert.Equal([-1, 0, -4, int.MaxValue], Run(Op(UnaryFunction.BitwiseNot), 0, -1, 3, int.MinValue));
        Assert.Equal([-1L, -(1L << 40) - 1], Run(Op(UnaryFunction.BitwiseNot), 0L, 1L << 40));
        Assert.Equal(new sbyte[] { -1, 127 }, Run<sbyte>(Op(UnaryFunction.BitwiseNot), 0, -128));
        Assert.Equal(new byte[] { 255, 0, 55 }, Run<byte>(Op(UnaryFunction.BitwiseNot), 0, 255, 200));
        Assert.Empty(Run<int>(Op(UnaryFunction.BitwiseNot)));
    }

    [Fact]
    public void Doubles_have_the_exact_functions()
    {
        double[] x = [-2.5, -0.0, 0.3, 2.5, double.NaN, double.NegativeInfinity];
        Assert.Equal(Array.ConvertAll(x, Math.Abs), Run(Op(UnaryFunction.Abs), x));
        Assert.Equal(Array.ConvertAll(x, v => -v), Run(Op(UnaryFunction.Neg), x));
        Assert.Equal(Array.ConvertAll(x, Math.Sqrt), Run(Op(UnaryFunction.Sqrt), x));
        Assert.Equal(Array.ConvertAll(x, Math.Floor), Run(Op(UnaryFunction.Floor), x));
        Assert.Equal(Array.ConvertAll(x, Math.Ceiling), Run(Op(UnaryFunction.Ceil), x));
        Assert.Equal([-2.0, -0.0, 0, 2, double.NaN, double.NegativeInfinity], Run(Op(UnaryFunction.Round), x));
        Assert.Equal(Array.ConvertAll(x, v => 1 / v), Run(Op(UnaryFunction.Reciprocal), x));
        Assert.Equal([-0.625, 2.5], Run(Op(UnaryFunction.LeakyRelu, 0.25f), -2.5, 2.5));
        Assert.Equal([-1.0, 1], Run(Op(UnaryFunction.Sign), -2.5, 2.5));
    }

    [Fact]
    public void Tests_give_bool()
    {
        float[] x = [0, float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        Assert.Equal([false, true, false, false], Test(UnaryFunction.IsNaN, x));
        Assert.Equal([false, false, true, true], Test(UnaryFunction.IsInf, x));
        Assert.Equal([false, true, false, false], Test(UnaryFunction.IsNaN, Array.ConvertAll(x, v => (double)v)));
        var positive = new Attributes().Set(AttributeKey.Function, UnaryFunction.IsInf).Set(AttributeKey.DetectNegative, 0);
        Assert.Equal([false, false, true, false], new OperatorHarness().Dense([4], x).Run(new Unary(positive))[0].As<bool>());
        Assert.Equal([false, true], new OperatorHarness().Dense([2], true, false).Run(Op(UnaryFunction.Not))[0].As<bool>());
    }

    [Fact]
    public void Functions_of_other_types_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.Exp), 1.0));
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.Sqrt), 1));
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.Abs), true));
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.Not), 1f));
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.IsNaN), 1));
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.BitwiseNot), 1f));
        Assert.Throws<ArgumentException>(() => Run(Op(UnaryFunction.BitwiseNot), true));
        Assert.Throws<SeqFormatException>(() => new Unary(new Attributes().Set(AttributeKey.Function, 99)));
    }

    private static Unary Op(UnaryFunction function, float? alpha = null, float? beta = null)
    {
        var attributes = new Attributes().Set(AttributeKey.Function, function);
        if (alpha is { } a) attributes.Set(AttributeKey.Alpha, a);
        if (beta is { } b) attributes.Set(AttributeKey.Beta, b);
        return new Unary(attributes);
    }

    private static T[] Run<T>(Unary op, params T[] x)
        where T : unmanaged => new OperatorHarness().Dense([x.Length], x).Run(op)[0].As<T>();

    private static bool[] Test<T>(UnaryFunction function, T[] x)
        where T : unmanaged => new OperatorHarness().Dense([x.Length], x).Run(Op(function))[0].As<bool>();
}
