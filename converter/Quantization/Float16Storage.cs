using System.Globalization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>fp16: rounded to nearest even.</summary>
internal sealed class Float16Storage : WeightStorage
{
    /// <summary>Largest magnitude that rounds to a finite number.</summary>
    private const float Largest = 65_504;

    /// <summary>Largest relative error of a row: five times the loss of rounding to 11 bits. Beyond it the weights are too small for fp16's exponents.</summary>
    private const double LargestError = 0.001;

    /// <summary>A row whose largest weight is smaller than the matrix's by this factor has died in training.</summary>
    private const float DeadRow = 1f / (1L << 32);

    public Float16Storage()
        : base(WeightKind.Float16, "fp16", "packed float16", Float16Format.Instance) => Finer = WeightKind.Float32;

    public override string Help => "fp16 (half the size)";

    public override RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null)
    {
        var (errors, squares) = Lost(weights, static weight => (float)(Half)weight);
        return new RoundedMatrix(errors, squares, matrix => Float16Format.Pack(matrix(), layout.Rows, layout.Columns, layout.PanelRows));
    }

    public override string? Obstacle(WeightMatrix weights) =>
        base.Obstacle(weights) ?? (!(weights.Largest <= Largest) ? $"a weight is outside ±{Largest}" : null);

    /// <summary>Small weights lose precision: fp16's exponents do not reach them.</summary>
    public override string? Loss(WeightMatrix weights) =>
        weights.Matrices.Max(m => LargestRowError(m, weights.Columns)) is var worst and > LargestError ? string.Create(CultureInfo.InvariantCulture, $"a row's error in fp16 would be {100 * worst:0.##}%") : null;

    /// <summary>Largest relative rounding error of a row that has not died.</summary>
    private static double LargestRowError(float[] weights, int columns)
    {
        var least = weights.Max(Math.Abs) * DeadRow;
        var worst = 0.0;
        for (var first = 0; first < weights.Length; first += columns)
        {
            double errors = 0, squares = 0;
            var largest = 0f;
            foreach (var weight in weights.AsSpan(first, columns))
            {
                var error = weight - (double)(Half)weight;
                errors += error * error;
                squares += (double)weight * weight;
                largest = Math.Max(largest, Math.Abs(weight));
            }

            if (largest > least && errors > worst * worst * squares) worst = Math.Sqrt(errors / squares);
        }

        return worst;
    }
}
