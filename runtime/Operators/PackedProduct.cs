using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Y = init + X · Wᵀ for a packed W of any format: the one place that knows which kernel a format has, that int8 and int4 weights
/// need their inputs quantized and how much scratch that takes.
/// </summary>
internal static unsafe class PackedProduct
{
    /// <summary>Scale of a state that lies in [-1, 1] (DESIGN §5: no range pass each step).</summary>
    public const float BoundedScale = 1f / 127f;

    /// <summary>1 and the rounding of one more step: (1 - z)·n + z·h may pass 1 by an ulp, and saturating that loses nothing.</summary>
    private const float Bound = 1.000001f;

    /// <summary>Largest value over root mean square from which a row is quantized in two parts.</summary>
    private const float Steep = 2;

    /// <summary>Checks that <paramref name="w"/> holds <paramref name="count"/> packed matrices of rows × columns.</summary>
    public static Tensor Check(Tensor w, int rows, long columns, int count = 1)
    {
        if (w.Format == TensorFormat.Dense) throw OperatorError.Value($"'{w.Name}' must be a packed weight matrix.");
        if (w.Layout.Format != w.Format || w.Layout.Rows != rows || w.Layout.Columns != columns || w.PackedCount != count)
        {
            throw OperatorError.Value(
                $"'{w.Name}' holds {w.PackedCount} packed matrices of {w.Layout.Rows} × {w.Layout.Columns}; expected {count} of {rows} × {columns}.");
        }

        return w;
    }

    /// <summary>Scratch for a product of <paramref name="m"/> rows.</summary>
    public static long ScratchBytes(Tensor w, long m)
    {
        if (!w.Layout.IsInteger) return 0;
        var cursor = new ScratchCursor(null);
        Quantized(ref cursor, w.Layout.Columns, m, out _, out _);
        cursor.Floats(w.Layout.Columns + KernelSet.ReadSlack);
        return cursor.Bytes;
    }

    /// <summary>Y[i, r] = init[i, r] + Σ_k W[r, k]·X[i, k], r &lt; n; parameters as in <see cref="KernelSet.GemmFloat32"/>.</summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="w">Packed weights.</param>
    /// <param name="index">Which of its matrices.</param>
    /// <param name="x">X; int8 and int4 weights measure the range of each row.</param>
    /// <param name="ldx">Elements between rows of X; rows may overlap.</param>
    /// <param name="m">Rows.</param>
    /// <param name="init">First value, or null for 0.</param>
    /// <param name="ldinit">Elements between rows of init.</param>
    /// <param name="y">Y.</param>
    /// <param name="ldy">Elements between rows of Y.</param>
    /// <param name="n">Outputs of each row.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes.</param>
    public static void Multiply(
        KernelSet kernels, Tensor w, int index, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int n, byte* scratch)
    {
        if (!w.Layout.IsInteger)
        {
            MultiplyFloats(kernels, w.Packed(index), w.Layout, x, ldx, m, init, ldinit, y, ldy, n);
            return;
        }

        var columns = w.Layout.Columns;
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, columns, m, out var scales, out var q);
        kernels.QuantizeRows(x, ldx, m, columns, 0, q, scales);
        MultiplyIntegers(kernels, w.Packed(index), w.Layout, q, KernelSet.QuantizedStride(columns), scales, m, init, ldinit, y, ldy, n);
        var rest = cursor.Floats(columns + KernelSet.ReadSlack);
        for (var i = 0; i < m; i++)
        {
            var row = x + i * ldx;
            if (!IsSteep(kernels, row, columns, scales[i])) continue;
            Subtract(row, q + i * KernelSet.QuantizedStride(columns), scales[i], rest, columns);
            kernels.QuantizeRows(rest, columns, 1, columns, 0, q, scales);
            MultiplyIntegers(kernels, w.Packed(index), w.Layout, q, KernelSet.QuantizedStride(columns), scales, 1, y + i * ldy, ldy, y + i * ldy, ldy, n);
        }
    }

    /// <summary>The product of fp32 or fp16 weights, or of whole tiles of them; parameters as in <see cref="KernelSet.GemmFloat32"/>.</summary>
    public static void MultiplyFloats(KernelSet kernels, byte* w, WeightLayout layout, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        if (layout.Format == TensorFormat.PackedFloat16) kernels.GemmFloat16(w, layout, x, ldx, m, init, ldinit, y, ldy, n);
        else kernels.GemmFloat32(w, layout, x, ldx, m, init, ldinit, y, ldy, n);
    }

    private static void MultiplyIntegers(KernelSet kernels, byte* w, WeightLayout layout, sbyte* q, nint ldq, float* scales, int m, float* init, nint ldinit, float* y, nint ldy, int n)
    {
        if (layout.Format == TensorFormat.PackedInt4) kernels.GemmInt4(w, layout, q, ldq, scales, m, init, ldinit, y, ldy, n);
        else kernels.GemmInt8(w, layout, q, ldq, scales, m, init, ldinit, y, ldy, n);
    }

    /// <summary>
    /// Whether few large values would leave the others with hardly any of the 255 steps (a magnitude spectrum is so): the largest
    /// is more than <see cref="Steep"/> times the root mean square. Such a row is multiplied twice, by its quantized values and by
    /// their quantized errors, which gives it about 15 bits.
    /// </summary>
    private static bool IsSteep(KernelSet kernels, float* row, int columns, float scale)
    {
        var largest = scale * 127;
        return largest * largest * columns > Steep * Steep * kernels.Reduce(ReduceFunction.SumSquare, row, columns);
    }

    /// <summary>rest = x - scale·q, each rounded once.</summary>
    private static void Subtract(float* x, sbyte* q, float scale, float* rest, int columns)
    {
        var negative = Vector128.Create(-scale);
        var k = 0;
        for (; k + 4 <= columns; k += 4)
        {
            var steps = Vector128.ConvertToSingle(Vector128.Create((int)q[k], q[k + 1], q[k + 2], q[k + 3]));
            Vector128.FusedMultiplyAdd(negative, steps, Vector128.Load(x + k)).Store(rest + k);
        }

        for (; k < columns; k++) rest[k] = MathF.FusedMultiplyAdd(-scale, q[k], x[k]);
    }

    /// <summary>
    /// The same for a recurrent state, rows adjacent, whose equations keep it in [-1, 1] once it is there: a row inside takes
    /// the fixed scale <see cref="BoundedScale"/>, a row outside (an initial state of the caller's) its measured range. Each row
    /// decides for itself, so batching and cutting a sequence into runs leave every bit unchanged.
    /// </summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="w">Packed weights.</param>
    /// <param name="h">State, m rows of the matrix's columns.</param>
    /// <param name="m">Rows.</param>
    /// <param name="bounded">True where all rows are known to be inside; set when they are found to be.</param>
    /// <param name="init">First value.</param>
    /// <param name="ldinit">Elements between rows of init.</param>
    /// <param name="y">Y.</param>
    /// <param name="ldy">Elements between rows of Y.</param>
    /// <param name="n">Outputs of each row.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes.</param>
    public static void MultiplyState(
        KernelSet kernels, Tensor w, float* h, int m, ref bool bounded, float* init, nint ldinit, float* y, nint ldy, int n, byte* scratch)
    {
        var columns = w.Layout.Columns;
        if (!w.Layout.IsInteger)
        {
            MultiplyFloats(kernels, w.Data, w.Layout, h, columns, m, init, ldinit, y, ldy, n);
            return;
        }

        var stride = KernelSet.QuantizedStride(columns);
        var cursor = new ScratchCursor(scratch);
        Quantized(ref cursor, columns, m, out var scales, out var q);
        bounded = bounded || IsBounded(h, (nint)m * columns);
        if (bounded)
        {
            kernels.QuantizeRows(h, columns, m, columns, BoundedScale, q, scales);
        }
        else
        {
            for (var i = 0; i < m; i++)
            {
                var row = h + (nint)i * columns;
                kernels.QuantizeRows(row, columns, 1, columns, IsBounded(row, columns) ? BoundedScale : 0, q + i * stride, scales + i);
            }
        }

        MultiplyIntegers(kernels, w.Data, w.Layout, q, stride, scales, m, init, ldinit, y, ldy, n);
    }

    /// <summary>Comparisons only, so no kernel is needed. NaN counts as inside: it quantizes to 0 at any scale.</summary>
    private static bool IsBounded(float* h, nint n)
    {
        nint i = 0;
        var outside = Vector128<float>.Zero;
        var bound = Vector128.Create(Bound);
        for (; i + Vector128<float>.Count <= n; i += Vector128<float>.Count) outside |= Vector128.GreaterThan(Vector128.Abs(Vector128.Load(h + i)), bound);
        if (outside.AsUInt32() != Vector128<uint>.Zero) return false;
        for (; i < n; i++)
        {
            if (h[i] > Bound || h[i] < -Bound) return false;
        }

        return true;
    }

    private static void Quantized(ref ScratchCursor cursor, int columns, long m, out float* scales, out sbyte* q)
    {
        scales = cursor.Floats(m);
        q = (sbyte*)cursor.Take(m * KernelSet.QuantizedStride(columns));
    }
}
