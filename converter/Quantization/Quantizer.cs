using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Quantizes weight matrices to symmetric int8 with one scale a row: q = round-half-even(w / scale). The scale is at most absmax / 127 and has the least squared error.</summary>
internal static class Quantizer
{
    /// <summary>Most scales that are tried for a row.</summary>
    private const int MostScales = 64;

    /// <summary>Rounds a row-major matrix to int8, for the format that <see cref="Int8Format.For"/> chooses for its columns.</summary>
    public static RoundedMatrix ToInt8(float[] weights, int rows, int columns, int panel = WeightLayout.WidestPanel, Action<long>? progress = null)
    {
        var format = Int8Format.For(columns);
        var (quantized, scales, errors, squares) = Rounded(weights, rows, columns, columns, format == Int8Format.Narrow, progress);
        return new RoundedMatrix(errors, squares, () => format.Pack(quantized, scales, rows, columns, panel));
    }

    /// <summary>Quantizes a row-major matrix with a scale for each row and group of columns.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="group">Columns of a group.</param>
    /// <param name="isNarrow">Only the upper half of a scale is stored.</param>
    /// <param name="progress">Receives the weights done since the last call, on any thread.</param>
    /// <exception cref="ConversionException">A weight is infinite or NaN.</exception>
    public static (sbyte[] Quantized, float[] Scales, double ErrorSquares, double WeightSquares) Rounded(float[] weights, int rows, int columns, int group, bool isNarrow, Action<long>? progress)
    {
        var groups = (columns + group - 1) / group;
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows * groups];
        for (var row = 0; row < rows; row++) CheckFinite(weights.AsSpan(row * columns, columns), row);
        RowWork.Run(rows, columns, RoundRow, progress);
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            for (var g = 0; g < groups; g++)
            {
                var (first, count) = Place(row, g);
                Lost(weights.AsSpan(first, count), quantized.AsSpan(first, count), scales[row * groups + g], ref errors, ref squares);
            }
        }

        return (quantized, scales, errors, squares);

        void RoundRow(int row)
        {
            for (var g = 0; g < groups; g++)
            {
                var (first, count) = Place(row, g);
                scales[row * groups + g] = Round(weights.AsSpan(first, count), row, isNarrow, quantized.AsSpan(first, count));
            }
        }

        (int First, int Count) Place(int row, int g) => (row * columns + g * group, Math.Min(group, columns - g * group));
    }

    /// <summary>The same for rows that are whole steps of a scale: each keeps its steps. A row that is not is rounded.</summary>
    public static RoundedMatrix StepsToInt8(float[] weights, int rows, int columns, int panel)
    {
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows];
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            var values = weights.AsSpan(row * columns, columns);
            var steps = quantized.AsSpan(row * columns, columns);
            if (StepOf(values, Largest(values, row)) is not { } scale)
            {
                scales[row] = Round(values, row, isNarrow: false, steps);
                Lost(values, steps, scales[row], ref errors, ref squares);
                continue;
            }

            scales[row] = scale;
            for (var k = 0; k < columns; k++)
            {
                steps[k] = (sbyte)Step(values[k], scale);
                var error = values[k] - (double)(steps[k] * scale);
                errors += error * error;
                squares += (double)values[k] * values[k];
            }
        }

        return new RoundedMatrix(errors, squares, () => Int8Format.Wide.Pack(quantized, scales, rows, columns, panel));
    }

    /// <summary>The scale of which all values are whole steps. Null if there is none with at most 127 steps.</summary>
    private static float? StepOf(ReadOnlySpan<float> values, float widest)
    {
        const int mostSteps = 127;
        // A product of a scale and an integer is rounded, and so is the quotient.
        const double tolerance = 1e-6;
        if (widest == 0) return null;
        for (var steps = mostSteps; steps > 0; steps--)
        {
            var scale = widest / steps;
            var isWhole = true;
            foreach (var value in values)
            {
                if (Math.Abs(value - Step(value, scale) * scale) <= tolerance * Math.Abs(value)) continue;
                isWhole = false;
                break;
            }

            if (isWhole) return scale;
        }

        return null;
    }

    /// <summary>Quantizes values with one scale.</summary>
    /// <param name="values">A row, or a part of it.</param>
    /// <param name="row">Which row, for messages.</param>
    /// <param name="isNarrow">Only the upper half of the scale is stored.</param>
    /// <param name="quantized">The values in steps.</param>
    /// <returns>The scale.</returns>
    private static float Round(ReadOnlySpan<float> values, int row, bool isNarrow, Span<sbyte> quantized)
    {
        var scale = BestScale(values, Largest(values, row) / 127, isNarrow);
        for (var k = 0; k < values.Length; k++) quantized[k] = (sbyte)(scale > 0 ? Step(values[k], scale) : 0);
        return scale;
    }

    /// <summary>Adds the squared errors and the squared values, in their order.</summary>
    private static void Lost(ReadOnlySpan<float> values, ReadOnlySpan<sbyte> quantized, double scale, ref double errors, ref double squares)
    {
        var (error, square) = (errors, squares);
        for (var k = 0; k < values.Length; k++)
        {
            var lost = values[k] - quantized[k] * scale;
            error += lost * lost;
            square += (double)values[k] * values[k];
        }

        (errors, squares) = (error, square);
    }

    /// <summary>Replaces each weight of a row-major matrix by the value that <see cref="ToInt8"/> would store.</summary>
    public static void RoundInt8(Span<float> weights, int rows, int columns)
    {
        for (var row = 0; row < rows; row++)
        {
            var values = weights.Slice(row * columns, columns);
            var scale = BestScale(values, Largest(values, row) / 127, Int8Format.For(columns) == Int8Format.Narrow);
            foreach (ref var value in values) value = scale > 0 ? (float)Step(value, scale) * scale : 0;
        }
    }

    /// <exception cref="ConversionException">A weight is infinite or NaN.</exception>
    public static void CheckFinite(ReadOnlySpan<float> values, int row)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value)) throw new ConversionException($"row {row} of a weight matrix holds {value}; such weights cannot be quantized.");
        }
    }

    private static float Largest(ReadOnlySpan<float> values, int row)
    {
        CheckFinite(values, row);
        var largest = 0f;
        foreach (var value in values) largest = Math.Max(largest, Math.Abs(value));
        return largest;
    }

    /// <summary>The nearest whole number of steps, within [-127, 127].</summary>
    private static double Step(float value, float scale) => Math.Clamp(Math.Round(value / (double)scale, MidpointRounding.ToEven), -127, 127);

    /// <summary>The scale between 0.8 and 1 times <paramref name="widest"/> with the least sum of squared rounding and clipping errors.</summary>
    private static float BestScale(ReadOnlySpan<float> values, float widest, bool isNarrow)
    {
        if (widest == 0) return 0;
        Span<float> scales = stackalloc float[MostScales];
        var count = isNarrow ? NarrowScales(widest, scales) : Scales(widest, scales);
        var length = StepErrors.Padded(count);
        Span<double> steps = stackalloc double[length], errors = stackalloc double[length], unused = stackalloc double[length];
        steps.Clear();
        for (var i = 0; i < count; i++) steps[i] = scales[i];
        StepErrors.Of(values, steps, -127, 127, errors, unused);
        var (best, least) = (0f, double.MaxValue);
        for (var i = 0; i < count; i++)
        {
            if (scales[i] > 0 && errors[i] < least) (best, least) = (scales[i], errors[i]);
        }

        return best;
    }

    private static int Scales(float widest, Span<float> scales)
    {
        const int tried = 21;
        for (var i = 0; i < tried; i++) scales[i] = widest * (1 - i * 0.01f);
        return tried;
    }

    /// <summary>All scales that a narrow matrix can store. Each is 0.4 to 0.8% smaller than the one before, so there are at most 57.</summary>
    private static int NarrowScales(float widest, Span<float> scales)
    {
        var count = 0;
        for (var scale = NarrowRows.Nearest(widest); scale > 0.8f * widest; scale = NarrowRows.Before(scale)) scales[count++] = scale;
        return count;
    }
}
