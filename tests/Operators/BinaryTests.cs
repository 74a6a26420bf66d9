using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class BinaryTests
{
    private static readonly BinaryFunction[] s_exact =
    [
        BinaryFunction.Add, BinaryFunction.Sub, BinaryFunction.Mul, BinaryFunction.Div, BinaryFunction.Min, BinaryFunction.Max, BinaryFunction.PRelu, BinaryFunction.Mod, BinaryFunction.FMod,
    ];

    private static readonly BinaryFunction[] s_comparisons =
        [BinaryFunction.Equal, BinaryFunction.Less, BinaryFunction.LessOrEqual, BinaryFunction.Greater, BinaryFunction.GreaterOrEqual];

    [Fact]
    public void Arithmetic_broadcasts_for_every_type()
    {
        var random = new Random(52);
        for (var i = 0; i < 40; i++)
        {
            var full = Nd.Shape(random, random.Next(0, 6));
            int[] a = Nd.Narrowed(random, full), b = Nd.Narrowed(random, full);
            foreach (var function in s_exact)
            {
                Check(function, Nd.Random(random, a, 9), Nd.Random(random, b, 9));
                Check(function, Nd.Random(random, a, 9).Map(v => (double)v), Nd.Random(random, b, 9).Map(v => (double)v));
                Check(function, Nd.Random<int>(random, a, least: -99, most: 99), Nd.Random<int>(random, b, least: 1, most: 9));
                Check(function, Nd.Random<long>(random, a, least: -99, most: 99), Nd.Random<long>(random, b, least: -9, most: -1));
                Check(function, Nd.Random<sbyte>(random, a, least: -128, most: 127), Nd.Random<sbyte>(random, b, least: 1, most: 127));
                Check(function, Nd.Random<byte>(random, a, least: 0, most: 255), Nd.Random<byte>(random, b, least: 1, most: 255));
            }
        }
    }

    [Fact]
    public void Long_rows_columns_and_scalars_take_their_short_ways()
    {
        var random = new Random(53);
        foreach (var (a, b) in new (int[], int[])[] { ([3, 257], [3, 257]), ([3, 257], [257]), ([3, 257], [3, 1]), ([3, 257], []), ([1], [3, 257]), ([4, 1, 65], [1, 33, 1]), ([2, 65, 1, 3], [65, 7, 1]) })
        {
            foreach (var function in s_exact) Check(function, Nd.Random(random, a, 9), Nd.Random(random, b, 9));
        }
    }

    [Fact]
    public void Comparisons_give_bool()
    {
        var random = new Random(54);
        for (var i = 0; i < 40; i++)
        {
            var full = Nd.Shape(random, random.Next(0, 5));
            int[] a = Nd.Narrowed(random, full), b = Nd.Narrowed(random, full);
            foreach (var function in s_comparisons)
            {
                Compare(function, Nd.Random<float>(random, a, least: -2, most: 2), Nd.Random<float>(random, b, least: -2, most: 2));
                Compare(function, Nd.Random<double>(random, a, least: -2, most: 2), Nd.Random<double>(random, b, least: -2, most: 2));
                Compare(function, Nd.Random<int>(random, a, least: -2, most: 2), Nd.Random<int>(random, b, least: -2, most: 2));
                Compare(function, Nd.Random<long>(random, a, least: -2, most: 2), Nd.Random<long>(random, b, least: -2, most: 2));
                Compare(function, Nd.Random<byte>(random, a, least: 0, most: 2), Nd.Random<byte>(random, b, least: 0, most: 2));
            }
        }

        Assert.Equal([false], Run<float, bool>(BinaryFunction.Equal, [float.NaN], [float.NaN]));
        Assert.Equal([false], Run<float, bool>(BinaryFunction.LessOrEqual, [float.NaN], [1]));
    }

    [Fact]
    public void Logic_has_its_tables()
    {
        bool[] a = [false, false, true, true], b = [false, true, false, true];
        Assert.Equal([false, false, false, true], Run<bool, bool>(BinaryFunction.And, a, b));
        Assert.Equal([false, true, true, true], Run<bool, bool>(BinaryFunction.Or, a, b));
        Assert.Equal([false, true, true, false], Run<bool, bool>(BinaryFunction.Xor, a, b));
        Assert.Equal([true, false, false, true], Run<bool, bool>(BinaryFunction.Equal, a, b));
    }

    [Fact]
    public void Division_of_integers_has_a_defined_result_or_an_error()
    {
        Assert.Equal([int.MinValue, -2, 2], Run<int, int>(BinaryFunction.Div, [int.MinValue, 7, -7], [-1, -3, -3]));
        Assert.Equal([long.MinValue], Run<long, long>(BinaryFunction.Div, [long.MinValue], [-1]));
        Assert.Equal([sbyte.MinValue], Run<sbyte, sbyte>(BinaryFunction.Div, [sbyte.MinValue], [-1]));
        Assert.Equal([0], Run<int, int>(BinaryFunction.Mod, [int.MinValue], [-1]));
        Assert.Equal([0], Run<int, int>(BinaryFunction.FMod, [int.MinValue], [-1]));
        Assert.Equal(new byte[] { 0, 1 }, Run<byte, byte>(BinaryFunction.Div, [200, 255], [255, 255]));
        foreach (var function in new[] { BinaryFunction.Div, BinaryFunction.Mod, BinaryFunction.FMod })
        {
            Assert.Contains("divided by zero", Assert.Throws<ArgumentException>(() => Run<int, int>(function, [1], [0])).Message);
            Assert.Throws<ArgumentException>(() => Run<byte, byte>(function, [1], [0]));
        }

        Assert.Equal([double.PositiveInfinity, double.NaN], Run<double, double>(BinaryFunction.Div, [1, 0], [0, 0]));
    }

    [Fact]
    public void Mod_has_the_sign_of_the_divisor_and_F_mod_of_the_dividend()
    {
        Assert.Equal([2, -2, 1, -1, 0], Run<int, int>(BinaryFunction.Mod, [-7, 7, 7, -7, 6], [3, -3, 3, -3, -3]));
        Assert.Equal([-1, 1, 1, -1, 0], Run<int, int>(BinaryFunction.FMod, [-7, 7, 7, -7, 6], [3, -3, 3, -3, -3]));
        Assert.Equal([2f, -2], Run<float, float>(BinaryFunction.Mod, [-7, 7], [3, -3]));
        Assert.Equal([-1.0, 1], Run<double, double>(BinaryFunction.FMod, [-7, 7], [3, -3]));
    }

    [Fact]
    public void Powers_of_integers_are_exact_and_of_floats_close()
    {
        Assert.Equal([1024, 1, -27, 0, 1, -1, 1, 0], Run<int, int>(BinaryFunction.Pow, [2, 5, -3, 0, -1, -1, 1, 3], [10, 0, 3, 3, -2, -3, -5, -1]));
        Assert.Equal([unchecked(3L * 3 * 3 * 3)], Run<long, long>(BinaryFunction.Pow, [3], [4]));
        Assert.Throws<ArgumentException>(() => Run<int, int>(BinaryFunction.Pow, [0], [-1]));
        Numbers.Close([8, 1.4142135623730951, 0.25], Run<float, float>(BinaryFunction.Pow, [2, 2, 2], [3, 0.5f, -2]), 1e-6, "pow");
    }

    [Fact]
    public void Wrong_types_and_shapes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Dense([1], 1).Run(Op(BinaryFunction.Add)));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([2], 1, 2).Dense<float>([3], 1, 2, 3).Run(Op(BinaryFunction.Add)));
        Assert.Throws<ArgumentException>(() => Run<bool, bool>(BinaryFunction.Add, [true], [true]));
        Assert.Throws<ArgumentException>(() => Run<int, bool>(BinaryFunction.And, [1], [1]));
        Assert.Throws<ArgumentException>(() => Run<bool, bool>(BinaryFunction.Less, [true], [true]));
        Assert.Throws<ArgumentException>(() => Run<double, double>(BinaryFunction.Pow, [1], [1]));
    }

    private static Binary Op(BinaryFunction function) => new(new Attributes().Set(AttributeKey.Function, function));

    private static TTo[] Run<T, TTo>(BinaryFunction function, T[] a, T[] b)
        where T : unmanaged
        where TTo : unmanaged => new OperatorHarness().Dense([a.Length], a).Dense([b.Length], b).Run(Op(function))[0].As<TTo>();

    private static void Check<T>(BinaryFunction function, Nd<T> a, Nd<T> b)
        where T : unmanaged, INumber<T>
    {
        var expected = Nd.Build(Nd.Broadcast(a.Shape, b.Shape), i => Formula(function, a.At(i), b.At(i)));
        Nd.Same(expected, new OperatorHarness().Dense(a).Dense(b).Run(Op(function))[0]);
    }

    private static T Formula<T>(BinaryFunction function, T a, T b)
        where T : unmanaged, INumber<T>
    {
        var rest = function is BinaryFunction.Mod or BinaryFunction.FMod ? a % b : T.Zero;
        return function switch
        {
            BinaryFunction.Add => a + b,
            BinaryFunction.Sub => a - b,
            BinaryFunction.Mul => a * b,
            BinaryFunction.Div => a / b,
            BinaryFunction.Min => T.Min(a, b),
            BinaryFunction.Max => T.Max(a, b),
            BinaryFunction.PRelu => a < T.Zero ? a * b : a,
            BinaryFunction.FMod => rest,
            _ => rest != T.Zero && T.IsNegative(rest) != T.IsNegative(b) ? rest + b : rest,
        };
    }

    private static void Compare<T>(BinaryFunction function, Nd<T> a, Nd<T> b)
        where T : unmanaged, INumber<T>
    {
        var expected = Nd.Build(Nd.Broadcast(a.Shape, b.Shape), i => a.At(i).CompareTo(b.At(i)) is var order && function switch
        {
            BinaryFunction.Equal => order == 0,
            BinaryFunction.Less => order < 0,
            BinaryFunction.LessOrEqual => order <= 0,
            BinaryFunction.Greater => order > 0,
            _ => order >= 0,
        });
        Nd.Same(expected, new OperatorHarness().Dense(a).Dense(b).Run(Op(function))[0]);
    }
}
