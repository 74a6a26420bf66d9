using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Quantizes weight matrices to symmetric int8 with one scale a row: q = round-half-even(w / scale), scale = absmax / 127.</summary>
internal static class Quantizer
{
    /// <summary>Packs a row-major matrix as int8 and measures what was lost.</summary>
    /// <returns>The packed bytes, and the sums of squared errors and of squared weights.</returns>
    public static (byte[] Packed, double ErrorSquares, double WeightSquares) PackInt8(ReadOnlySpan<float> weights, int rows, int columns)
    {
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows];
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            var values = weights.Slice(row * columns, columns);
            var largest = 0f;
            foreach (var value in values)
            {
                if (!float.IsFinite(value)) throw new ConversionException($"row {row} of a weight matrix holds {value}; such weights cannot be quantized.");
                largest = Math.Max(largest, Math.Abs(value));
            }

            var scale = scales[row] = largest / 127;
            for (var k = 0; k < columns; k++)
            {
                var q = scale > 0 ? (int)Math.Clamp(Math.Round(values[k] / (double)scale, MidpointRounding.ToEven), -127, 127) : 0;
                quantized[row * columns + k] = (sbyte)q;
                var error = values[k] - (double)q * scale;
                errors += error * error;
                squares += (double)values[k] * values[k];
            }
        }

        return (WeightLayout.PackInt8(quantized, scales, rows, columns), errors, squares);
    }
}
