using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Sliding windows over 1 to 3 spatial dimensions, always treated as three (depth, height, width; missing ones have size 1). The attributes
/// KernelShape, Strides, Pads (all beginnings, then all ends) and Dilations of convolutions and pools.
/// </summary>
internal sealed class SpatialWindow
{
    public const int Axes = 3;
    private readonly int[] _kernel;
    private readonly int[] _strides;
    private readonly int[] _dilations;
    private readonly int[] _padBegin = new int[Axes];
    private readonly int[] _padEnd = new int[Axes];

    public SpatialWindow(Attributes attributes)
    {
        var kernel = attributes.Sizes(AttributeKey.KernelShape, 1);
        Rank = kernel.Length;
        if (Rank is < 1 or > Axes) throw OperatorError.Attribute($"KernelShape has {Rank} dimensions; expected 1 to {Axes}.");
        _kernel = Widen(AttributeKey.KernelShape, kernel, 1);
        _strides = Widen(AttributeKey.Strides, attributes.Sizes(AttributeKey.Strides, 1), 1);
        _dilations = Widen(AttributeKey.Dilations, attributes.Sizes(AttributeKey.Dilations, 1), 1);
        var pads = attributes.Sizes(AttributeKey.Pads, 0);
        if (pads.Length != 0 && pads.Length != 2 * Rank) throw OperatorError.Attribute($"Pads has {pads.Length} values; expected {2 * Rank}.");
        for (var i = 0; i < pads.Length / 2; i++)
        {
            _padBegin[Axes - Rank + i] = pads[i];
            _padEnd[Axes - Rank + i] = pads[Rank + i];
        }

        var taps = 1L;
        foreach (var size in _kernel)
        {
            taps *= size;
            if (taps > int.MaxValue) throw OperatorError.Attribute($"A window of KernelShape has more than {int.MaxValue} elements.");
        }

        Taps = (int)taps;
    }

    /// <summary>Spatial dimensions: 1 to 3.</summary>
    public int Rank { get; }

    /// <summary>The number of taps of one window: the product of the kernel's sizes.</summary>
    public int Taps { get; }

    public bool HasPads
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _padBegin.AsSpan().ContainsAnyExcept(0) || _padEnd.AsSpan().ContainsAnyExcept(0);
    }

    /// <summary>Kernel size of axis 0 (depth), 1 (height), 2 (width).</summary>
    public int Kernel(int axis) => _kernel[axis];

    public int Stride(int axis) => _strides[axis];

    public int Dilation(int axis) => _dilations[axis];

    public int PadBegin(int axis) => _padBegin[axis];

    public int PadEnd(int axis) => _padEnd[axis];

    /// <summary>Distance between the first and the last tap of an axis.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public long Reach(int axis) => (long)(_kernel[axis] - 1) * _dilations[axis];

    /// <summary>Size of <paramref name="shape"/> [N, C, spatial…] along an axis. 1 if it has none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Size(in Shape shape, int axis)
    {
        var own = axis - (Axes - Rank);
        return own < 0 ? 1 : shape[2 + own];
    }

    /// <summary>The number of windows along one axis: ⌊(size + pads - reach - 1)/stride⌋ + 1. With <paramref name="ceil"/> also windows that start inside and end beyond.</summary>
    public int Positions(Tensor x, int axis, int size, bool ceil)
    {
        var room = (long)size + _padBegin[axis] + _padEnd[axis] - Reach(axis) - 1;
        if (room < 0)
        {
            throw OperatorError.Value(
                $"'{x.Name}' of shape {x.Shape} is smaller than the window: a size of {size} plus {_padBegin[axis] + (long)_padEnd[axis]} of padding, for a window of {Reach(axis) + 1}.");
        }

        var stride = (long)_strides[axis];
        var count = (ceil ? room + stride - 1 : room) / stride + 1;
        if (ceil && (count - 1) * stride >= size + (long)_padBegin[axis]) count--;
        return count <= int.MaxValue ? (int)count : throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} gives too many windows.");
    }

    /// <summary>Output shape [N, channels, windows…].</summary>
    public Shape Output(Tensor x, int channels, bool ceil)
    {
        var shape = x.Shape;
        shape[1] = channels;
        for (var i = 0; i < Rank; i++) shape[2 + i] = Positions(x, Axes - Rank + i, x.Shape[2 + i], ceil);
        return shape;
    }

    /// <summary>Checks that <paramref name="x"/> is [N, C, spatial…] with this window's dimensions.</summary>
    public Tensor Check(Tensor x)
    {
        if (x.Rank != Rank + 2) throw OperatorError.Rank(x, $"[batch, channels] and {Rank} spatial dimension(s)");
        return x;
    }

    private int[] Widen(AttributeKey key, int[] values, int missing)
    {
        if (values.Length != 0 && values.Length != Rank) throw OperatorError.Attribute($"{key} has {values.Length} values; expected {Rank}.");
        var result = new int[Axes];
        Array.Fill(result, missing);
        values.CopyTo(result, Axes - Rank);
        return result;
    }
}
