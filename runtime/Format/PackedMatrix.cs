using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>A packed weight matrix in memory.</summary>
/// <param name="panels">The first panel.</param>
/// <param name="layout">Where weights lie.</param>
/// <param name="scales">A scale for each padded row, in formats that have them.</param>
/// <param name="rowSums">The sum of each padded row's weights, in int8.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly unsafe struct PackedMatrix(byte* panels, WeightLayout layout, float* scales = null, int* rowSums = null)
{
    public readonly byte* Panels = panels;
    public readonly WeightLayout Layout = layout;
    public readonly float* Scales = scales;
    public readonly int* RowSums = rowSums;

    /// <summary>A matrix whose scales and sums lie behind its panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static PackedMatrix Whole(byte* panels, WeightLayout layout) => new(panels, layout, (float*)(panels + layout.ScalesOffset), (int*)(panels + layout.RowSumsOffset));
}
