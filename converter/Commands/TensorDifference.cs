using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Commands;

/// <summary>The difference of two constants of one shape, whatever their formats.</summary>
internal static unsafe class TensorDifference
{
    /// <summary>‖b − a‖ / ‖a‖, where elements that are not numbers count as 0 if both are the same. Null if their shapes differ.</summary>
    public static double? Of(Tensor a, Tensor b)
    {
        if (!HaveSameElements(a, b)) return null;
        if (a.Format == TensorFormat.Dense) return Relative(Sums(Dense(a), Dense(b)));
        var (first, second) = (new float[a.Layout.PaddedColumns], new float[b.Layout.PaddedColumns]);
        var (errors, squares) = (0.0, 0.0);
        for (var matrix = 0; matrix < a.PackedCount; matrix++)
        {
            for (var row = 0; row < a.Layout.Rows; row++)
            {
                fixed (float* to = first) a.Layout.Format.ReadRow(a.Matrix(matrix), row, to);
                fixed (float* to = second) b.Layout.Format.ReadRow(b.Matrix(matrix), row, to);
                var sums = Sums(Array.ConvertAll(first[..a.Layout.Columns], v => (double)v), Array.ConvertAll(second[..a.Layout.Columns], v => (double)v));
                (errors, squares) = (errors + sums.Errors, squares + sums.Squares);
            }
        }

        return Relative((errors, squares));
    }

    private static bool HaveSameElements(Tensor a, Tensor b) => (a.Format == TensorFormat.Dense) == (b.Format == TensorFormat.Dense)
        && (a.Format == TensorFormat.Dense ? a.Type == b.Type && a.Shape.AsSpan().SequenceEqual(b.Shape.AsSpan()) : (a.PackedCount, a.Layout.Rows, a.Layout.Columns) == (b.PackedCount, b.Layout.Rows, b.Layout.Columns));

    private static (double Errors, double Squares) Sums(double[] a, double[] b)
    {
        var (errors, squares) = (0.0, 0.0);
        for (var i = 0; i < a.Length; i++)
        {
            var error = a[i].Equals(b[i]) ? 0 : b[i] - a[i];
            errors += error * error;
            squares += a[i] * a[i];
        }

        return (errors, squares);
    }

    private static double Relative((double Errors, double Squares) sums) => sums.Errors == 0 ? 0 : Math.Sqrt(sums.Errors / sums.Squares);

    private static double[] Dense(Tensor tensor)
    {
        var values = new double[tensor.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = tensor.Type switch
            {
                ElementType.Float32 => tensor.AsSpan<float>()[i],
                ElementType.Float64 => tensor.AsSpan<double>()[i],
                ElementType.Int64 => tensor.AsSpan<long>()[i],
                ElementType.Int32 => tensor.AsSpan<int>()[i],
                ElementType.Int8 => tensor.AsSpan<sbyte>()[i],
                _ => tensor.AsSpan<byte>()[i],
            };
        }

        return values;
    }
}
