using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class CastTests
{
    [Fact]
    public void Floats_are_cut_off_saturate_and_NaN_becomes_zero()
    {
        float[] x = [0, 1.9f, -1.9f, 127.5f, 300, -300, 1e20f, -1e20f, float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        Assert.Equal([0, 1, -1, 127, 300, -300, int.MaxValue, int.MinValue, 0, int.MaxValue, int.MinValue], Run<float, int>(x));
        Assert.Equal([0, 1, -1, 127, 300, -300, long.MaxValue, long.MinValue, 0, long.MaxValue, long.MinValue], Run<float, long>(x));
        Assert.Equal([0, 1, -1, 127, 127, -128, 127, -128, 0, 127, -128], Run<float, sbyte>(x));
        Assert.Equal([0, 1, 0, 127, 255, 0, 255, 0, 0, 255, 0], Run<float, byte>(x));
        Assert.Equal([false, true, true, true, true, true, true, true, true, true, true], Run<float, bool>(x));
        Assert.Equal(Run<float, int>(x), Run<double, int>(Array.ConvertAll(x, v => (double)v)));
        Assert.Equal(Run<float, long>(x), Run<double, long>(Array.ConvertAll(x, v => (double)v)));
        Assert.Equal(Run<float, sbyte>(x), Run<double, sbyte>(Array.ConvertAll(x, v => (double)v)));
        Assert.Equal(Run<float, byte>(x), Run<double, byte>(Array.ConvertAll(x, v => (double)v)));
    }

    [Fact]
    public void Integers_keep_their_low_bits()
    {
        long[] x = [0, 1, -1, 200, -200, 256, 0x1_0000_0001, long.MaxValue, long.MinValue];
        Assert.Equal([0, 1, -1, 200, -200, 256, 1, -1, 0], Run<long, int>(x));
        Assert.Equal([0, 1, -1, -56, 56, 0, 1, -1, 0], Run<long, sbyte>(x));
        Assert.Equal([0, 1, 255, 200, 56, 0, 1, 255, 0], Run<long, byte>(x));
        Assert.Equal([200], Run<sbyte, byte>([-56]));
        Assert.Equal([-56], Run<byte, sbyte>([200]));
        Assert.Equal([200L], Run<byte, long>([200]));
    }

    [Fact]
    public void To_floats_rounds_to_nearest_even()
    {
        Assert.Equal([16777216f, 16777220f, -16777216f], Run<int, float>([16777217, 16777219, -16777217]));
        Assert.Equal([9007199254740992.0], Run<long, double>([9007199254740993]));
        Assert.Equal([0.1f, float.PositiveInfinity], Run<double, float>([0.1, 1e300]));
        Assert.Equal([0.100000001490116], Run<float, double>([0.1f]).Select(v => Math.Round(v, 15)));
    }

    [Fact]
    public void Bools_are_zero_and_one()
    {
        Assert.Equal([1f, 0], Run<bool, float>([true, false]));
        Assert.Equal([1L, 0], Run<bool, long>([true, false]));
        Assert.Equal([true, false, true], Run<int, bool>([-3, 0, int.MinValue]));
        Assert.Equal([true, false], Run<bool, bool>([true, false]));
    }

    [Fact]
    public void An_invalid_type_is_refused() => Assert.Throws<SeqFormatException>(() => new Cast(new Attributes().Set(AttributeKey.To, 10)));

    private static TTo[] Run<TFrom, TTo>(TFrom[] x)
        where TFrom : unmanaged
        where TTo : unmanaged =>
        new OperatorHarness().Dense([x.Length], x).Run(new Cast(new Attributes().Set(AttributeKey.To, ElementTypes.Of<TTo>())))[0].As<TTo>();
}
