using SeqRuntime.Converter.Measuring;

namespace SeqRuntime.Tests.Measuring;

/// <summary>Figures of outputs whose errors are known.</summary>
public sealed class ErrorSumTests
{
    [Fact]
    public void Relative_rms_and_worst_error_over_all_parts()
    {
        var sum = new ErrorSum("y", OutputChoice.None);
        sum.Add([3, 4], [3.5f, 4], -1);
        sum.Add([0, 12], [0, 11], -1);
        var error = sum.Result();
        Assert.Equal(Math.Sqrt(1.25 / 169), error.RelativeRms!.Value, 12);
        Assert.Equal(Math.Sqrt(169 / 4.0), error.Rms!.Value, 12);
        Assert.Equal(1 / Math.Sqrt(169 / 4.0), error.Worst!.Value, 12);
        Assert.Equal(4, error.Elements);
        Assert.Null(error.Agreement);
        Assert.Empty(error.Drift);
    }

    [Fact]
    public void Equal_outputs_have_no_error_even_if_they_are_zero()
    {
        var sum = new ErrorSum("y", OutputChoice.None);
        sum.Add([0, 0], [0, 0], -1);
        Assert.Equal((0.0, 0.0), (sum.Result().RelativeRms, sum.Result().Worst));
        sum.Add([0], [1], -1);
        Assert.Equal(double.PositiveInfinity, sum.Result().RelativeRms);
    }

    [Fact]
    public void Elements_that_are_not_finite_are_counted_and_left_out()
    {
        var sum = new ErrorSum("y", OutputChoice.None);
        sum.Add([1, float.NaN, float.PositiveInfinity, 2], [1, 5, float.PositiveInfinity, float.NaN], -1);
        var error = sum.Result();
        Assert.Equal((1L, 2L, 0.0), (error.NotFinite, error.NotFiniteExact, error.RelativeRms));
        var none = new ErrorSum("y", OutputChoice.None).Result();
        Assert.Null(none.RelativeRms);
    }

    [Fact]
    public void The_largest_of_each_row_is_compared_along_the_last_axis_that_has_classes()
    {
        var sum = new ErrorSum("y", OutputChoice.Largest);
        sum.AddChoices([1, 2, 3, 9, 8, 7], [1, 4, 3, 9, 8, 7], [2, 3, 1]);
        Assert.Equal(0.5, sum.Result().Agreement);
        sum.AddChoices([1, 1], [1, 1], [1, 2]);
        Assert.Equal(2 / 3.0, sum.Result().Agreement!.Value, 12);
        var single = new ErrorSum("y", OutputChoice.Largest);
        single.AddChoices([1], [2], [1, 1]);
        Assert.Null(single.Result().Agreement);
    }

    [Fact]
    public void Decisions_fall_at_one_half_and_integers_are_equal_or_not()
    {
        var sum = new ErrorSum("y", OutputChoice.Half);
        sum.AddChoices([0.5f, 0.4f, 0.6f, 0.1f], [0.5f, 0.5f, 0.7f, 0.2f], [4]);
        Assert.Equal(0.75, sum.Result().Agreement);
        var integers = new ErrorSum("y", OutputChoice.Same);
        integers.AddIntegers([1, 0, 2, 0], [1, 0, 2, 1], 2);
        Assert.Equal(0.5, integers.Result().Agreement);
        Assert.Null(integers.Result().RelativeRms);
    }

    [Fact]
    public void Drift_is_the_error_of_each_eighth_of_a_sequence()
    {
        var sum = new ErrorSum("y", OutputChoice.None);
        for (var step = 0; step < 16; step++) sum.Add([1], [1 + step / 2 * 0.125f], ErrorSum.PartOf(step, 16));
        Assert.Equal([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875], sum.Result().Drift);
        Assert.Equal(-1, ErrorSum.PartOf(0, 7));
    }
}
