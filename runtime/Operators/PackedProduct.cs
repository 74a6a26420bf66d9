using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Y = init + X · Wᵀ for a packed W of any format. Only this class knows the kernel of each format, that int8 and int4 weights
/// need quantized inputs, and how much scratch that takes.
/// </summary>
internal static unsafe class PackedProduct
{
    /// <summary>
    /// Ratio of largest value to root mean square from which a row is quantized in two parts. Up to it, 127 steps lose 0.7 % of the row, no more
    /// than rounding the weights does. With a ratio of 2, most rows of real layers would be multiplied twice.
    /// </summary>
    public const long Steep = 3;

    /// <summary>Checks that <paramref name="w"/> holds <paramref name="count"/> packed matrices of rows × columns.</summary>
    public static Tensor Check(Tensor w, int rows, long columns, int count = 1)
    {
        if (w.Format == TensorFormat.Dense) throw OperatorError.Value($"'{w.Name}' must be a packed weight matrix.");
        if (w.Layout.Format.Number != w.Format || w.Layout.Rows != rows || w.Layout.Columns != columns || w.PackedCount != count)
        {
            throw OperatorError.Value(
                $"'{w.Name}' holds {w.PackedCount} packed matrices of {w.Layout.Rows} × {w.Layout.Columns}; expected {count} of {rows} × {columns}.");
        }

        return w;
    }

    /// <summary>Operations of a product with this many rows (<see cref="Operator.Work"/>).</summary>
    public static double Work(Tensor w, double rows) => rows * w.Layout.PaddedRows * w.Layout.Columns / KernelSet.Tile;

    /// <summary>Scratch for a product of <paramref name="m"/> rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static long ScratchBytes(Tensor w, long m)
    {
        if (!w.Layout.IsInteger) return 0;
        var cursor = new ScratchCursor(null);
        Quantized(ref cursor, w.Layout.Columns, m, out _, out _);
        cursor.Floats(w.Layout.Columns + KernelSet.ReadSlack);
        cursor.Floats(m + 1);
        return cursor.Bytes;
    }

    /// <summary>Y[i, r] = init[i, r] + Σ_k W[r, k]·X[i, k]. int8 and int4 weights measure the range of each row of X.</summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="w">Packed weights.</param>
    /// <param name="index">Which of its matrices.</param>
    /// <param name="x">X.</param>
    /// <param name="y">Y.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes.</param>
    /// <param name="isPrepared">Whether a product of the same rows, by other weights, has left its scratch unchanged.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(KernelSet kernels, Tensor w, int index, in FloatRows x, in OutputRange y, byte* scratch, bool isPrepared = false)
    {
        if (x.Count == 1 || !w.Layout.IsInteger)
        {
            var factor = Prepare(kernels, w, x, scratch);
            factor.Multiply(kernels, index, y);
            return;
        }

        var m = (int)x.Count;
        var stride = KernelSet.QuantizedStride(w.Layout.Columns);
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, w.Layout.Columns, m, out var scales, out var q);
        cursor.Floats(w.Layout.Columns + KernelSet.ReadSlack);
        var steep = (int*)cursor.Floats(m + 1L);
        if (!isPrepared) *steep = Quantize(kernels, x, w.Layout.Columns, scales, q, steep + 1, scratch);
        new Factor(w, new QuantizedRows(q, stride, scales, m)).Multiply(kernels, index, y);

        // Neighbouring steep rows share one walk over the weights.
        var rows = steep + 1;
        for (int first = 0, next; first < *steep; first = next)
        {
            for (next = first + 1; next < *steep && rows[next] == rows[next - 1] + 1;) next++;
            var to = y.At(rows[first]);
            new Factor(w, new QuantizedRows(q + (m + first) * stride, stride, scales + m + first, next - first)).Multiply(kernels, index, new OutputRange(to, y.Stride, y.End, to, y.Stride, y.From));
        }
    }

    /// <summary>Quantizes rows, and after them the errors of the steep ones. Returns how many are steep.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Quantize(KernelSet kernels, in FloatRows x, int columns, float* scales, sbyte* q, int* steep, byte* scratch)
    {
        var m = (int)x.Count;
        var stride = KernelSet.QuantizedStride(columns);
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, columns, m, out _, out _);
        var rest = cursor.Floats(columns + KernelSet.ReadSlack);
        var squares = scales + m;
        var isMeasured = columns <= KernelSet.MostMeasured;
        if (isMeasured) kernels.QuantizeMany(x.First, x.Stride, m, columns, q, scales, squares);
        else kernels.QuantizeRows(x.First, x.Stride, m, columns, 0, q, scales);
        var count = 0;
        for (var row = 0; row < m; row++)
        {
            // The scales of errors take the places of sums that have been read.
            if (!(isMeasured ? IsSteep((long)squares[row], columns, scales[row]) : IsSteep(q + row * stride, columns, scales[row]))) continue;
            QuantizeRest(kernels, x.At(row), columns, q + row * stride, scales[row], rest, q + (m + count) * stride, scales + m + count);
            steep[count++] = row;
        }

        return count;
    }

    /// <summary>Prepares rows of X for weights of this format. With int8 and int4 weights only a single row may be steep.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Factor Prepare(KernelSet kernels, Tensor w, in FloatRows x, byte* scratch)
    {
        if (!w.Layout.IsInteger) return new Factor(w, x);
        var columns = w.Layout.Columns;
        if (x.Count == 1)
        {
            var row = PrepareRow(kernels, x.First, columns, scratch);
            return new Factor(w, row.Slice(0, 1)) { HasRest = row.Count > 1 };
        }

        var m = (int)x.Count;
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, columns, m, out var scales, out var q);
        kernels.QuantizeRows(x.First, x.Stride, m, columns, 0, q, scales);
        return new Factor(w, new QuantizedRows(q, KernelSet.QuantizedStride(columns), scales, m));
    }

    /// <summary>Quantizes one row by its measured range.</summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="x">The row.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes for one row.</param>
    /// <returns>The row and, if it is steep, its error.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static QuantizedRows PrepareRow(KernelSet kernels, float* x, int columns, byte* scratch)
    {
        var stride = KernelSet.QuantizedStride(columns);
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, columns, 1, out var scales, out var q);
        kernels.QuantizeRows(x, columns, 1, columns, 0, q, scales);
        if (!IsSteep(q, columns, *scales)) return new QuantizedRows(q, stride, scales, 1);
        QuantizeRest(kernels, x, columns, q, *scales, cursor.Floats(columns + KernelSet.ReadSlack), q + stride, scales + 1);
        return new QuantizedRows(q, stride, scales, 2);
    }

    /// <summary>
    /// The same as <see cref="Prepare"/> for a recurrent state with adjacent rows, each scaled by the rule of <see cref="StateScale"/>. Each row is
    /// judged alone, so batching and cutting a sequence into runs leave every bit unchanged.
    /// </summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="w">Packed weights.</param>
    /// <param name="h">State, m rows of the matrix's columns.</param>
    /// <param name="m">Rows.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Factor PrepareState(KernelSet kernels, Tensor w, float* h, int m, byte* scratch)
    {
        var columns = w.Layout.Columns;
        if (!w.Layout.IsInteger) return new Factor(w, new FloatRows(h, columns, m));
        var stride = KernelSet.QuantizedStride(columns);
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, columns, m, out var scales, out var q);
        for (var i = 0; i < m; i++)
        {
            var row = h + (nint)i * columns;
            kernels.QuantizeRows(row, columns, 1, columns, kernels.IsWithin(row, columns, StateScale.Least, StateScale.Most) ? StateScale.Fixed : 0, q + i * stride, scales + i);
        }

        return new Factor(w, new QuantizedRows(q, stride, scales, m));
    }

    /// <summary>
    /// Whether a few large values would leave hardly any of the 255 steps to the others, as in a magnitude spectrum: the largest
    /// is more than <see cref="Steep"/> times the root mean square, 127²·columns &gt; Steep²·Σ q². Such a row is multiplied twice, by its
    /// quantized values and by their quantized errors, which gives it about 15 bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsSteep(sbyte* q, int columns, float scale)
    {
        if (scale == 0) return false;

        // Rows are padded with zeros; only 32767 or more sums of up to 2·16129 could overflow int32.
        var sum = 0L;
        for (nint k = 0; k < columns;)
        {
            var sums = Vector256<int>.Zero;
            for (var end = k + 65536 < columns ? k + 65536 : columns; k < end; k += Vector128<sbyte>.Count)
            {
                var values = Vector256.WidenLower(Vector128.Load(q + k).ToVector256Unsafe());
                values *= values;
                sums += Vector256.WidenLower(values) + Vector256.WidenUpper(values);
            }

            sum += Vector256.Sum(sums);
        }

        return IsSteep(sum, columns, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSteep(long squares, int columns, float scale) => scale != 0 && 127L * 127 * columns > Steep * Steep * squares;

    /// <summary>Quantizes the error of a row that was quantized to q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void QuantizeRest(KernelSet kernels, float* x, int columns, sbyte* q, float scale, float* rest, sbyte* restQ, float* restScale)
    {
        Subtract(x, q, scale, rest, columns);
        kernels.QuantizeRows(rest, columns, 1, columns, 0, restQ, restScale);
    }

    /// <summary>rest = x - scale·q, each rounded once. It works on 16 values at a time, up to q's padding. On Arm a vector whose lower half is not its last use is copied.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Subtract(float* x, sbyte* q, float scale, float* rest, int columns)
    {
        var negative = Vector128.Create(-scale);
        for (var end = q + columns; q < end; q += Vector128<sbyte>.Count, x += Vector128<sbyte>.Count, rest += Vector128<sbyte>.Count)
        {
            var steps = Vector128.Load(q);
            Vector128<short> upper = Vector128.WidenUpper(steps), lower = Vector128.WidenLower(steps);
            Vector128<float> x0 = Vector128.Load(x), x1 = Vector128.Load(x + 4), x2 = Vector128.Load(x + 8), x3 = Vector128.Load(x + 12);
            x1 = Vector128.FusedMultiplyAdd(negative, Vector128.ConvertToSingle(Vector128.WidenUpper(lower)), x1);
            x0 = Vector128.FusedMultiplyAdd(negative, Vector128.ConvertToSingle(Vector128.WidenLower(lower)), x0);
            x3 = Vector128.FusedMultiplyAdd(negative, Vector128.ConvertToSingle(Vector128.WidenUpper(upper)), x3);
            x2 = Vector128.FusedMultiplyAdd(negative, Vector128.ConvertToSingle(Vector128.WidenLower(upper)), x2);
            x0.Store(rest);
            x1.Store(rest + 4);
            x2.Store(rest + 8);
            x3.Store(rest + 12);
        }
    }

    /// <summary>Scratch for m quantized rows and the errors of steep ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quantized(ref ScratchCursor cursor, int columns, long m, out float* scales, out sbyte* q)
    {
        scales = cursor.Floats(2 * m);
        q = (sbyte*)cursor.Take(2 * m * KernelSet.QuantizedStride(columns));
    }

    /// <summary>Rows of X prepared for products with a packed W, for all outputs or block by block.</summary>
    public struct Factor
    {
        private readonly Tensor _w;
        private readonly FloatRows _x;
        private readonly QuantizedRows _q;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Factor(Tensor w, in FloatRows x)
        {
            _w = w;
            _x = x;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Factor(Tensor w, in QuantizedRows q)
        {
            _w = w;
            _q = q;
        }

        /// <summary>A second row adds the quantization error of the first.</summary>
        public bool HasRest { get; set; }

        /// <summary>Y[i, r] = init[i, r] + Σ_k W[r, k]·X[i, k].</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Multiply(KernelSet kernels, int index, in OutputRange y)
        {
            var matrix = _w.Matrix(index);
            if (!_w.Layout.IsInteger)
            {
                kernels.Multiply(matrix, _x, y);
                return;
            }

            if (!HasRest)
            {
                kernels.Multiply(matrix, _q, y);
            }
            else if (kernels.SharesWeights && y.Init != null)
            {
                // Both rows have the same place: the second row's initial values are the first row's outputs.
                kernels.Multiply(matrix, new QuantizedRows(_q.First, _q.Stride, _q.Scales, 2), new OutputRange(y.First, 0, y.End, y.Init, (nint)(y.First - y.Init), y.From));
            }
            else
            {
                kernels.Multiply(matrix, _q, y);
                kernels.Multiply(matrix, new QuantizedRows(_q.At(1), _q.Stride, _q.Scales + 1, 1), new OutputRange(y.First, 0, y.End, y.First, 0, y.From));
            }
        }
    }
}
