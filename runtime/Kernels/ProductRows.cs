using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels;

/// <summary>Rows of fp32.</summary>
/// <param name="first">The first row.</param>
/// <param name="stride">Elements from one row to the next; rows may overlap.</param>
/// <param name="count">Rows.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly unsafe struct FloatRows(float* first, nint stride, nint count)
{
    public readonly float* First = first;
    public readonly nint Stride = stride;
    public readonly nint Count = count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float* At(nint row) => First + row * Stride;

    /// <summary>Some of the rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public FloatRows Slice(nint first, nint count) => new(At(first), Stride, count);
}

/// <summary>Rows of int8, each with its scale, as <see cref="KernelSet.QuantizeRows"/> writes them: zero padded to <see cref="KernelSet.QuantizedStride"/> bytes.</summary>
/// <param name="first">The first row.</param>
/// <param name="stride">Bytes from one row to the next.</param>
/// <param name="scales">A scale for each row.</param>
/// <param name="count">Rows.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly unsafe struct QuantizedRows(sbyte* first, nint stride, float* scales, nint count)
{
    public readonly sbyte* First = first;
    public readonly nint Stride = stride;
    public readonly float* Scales = scales;
    public readonly nint Count = count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public sbyte* At(nint row) => First + row * Stride;

    /// <summary>Some of the rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public QuantizedRows Slice(nint first, nint count) => new(At(first), Stride, Scales + first, count);
}

/// <summary>The outputs that a product computes for each row: which ones, where they go, and their initial values.</summary>
/// <param name="first">The first row; output r is element r of it.</param>
/// <param name="stride">Elements from one row to the next.</param>
/// <param name="end">End of the outputs of each row.</param>
/// <param name="init">Initial value of each sum, or null for 0; may be the outputs themselves.</param>
/// <param name="initStride">Elements between rows of <paramref name="init"/>; 0 repeats one row, a bias.</param>
/// <param name="from">First output of each row: a multiple of 4.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly unsafe struct OutputRange(float* first, nint stride, nint end, float* init = null, nint initStride = 0, nint from = 0)
{
    public readonly float* First = first;
    public readonly nint Stride = stride;
    public readonly float* Init = init;
    public readonly nint InitStride = initStride;
    public readonly nint From = from;
    public readonly nint End = end;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* At(nint row) => First + row * Stride;

    /// <summary>Initial values of a row's sums, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* InitAt(nint row) => Init == null ? null : Init + row * InitStride;

    /// <summary>The outputs without the first rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public OutputRange Skip(nint rows) => new(At(rows), Stride, End, InitAt(rows), InitStride, From);
}
