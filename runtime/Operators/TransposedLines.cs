using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>Which lines of the input, and which elements of them, reach which outputs of a transposed convolution.</summary>
/// <remarks>
/// The products of a tap with a line are a row with a margin on both sides. Outputs beyond the reach of a tap add an element of its margin: -0, which
/// changes no number, not even its sign. With a large stride, the products of a position with the taps of the width are a row, in the same way: then
/// outputs that are neighbours take the same rows, not those that are a stride apart.
/// </remarks>
internal readonly unsafe struct TransposedLines
{
    /// <summary>From this stride on, neighbours fill enough lanes.</summary>
    private const int LargeStride = 64;

    private readonly SpatialWindow _window;
    private readonly nint _inDepth;
    private readonly nint _inHeight;
    private readonly nint _outHeight;

    /// <summary>Taps of the width from one that reaches an output to the next, and how far apart their positions are.</summary>
    private readonly nint _tapStep;
    private readonly nint _positionStep;

    /// <summary>The inverse of <see cref="_positionStep"/> modulo <see cref="_tapStep"/>.</summary>
    private readonly long _inverse;

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

        // All positions of single taps in their own places are one line. A stride between them would apply to its width.
        if (window.Taps == 1 && window.Stride(2) == 1 && !window.HasPads && InWidth == OutWidth && _inHeight == _outHeight && OutLines == _inDepth * _inHeight)
        {
            InWidth = OutWidth = InWidth * OutLines;
            _inDepth = _inHeight = _outHeight = OutLines = 1;
        }

        nint stride = window.Stride(2);
        var divisor = Divisor(stride, window.Dilation(2));
        (_tapStep, _positionStep) = (stride / divisor, window.Dilation(2) / divisor);
        _inverse = Inverse(_positionStep, _tapStep);
        PhaseWidth = (OutWidth + stride - 1) / stride;
        ByPosition = stride >= LargeStride && window.Dilation(2) == 1 && window.Kernel(2) >= stride;
        Rows = ByPosition ? InWidth : window.Kernel(2);
        RowWidth = ByPosition ? window.Kernel(2) : InWidth;
        if (ByPosition)
        {
            RowLength = (RowWidth + stride - 1) / stride * stride;
            return;
        }

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

    /// <summary>Whether a row is the products of a position, not of a tap. It depends on the window alone, so scratch grows with the sizes.</summary>
    public bool ByPosition { get; }

    /// <summary>Rows of an output channel, for one tap of depth and height.</summary>
    public nint Rows { get; }

    /// <summary>Products of a row.</summary>
    public nint RowWidth { get; }

    /// <summary>Elements before the products of a row.</summary>
    public nint Margin { get; }

    /// <summary>Elements from one row to the next.</summary>
    public nint RowLength { get; }

    /// <summary>Most products of an output channel for one line.</summary>
    public nint ProductsOfChannel
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        get => (nint)_window.Kernel(0) * _window.Kernel(1) * Rows * RowLength;
    }

    /// <summary>An estimate of the operations for all outputs of a line in one channel: elements that are added, margins too.</summary>
    public double Sums => (double)_window.Taps * (ByPosition ? PhaseWidth + 1 : PhaseWidth);

    /// <summary>An estimate of the operations that find the rows of all outputs of a line, for any number of channels.</summary>
    public double Places => 64.0 * (ByPosition ? PhaseWidth + 1 : Math.Min(_window.Stride(2), OutWidth)) + 2.0 * _window.Taps;

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
        nint stride = _window.Stride(2), count = 0, at = phase + _window.PadBegin(2), divisor = stride / _tapStep;
        if (at % divisor != 0) return 0;
        var last = (nint)(at / divisor % _tapStep * _inverse % _tapStep);
        if (last >= _window.Kernel(2)) return 0;
        last += (_window.Kernel(2) - 1 - last) / _tapStep * _tapStep;
        var first = (at - last * _window.Dilation(2)) / stride;
        for (nint row = 0; row < rows; row++)
        {
            for (var (tap, shift) = (last, first); tap >= 0 && shift < InWidth; tap -= _tapStep, shift += _positionStep)
            {
                if (shift > -PhaseWidth) taps[count++] = (row * channels * Rows + tap) * RowLength + shift;
            }
        }

        return count;
    }

    /// <summary>The places of the rows' elements that are added to neighbouring outputs, if rows are of positions, in order. Returns their number.</summary>
    /// <param name="output">The first output.</param>
    /// <param name="rows">Taps of depth and height that reach the line.</param>
    /// <param name="channels">Channels of each.</param>
    /// <param name="places">Receives the places, counted from the first product.</param>
    /// <param name="width">The number of neighbours that add the same rows.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public nint PlacePositions(nint output, nint rows, nint channels, nint* places, out nint width)
    {
        nint stride = _window.Stride(2), count = 0;
        var (last, rest) = Math.DivRem(output + _window.PadBegin(2), stride);
        width = Math.Min(stride - rest, OutWidth - output);
        var first = Math.Max(last - RowLength / stride + 1, 0);
        for (nint row = 0; row < rows; row++)
        {
            for (var position = first; position <= last && position < InWidth; position++)
                places[count++] = (row * channels * Rows + position) * RowLength + rest + (last - position) * stride;
        }

        return count;
    }

    /// <summary>Fills what lies between the products of rows with -0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ClearMargins(float* products, nint count)
    {
        if (RowLength == RowWidth) return;
        for (nint at = 0; at + RowLength <= count; at += RowLength)
        {
            new Span<float>(products + at, (int)Margin).Fill(-0f);
            new Span<float>(products + at + Margin + RowWidth, (int)(RowLength - Margin - RowWidth)).Fill(-0f);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Divisor(nint a, nint b)
    {
        while (b != 0) (a, b) = (b, a % b);
        return a;
    }

    /// <summary>The inverse of a number modulo another that shares no divisor with it, by Euclid's algorithm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Inverse(long number, long modulus)
    {
        var (a, b, x, y) = (number % modulus, modulus, 1L, 0L);
        while (b != 0)
        {
            var quotient = a / b;
            (a, b, x, y) = (b, a - quotient * b, y, x - quotient * y);
        }

        return (x % modulus + modulus) % modulus;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Find(int axis, nint output, nint tap, nint size, out nint position)
    {
        nint at = output + _window.PadBegin(axis) - tap * _window.Dilation(axis), stride = _window.Stride(axis);
        position = at / stride;
        return at >= 0 && at % stride == 0 && position < size;
    }
}
