using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Transposed convolution over 1 to 3 spatial dimensions: Y[n, m, p·stride + k·dilation - pad] += W[c, m, k]·X[n, c, p]. Y starts as
/// bias[m].
/// </summary>
/// <remarks>
/// Inputs: X fp32 [N, C, spatial…], W dense fp32 [C, M/G, K…], bias fp32 [M] (optional). Output: Y fp32 [N, M, …], each dimension
/// (size - 1)·stride + (K - 1)·dilation + 1 + OutputPadding - pads. The products of a tap with all positions of a line are a row. An output is the sum of
/// one element of each row that reaches it, in order of positions: from the last tap to the first. Outputs that a stride apart take the same
/// taps, so they are computed together and then put in their places.
/// </remarks>
internal sealed unsafe class ConvTranspose : Operator
{
    /// <summary>Products computed at a time, for as many output channels as that allows.</summary>
    private const int Most = 16 << 10;

    private readonly SpatialWindow _window;
    private readonly int _group;
    private readonly int[] _outputPadding = new int[SpatialWindow.Axes];

    public ConvTranspose(Attributes attributes)
    {
        _window = new SpatialWindow(attributes);
        _group = attributes.Int32(AttributeKey.Group, 1);
        if (_group < 1) throw OperatorError.Attribute($"Group = {_group}; expected at least 1.");
        var padding = attributes.Sizes(AttributeKey.OutputPadding, 0);
        if (padding.Length != 0 && padding.Length != _window.Rank) throw OperatorError.Attribute($"OutputPadding has {padding.Length} values; expected {_window.Rank}.");
        padding.CopyTo(_outputPadding, SpatialWindow.Axes - _window.Rank);
    }

    public override WeightUse UseOf(int input) => input == 1 ? WeightUse.Product : WeightUse.None;

    public override bool TryBatch(in Batching batch) => batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = _window.Check(Require.Dense(context.Input(0)));
        var w = Require.Dense(context.Input(1));
        var channels = x.Shape[1];
        if (channels % _group != 0 || channels == 0) throw OperatorError.Rank(x, $"a positive multiple of {_group} channels");
        if (w.Rank != x.Rank || w.Shape[1] < 1) throw OperatorError.Rank(w, $"{x.Rank} dimensions");
        if (w.Shape[0] != channels) throw OperatorError.Size(w, 0, channels);
        var shape = x.Shape;
        for (var i = 0; i < _window.Rank; i++)
        {
            var axis = SpatialWindow.Axes - _window.Rank + i;
            if (w.Shape[2 + i] != _window.Kernel(axis)) throw OperatorError.Size(w, 2 + i, _window.Kernel(axis));
            var size = (x.Shape[2 + i] - 1L) * _window.Stride(axis) + _window.Reach(axis) + 1 + _outputPadding[axis] - _window.PadBegin(axis) - _window.PadEnd(axis);
            if (x.Shape[2 + i] == 0) size = 0;
            if (size is < 0 or > int.MaxValue) throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} gives an output dimension of {size}.");
            shape[2 + i] = (int)size;
        }

        shape[1] = Require.Size((long)w.Shape[1] * _group);
        Require.Optional(context.Optional(2), shape[1]);
        context.Output(0).Set(ElementType.Float32, shape);
    }

    public override double Work(NodeContext context) => base.Work(context) + context.Input(0).Shape.Extent * context.Input(1).Shape[1] * _window.Taps / 4;

    public override bool UsesScratch(NodeContext context) => true;

    public override long ScratchBytes(NodeContext context)
    {
        if (context.Output(0).Count == 0) return 0;
        var cursor = new ScratchCursor(null);
        Place(new TransposedLines(_window, context), ref cursor, out _);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (y.Count == 0) return;
        var cursor = new ScratchCursor(context.Scratch);
        var lines = new TransposedLines(_window, context);
        Place(lines, ref cursor, out var places);
        lines.ClearMargins(places.Products, ProductsOf(lines));
        nint channels = x.Shape[1] / _group, outputs = context.Input(1).Shape[1];
        for (nint c = 0; c < channels; c++) places.Channels[c] = c * lines.InSpatial;
        var blockOutputs = Math.Clamp(Most / lines.ProductsOfChannel, 1, outputs);
        var blockGroups = blockOutputs < outputs ? 1 : Math.Clamp(Most / (lines.ProductsOfChannel * outputs), 1, _group);
        for (nint n = 0; n < x.Shape[0]; n++)
        {
            for (nint g = 0; g < _group; g += blockGroups)
            {
                for (nint m = 0; m < outputs; m += blockOutputs)
                {
                    var block = new Block(n, g, Math.Min(blockGroups, _group - g), m, Math.Min(blockOutputs, outputs - m));
                    for (nint line = 0; line < lines.OutLines; line++) Run(context, lines, places, block, line);
                }
            }
        }
    }

    /// <summary>One line of outputs of some channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Run(NodeContext context, in TransposedLines lines, in Places places, in Block block, nint line)
    {
        Tensor x = context.Input(0), w = context.Input(1), y = context.Output(0);
        nint channels = x.Shape[1] / _group, outputs = w.Shape[1], taps = _window.Taps, width = _window.Kernel(2);
        var count = block.Groups * block.Outputs;
        var products = new WindowRows
        {
            WeightGroup = channels * outputs * taps,
            WeightRow = 1,
            WeightTap = outputs * taps,
            SourceGroup = channels * lines.InSpatial,
            Taps = places.Channels,
            TapCount = channels,
            TargetGroup = block.Outputs * width * lines.RowLength,
            TargetRow = lines.RowLength,
            Groups = block.Groups,
            Rows = width,
            Lines = 1,
            Width = lines.InWidth,
        };
        var weights = w.Floats + block.Group * products.WeightGroup + block.Output * taps;
        var source = x.Floats + (block.Row * _group + block.Group) * products.SourceGroup;
        nint rows = 0;
        for (var kd = _window.Kernel(0) - 1; kd >= 0; kd--)
        {
            for (var kh = _window.Kernel(1) - 1; kh >= 0; kh--)
            {
                if (!lines.Reaches(line, kd, kh, out var from)) continue;
                products.Source = source + from;
                products.Weights = weights + ((nint)kd * _window.Kernel(1) + kh) * width;
                products.Target = places.Products + rows * count * width * lines.RowLength + lines.Margin;
                rows++;
                if (taps == width)
                {
                    // The taps of all outputs follow each other.
                    products.Rows = block.Outputs * width;
                    context.Kernels.Windows(products);
                    continue;
                }

                for (nint m = 0; m < block.Outputs; m++)
                {
                    context.Kernels.Windows(products);
                    products.Weights += taps;
                    products.Target += width * lines.RowLength;
                }
            }
        }

        var bias = context.Optional(2) is { } b ? b.Floats + block.Group * outputs + block.Output : null;
        var target = y.Floats + ((block.Row * _group + block.Group) * outputs + block.Output) * lines.OutSpatial + line * lines.OutWidth;
        nint stride = _window.Stride(2);
        for (nint phase = 0; phase < stride && phase < lines.OutWidth; phase++)
        {
            var sums = new WindowRows
            {
                Source = places.Products + lines.Margin,
                SourceGroup = width * lines.RowLength,
                Taps = places.Taps,
                TapCount = lines.PlaceTaps(phase, rows, count, places.Taps),
                Init = bias,
                Target = stride == 1 ? target : places.Phase,
                TargetGroup = stride == 1 ? lines.OutSpatial : lines.PhaseWidth,
                Groups = count,
                Rows = 1,
                Lines = 1,
                Width = lines.Windows(phase),
            };
            context.Kernels.Windows(sums);
            if (stride == 1) continue;
            for (nint c = 0; c < count; c++) Spread(places.Phase + c * lines.PhaseWidth, target + c * lines.OutSpatial + phase, stride, sums.Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Spread(float* from, float* to, nint stride, nint count)
    {
        for (nint i = 0; i < count; i++) to[i * stride] = from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Place(in TransposedLines lines, ref ScratchCursor cursor, out Places places)
    {
        places.Products = cursor.Floats(ProductsOf(lines));
        places.Channels = (nint*)cursor.Take(lines.InChannels * sizeof(nint));
        places.Taps = (nint*)cursor.Take((long)_window.Taps * sizeof(nint));
        places.Phase = _window.Stride(2) == 1 ? null : cursor.Floats(Math.Min(lines.Channels * lines.PhaseWidth, ProductsOf(lines)));
    }

    /// <summary>Room for the products of a block of channels, a whole number of rows or more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint ProductsOf(in TransposedLines lines) => Math.Min(lines.Channels * lines.ProductsOfChannel, Math.Max(Most, lines.ProductsOfChannel));

    /// <summary>Output channels that are computed together: some outputs of one group, or all of some groups.</summary>
    [method: MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly record struct Block(nint Row, nint Group, nint Groups, nint Output, nint Outputs);

    /// <summary>Scratch of a run.</summary>
    private struct Places
    {
        /// <summary>Rows of products: for each tap of depth and height that reaches a line, each channel, and each tap of the width.</summary>
        public float* Products;

        /// <summary>The place of each input channel of a group.</summary>
        public nint* Channels;

        /// <summary>The rows' places for one phase.</summary>
        public nint* Taps;

        /// <summary>A line's outputs that are a stride apart, channel after channel.</summary>
        public float* Phase;
    }
}
