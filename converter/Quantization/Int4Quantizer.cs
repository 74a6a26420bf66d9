using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Quantizes weight matrices to int4: w ≈ row scale · group scale · q, q in [-8, 7], with one int8 group scale for each row and
/// group of 32 inputs.
/// </summary>
/// <remarks>
/// The step of each group is searched. The search starts at the step that makes the group's largest weight ±8 steps (a negative step
/// lets a positive weight use -8). Least squares then corrects each candidate for the integers found. The row's scale is the largest
/// step over 127. Each group then takes the nearby whole multiple of the row scale with the least squared error.
/// Steps smaller than absmax/8 pay off: they clip the largest weight a little and round all the others finer.
/// </remarks>
internal static class Int4Quantizer
{
    private const int Group = Int4Format.Group;
    private const int LargestScale = 127;

    /// <summary>The largest value of (largest weight / step) that the search tries. Above 8 the largest weight is clipped.</summary>
    private const double MostSteps = 10.5;
    private const double FewestSteps = 5.5;
    private const double StepBetween = 0.25;

    /// <summary>Rounds a row-major matrix to int4.</summary>
    public static RoundedMatrix Round(float[] weights, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var groups = (columns + Group - 1) / Group;
        var quantized = new sbyte[weights.Length];
        var groupScales = new sbyte[rows * groups];
        var scales = new float[rows];
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            var values = weights.AsSpan(row * columns, columns);
            Quantizer.CheckFinite(values, row);
            var scale = scales[row] = RowScale(values);
            for (var g = 0; g < groups; g++)
            {
                var first = g * Group;
                var group = values.Slice(first, Math.Min(Group, columns - first));
                var groupScale = BestScale(group, scale);
                groupScales[row * groups + g] = groupScale;
                var step = (double)scale * groupScale;
                for (var k = 0; k < group.Length; k++)
                {
                    var q = Round(group[k], step);
                    quantized[row * columns + first + k] = (sbyte)q;
                    var error = group[k] - q * step;
                    errors += error * error;
                    squares += (double)group[k] * group[k];
                }
            }
        }

        return new RoundedMatrix(errors, squares, () => Int4Format.Pack(quantized, groupScales, scales, rows, columns, panel));
    }

    private static float RowScale(ReadOnlySpan<float> values)
    {
        double largest = 0;
        for (var first = 0; first < values.Length; first += Group) largest = Math.Max(largest, Math.Abs(BestStep(values.Slice(first, Math.Min(Group, values.Length - first)))));
        return (float)(largest / LargestScale);
    }

    /// <summary>The step of least squared error, not rounded to a multiple of the row scale; 0 if all weights are 0.</summary>
    private static double BestStep(ReadOnlySpan<float> group)
    {
        var largest = Largest(group);
        double best = 0, least = double.MaxValue;
        for (var steps = FewestSteps; steps <= MostSteps && largest > 0; steps += StepBetween)
        {
            foreach (var step in (ReadOnlySpan<double>)[largest / steps, -largest / steps])
            {
                var error = Error(group, step, out var corrected);
                if (error < least) (best, least) = (step, error);
                error = Error(group, corrected, out _);
                if (error < least) (best, least) = (corrected, error);
            }
        }

        return best;
    }

    /// <summary>The multiple of the row scale with the least squared error; 0 if all weights are 0.</summary>
    private static sbyte BestScale(ReadOnlySpan<float> group, double scale)
    {
        var largest = Largest(group);
        if (largest == 0 || scale == 0) return 0;
        var from = Math.Clamp((int)(largest / (MostSteps * scale)), 1, LargestScale);
        var to = Math.Clamp((int)Math.Ceiling(largest / (FewestSteps * scale)), 1, LargestScale);
        var (best, least) = (0, double.MaxValue);
        for (var magnitude = from; magnitude <= to; magnitude++)
        {
            foreach (var multiple in (ReadOnlySpan<int>)[magnitude, -magnitude])
            {
                var error = Error(group, multiple * scale, out _);
                if (error < least) (best, least) = (multiple, error);
            }
        }

        return (sbyte)best;
    }

    /// <summary>The squared error of rounding to a step, and the best step for the integers found: Σ w·q / Σ q².</summary>
    private static double Error(ReadOnlySpan<float> group, double step, out double corrected)
    {
        double errors = 0, products = 0, squares = 0;
        foreach (var value in group)
        {
            var q = Round(value, step);
            var error = value - q * step;
            errors += error * error;
            products += value * q;
            squares += q * q;
        }

        corrected = squares > 0 ? products / squares : step;
        return errors;
    }

    private static double Round(float value, double step) => step == 0 ? 0 : Math.Clamp(Math.Round(value / step, MidpointRounding.ToEven), -8, 7);

    private static double Largest(ReadOnlySpan<float> group)
    {
        double largest = 0;
        foreach (var value in group) largest = Math.Max(largest, Math.Abs((double)value));
        return largest;
    }
}
