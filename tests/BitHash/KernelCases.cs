using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace BitHash;

/// <summary>Every method of the kernel contract, called directly.</summary>
internal static unsafe class KernelCases
{
    private static readonly int[] RowSizes = [1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 64, 100, 127, 257, 1000, 1100];

    public static void Add(CaseList cases)
    {
        foreach (var function in Enum.GetValues<UnaryFunction>())
        {
            if (!function.IsArithmetic()) continue;
            cases.Add($"unary/{function}", kernels => Unary(kernels, function));
        }

        foreach (var function in Enum.GetValues<BinaryFunction>())
        {
            if (function.IsArithmetic()) cases.Add($"binary/{function}", kernels => Binary(kernels, function));
        }

        foreach (var function in Enum.GetValues<ReduceFunction>()) cases.Add($"reduce/{function}", kernels => Rows(kernels, 11, (k, x, y, n) => *y = k.Reduce(function, x, n)));
        cases.Add("softmax", kernels => Rows(kernels, 12, (k, x, y, n) => k.Softmax(x, y, 1, n, logarithm: false)));
        cases.Add("logsoftmax", kernels => Rows(kernels, 13, (k, x, y, n) => k.Softmax(x, y, 1, n, logarithm: true)));
        cases.Add("normalize", kernels => Rows(kernels, 14, (k, x, y, n) => k.Normalize(x, gain: null, bias: null, y, 1, n, 1e-5f, rms: false)));
        cases.Add("normalize/rms", kernels => Rows(kernels, 15, (k, x, y, n) => k.Normalize(x, x, x, y, 1, n, 1e-6f, rms: true)));
        cases.Add("gemm/dense", GemmDense);
        foreach (var format in CaseList.Formats.Where(f => f != TensorFormat.NarrowInt8)) Add(cases, format);
        cases.Add("quantize", Quantize);
        cases.Add("cell/lstm", kernels => Cell(kernels, 4));
        cases.Add("cell/gru", kernels => Cell(kernels, 3));
    }

    public static void Add(CaseList cases, TensorFormat format) => cases.Add($"gemm/{format}", kernels => Gemm(kernels, format));

    private static ulong Unary(KernelSet kernels, UnaryFunction function)
    {
        using var x = new NativeBlock<float>(Numbers.WholeRange());
        using var y = new NativeBlock<float>(x.Count);
        var hash = new BitHasher();
        foreach (var (alpha, beta) in ((float, float)[])[(1f, 0f), (0.3f, 0.7f)])
        {
            kernels.Unary(function, x.Pointer, y.Pointer, x.Count, alpha, beta);
            hash.Add(y.Span);
        }

        return hash.Value;
    }

    private static ulong Binary(KernelSet kernels, BinaryFunction function)
    {
        var range = Numbers.WholeRange();
        using var a = new NativeBlock<float>(range);
        using var b = new NativeBlock<float>(range.Length);
        var numbers = new Numbers(21);
        for (var i = 0; i < b.Count; i++) b.Span[i] = i % 3 == 0 ? numbers.Float(4) : range[(int)(numbers.Next() % (uint)range.Length)];
        using var y = new NativeBlock<float>(a.Count);
        var hash = new BitHasher();
        foreach (var (strideA, strideB, count) in ((int, int, int)[])[(1, 1, a.Count), (0, 1, 1003), (1, 0, 1003)])
        {
            kernels.Binary(function, a.Pointer + (strideA == 0 ? 7 : 0), strideA, b.Pointer, strideB, y.Pointer, count);
            hash.Add(y.Span[..count]);
        }

        return hash.Value;
    }

    private delegate void RowKernel(KernelSet kernels, float* x, float* y, int n);

    private static ulong Rows(KernelSet kernels, ulong seed, RowKernel run)
    {
        var numbers = new Numbers(seed);
        var hash = new BitHasher();
        foreach (var n in RowSizes)
        {
            foreach (var scale in (float[])[1e-30f, 1f, 40f, 1e20f])
            {
                using var x = new NativeBlock<float>(numbers.Floats(n, scale));
                using var y = new NativeBlock<float>(n);
                y.Span.Clear();
                run(kernels, x.Pointer, y.Pointer, n);
                hash.Add(y.Span);
            }
        }

        return hash.Value;
    }

    private static ulong GemmDense(KernelSet kernels)
    {
        var numbers = new Numbers(31);
        var hash = new BitHasher();
        foreach (var (m, k, n) in ((int, int, int)[])[(1, 1, 1), (3, 5, 7), (4, 16, 16), (2, 33, 17), (7, 64, 50), (5, 129, 101)])
        {
            using var a = new NativeBlock<float>(numbers.Floats(m * k));
            using var b = new NativeBlock<float>(numbers.Floats(k * n));
            using var bias = new NativeBlock<float>(numbers.Floats(n));
            using var y = new NativeBlock<float>(m * n);
            kernels.GemmDense(new FloatRows(a.Pointer, k, m), new FloatRows(b.Pointer, n, k), new OutputRange(y.Pointer, n, n, bias.Pointer));
            hash.Add(y.Span);
        }

        return hash.Value;
    }

    private static ulong Gemm(KernelSet kernels, TensorFormat format)
    {
        var numbers = new Numbers(32);
        var hash = new BitHasher();
        foreach (var (m, rows, columns) in ((int, int, int)[])[(1, 1, 1), (1, 16, 16), (1, 257, 128), (2, 17, 3), (3, 100, 33), (4, 65, 257), (5, 33, 64), (8, 512, 40), (9, 31, 100)])
        {
            using var w = new NativeBlock<byte>(numbers.Packed(format, rows, columns));
            using var x = new NativeBlock<float>(numbers.Floats(m * columns));
            using var bias = new NativeBlock<float>(numbers.Floats(rows));
            using var y = new NativeBlock<float>(m * rows);
            var layout = new WeightLayout(format, rows, columns);
            if (!layout.IsInteger)
            {
                kernels.Multiply(new PackedMatrix(w.Pointer, layout), new FloatRows(x.Pointer, columns, m), new OutputRange(y.Pointer, rows, rows, bias.Pointer));
            }
            else
            {
                var stride = KernelSet.QuantizedStride(columns);
                using var q = new NativeBlock<sbyte>((int)stride * m);
                using var scales = new NativeBlock<float>(m);
                kernels.QuantizeRows(x.Pointer, columns, m, columns, 0, q.Pointer, scales.Pointer);
                kernels.Multiply(PackedMatrix.Whole(w.Pointer, layout), new QuantizedRows(q.Pointer, stride, scales.Pointer, m), new OutputRange(y.Pointer, rows, rows, bias.Pointer));
            }

            hash.Add(y.Span);
        }

        return hash.Value;
    }

    private static ulong Quantize(KernelSet kernels)
    {
        var numbers = new Numbers(33);
        var hash = new BitHasher();
        foreach (var k in RowSizes)
        {
            foreach (var scale in (float[])[1e-35f, 1e-3f, 1f, 1e30f])
            {
                var values = numbers.Floats(3 * k, scale);
                values[(int)(numbers.Next() % (uint)values.Length)] = float.NaN;
                if (scale > 1) values[(int)(numbers.Next() % (uint)values.Length)] = float.NegativeInfinity;
                using var x = new NativeBlock<float>(values);
                using var q = new NativeBlock<sbyte>(3 * (int)KernelSet.QuantizedStride(k));
                using var scales = new NativeBlock<float>(3);
                foreach (var fixedScale in (float[])[0, 1f / 127])
                {
                    kernels.QuantizeRows(x.Pointer, k, 3, k, fixedScale, q.Pointer, scales.Pointer);
                    hash.Add(q.Span);
                    hash.Add(scales.Span);
                }
            }
        }

        return hash.Value;
    }

    private static ulong Cell(KernelSet kernels, int gates)
    {
        var numbers = new Numbers(34);
        var hash = new BitHasher();
        foreach (var units in (int[])[1, 7, 16, 17, 40, 64, 129])
        {
            foreach (var scale in (float[])[0.5f, 6f, 200f])
            {
                using var a = new NativeBlock<float>(numbers.GateRow(gates, units, scale));
                using var b = new NativeBlock<float>(numbers.GateRow(gates, units, scale));
                using var state = new NativeBlock<float>(numbers.Floats((units + 15) / 16 * 16));
                using var cell = new NativeBlock<float>(units);
                using var hidden = new NativeBlock<float>(units);
                cell.Span.Clear();
                if (gates == 4) kernels.LstmCell(a.Pointer, state.Pointer, cell.Pointer, hidden.Pointer, units);
                else kernels.GruCell(a.Pointer, b.Pointer, state.Pointer, hidden.Pointer, units);
                hash.Add(cell.Span);
                hash.Add(hidden.Span);
            }
        }

        return hash.Value;
    }
}
