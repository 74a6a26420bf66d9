using System.Diagnostics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Which loop multiplies by weights of which format: a line each. Formats whose products take fp32 inputs, and those that take quantized ones.</summary>
/// <typeparam name="S">Lanes of fp32.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
/// <typeparam name="B">int8 products.</typeparam>
/// <typeparam name="P">int4 products.</typeparam>
internal static unsafe class FormatProducts<S, F, I, B, P>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where B : struct, IInt8Products
    where P : struct, IQuantizedProduct
{
    /// <summary>See <see cref="KernelSet.Multiply(in PackedMatrix, in FloatRows, in OutputRange)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(in PackedMatrix w, in FloatRows x, in OutputRange y)
    {
        switch (w.Layout.Format.Number)
        {
            case TensorFormat.PackedFloat32: GemmFloat32<S, F, I, Float32Weights<S, F, I>, float>.Run(Panels<float>.Packed((float*)w.Panels, w.Layout), w.Layout.Columns, x, y); break;
            case TensorFormat.PackedFloat16: GemmFloat16<S, F, I>.Run(w, x, y); break;
            case TensorFormat.PackedBFloat16: GemmFloat32<S, F, I, BFloat16Weights<S, F, I>, short>.Run(Panels<short>.Packed((short*)w.Panels, w.Layout), w.Layout.Columns, x, y); break;
            default: Debug.Fail($"{w.Layout.Format.Name} takes no fp32 inputs."); break;
        }
    }

    /// <summary>See <see cref="KernelSet.Unpack"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(in PackedMatrix w, float* to)
    {
        var count = (nint)w.Layout.PaddedRows * w.Layout.Columns;
        switch (w.Layout.Format.Number)
        {
            case TensorFormat.PackedFloat32: Unpack<float, Float32Weights<S, F, I>>((float*)w.Panels, count, to); break;
            case TensorFormat.PackedFloat16: Unpack<short, Float16Weights<S, F, I>>((short*)w.Panels, count, to); break;
            case TensorFormat.PackedBFloat16: Unpack<short, BFloat16Weights<S, F, I>>((short*)w.Panels, count, to); break;
            default: Debug.Fail($"{w.Layout.Format.Name} has no fp32 weights."); break;
        }
    }

    /// <summary>See <see cref="KernelSet.Multiply(in PackedMatrix, in QuantizedRows, in OutputRange)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
    {
        switch (w.Layout.Format.Number)
        {
            case TensorFormat.PackedInt8 or TensorFormat.NarrowInt8: B.ScaledByRow(w, x, y); break;
            case TensorFormat.GroupedInt8: B.ScaledByGroup(w, x, y); break;
            case TensorFormat.PackedInt4: P.Run(w, x, y); break;
            default: Debug.Fail($"{w.Layout.Format.Name} takes no quantized inputs."); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Unpack<T, W>(T* from, nint count, float* to)
        where T : unmanaged
        where W : struct, IWeights<T, F, I>
    {
        var kept = W.Kept(count);
        for (nint i = 0; i < count; i += S.Lanes) S.Store(to + i, W.Load(from + i, kept));
    }
}

/// <summary>Products of quantized inputs as a whole, so that a kernel set needs to know none of the types they are made of.</summary>
internal interface IQuantizedProduct
{
    /// <summary>See <see cref="KernelSet.Multiply(in PackedMatrix, in QuantizedRows, in OutputRange)"/>.</summary>
    static abstract void Run(in PackedMatrix w, in QuantizedRows x, in OutputRange y);
}

/// <summary>The products by int8 weights of a kernel set.</summary>
internal unsafe interface IInt8Products
{
    /// <summary>By weights with one scale a row.</summary>
    static abstract void ScaledByRow(in PackedMatrix w, in QuantizedRows x, in OutputRange y);

    /// <summary>By weights with a scale for each group of inputs.</summary>
    static abstract void ScaledByGroup(in PackedMatrix w, in QuantizedRows x, in OutputRange y);

    /// <summary>One row of inputs for products panel by panel.</summary>
    static abstract QuantizedRow Prepare(sbyte* x, float scale, nint columns);

    /// <summary>See <see cref="GemmInt8{S,F,I,D,A}.Panels"/>.</summary>
    static abstract void Panels(in PackedMatrix w, nint first, nint rows, in QuantizedRow x, float* init, float* y);

    /// <summary>A whole step with cells in vectors of as many lanes as the sums. Wider cells would wait for the sums' narrower stores.</summary>
    static abstract void Step(in RecurrentStep step);
}

/// <summary>One row of quantized inputs.</summary>
/// <param name="first">The first input.</param>
/// <param name="scale">The row's scale.</param>
/// <param name="start">See <see cref="IInt8Dot{I,A}.Start"/>.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly unsafe struct QuantizedRow(sbyte* first, float scale, int start)
{
    public readonly sbyte* First = first;
    public readonly float Scale = scale;
    public readonly int Start = start;
}

/// <summary>The products by int8 weights over the dot products of an instruction set.</summary>
/// <typeparam name="S">Lanes of fp32, as many as a vector of sums.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 sums.</typeparam>
/// <typeparam name="D">int8 products.</typeparam>
/// <typeparam name="G">int8 products that need no sums of weights.</typeparam>
/// <typeparam name="A">Running sums of the products.</typeparam>
internal readonly unsafe struct Int8Products<S, F, I, D, G, A> : IInt8Products
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where D : struct, IInt8Dot<I, A>
    where G : struct, IInt8Dot<I, A>
    where A : unmanaged
{
    public static void ScaledByRow(in PackedMatrix w, in QuantizedRows x, in OutputRange y) => GemmInt8<S, F, I, D, A>.Run(w, x, y);

    public static void ScaledByGroup(in PackedMatrix w, in QuantizedRows x, in OutputRange y) => GemmInt8Groups<S, F, I, G, A>.Run(w, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static QuantizedRow Prepare(sbyte* x, float scale, nint columns) => new(x, scale, D.Start(x, columns));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Panels(in PackedMatrix w, nint first, nint rows, in QuantizedRow x, float* init, float* y) => GemmInt8<S, F, I, D, A>.Panels(w, first, rows, x, init, y);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Step(in RecurrentStep step) => QuantizedSteps<S, F, I, Int8Products<S, F, I, D, G, A>>.Run(step);
}
