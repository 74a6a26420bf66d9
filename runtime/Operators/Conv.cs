using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Convolution over 1 to 3 spatial dimensions: Y[n, m, p] = bias[m] + Σ_c Σ_k W[m, c, k]·X[n, c, p·stride + k·dilation - pad],
/// where c runs over the channels of m's group. With a state it is causal and streaming: the last (K-1)·dilation steps of each run are the
/// left padding of the next.
/// </summary>
/// <remarks>
/// <para>Inputs: X fp32 [N, C, spatial…]; W packed, one matrix [M/G, C/G·K] for each group, or dense fp32 [M, C/G, K…]; optional bias fp32 [M];
/// optional state fp32 [N, C, (K-1)·dilation] (one spatial dimension, no pads). Outputs: Y fp32 [N, M, windows…], and the state after the
/// run. A sequence split into runs gives the same bits if each run is a multiple of the stride.</para>
/// <para>With dense weights, and with small packed ones that are not integers, windows are in lanes (<see cref="ConvLanes"/>). Other packed weights
/// multiply rows of windows. A contiguous window is read in place. int8 and int4 quantize each window by its own range.</para>
/// </remarks>
internal sealed unsafe class Conv : Operator
{
    /// <summary>The number of windows gathered at a time.</summary>
    private const int Chunk = 64;

    /// <summary>Below this number, windows are not in lanes, because most lanes would be empty.</summary>
    private const int FewWindows = 8;

    /// <summary>Most weights of a group that are packed but have windows in lanes: they stay in a near cache.</summary>
    private const int MostInLanes = 16 << 10;

    private readonly SpatialWindow _window;
    private readonly int _group;

    public Conv(Attributes attributes)
    {
        _window = new SpatialWindow(attributes);
        _group = attributes.Int32(AttributeKey.Group, 1);
        if (_group < 1) throw OperatorError.Attribute($"Group = {_group}; expected at least 1.");
    }

    public override WeightUse UseOf(int input) => input == 1 ? WeightUse.Product : WeightUse.None;

    public override bool TryBatch(in Batching batch) => batch.Leading(0, 3);

    public override void Infer(NodeContext context)
    {
        var x = _window.Check(Require.Dense(context.Input(0)));
        var w = context.Input(1);
        var channels = x.Shape[1];
        if (channels % _group != 0 || channels == 0) throw OperatorError.Rank(x, $"a positive multiple of {_group} channels");
        int outputs;
        if (w.Format == TensorFormat.Dense)
        {
            Require.Dense(w);
            if (w.Rank != x.Rank || w.Shape[0] < 1 || w.Shape[0] % _group != 0) throw OperatorError.Rank(w, $"{x.Rank} dimensions and a positive multiple of {_group} outputs");
            if (w.Shape[1] != channels / _group) throw OperatorError.Size(w, 1, channels / _group);
            for (var i = 0; i < _window.Rank; i++)
            {
                var size = _window.Kernel(SpatialWindow.Axes - _window.Rank + i);
                if (w.Shape[2 + i] != size) throw OperatorError.Size(w, 2 + i, size);
            }

            outputs = w.Shape[0];
        }
        else
        {
            PackedProduct.Check(w, w.Layout.Rows, (long)(channels / _group) * _window.Taps, _group);
            if (w.Layout.Rows < 1) throw OperatorError.Rank(w, "at least one output");
            outputs = Require.Size((long)w.Layout.Rows * _group);
        }

        Require.Optional(context.Optional(2), outputs);
        InferState(context, x);
        var shape = context.Optional(3) is null
            ? _window.Output(x, outputs, ceil: false)
            : new Shape(x.Shape[0], outputs, (x.Shape[2] - 1) / _window.Stride(2) + 1);
        context.Output(0).Set(ElementType.Float32, shape);
    }

    /// <summary>With packed weights, outputs are in lanes; with dense weights, windows.</summary>
    public override double Work(NodeContext context)
    {
        var (x, w) = (context.Input(0), context.Input(1));
        var taps = (double)(x.Shape[1] / _group) * _window.Taps;
        if (w.Format == TensorFormat.Dense) return base.Work(context) + OutputWork(context) * taps / Math.Clamp(Windows(context), 1, 16);
        return base.Work(context) + PackedProduct.Work(w, (double)x.Shape[0] * Math.Max(Windows(context), 1) * _group) + (double)x.Shape[0] * Windows(context) * _group * taps;
    }

    public override bool UsesScratch(NodeContext context) => true;

    /// <summary>The same shapes may choose another form when a dimension shrinks, so the scratch has room for both.</summary>
    public override long ScratchBytes(NodeContext context)
    {
        var cursor = new ScratchCursor(null);
        if (MayBeInLanes(context)) new ConvLanes(_window, _group, context).Place(ref cursor, out _);
        var bytes = cursor.Bytes;
        cursor = new ScratchCursor(null);
        PlaceRows(context, ref cursor, MayBeInLanes(context) ? FewWindows : Chunk, out _);
        return Math.Max(bytes, cursor.Bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        if (context.Output(0).Count == 0) return;
        if (IsPointwise(context)) Pointwise(context);
        else if (IsInLanes(context)) new ConvLanes(_window, _group, context).Run();
        else if (context.Input(1).Format == TensorFormat.Dense) Few(context);
        else InRows(context);
    }

    private void InferState(NodeContext context, Tensor x)
    {
        var state = context.Optional(3);
        var after = context.OptionalOutput(1);
        if (state is null)
        {
            if (after is not null) throw OperatorError.Arity("A convolution without state input cannot output a state.");
            return;
        }

        if (_window.Rank != 1 || _window.HasPads) throw OperatorError.Arity("A convolution with state must have one spatial dimension and no pads.");
        if (x.Shape[2] < 1) throw OperatorError.Rank(x, "at least one step");
        Require.Optional(state, x.Shape[0], x.Shape[1], Require.Size(_window.Reach(2)));
        after?.Set(ElementType.Float32, state.Shape);
    }

    /// <summary>Whether some sizes run windows in lanes: with dense weights, and with packed ones that are small enough to be read anew for each few windows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool MayBeInLanes(NodeContext context)
    {
        var w = context.Input(1);
        return w.Format == TensorFormat.Dense || (!w.Layout.IsInteger && (long)w.Layout.Rows * w.Layout.Columns <= MostInLanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsInLanes(NodeContext context) => MayBeInLanes(context) && (Windows(context) >= FewWindows || (context.Input(1).Format == TensorFormat.Dense && !IsDepthwise(context)));

    /// <summary>Whether each window is one element of each channel, in the order of the input: the weights then multiply the channels as they are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsPointwise(NodeContext context)
    {
        ref readonly var x = ref context.Input(0).Shape;
        return _window.Taps == 1 && _group == 1 && context.Input(1).Format == TensorFormat.Dense && !_window.HasPads && Windows(context) == (long)_window.Size(x, 0) * _window.Size(x, 1) * _window.Size(x, 2);
    }

    /// <summary>Y = W·X, windows in lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pointwise(NodeContext context)
    {
        Tensor x = context.Input(0), w = context.Input(1), y = context.Output(0);
        nint windows = Windows(context), channels = x.Shape[1], outputs = w.Shape[0];
        var to = y.Floats;
        for (nint row = 0; row < x.Shape[0]; row++, to += outputs * windows)
        {
            if (context.Optional(2) is { } bias)
            {
                for (nint r = 0; r < outputs; r++) new Span<float>(to + r * windows, (int)windows).Fill(bias.Floats[r]);
            }

            var init = context.Optional(2) is null ? null : to;
            context.Kernels.GemmDense(new FloatRows(w.Floats, channels, outputs), new FloatRows(x.Floats + row * channels * windows, windows, channels), new OutputRange(to, windows, windows, init, windows));
        }
    }

    /// <summary>Whether single windows are so short that they are summed without vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsDepthwise(NodeContext context) => _window.Rank == 1 && context.Input(0).Shape[1] == _group;

    /// <summary>The number of windows of one batch row, from the output's shape.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Windows(NodeContext context)
    {
        var y = context.Output(0);
        return y.Count == 0 ? 0 : y.Count / (y.Shape[0] * y.Shape[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private ConvPlane Plane(NodeContext context) => new(_window, context.Input(0).Shape, context.Output(0).Shape, context.Optional(3) is not null, isSideBySide: false);

    /// <summary>Whether the taps of a channel are neighbours in the input.</summary>
    private bool IsRun
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _window.Rank == 1 && _window.Dilation(2) == 1;
    }

    /// <summary>Whether one window covers the whole input: its rows are the batch, and both sides are already in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsWhole(NodeContext context, in ConvPlane plane) => plane.ChannelStride == _window.Taps && Windows(context) == 1;

    /// <summary>Whether windows go from the padded input into rows without a copy of the input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool ReadsLines(NodeContext context, in ConvPlane plane) => IsRun && !plane.IsInPlace && context.Optional(3) is null && context.Input(1).Format != TensorFormat.Dense && !IsWhole(context, plane);

    /// <summary>Places of a run whose windows are rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private RowPlaces PlaceRows(NodeContext context, ref ScratchCursor cursor, int most, out ConvPlane plane)
    {
        ref readonly var x = ref context.Input(0).Shape;
        var w = context.Input(1);
        plane = Plane(context);
        var places = default(RowPlaces);
        if (w.Format == TensorFormat.Dense && !IsDepthwise(context)) return places;
        var windows = Windows(context);
        // Lines are read where they are, but a smaller size may have one window, which needs a plane of its own.
        places.Plane = plane.IsInPlace || windows == 0 ? null : cursor.Floats(x[0], ReadsLines(context, plane) ? x[1] * _window.Taps : plane.Count);
        if (w.Format == TensorFormat.Dense) return places;
        var chunk = Math.Min(windows, most);
        places.Taps = (nint*)cursor.Take((long)w.Layout.Columns * sizeof(nint));
        places.Windows = cursor.Floats(chunk, w.Layout.Columns);
        places.Results = cursor.Floats(chunk, w.Layout.Rows);
        places.Product = cursor.Take(PackedProduct.ScratchBytes(w, Math.Max(chunk, x[0])));
        return places;
    }

    /// <summary>The input in place, or all its batch rows copied with what is around them; and the state after the run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float* Fill(NodeContext context, in ConvPlane plane, float* to)
    {
        var x = context.Input(0);
        if (plane.IsInPlace) return x.Floats;
        for (nint row = 0; row < x.Shape[0]; row++) plane.Fill(context, row, to + row * plane.Count);
        return to;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void InRows(NodeContext context)
    {
        var cursor = new ScratchCursor(context.Scratch);
        var places = PlaceRows(context, ref cursor, MayBeInLanes(context) ? FewWindows : Chunk, out var plane);
        Tensor w = context.Input(1), y = context.Output(0);
        var isOfLines = ReadsLines(context, plane);
        var source = isOfLines ? context.Input(0).Floats : Fill(context, plane, places.Plane);
        var bias = context.Optional(2) is { } b ? b.Floats : null;
        int batch = y.Shape[0], channels = context.Input(0).Shape[1] / _group, outputs = w.Layout.Rows, columns = w.Layout.Columns;
        var count = Windows(context);
        nint width = _window.Size(context.Input(0).Shape, 2), groupStride = channels * (isOfLines ? width : plane.ChannelStride), lineWindows = _window.Size(y.Shape, 2);
        if (IsWhole(context, plane))
        {
            for (var g = 0; g < _group; g++)
            {
                var rows = new FloatRows(source + g * groupStride, plane.Count, batch);
                PackedProduct.Multiply(context.Kernels, w, g, rows, new OutputRange(y.Floats + g * outputs, (nint)outputs * _group, outputs, Part(bias, g * outputs)), places.Product);
            }

            return;
        }

        var isRun = IsRun;
        var isInPlace = isRun && channels == 1 && !isOfLines;
        if (!isRun) plane.PlaceTaps(channels, places.Taps);
        for (var row = 0; row < batch * _group; row++)
        {
            var g = row % _group;
            var input = source + row * groupStride;
            var output = y.Floats + (nint)row * outputs * count;
            for (var first = 0; first < count; first += Chunk)
            {
                var m = Math.Min(Chunk, count - first);
                var from = input + first * plane.WindowStep;
                var step = plane.WindowStep;
                if (!isInPlace)
                {
                    if (isOfLines) GatherLines(input, width, channels, first, m, places.Windows);
                    else if (isRun) GatherRuns(from, plane.ChannelStride, channels, step, m, places.Windows);
                    else Gather(plane, input, places.Taps, columns, first, m, lineWindows, _window.Size(y.Shape, 1), places.Windows);
                    from = places.Windows;
                    step = columns;
                }

                var to = count == 1 ? output : places.Results;
                PackedProduct.Multiply(context.Kernels, w, g, new FloatRows(from, step, m), new OutputRange(to, outputs, outputs, Part(bias, g * outputs)), places.Product);
                if (count == 1) continue;
                ToColumns(to, outputs, m, output + first, count);
            }
        }
    }

    /// <summary>Stores rows of outputs as columns that are <paramref name="count"/> elements long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToColumns(float* rows, nint outputs, nint m, float* to, nint count)
    {
        for (; m >= 4; m -= 4, rows += 4 * outputs, to += 4)
        {
            float* a = rows, b = a + outputs, c = b + outputs, d = c + outputs, at = to;
            for (nint r = 0; r < outputs; r++, at += count) Vector128.Create(a[r], b[r], c[r], d[r]).Store(at);
        }

        for (; m > 0; m--, rows += outputs, to++)
        {
            var at = to;
            for (nint r = 0; r < outputs; r++, at += count) *at = rows[r];
        }
    }

    /// <summary>Copies windows into rows: a run for each row of the kernel, if its taps are neighbours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gather(in ConvPlane plane, float* source, nint* taps, nint columns, nint first, nint count, nint lineWindows, nint lines, float* target)
    {
        nint run = _window.Dilation(2) == 1 ? _window.Kernel(2) : 1, step = plane.WindowStep;
        nint line = first / lineWindows, column = first % lineWindows;
        for (nint p = 0; p < count; p++)
        {
            var from = source + line / lines * plane.DepthStep + line % lines * plane.LineStep + column * step;
            if (run == 1)
            {
                for (nint k = 0; k < columns; k++) target[k] = from[taps[k]];
            }
            else
            {
                for (nint k = 0; k < columns; k += run) ConvPlane.CopyRun(from + taps[k], target + k, run);
            }

            target += columns;
            if (++column == lineWindows) (line, column) = (line + 1, 0);
        }
    }

    /// <summary>Copies windows of one spatial dimension into rows: a run for each channel, whose taps are neighbours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void GatherRuns(float* source, nint channelStride, nint channels, nint step, nint count, float* target)
    {
        nint taps = _window.Kernel(2);
        for (nint p = 0; p < count; p++, source += step)
        {
            var from = source;
            for (nint c = 0; c < channels; c++, from += channelStride, target += taps) ConvPlane.CopyRun(from, target, taps);
        }
    }

    /// <summary>Copies windows of one padded spatial dimension into rows, straight from the input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void GatherLines(float* source, nint width, nint channels, nint first, nint count, float* target)
    {
        nint taps = _window.Kernel(2), stride = _window.Stride(2), pad = _window.PadBegin(2);
        for (var p = first; p < first + count; p++, target += channels * taps) ConvPlane.CopyLines(source, width, channels, p * stride - pad, taps, target);
    }

    /// <summary>Few windows of one channel each: the same chain as the kernel's, one output at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Few(NodeContext context)
    {
        var cursor = new ScratchCursor(context.Scratch);
        var places = PlaceRows(context, ref cursor, FewWindows, out var plane);
        var source = Fill(context, plane, places.Plane);
        var w = context.Input(1);
        var output = context.Output(0).Floats;
        var bias = context.Optional(2) is { } b ? b.Floats : null;
        int outputs = w.Shape[0] / _group, count = Windows(context);
        for (var row = 0; row < context.Input(0).Shape[0] * _group; row++)
        {
            var first = row % _group * outputs;
            Few(w.Floats + (nint)first * _window.Taps, source + row * plane.ChannelStride, Part(bias, first), output + (nint)row * outputs * count, outputs, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Few(float* weights, float* input, float* bias, float* output, int outputs, int count)
    {
        nint stride = _window.Stride(2), dilation = _window.Dilation(2);
        for (var r = 0; r < outputs; r++)
        {
            for (var p = 0; p < count; p++)
            {
                var sum = bias == null ? 0 : bias[r];
                var from = input + p * stride;
                for (var k = 0; k < _window.Taps; k++)
                {
                    sum = MathF.FusedMultiplyAdd(weights[k], *from, sum);
                    from += dilation;
                }

                *output++ = sum;
            }

            weights += _window.Taps;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Part(float* bias, nint offset) => bias == null ? null : bias + offset;

    /// <summary>Scratch of a run whose windows are rows.</summary>
    private struct RowPlaces
    {
        /// <summary>The input with what is around it.</summary>
        public float* Plane;

        /// <summary>The place of each tap.</summary>
        public nint* Taps;

        /// <summary>Windows of a chunk.</summary>
        public float* Windows;

        /// <summary>Their outputs.</summary>
        public float* Results;

        /// <summary>Scratch of the product.</summary>
        public byte* Product;
    }
}
