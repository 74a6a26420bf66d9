using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>Sizes of one convolution: input (with its padding, if that was copied), windows, taps.</summary>
internal unsafe struct ConvGeometry
{
    public nint Depth, Height, Width;
    public nint OutHeight, OutWidth;
    public nint PadDepth, PadHeight, PadWidth;

    /// <summary>The number of elements of one input channel.</summary>
    public readonly nint Spatial => Depth * Height * Width;

    /// <summary>
    /// Copies windows into a matrix: element (c·taps + tap) of window p goes to target[(c·taps + tap)·tapStride + (p - first)·windowStride]. Taps
    /// in the padding are 0.
    /// </summary>
    /// <param name="window">Kernel, strides, dilations.</param>
    /// <param name="source">The first channel.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="first">The first window.</param>
    /// <param name="count">The number of windows.</param>
    /// <param name="target">The matrix.</param>
    /// <param name="tapStride">Elements from one tap to the next.</param>
    /// <param name="windowStride">Elements from one window to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Gather(SpatialWindow window, float* source, int channels, nint first, nint count, float* target, nint tapStride, nint windowStride)
    {
        for (var c = 0; c < channels; c++)
        {
            for (var kd = 0; kd < window.Kernel(0); kd++)
            {
                for (var kh = 0; kh < window.Kernel(1); kh++)
                {
                    for (var kw = 0; kw < window.Kernel(2); kw++)
                    {
                        GatherTap(window, source, kd, kh, kw, first, count, target, windowStride);
                        target += tapStride;
                    }
                }
            }

            source += Spatial;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void GatherTap(SpatialWindow window, float* source, int kd, int kh, int kw, nint first, nint count, float* target, nint windowStride)
    {
        nint stride = window.Stride(2), width = Width, end = first + count;
        var offset = (nint)kw * window.Dilation(2) - PadWidth;
        for (var p = first; p < end;)
        {
            nint row = p / OutWidth, column = p - row * OutWidth;
            var d = row / OutHeight * window.Stride(0) + (nint)kd * window.Dilation(0) - PadDepth;
            var h = row % OutHeight * window.Stride(1) + (nint)kh * window.Dilation(1) - PadHeight;
            var run = Math.Min(OutWidth - column, end - p);
            var inside = (nuint)d < (nuint)Depth && (nuint)h < (nuint)Height;
            var line = source + (inside ? (d * Height + h) * width : 0);
            var w = column * stride + offset;
            for (nint j = 0; j < run; j++)
            {
                *target = inside && (nuint)w < (nuint)width ? line[w] : 0;
                target += windowStride;
                w += stride;
            }

            p += run;
        }
    }
}
