using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Where the windows of a convolution find their elements: in the input itself, or in a copy with its padding or state around it, so that no
/// window needs bounds checks. A window's element is at the place of its tap plus the place of the window.
/// </summary>
/// <remarks>
/// A copy may hold one line of windows apart from the next, if they share no rows, and neighbouring windows side by side even if a stride lies
/// between them: column r of each window, or every column that leaves the remainder r when divided by the stride, is then a row of its own.
/// </remarks>
internal readonly unsafe struct ConvPlane
{
    private readonly SpatialWindow _window;
    private readonly int _channels;
    private readonly nint _inDepth;
    private readonly nint _inHeight;
    private readonly nint _inWidth;
    private readonly nint _left;
    private readonly Rows _depth;
    private readonly Rows _height;

    /// <summary>Rows that a row of the input becomes, the length of each, and input columns from one to the next.</summary>
    private readonly nint _phases;
    private readonly nint _phaseWidth;
    private readonly nint _phaseStep;

    /// <param name="window">The windows.</param>
    /// <param name="x">Shape of the input.</param>
    /// <param name="y">Shape of the output.</param>
    /// <param name="hasState">Whether a state is the left padding.</param>
    /// <param name="isSideBySide">Whether neighbouring windows are neighbours in memory. Otherwise their stride lies between them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ConvPlane(SpatialWindow window, in Shape x, in Shape y, bool hasState, bool isSideBySide)
    {
        _window = window;
        _channels = x[1];
        (_inDepth, _inHeight, _inWidth) = (window.Size(x, 0), window.Size(x, 1), window.Size(x, 2));
        nint stride = window.Stride(2), dilation = window.Dilation(2), taps = window.Kernel(2), windows = window.Size(y, 2);
        var isStrided = isSideBySide && stride > 1;
        IsInPlace = !hasState && !window.HasPads && !isStrided;
        WindowStep = isSideBySide ? 1 : stride;
        _left = hasState ? (nint)window.Reach(2) : window.PadBegin(2);
        _depth = new Rows(window, 0, _inDepth, window.Size(y, 0), IsInPlace);
        _height = new Rows(window, 1, _inHeight, window.Size(y, 1), IsInPlace);
        _phases = 1;
        _phaseStep = 1;
        if (IsInPlace)
        {
            _phaseWidth = _inWidth;
        }
        else if (!isStrided)
        {
            _phaseWidth = (windows - 1) * stride + (nint)window.Reach(2) + 1;
        }
        else if (stride < taps)
        {
            _phases = stride;
            _phaseWidth = windows + (nint)window.Reach(2) / stride;
        }
        else
        {
            _phases = taps;
            _phaseWidth = windows;
            _phaseStep = dilation;
        }

        // Sizes that no machine has room for are refused here, before their product overflows.
        if (!IsInPlace) ScratchCursor.CheckFloats((double)_channels * _depth.Count * _height.Count * _phases * _phaseWidth);
    }

    /// <summary>Whether windows read the input itself.</summary>
    public bool IsInPlace { get; }

    /// <summary>Elements from one window of a line to the next.</summary>
    public nint WindowStep { get; }

    /// <summary>Elements from one channel to the next.</summary>
    public nint ChannelStride => _depth.Count * HeightStride;

    /// <summary>The number of elements of all channels.</summary>
    public nint Count => _channels * ChannelStride;

    /// <summary>Elements from one line of windows to the next of the same depth.</summary>
    public nint LineStep => _height.OfLine * RowLength;

    /// <summary>Elements from one depth of windows to the next.</summary>
    public nint DepthStep => _depth.OfLine * HeightStride;

    private nint RowLength => _phases * _phaseWidth;

    private nint HeightStride => _height.Count * RowLength;

    /// <summary>The place of each tap of some channels, in order of the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PlaceTaps(nint channels, nint* taps)
    {
        nint width = _window.Kernel(2), depths = _window.Kernel(0), heights = _window.Kernel(1);
        for (nint w = 0; w < width; w++) taps[w] = Column(w);
        var next = taps;
        for (nint c = 0; c < channels; c++)
        {
            for (nint d = 0; d < depths; d++)
            {
                for (nint h = 0; h < heights; h++)
                {
                    var row = c * ChannelStride + d * _depth.OfTap * HeightStride + h * _height.OfTap * RowLength;
                    for (nint w = 0; w < width; w++) *next++ = row + taps[w];
                }
            }
        }
    }

    /// <summary>The place of a tap of the first row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private nint Column(nint tap)
    {
        nint stride = _window.Stride(2), column = tap * _window.Dilation(2);
        if (_phases == 1) return column;
        return stride < _window.Kernel(2) ? column % stride * _phaseWidth + column / stride : tap * _phaseWidth;
    }

    /// <summary>Copies a batch row of a convolution's input with what is around it, and stores its state after the run.</summary>
    /// <param name="context">The convolution's values.</param>
    /// <param name="row">The batch row.</param>
    /// <param name="to">Room for <see cref="Count"/> elements and a vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Fill(NodeContext context, nint row, float* to)
    {
        var x = context.Input(0).Floats + row * _channels * _inDepth * _inHeight * _inWidth;
        var state = context.Optional(3) is { } before ? before.Floats + row * _channels * _left : null;
        Fill(x, state, to);
        if (state != null && context.OptionalOutput(1) is { } after) StoreState(x, state, after.Floats + row * _channels * _left);
    }

    /// <summary>Copies channels, with zeros where there is no state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Fill(float* x, float* state, float* to)
    {
        if (_window.Rank == 1 && (WindowStep != 1 || _window.Stride(2) == 1))
        {
            FillRows(x, state, to);
            return;
        }

        for (nint c = 0; c < _channels; c++)
        {
            for (nint depth = 0; depth < _depth.Count; depth++)
            {
                var d = _depth.Source(depth);
                for (nint height = 0; height < _height.Count; height++, to += RowLength)
                {
                    var h = _height.Source(height);
                    if ((nuint)d >= (nuint)_inDepth || (nuint)h >= (nuint)_inHeight)
                    {
                        Clear(to, RowLength);
                        continue;
                    }

                    var row = x + (d * _inHeight + h) * _inWidth;
                    if (WindowStep == 1 && _window.Stride(2) > 1) FillPhases(row, state, to);
                    else FillRow(row, to);
                }
            }

            x += _inDepth * _inHeight * _inWidth;
            if (state != null) state += _left;
        }
    }

    /// <summary>The last elements of the state and the input become the next run's state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void StoreState(float* x, float* before, float* after)
    {
        var kept = Math.Max(0, _left - _inWidth);
        for (nint c = 0; c < _channels; c++, x += _inWidth, before += _left, after += _left)
        {
            Copy(before + _left - kept, after, kept);
            Copy(x + _inWidth - (_left - kept), after + kept, _left - kept);
        }
    }

    /// <summary>Copies channels of one row each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FillRows(float* x, float* state, float* to)
    {
        if (state == null)
        {
            CopyLines(x, _inWidth, _channels, -_left, _phaseWidth, to);
            return;
        }

        nint before = Math.Min(_left, _phaseWidth), count = Math.Min(_inWidth, _phaseWidth - before), after = _phaseWidth - before - count;
        for (nint c = 0; c < _channels; c++, x += _inWidth, to += after, state += _left)
        {
            CopyRun(state, to, before);
            to += before;
            CopyRun(x, to, count);
            to += count;
            Clear(to, after);
        }
    }

    /// <summary>Copies a part of each line, with zeros for what is outside of the line.</summary>
    /// <param name="x">The first line.</param>
    /// <param name="width">Elements of a line.</param>
    /// <param name="lines">Lines, one after the other.</param>
    /// <param name="start">First element of the part, counted from the start of its line: negative if it is before it.</param>
    /// <param name="length">Elements of the part.</param>
    /// <param name="to">Room for all parts, one after the other, and a vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyLines(float* x, nint width, nint lines, nint start, nint length, float* to)
    {
        nint first = Math.Clamp(-start, 0, length), end = Math.Clamp(width - start, first, length);
        var last = to + lines * length;
        if (length > Vector128<float>.Count)
        {
            for (x += start; to < last; x += width, to += length)
            {
                Clear(to, first);
                CopyRun(x + first, to + first, end - first);
                Clear(to + end, length - end);
            }

            return;
        }

        // A part that is outside of every line is read from inside, and nothing of it is kept.
        if (first == end) start = 0;
        var places = Vector128.Create(0, 1, 2, 3);
        var kept = (Vector128.GreaterThanOrEqual(places, Vector128.Create((int)first)) & Vector128.LessThan(places, Vector128.Create((int)end))).AsSingle();
        for (var from = start; to < last; from += width, to += length)
        {
            // A vector may begin before its line, but not before the first one.
            if (from >= 0) (Vector128.Load(x + from) & kept).Store(to);
            else for (nint k = 0; k < length; k++) to[k] = k < first || k >= end ? 0 : x[from + k];
        }
    }

    /// <summary>Copies a row of a plane, with zeros around it: a plane has no state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FillRow(float* row, float* to)
    {
        nint before = Math.Min(_left, _phaseWidth), count = Math.Min(_inWidth, _phaseWidth - before);
        Clear(to, before);
        CopyRun(row, to + before, count);
        Clear(to + before + count, _phaseWidth - before - count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FillPhases(float* row, float* state, float* to)
    {
        nint stride = _window.Stride(2), width = _phaseWidth;
        for (nint phase = 0; phase < _phases; phase++, to += width)
        {
            // Input column of element j: j·stride + from.
            var from = phase * _phaseStep - _left;
            var first = Math.Clamp((stride - 1 - from) / stride, 0, width);
            var end = Math.Clamp((_inWidth - 1 - from + stride) / stride, first, width);
            for (nint j = 0; j < first; j++) to[j] = state == null ? 0 : state[_left + from + j * stride];
            if (end > first) TakeEach(row + from + first * stride, stride, to + first, end - first);
            Clear(to + end, width - end);
        }
    }

    /// <summary>Copies elements that are a stride apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TakeEach(float* from, nint stride, float* to, nint count)
    {
        nint j = 0;
        if (stride == 2)
        {
            // The last element is not read with a neighbour that may lie behind the row.
            for (; j + 4 < count; j += 4)
            {
                var low = Vector128.Shuffle(Vector128.Load(from + 2 * j), Vector128.Create(0, 2, 0, 2));
                var high = Vector128.Shuffle(Vector128.Load(from + 2 * j + 4), Vector128.Create(0, 2, 0, 2));
                Vector128.Create(low.GetLower(), high.GetLower()).Store(to + j);
            }
        }

        for (; j < count; j++) to[j] = from[j * stride];
    }

    /// <summary>
    /// Copies by whole vectors. Elements written beyond the run are overwritten by the next run or lie in the slack after scratch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyRun(float* from, float* to, nint count)
    {
        nint i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count) Vector256.Load(from + i).Store(to + i);
        for (; i < count; i += Vector128<float>.Count) Vector128.Load(from + i).Store(to + i);
    }

    /// <summary>Zeros by whole vectors, like <see cref="CopyRun"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Clear(float* at, nint count)
    {
        for (nint i = 0; i < count; i += Vector128<float>.Count) Vector128<float>.Zero.Store(at + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* from, float* to, nint count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));

    /// <summary>The stored rows along depth or height: how many, and which rows of the input they are.</summary>
    private readonly struct Rows
    {
        private readonly nint _each;
        private readonly nint _step;
        private readonly nint _stride;
        private readonly nint _pad;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public Rows(SpatialWindow window, int axis, nint size, nint windows, bool isInPlace)
        {
            nint stride = window.Stride(axis), dilation = window.Dilation(axis), taps = window.Kernel(axis), reach = (nint)window.Reach(axis);
            _pad = window.PadBegin(axis);
            if (!isInPlace && (windows == 1 || stride > reach))
            {
                // Windows share no rows: each has its own.
                (_each, _step, _stride) = (taps, dilation, stride);
                (Count, OfTap, OfLine) = (windows * taps, 1, taps);
                return;
            }

            Count = isInPlace ? size : (windows - 1) * stride + reach + 1;
            (_each, _step, _stride) = (Count, 1, 0);
            (OfTap, OfLine) = (dilation, stride);
        }

        /// <summary>The number of stored rows.</summary>
        public nint Count { get; }

        /// <summary>Stored rows from one tap to the next.</summary>
        public nint OfTap { get; }

        /// <summary>Stored rows from one window to the next.</summary>
        public nint OfLine { get; }

        /// <summary>The row of the input that a stored row is; outside of it in the padding.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public nint Source(nint row) => _each == Count ? row * _step - _pad : row / _each * _stride + row % _each * _step - _pad;
    }
}
