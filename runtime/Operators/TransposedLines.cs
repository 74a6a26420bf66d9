using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>Which lines of the input, and which elements of them, reach which outputs of a transposed convolution.</summary>
/// <remarks>
/// The products of a tap with a line are a row with a margin on both sides. Outputs beyond the reach of a tap add an element of its margin: -0, which
/// changes no number, not even its sign.
/// </remarks>
internal readonly unsafe struct TransposedLines
{
    private readonly SpatialWindow _window;
    private readonly nint _inDepth;
    private readonly nint _inHeight;
    private readonly nint _outHeight;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public TransposedLines(SpatialWindow window, NodeContext context)
    {
        ref readonly var x = ref context.Input(0).Shape;
        ref readonly var y = ref context.Output(0).Shape;
        _window = window;
        (_inDepth, _inHeight, InWidth) = (window.Size(x, 0), window.Size(x, 1), window.Size(x, 2));
        (OutLines, _outHeight, OutWidth) = ((nint)window.Size(y, 0) * window.Size(y, 1), window.Size(y, 1), window.Size(y, 2));
        InChannels = x[1];
        Channels = y[1];

        // All positions of single taps in their own places are one line.
        if (window.Taps == 1 && !window.HasPads && InWidth == OutWidth && _inHeight == _outHeight && OutLines == _inDepth * _inHeight)
        {
            InWidth = OutWidth = InWidth * OutLines;
            _inDepth = _inHeight = _outHeight = OutLines = 1;
        }

        nint stride = window.Stride(2);
        PhaseWidth = (OutWidth + stride - 1) / stride;
        Margin = Math.Clamp(((nint)window.Reach(2) - window.PadBegin(2) + stride - 1) / stride, 0, PhaseWidth);
        RowLength = Margin + InWidth + Math.Clamp((OutWidth - 1 + window.PadBegin(2)) / stride + 1 - InWidth, 0, PhaseWidth);
    }

    public nint InWidth { get; }

    public nint OutWidth { get; }

    /// <summary>The number of lines of the output.</summary>
    public nint OutLines { get; }

    public nint InSpatial => _inDepth * _inHeight * InWidth;

    public nint OutSpatial => OutLines * OutWidth;

    /// <summary>Input channels of all groups.</summary>
    public nint InChannels { get; }

    /// <summary>Output channels of all groups.</summary>
    public nint Channels { get; }

    /// <summary>Most outputs of a line that are a stride apart.</summary>
    public nint PhaseWidth { get; }

    /// <summary>Elements before the products of a row.</summary>
    public nint Margin { get; }

    /// <summary>Elements from one row to the next.</summary>
    public nint RowLength { get; }

    /// <summary>Most products of an output channel for one line.</summary>
    public nint ProductsOfChannel => _window.Taps * RowLength;

    /// <summary>The number of outputs of a line that are a stride apart, from output <paramref name="phase"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public nint Windows(nint phase) => (OutWidth - phase + _window.Stride(2) - 1) / _window.Stride(2);

    /// <summary>Whether a tap of depth and height reaches a line of the output, and from which element of a channel on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Reaches(nint line, nint depthTap, nint heightTap, out nint from)
    {
        from = 0;
        if (!Find(0, line / _outHeight, depthTap, _inDepth, out var depth) || !Find(1, line % _outHeight, heightTap, _inHeight, out var height)) return false;
        from = (depth * _inHeight + height) * InWidth;
        return true;
    }

    /// <summary>The places of the rows' elements that are added to the outputs of a phase, in order. Returns their number.</summary>
    /// <param name="phase">The first output. The others follow a stride apart.</param>
    /// <param name="rows">Taps of depth and height that reach the line.</param>
    /// <param name="channels">Channels of each.</param>
    /// <param name="taps">Receives the places, counted from the first product.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public nint PlaceTaps(nint phase, nint rows, nint channels, nint* taps)
    {
        nint stride = _window.Stride(2), count = 0;
        for (nint row = 0; row < rows; row++)
        {
            for (nint tap = _window.Kernel(2) - 1; tap >= 0; tap--)
            {
                var position = phase + _window.PadBegin(2) - tap * _window.Dilation(2);
                if (position % stride != 0) continue;
                var shift = position / stride;
                if (shift > -PhaseWidth && shift < InWidth) taps[count++] = (row * channels * _window.Kernel(2) + tap) * RowLength + shift;
            }
        }

        return count;
    }

    /// <summary>Fills what lies between the products of rows with -0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ClearMargins(float* products, nint count)
    {
        if (RowLength == InWidth) return;
        for (nint at = 0; at + RowLength <= count; at += RowLength)
        {
            new Span<float>(products + at, (int)Margin).Fill(-0f);
            new Span<float>(products + at + Margin + InWidth, (int)(RowLength - Margin - InWidth)).Fill(-0f);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Find(int axis, nint output, nint tap, nint size, out nint position)
    {
        nint at = output + _window.PadBegin(axis) - tap * _window.Dilation(axis), stride = _window.Stride(axis);
        position = at / stride;
        return at >= 0 && at % stride == 0 && position < size;
    }
}
