using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>The kernel contract over the lanes of one instruction set and its int8 products.</summary>
/// <remarks>The kernels themselves are static generic classes over the type arguments they use, so that sets which differ only in int8 products share all other machine code.</remarks>
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
    where B : struct, IInt8Product
    where P : struct, IInt4Product
    where T : struct, IWholeSteps
{
    public override string Name { get; } = name;

    public override void GemmFloat32(byte* w, WeightLayout layout, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n) =>
        GemmFloat32<S, F, I, Float32Weights<S, F, I>, float>.Run(Panels<float>.Packed((float*)w, layout), layout.Columns, x, ldx, m, init, ldinit, y, ldy, from, n);

    public override void GemmInt8(byte* w, float* scales, int* sums, WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n) =>
        B.Run(w, scales, sums, layout, xq, ldxq, xscale, m, init, ldinit, y, ldy, from, n);

    public override void GemmFloat16(byte* w, WeightLayout layout, float* x, nint ldx, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n) =>
        GemmFloat16<S, F, I>.Run((short*)w, layout, x, ldx, m, init, ldinit, y, ldy, from, n);

    public override void GemmInt4(byte* w, WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n) =>
        P.Run(w, layout, xq, ldxq, xscale, m, init, ldinit, y, ldy, from, n);

    public override void QuantizeRows(float* x, nint ldx, int m, int k, float fixedScale, sbyte* q, float* scales) =>
        Quantize<S, F, I>.Rows(x, ldx, m, k, fixedScale, q, scales);

    public override void GemmDense(float* a, nint lda, float* b, nint ldb, int m, int k, int n, float* init, nint ldinit, float* y, nint ldy) =>
        GemmFloat32<S, F, I, Float32Weights<S, F, I>, float>.Run(Panels<float>.Dense(b, n, ldb), k, a, lda, m, init, ldinit, y, ldy, 0, n);

    public override void Unary(UnaryFunction function, float* x, float* y, nint n, float alpha, float beta) =>
        Elementwise<S, F, I>.Unary(function, x, y, n, alpha, beta);

    public override void Binary(BinaryFunction function, float* a, int strideA, float* b, int strideB, float* y, nint n) =>
        Elementwise<S, F, I>.Binary(function, a, strideA, b, strideB, y, n);

    public override float Reduce(ReduceFunction function, float* x, nint n) => Rows<S, F, I>.Reduce(function, x, n);

    public override void Softmax(float* x, float* y, nint n, bool logarithm) => Rows<S, F, I>.Softmax(x, y, n, logarithm);

    public override void Normalize(float* x, float* gain, float* bias, float* y, nint n, float epsilon, bool rms) =>
        Rows<S, F, I>.Normalize(x, gain, bias, y, n, epsilon, rms);

    public override void LstmCell(float* gates, float* cell, float* cellOut, float* hiddenOut, int hidden) =>
        Cells<S, F, I>.Lstm(gates, cell, cellOut, hiddenOut, hidden);

    public override void GruCell(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, int units) =>
        Cells<S, F, I>.Gru(gatesX, gatesH, hidden, hiddenOut, units);

    public override long MostStepBytes => 2 * S.Lanes >= GateRows.BlockUnits ? long.MaxValue : 64 * 1024;

    public override void WholeStep(in RecurrentStep step) => T.Run(step, 0, step.Units);
}
