using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Quantizes weight matrices to symmetric int8 with one scale a row: q = round-half-even(w / scale). The scale is at most absmax / 127 and has the least squared error.</summary>
internal static class Quantizer
{
    /// <summary>Rounds a row-major matrix to int8, for the format that <see cref="Int8Format.For"/> chooses for its columns.</summary>
    public static RoundedMatrix ToInt8(float[] weights, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows];
        var format = Int8Format.For(columns);
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            var from = row * columns;
            scales[row] = Round(weights.AsSpan(from, columns), row, format == Int8Format.Narrow, quantized.AsSpan(from, columns), ref errors, ref squares);
        }

        return new RoundedMatrix(errors, squares, () => format.Pack(quantized, scales, rows, columns, panel));
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
                scales[row] = Round(values, row, isNarrow: false, steps, ref errors, ref squares);
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
    /// <param name="errors">Sum of squared errors.</param>
    /// <param name="squares">Sum of squared values.</param>
    /// <returns>The scale.</returns>
    public static float Round(ReadOnlySpan<float> values, int row, bool isNarrow, Span<sbyte> quantized, ref double errors, ref double squares)
    {
        var scale = BestScale(values, Largest(values, row) / 127, isNarrow);
        for (var k = 0; k < values.Length; k++)
        {
            var q = scale > 0 ? Step(values[k], scale) : 0;
            quantized[k] = (sbyte)q;
            var error = values[k] - q * scale;
            errors += error * error;
            squares += (double)values[k] * values[k];
        }

        return scale;
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
        var (best, least) = (0f, double.MaxValue);
        foreach (var scale in isNarrow ? NarrowScales(widest) : Scales(widest))
        {
            double errors = 0;
            foreach (var value in values)
            {
                var error = value - Step(value, scale) * scale;
                errors += error * error;
            }

            if (errors < least) (best, least) = (scale, errors);
        }

        return best;
    }

    private static IEnumerable<float> Scales(float widest) => Enumerable.Range(0, 21).Select(step => widest * (1 - step * 0.01f));

    /// <summary>All scales that a narrow matrix can store. Each is 0.4 to 0.8% smaller than the one before.</summary>
    private static IEnumerable<float> NarrowScales(float widest)
    {
        var scale = NarrowRows.Nearest(widest);
        if (scale == 0) yield return 0;
        for (; scale > 0.8f * widest; scale = NarrowRows.Before(scale)) yield return scale;
    }
}
