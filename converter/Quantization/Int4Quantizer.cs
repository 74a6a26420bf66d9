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

    /// <summary>Steps that the search tries: each number between the limits, with both signs.</summary>
    private const int Tried = 2 * (int)((MostSteps - FewestSteps) / StepBetween + 1);

    /// <summary>Rounds a row-major matrix to int4.</summary>
    public static RoundedMatrix Round(float[] weights, int rows, int columns, int panel = WeightLayout.WidestPanel, Action<long>? progress = null)
    {
        var groups = (columns + Group - 1) / Group;
        var quantized = new sbyte[weights.Length];
        var groupScales = new sbyte[rows * groups];
        var scales = new float[rows];
        for (var row = 0; row < rows; row++) Quantizer.CheckFinite(weights.AsSpan(row * columns, columns), row);
        RowWork.Run(rows, columns, RoundRow, progress);
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            for (var g = 0; g < groups; g++)
            {
                var step = (double)scales[row] * groupScales[row * groups + g];
                for (var (k, end) = (row * columns + g * Group, row * columns + Math.Min((g + 1) * Group, columns)); k < end; k++)
                {
                    var error = weights[k] - quantized[k] * step;
                    errors += error * error;
                    squares += (double)weights[k] * weights[k];
                }
            }
        }

        return new RoundedMatrix(errors, squares, () => Int4Format.Pack(quantized, groupScales, scales, rows, columns, panel));

        void RoundRow(int row)
        {
            var values = weights.AsSpan(row * columns, columns);
            var scale = scales[row] = RowScale(values);
            for (var g = 0; g < groups; g++)
            {
                var first = g * Group;
                var group = values.Slice(first, Math.Min(Group, columns - first));
                var groupScale = groupScales[row * groups + g] = BestScale(group, scale);
                var step = (double)scale * groupScale;
                for (var k = 0; k < group.Length; k++) quantized[row * columns + first + k] = (sbyte)Round(group[k], step);
            }
        }
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
        if (largest == 0) return 0;
        var length = StepErrors.Padded(Tried);
        Span<double> steps = stackalloc double[length], errors = stackalloc double[length], corrected = stackalloc double[length], errorsCorrected = stackalloc double[length], unused = stackalloc double[length];
        steps.Clear();
        for (var i = 0; i < Tried; i += 2) (steps[i], steps[i + 1]) = (largest / (FewestSteps + i / 2 * StepBetween), -largest / (FewestSteps + i / 2 * StepBetween));
        StepErrors.Of(group, steps, -8, 7, errors, corrected);
        StepErrors.Of(group, corrected, -8, 7, errorsCorrected, unused);
        double best = 0, least = double.MaxValue;
        for (var i = 0; i < Tried; i++)
        {
            if (errors[i] < least) (best, least) = (steps[i], errors[i]);
            if (errorsCorrected[i] < least) (best, least) = (corrected[i], errorsCorrected[i]);
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
        var tried = 2 * (to - from + 1);
        var length = StepErrors.Padded(tried);
        Span<double> steps = stackalloc double[length], errors = stackalloc double[length], unused = stackalloc double[length];
        steps.Clear();
        for (var i = 0; i < tried; i += 2) (steps[i], steps[i + 1]) = ((from + i / 2) * scale, -(from + i / 2) * scale);
        StepErrors.Of(group, steps, -8, 7, errors, unused);
        var (best, least) = (0, double.MaxValue);
        for (var i = 0; i < tried; i++)
        {
            if (errors[i] < least) (best, least) = (i % 2 == 0 ? from + i / 2 : -(from + i / 2), errors[i]);
        }

        return (sbyte)best;
    }

    private static double Round(float value, double step) => step == 0 ? 0 : Math.Clamp(Math.Round(value / step, MidpointRounding.ToEven), -8, 7);

    private static double Largest(ReadOnlySpan<float> group)
    {
        double largest = 0;
        foreach (var value in group) largest = Math.Max(largest, Math.Abs((double)value));
        return largest;
    }
}
