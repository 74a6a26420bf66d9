using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// The squared errors of rounding values to whole steps, for many steps at once. Each lane of a vector sums for one step, in the order of the
/// values: the sums have the same bits on every processor.
/// </summary>
internal static class StepErrors
{
    /// <summary>The length that spans for this many steps need. What is too much must be 0.</summary>
    public static int Padded(int steps) => (steps + Vector<double>.Count - 1) / Vector<double>.Count * Vector<double>.Count;

    /// <param name="values">The values.</param>
    /// <param name="steps">The steps, with <see cref="Padded"/> length. A step of 0 rounds everything to 0.</param>
    /// <param name="least">The least number of steps.</param>
    /// <param name="most">The largest number of steps.</param>
    /// <param name="errors">Receives Σ (w − q·step)² for each step.</param>
    /// <param name="corrected">Receives the best step for the integers found, Σ w·q / Σ q², or the step itself if all are 0.</param>
    public static void Of(ReadOnlySpan<float> values, ReadOnlySpan<double> steps, double least, double most, Span<double> errors, Span<double> corrected)
    {
        // Converted in the loop, each value would wait for the one before: cvtss2sd keeps the upper half of its register.
        var rented = ArrayPool<double>.Shared.Rent(values.Length);
        for (var i = 0; i < values.Length; i++) rented[i] = values[i];
        Of(rented.AsSpan(0, values.Length), steps, least, most, errors, corrected);
        ArrayPool<double>.Shared.Return(rented);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Of(ReadOnlySpan<double> values, ReadOnlySpan<double> steps, double least, double most, Span<double> errors, Span<double> corrected)
    {
        var (low, high) = (new Vector<double>(least), new Vector<double>(most));
        for (var first = 0; first < steps.Length; first += Vector<double>.Count)
        {
            var step = new Vector<double>(steps[first..]);
            var isZero = Vector.Equals(step, Vector<double>.Zero);
            Vector<double> error = default, products = default, squares = default;
            foreach (var value in values)
            {
                var w = new Vector<double>(value);
                var q = Vector.AndNot(Vector.ClampNative(Vector.Round(w / step), low, high), Vector.As<long, double>(isZero));
                var lost = w - q * step;
                error += lost * lost;
                products += w * q;
                squares += q * q;
            }

            error.CopyTo(errors[first..]);
            Vector.ConditionalSelect(Vector.GreaterThan(squares, Vector<double>.Zero), products / squares, step).CopyTo(corrected[first..]);
        }
    }
}
