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
/// <para>Packed weights multiply rows of windows. A contiguous window is read in place. int8 and int4 quantize each window by its own range.
/// With dense weights, windows are in lanes, and one channel's windows are overlapping rows of the input itself.</para>
/// </remarks>
internal sealed unsafe class Conv : Operator
{
    /// <summary>The number of windows gathered at a time.</summary>
    private const int Chunk = 64;

    /// <summary>Below this number, windows of a depthwise convolution are summed one by one, because most lanes would be empty.</summary>
    private const int FewWindows = 8;

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

    public override long ScratchBytes(NodeContext context)
    {
        var cursor = new ScratchCursor(null);
        Plan(context, ref cursor, out _, out _, out _, out _);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var cursor = new ScratchCursor(context.Scratch);
        Plan(context, ref cursor, out var extended, out var windows, out var results, out var product);
        var x = context.Input(0);
        var w = context.Input(1);
        var y = context.Output(0);
        if (x.Shape[0] == 0) return;

        var geometry = Geometry(context);
        var source = x.Floats;
        if (IsExtended(context))
        {
            Extend(context, ref geometry, extended);
            source = extended;
        }

        var bias = context.Optional(2) is { } b ? b.Floats : null;
        if (w.Format == TensorFormat.Dense) Dense(context, geometry, source, bias, y.Floats, windows);
        else Packed(context, geometry, source, bias, y.Floats, windows, results, product);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Plan(NodeContext context, ref ScratchCursor cursor, out float* extended, out float* windows, out float* results, out byte* product)
    {
        var x = context.Input(0).Shape;
        var w = context.Input(1);
        var width = (long)x[2] + _window.Reach(2) + _window.PadBegin(2) + _window.PadEnd(2);
        extended = IsExtended(context) ? cursor.Floats(x[0], x[1], width) : null;
        var chunk = Math.Min(Windows(context), Chunk);
        windows = cursor.Floats(chunk, x[1] / _group, _window.Taps);
        results = null;
        product = null;
        if (w.Format == TensorFormat.Dense) return;
        results = cursor.Floats(chunk, w.Layout.Rows);
        product = cursor.Take(PackedProduct.ScratchBytes(w, Math.Max(chunk, x[0])));
    }

    /// <summary>Whether the input is copied together with its padding or state, so that no window needs bounds checks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsExtended(NodeContext context) => _window.Rank == 1 && (_window.HasPads || context.Optional(3) is not null);

    /// <summary>The number of windows of one batch row, from the output's shape.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Windows(NodeContext context)
    {
        var y = context.Output(0);
        return y.Count == 0 ? 0 : y.Count / (y.Shape[0] * y.Shape[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private ConvGeometry Geometry(NodeContext context)
    {
        ref readonly var x = ref context.Input(0).Shape;
        ref readonly var y = ref context.Output(0).Shape;
        return new ConvGeometry
        {
            Depth = _window.Size(x, 0),
            Height = _window.Size(x, 1),
            Width = _window.Size(x, 2),
            OutHeight = _window.Size(y, 1),
            OutWidth = _window.Size(y, 2),
            PadDepth = _window.PadBegin(0),
            PadHeight = _window.PadBegin(1),
            PadWidth = _window.PadBegin(2),
        };
    }

    /// <summary>Fills extended [N·C, left + T + right], where left is the state or zeros. Writes the state after the run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Extend(NodeContext context, ref ConvGeometry geometry, float* extended)
    {
        var x = context.Input(0);
        var state = context.Optional(3);
        var rows = x.Shape[0] * (nint)x.Shape[1];
        nint steps = x.Shape[2], right = _window.PadEnd(2), reach = (nint)_window.Reach(2);
        var left = state is null ? _window.PadBegin(2) : reach;
        var width = left + steps + right;
        for (nint row = 0; row < rows; row++)
        {
            var line = extended + row * width;
            if (state is null) Clear(line, left);
            else CopyRun(state.Floats + row * reach, line, reach);
            CopyRun(x.Floats + row * steps, line + left, steps);
            Clear(line + left + steps, right);
            if (context.OptionalOutput(1) is { } after) Copy(line + steps, after.Floats + row * reach, reach);
        }

        geometry.Width = width;
        geometry.PadWidth = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Packed(NodeContext context, in ConvGeometry geometry, float* source, float* bias, float* y, float* windows, float* results, byte* product)
    {
        var x = context.Input(0).Shape;
        var w = context.Input(1);
        int batch = x[0], channels = x[1] / _group, outputs = w.Layout.Rows, columns = w.Layout.Columns;
        var count = Windows(context);
        nint channelStride = geometry.Spatial, batchStride = x[1] * channelStride;

        // One window covers the whole input: its rows are the batch, and both sides are already in place.
        if (count == 1 && columns == channels * channelStride && (_window.Rank == 1 || !_window.HasPads))
        {
            for (var g = 0; g < _group; g++)
            {
                var rows = new FloatRows(source + g * (nint)columns, batchStride, batch);
                PackedProduct.Multiply(context.Kernels, w, g, rows, new OutputRange(y + g * outputs, (nint)outputs * _group, outputs, Part(bias, g * outputs)), product);
            }

            return;
        }

        var isRun = _window.Rank == 1 && _window.Dilation(2) == 1 && geometry.PadWidth == 0;
        var isInPlace = isRun && channels == 1;
        for (var row = 0; row < batch * _group; row++)
        {
            var g = row % _group;
            var input = source + row / _group * batchStride + g * channels * channelStride;
            var output = y + (nint)row * outputs * count;
            for (var first = 0; first < count; first += Chunk)
            {
                var m = Math.Min(Chunk, count - first);
                if (isRun && !isInPlace) GatherRuns(input + first * (nint)_window.Stride(2), channels, channelStride, m, windows);
                else if (!isInPlace) geometry.Gather(_window, input, channels, first, m, windows, 1, columns);
                var from = isInPlace ? input + first * (nint)_window.Stride(2) : windows;
                nint step = isInPlace ? _window.Stride(2) : columns;
                var to = count == 1 ? output : results;
                PackedProduct.Multiply(context.Kernels, w, g, new FloatRows(from, step, m), new OutputRange(to, outputs, outputs, Part(bias, g * outputs)), product);
                if (count == 1) continue;
                for (nint r = 0; r < outputs; r++)
                {
                    for (nint p = 0; p < m; p++) output[r * count + first + p] = results[p * outputs + r];
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Dense(NodeContext context, in ConvGeometry geometry, float* source, float* bias, float* y, float* windows)
    {
        ref readonly var x = ref context.Input(0).Shape;
        var w = context.Input(1);
        int channels = x[1] / _group, outputs = w.Shape[0] / _group, taps = _window.Taps;
        var columns = channels * taps;
        var count = Windows(context);
        var channelStride = geometry.Spatial;
        var isFew = _window.Rank == 1 && channels == 1 && count < FewWindows;
        var isOverlapping = _window.Rank == 1 && channels == 1 && _window.Stride(2) == 1;
        var isPointwise = taps == 1 && count == channelStride && (_window.Rank == 1 || !_window.HasPads);
        for (var row = 0; row < x[0] * _group; row++)
        {
            var g = row % _group;
            var input = source + (nint)row * channels * channelStride;
            var weights = w.Floats + (nint)g * outputs * columns;
            var output = y + (nint)row * outputs * count;
            var init = Part(bias, g * outputs);
            if (isFew)
            {
                Few(weights, input, init, output, outputs, count);
                continue;
            }

            if (init != null)
            {
                for (var r = 0; r < outputs; r++) new Span<float>(output + (nint)r * count, count).Fill(init[r]);
            }

            var kernels = new FloatRows(weights, columns, outputs);
            var inputs = new FloatRows(input, channelStride, channels);
            var to = new OutputRange(output, count, count, init == null ? null : output, count);
            if (isOverlapping) context.Kernels.GemmDense(kernels, new FloatRows(input, _window.Dilation(2), taps), to);
            else if (isPointwise) context.Kernels.GemmDense(kernels, inputs, to);
            else Gathered(context.Kernels, geometry, kernels, inputs, to, windows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gathered(KernelSet kernels, in ConvGeometry geometry, in FloatRows weights, in FloatRows channels, in OutputRange y, float* windows)
    {
        var (count, taps) = ((int)y.End, (int)weights.Stride);
        for (var first = 0; first < count; first += Chunk)
        {
            var n = Math.Min(Chunk, count - first);
            geometry.Gather(_window, channels.First, (int)channels.Count, first, n, windows, n, 1);
            kernels.GemmDense(weights, new FloatRows(windows, n, taps), new OutputRange(y.First + first, y.Stride, n, y.Init == null ? null : y.Init + first, y.InitStride));
        }
    }

    /// <summary>The same chain as the kernel's, one output at a time.</summary>
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float* Part(float* bias, nint offset) => bias == null ? null : bias + offset;

    /// <summary>Gathers windows of one spatial dimension with adjacent taps, channel by channel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void GatherRuns(float* source, int channels, nint channelStride, nint count, float* target)
    {
        nint taps = _window.Taps, stride = _window.Stride(2);
        for (nint p = 0; p < count; p++, source += stride)
        {
            var from = source;
            for (var c = 0; c < channels; c++, from += channelStride, target += taps) CopyRun(from, target, taps);
        }
    }

    /// <summary>
    /// Copies by whole vectors. Bytes written beyond the run are overwritten by the next run or lie in the slack after scratch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRun(float* from, float* to, nint count)
    {
        for (nint i = 0; i < count; i += Vector128<float>.Count) Vector128.Load(from + i).Store(to + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* from, float* to, nint count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));

    /// <summary>Zeros by whole vectors, like <see cref="CopyRun"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Clear(float* at, nint count)
    {
        for (nint i = 0; i < count; i += Vector128<float>.Count) Vector128<float>.Zero.Store(at + i);
    }
}
