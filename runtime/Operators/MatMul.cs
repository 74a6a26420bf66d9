using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Matrix product of dense tensors by NumPy's rules: Y[…, i, j] = Σ_k A[…, i, k]·B[…, k, j]. Leading dimensions broadcast. A first operand of one
/// dimension is a row, a second one a column; the result then lacks that dimension.
/// </summary>
/// <remarks>Types: fp32 by the kernels; float64, int32, int64 in plain code. Both operands have the same type.</remarks>
internal sealed unsafe class MatMul : Operator
{
    public override WeightUse UseOf(int input) => input <= 1 ? WeightUse.Product : WeightUse.None;

    public override bool TryBatch(in Batching batch) => batch.IsShared(1) && batch.One.Input(1).Rank == 2 && batch.Rows();

    public override void Infer(NodeContext context)
    {
        var a = Require.AnyDense(context.Input(0));
        var b = Require.AnyDense(context.Input(1));
        if (a.Type is not (ElementType.Float32 or ElementType.Float64 or ElementType.Int32 or ElementType.Int64))
            throw OperatorError.Type(a, "float32, float64, int32 or int64");
        if (b.Type != a.Type) throw OperatorError.Type(b, a.Type.Name());
        if (a.Rank < 1) throw OperatorError.Rank(a, "at least one dimension");
        if (b.Rank < 1) throw OperatorError.Rank(b, "at least one dimension");
        var k = a.Shape[a.Rank - 1];
        if (b.Shape[Math.Max(b.Rank - 2, 0)] != k) throw OperatorError.Size(b, Math.Max(b.Rank - 2, 0), k);

        var batch = Math.Max(BatchRank(a), BatchRank(b));
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        for (var axis = 0; axis < batch; axis++)
        {
            int sizeA = BatchSize(a, axis, batch), sizeB = BatchSize(b, axis, batch);
            if (sizeA != sizeB && sizeA != 1 && sizeB != 1) throw OperatorError.Broadcast(a, b);
            sizes[axis] = sizeA == 1 ? sizeB : sizeA;
        }

        var rank = batch;
        if (a.Rank > 1) sizes[rank++] = a.Shape[a.Rank - 2];
        if (b.Rank > 1) sizes[rank++] = b.Shape[b.Rank - 1];
        context.Output(0).Set(a.Type, new Shape(sizes[..rank]));
    }

    /// <summary>The result's columns are in lanes.</summary>
    public override double Work(NodeContext context)
    {
        Tensor a = context.Input(0), b = context.Input(1);
        var lanes = a.Type == ElementType.Float32 && b.Rank > 1 ? Math.Clamp(b.Shape[b.Rank - 1], 1, 16) : 1;
        return base.Work(context) + OutputWork(context) * a.Shape[a.Rank - 1] / lanes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var y = context.Output(0);
        if (y.Count == 0) return;
        Tensor a = context.Input(0), b = context.Input(1);
        switch (y.Type)
        {
            case ElementType.Float32: Walk<float>(context.Kernels, a, b, y); break;
            case ElementType.Float64: Walk<double>(context.Kernels, a, b, y); break;
            case ElementType.Int32: Walk<int>(context.Kernels, a, b, y); break;
            default: Walk<long>(context.Kernels, a, b, y); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk<T>(KernelSet kernels, Tensor a, Tensor b, Tensor y)
        where T : unmanaged, INumber<T>
    {
        var m = a.Rank > 1 ? a.Shape[a.Rank - 2] : 1;
        var k = a.Shape[a.Rank - 1];
        var n = b.Rank > 1 ? b.Shape[b.Rank - 1] : 1;
        T* pa = (T*)a.Data, pb = (T*)b.Data, py = (T*)y.Data;
        if (b.Count == (long)k * n)
        {
            Product(kernels, pa, pb, py, y.Count / n, k, n);
            return;
        }

        var batch = Math.Max(BatchRank(a), BatchRank(b));
        var matrices = y.Count / ((nint)m * n);
        for (nint index = 0; index < matrices; index++)
        {
            nint rest = index, matrixA = 0, matrixB = 0, strideA = 1, strideB = 1;
            for (var axis = batch - 1; axis >= 0; axis--)
            {
                int sizeA = BatchSize(a, axis, batch), sizeB = BatchSize(b, axis, batch);
                var size = sizeA == 1 ? sizeB : sizeA;
                var position = rest % size;
                rest /= size;
                if (sizeA != 1) matrixA += position * strideA;
                if (sizeB != 1) matrixB += position * strideB;
                strideA *= sizeA;
                strideB *= sizeB;
            }

            Product(kernels, pa + matrixA * m * k, pb + matrixB * k * n, py + index * m * n, m, k, n);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Product<T>(KernelSet kernels, T* a, T* b, T* y, int m, int k, int n)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
        {
            kernels.GemmDense(new FloatRows((float*)a, k, m), new FloatRows((float*)b, n, k), new OutputRange((float*)y, n, n));
            return;
        }

        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = T.Zero;
                for (var c = 0; c < k; c++) sum = unchecked(sum + a[(nint)i * k + c] * b[(nint)c * n + j]);
                y[(nint)i * n + j] = sum;
            }
        }
    }

    private static int BatchRank(Tensor tensor) => Math.Max(tensor.Rank - 2, 0);

    /// <summary>Size of leading dimension <paramref name="axis"/> of <paramref name="count"/>. Missing dimensions count as 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int BatchSize(Tensor tensor, int axis, int count)
    {
        var own = axis - (count - BatchRank(tensor));
        return own < 0 ? 1 : tensor.Shape[own];
    }
}
