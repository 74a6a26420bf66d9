using System.Diagnostics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;

namespace SeqRuntime.Kernels.Sets;

/// <summary>The kernel contract over the lanes of one instruction set and its int8 products.</summary>
/// <remarks>The kernels are static generic classes over the types they use, so that sets that differ only in integer products share all other machine code.</remarks>
/// <typeparam name="S">Lanes of fp32.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
/// <typeparam name="B">int8 products.</typeparam>
/// <typeparam name="P">int4 products.</typeparam>
/// <typeparam name="T">Whole steps in fp32.</typeparam>
internal sealed unsafe class SimdKernels<S, F, I, B, P, T>(string name) : KernelSet
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where B : struct, IInt8Products
    where P : struct, IQuantizedProduct
    where T : struct, IWholeSteps
{
    public override string Name { get; } = name;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Multiply(in PackedMatrix w, in FloatRows x, in OutputRange y)
    {
        Check(w, y);
        FormatProducts<S, F, I, B, P>.Multiply(w, x, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Multiply(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
    {
        Check(w, y);
        Check(w, x);
        FormatProducts<S, F, I, B, P>.Multiply(w, x, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void QuantizeRows(float* x, nint ldx, int m, int k, float fixedScale, sbyte* q, float* scales) =>
        Quantize<S, F, I>.Rows(x, ldx, m, k, fixedScale, q, scales);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void QuantizeMany(float* x, nint ldx, int m, int k, sbyte* q, float* scales, float* squares) => QuantizeMany<S, F, I>.Rows(x, ldx, m, k, q, scales, squares);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override bool IsWithin(float* x, nint n, float least, float most) => Quantize<S, F, I>.IsWithin(x, n, least, most);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void GemmDense(in FloatRows a, in FloatRows b, in OutputRange y) =>
        GemmFloat32<S, F, I, Float32Weights<S, F, I>, float>.Run(Panels<float>.Dense(b.First, y.End, b.Stride), b.Count, a, y);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Windows(in WindowRows rows) => WindowSums<S, F, I>.Run(rows);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Unpack(in PackedMatrix w, float* to) => FormatProducts<S, F, I, B, P>.Unpack(w, to);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Unary(UnaryFunction function, float* x, float* y, nint n, float alpha, float beta) =>
        Elementwise<S, F, I>.Unary(function, x, y, n, alpha, beta);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Binary(BinaryFunction function, float* a, int strideA, float* b, int strideB, float* y, nint n) =>
        Elementwise<S, F, I>.Binary(function, a, strideA, b, strideB, y, n);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Reduce(ReduceFunction function, float* x, nint rows, nint n, float* y) => RowReductions<S, F, I>.Reduce(function, x, rows, n, y);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Softmax(float* x, float* y, nint rows, nint n, bool logarithm) => RowReductions<S, F, I>.Softmax(x, y, rows, n, logarithm);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Normalize(float* x, float* gain, float* bias, float* y, nint rows, nint n, float epsilon, bool rms) =>
        RowReductions<S, F, I>.Normalize(x, gain, bias, y, rows, n, epsilon, rms);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void LstmCell(float* gates, float* cell, float* cellOut, float* hiddenOut, int hidden) =>
        Cells<S, F, I>.Lstm(gates, cell, cellOut, hiddenOut, hidden);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void GruCell(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, int units) =>
        Cells<S, F, I>.Gru(gatesX, gatesH, hidden, hiddenOut, units);

    public override bool SharesWeights
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        get => S.Chains > 8;
    }

    public override long MostStepBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        get => S.Lanes > 1 ? long.MaxValue : 64 * 1024;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void WholeStep(in RecurrentStep step)
    {
        if (step.Recurrence.Layout.IsInteger)
        {
            if (step.Units < WeightLayout.WidestPanel) B.Step(step);
            else QuantizedSteps<S, F, I, B>.Run(step);
            return;
        }

        T.Run(step, 0, step.Units);
    }

    [Conditional("DEBUG")]
    private static void Check(in PackedMatrix w, in OutputRange y)
    {
        Debug.Assert(y.From >= 0 && y.From <= y.End && y.End <= w.Layout.PaddedRows, "The matrix has no such outputs.");
        Debug.Assert(y.From % WeightLayout.RowStep == 0, "The first output must be a multiple of 4.");
        Debug.Assert(S.Lanes * sizeof(float) <= ReadSlack, "A vector at the end of a row may not read so far behind it.");
    }

    [Conditional("DEBUG")]
    private static void Check(in PackedMatrix w, in QuantizedRows x) =>
        Debug.Assert(x.Count <= 1 || x.Stride >= w.Layout.PaddedColumns, "A product reads its quantized rows with their padding.");
}
